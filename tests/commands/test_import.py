"""`vocoder import`: a foreign checkpoint becomes a voice, or is refused in one line."""

from pathlib import Path

import torch
from typer.testing import CliRunner

from vocoder.checkpoints import load, read_info
from vocoder.cli import app

GOLDEN = Path(__file__).parents[1] / "golden" / "waveglow"


def test_a_waveglow_becomes_a_voice(tmp_path: Path) -> None:
    import lzma

    weights, voice = tmp_path / "b.safetensors", tmp_path / "voice.safetensors"
    weights.write_bytes(lzma.decompress((GOLDEN / "b_mel80_denoiser.wn.safetensors.xz").read_bytes()))
    result = CliRunner().invoke(app, ["import", "waveglow", str(weights), "-o", str(voice), "--sigma", "0.7"])
    assert result.exit_code == 0, result.output
    assert "frames of look-ahead" in result.output
    info = read_info(voice)
    assert (info.kind, info.config["sigma"], info.training["imported"]) == ("waveglow", 0.7, "b.safetensors")
    assert load(voice).synthesize(torch.full((80, 3), -5.0)).shape == (768,)


def test_a_wrong_analysis_is_refused(tmp_path: Path) -> None:
    source = str(GOLDEN / "c_group12_oddlen.nown.safetensors")
    result = CliRunner().invoke(app, ["import", "waveglow", source, "-o", str(tmp_path / "v.safetensors")])
    assert result.exit_code == 2
    assert "the checkpoint reads 5 bands" in result.output
