"""What is not NVIDIA's code, or sizes that it cannot have, are named before anything is timed."""

from pathlib import Path

import pytest

from vocoder.bench.upstream_waveglow import compare
from vocoder.errors import InputError
from vocoder.models import WaveGlowConfig


def test_files_that_are_not_theirs_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"glow\.py of a checkout"):
        compare(tmp_path / "glow.py", WaveGlowConfig())
    (tmp_path / "glow.py").write_text("x = 1\n")
    with pytest.raises(InputError, match="defines no WaveGlow"):
        compare(tmp_path / "glow.py", WaveGlowConfig())


@pytest.mark.parametrize(
    "change", [{"context_channels": 8}, {"alternate": True}, {"wavenet": {"channels": 64}}]
)
def test_sizes_that_theirs_cannot_have_are_named(tmp_path: Path, change: dict) -> None:
    with pytest.raises(InputError, match=r"universal\.yaml"):
        compare(tmp_path / "glow.py", WaveGlowConfig.model_validate(change))
