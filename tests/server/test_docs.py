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


RUN = {
    "bash": ["bash", "-euo", "pipefail", "-c"],
    "sh": ["bash", "-euo", "pipefail", "-c"],
    "python": [sys.executable, "-c"],
    "javascript": ["node", "--input-type=module", "-e"],
}


@pytest.fixture
def run(serve, tmp_path):
    """Runs a block of the page, as it is written but for the address, and gives what it prints."""
    _, url = serve()
    shutil.copy(SAMPLES[DEFAULT_SAMPLE], tmp_path / "speech.flac")

    def script(language, text):
        text = text.replace("http://127.0.0.1:8000", url)
        if language in ("bash", "sh"):
            text = re.sub(r"^vocoder (?=mel|keys)", f"{sys.executable} -m vocoder ", text, flags=re.MULTILINE)
        made = subprocess.run(
            [*RUN[language], text], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
        assert made.returncode == 0, f"{text}\n{made.stderr}"
        return made.stdout

    return script


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_run_as_written(teacher_voice, run, tmp_path):
    answer = ""
    for language, text in BLOCKS:
        if language == "json":
            assert json.loads(answer) == json.loads(text)
        elif language in ("bash", "python"):
            answer = run(language, text)
    score = json.loads((tmp_path / "score.json").read_text())
    assert score["kind"] == "exact"
    assert len(score["curve"]) * 256 == pytest.approx(6.17 * 22050, abs=0.15 * 22050)
    for name in (
        "speech.wav",
        "again.flac",
        "again.mp3",
        "resynthesis.wav",
        "client.mp3",
        "baseline.wav",
    ):
        audio, rate = read(tmp_path / name)
        assert audio.numel() / rate == pytest.approx(6.17, abs=0.15)


@pytest.mark.parametrize(("language", "program"), [("javascript", "node"), ("sh", "ffmpeg")])
def test_the_examples_for_other_programs_run_as_written(run, language, program):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    run("bash", next(text for kind, text in BLOCKS if kind == "bash"))
    examples = [text for kind, text in BLOCKS if kind == language]
    assert examples
    for text in examples:
        run(language, text)


def test_every_problem_is_in_the_table_at_its_status():
    rows = re.findall(r"^\| (\d{3}) \| (.*) \|$", PAGE, re.MULTILINE)
    listed = {name: int(status) for status, names in rows for name in re.findall(r"`([a-z-]+)`", names)}
    assert listed == {name: kind.status for name, kind in PROBLEMS.items()}


def test_every_body_and_audio_format_is_named():
    assert set(re.findall(r"^\| `(application/\S+)` \|", PAGE, re.MULTILINE)) == MEL_TYPES.keys()
    (formats,) = re.findall(r"^\| `format` \| (.*?);", PAGE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", formats)) == ENCODERS.keys()
