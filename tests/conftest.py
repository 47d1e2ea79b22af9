"""Shape annotations are checked at run time here, and only here.

Compiled kernels (`*_kernels.py`) are left alone: numba reads the functions as they are written.
"""

from pathlib import Path

import pytest
from jaxtyping import install_import_hook

ROOT = Path(__file__).parent.parent


def modules_with_shapes() -> list[str]:
    files = [file for package in ("vocoder", "training") for file in (ROOT / package).rglob("*.py")]
    return [
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in files
        if file.stem != "__init__" and not file.stem.endswith("_kernels")
    ]


install_import_hook(modules_with_shapes(), "beartype.beartype")


FIGURES = {"held out": {"clips": 1, "systems": {"student": {"estoi": {"mean": 0.5}}}}}


@pytest.fixture(scope="session")
def voice_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two untrained voices of a few thousand weights: "student" reads nvidia mels, "wide" vocos' at 24 kHz.

    They whisper: the phase of pitch pulses adds up rounding, and would hide what a test of samples looks for.
    """
    import torch

    from vocoder.checkpoints import save_checkpoint
    from vocoder.mel import DIALECTS
    from vocoder.models.student import FrameNetworkConfig, Student, StudentConfig
    from vocoder.networks.spectral_filter import LOG_GAIN_LIMIT

    folder = tmp_path_factory.mktemp("voices")
    network = FrameNetworkConfig(hidden=8, layers=2, lookahead=1)
    config = StudentConfig(pitch=network, filters=network, num_bands=16, num_taps=32)
    for name, dialect in (("student", "nvidia"), ("wide", "vocos")):
        torch.manual_seed(0)
        model = Student(config, DIALECTS[dialect])
        torch.nn.init.constant_(model.filters.network.last.bias[config.num_bands :], -LOG_GAIN_LIMIT)
        training = {"steps": 3, "curve": [3.0, 2.0, 1.0]}
        save_checkpoint(folder / f"{name}.safetensors", model, training=training, figures=FIGURES)
    return folder


@pytest.fixture
def voices(voice_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only installed voices, in a folder that the test may change."""
    import shutil

    from vocoder.checkpoints import voices as module

    folder = shutil.copytree(voice_folder, tmp_path / "voices")
    monkeypatch.setattr(module, "SHIPPED", folder)
    monkeypatch.delenv(module.FOLDERS_VARIABLE, raising=False)
    return folder
