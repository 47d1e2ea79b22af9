"""docs/http.md: its commands run, in order, against the real server; its tables and answers are true."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from server.formats import MEL_TYPES
from server.problems import PROBLEMS
from vocoder.audio import read
from vocoder.audio.encoders import ENCODERS
from vocoder.samples import DEFAULT_SAMPLE, SAMPLES

PAGE = (Path(__file__).parent.parent.parent / "docs" / "http.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_run_as_written(serve, teacher_voice, tmp_path):
    _, url = serve()
    shutil.copy(SAMPLES[DEFAULT_SAMPLE], tmp_path / "speech.flac")
    answer = ""
    for language, text in BLOCKS:
        if language == "json":
            assert json.loads(answer) == json.loads(text)
            continue
        script = text.replace("http://127.0.0.1:8000", url).replace(
            "vocoder mel", f"{sys.executable} -m vocoder mel"
        )
        command = ["bash", "-euo", "pipefail", "-c", script]
        answer = subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=120
        ).stdout
    score = json.loads((tmp_path / "score.json").read_text())
    assert score["kind"] == "exact"
    assert len(score["curve"]) * 256 == pytest.approx(6.17 * 22050, abs=0.15 * 22050)
    for name in ("speech.wav", "again.flac", "again.mp3", "baseline.wav"):
        audio, rate = read(tmp_path / name)
        assert audio.numel() / rate == pytest.approx(6.17, abs=0.15)


def test_every_problem_is_in_the_table_at_its_status():
    rows = re.findall(r"^\| (\d{3}) \| (.*) \|$", PAGE, re.MULTILINE)
    listed = {name: int(status) for status, names in rows for name in re.findall(r"`([a-z-]+)`", names)}
    assert listed == {name: kind.status for name, kind in PROBLEMS.items()}


def test_every_body_and_audio_format_is_named():
    assert set(re.findall(r"^\| `(application/\S+)` \|", PAGE, re.MULTILINE)) == MEL_TYPES.keys()
    (formats,) = re.findall(r"^\| `format` \| (.*?);", PAGE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", formats)) == ENCODERS.keys()
