import json
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner

from vocoder.audio import write
from vocoder.checkpoints import save_checkpoint
from vocoder.commands.evaluate import evaluate
from vocoder.errors import InputError, MelMismatch
from vocoder.mel import DIALECTS
from vocoder.models import Student, StudentConfig

SMALL = {"hidden": 8, "layers": 2, "lookahead": 1}


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        write(tmp_path / f"{name}.flac", 0.3 * torch.sin(torch.arange(22_050) / 20), 22_050)
    path = tmp_path / "list.txt"
    path.write_text("a\nb\n")
    return path


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = StudentConfig.model_validate({"pitch": SMALL, "filters": SMALL, "num_bands": 8, "num_taps": 32})
    save_checkpoint(tmp_path / "tiny.safetensors", Student(config, DIALECTS["nvidia"]))
    return tmp_path / "tiny.safetensors"


def invoke(*arguments: str | Path):
    command = typer.Typer()
    command.command()(evaluate)
    return CliRunner().invoke(command, [*map(str, arguments), "--workers", "1"])


def test_json_holds_every_system_and_clip(manifest, checkpoint):
    result = invoke(
        manifest,
        *("--voice", checkpoint, "--baseline", "recording", "--baseline", "griffin-lim"),
        *("--measure", "stft_log_magnitude", "--json"),
    )
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert list(answer["systems"]) == ["tiny", "recording", "griffin-lim"]
    assert len(answer["clips"]) == 6
    means = {name: measures["stft_log_magnitude"]["mean"] for name, measures in answer["systems"].items()}
    assert means["recording"] == 0 < means["griffin-lim"]


def test_voices_are_given_the_mels_of_others(manifest, checkpoint):
    result = invoke(
        manifest,
        *("--voice", checkpoint, "--mel", "nvidia", "--mel", "vocos", "--baseline", "recording"),
        *("--measure", "stft_log_magnitude", "--json"),
    )
    assert result.exit_code == 0, result.output
    means = json.loads(result.stdout)["systems"]
    assert list(means) == ["tiny (nvidia)", "tiny (vocos)", "recording"]
    own, estimated = (means[f"tiny ({name})"]["stft_log_magnitude"]["mean"] for name in ("nvidia", "vocos"))
    assert own != estimated


def test_a_mel_that_cannot_be_estimated_is_refused_before_anything_runs(manifest, checkpoint):
    result = invoke(manifest, "--voice", checkpoint, "--mel", "clarinet")
    assert isinstance(result.exception, MelMismatch)


def test_table_and_file(manifest, tmp_path):
    output = tmp_path / "result.json"
    result = invoke(manifest, "--baseline", "recording", "--measure", "estoi", "--limit", "1", "-o", output)
    assert result.exit_code == 0, result.output
    assert "ESTOI" in result.stdout
    assert [clip["clip"] for clip in json.loads(output.read_text())["clips"]] == ["a"]


def test_a_report_shows_the_voices_cases(manifest, checkpoint, tmp_path):
    report = tmp_path / "report.html"
    result = invoke(
        manifest,
        *("--voice", checkpoint, "--baseline", "recording", "--baseline", "griffin-lim"),
        *("--measure", "stft_log_magnitude", "--report", report, "--cases", "1"),
    )
    assert result.exit_code == 0, result.output
    html = report.read_text()
    assert "<h3>tiny</h3>" in html
    assert html.count("<article>") == 1
    assert html.count("<audio") == 3


def test_without_a_voice_a_report_shows_the_baselines_cases(manifest, tmp_path):
    report = tmp_path / "report.html"
    baselines = ("--baseline", "recording", "--baseline", "griffin-lim")
    result = invoke(manifest, *baselines, "--measure", "estoi", "--report", report, "--order-by", "estoi")
    assert result.exit_code == 0, result.output
    assert report.read_text().count("<h3>") == 1
    assert report.read_text().count("<article>") == 2


def test_a_clip_that_fails_is_named_and_the_status_is_not_zero(manifest):
    (manifest.parent / "a.flac").write_bytes(b"no audio")
    result = invoke(manifest, "--baseline", "recording", "--measure", "estoi", "--json")
    assert result.exit_code == 1
    assert "recording on a: " in result.stderr
    assert json.loads(result.stdout)["systems"]["recording"]["estoi"]["clips"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--baseline", "straight"], "recording, griffin-lim, world"),
        (["--baseline", "recording", "--measure", "visqol"], "visqol"),
        (["--voice", "no-such-voice"], "no-such-voice"),
        (["--baseline", "griffin-lim", "--dialect", "klingon"], "klingon"),
        (["--baseline", "recording", "--report", "r.html", "--order-by", "visqol"], "visqol"),
    ],
)
def test_what_is_unknown_is_refused_before_anything_runs(manifest, arguments, message):
    result = invoke(manifest, *arguments)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
