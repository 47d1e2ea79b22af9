"""A run is told again out of its JSON: the same figures, whatever the JSON leaves to be derived."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from vocoder.cli import app
from vocoder.errors import InputError
from vocoder.evaluation.parity.again import again
from vocoder.evaluation.parity.by_sound import SoundError
from vocoder.evaluation.parity.page import page_of
from vocoder.evaluation.parity.report import to_json
from vocoder.evaluation.parity.sounds import Voicing
from vocoder.evaluation.parity.survey import Utterance

VOICES = ("one", "other")


def heard(number: int) -> Utterance:
    """Of speaker `number % 3`; without silence, and one in four without a figure of pitch."""
    rng = np.random.default_rng(number)
    values = {
        voice: {"estoi": rng.random(), "f0_rmse_hz": np.nan if number % 4 == 0 else rng.random()}
        for voice in VOICES
    }
    sounds = {
        "voicing": {
            "silence": {voice: SoundError(np.nan, np.nan, 0) for voice in VOICES},
            "unvoiced": {voice: SoundError(rng.random(), rng.random(), 7) for voice in VOICES},
            "voiced": {voice: SoundError(rng.random(), rng.random(), 9) for voice in VOICES},
        }
    }
    return Utterance(f"list/p{number % 3}_{number}.flac", f"p{number % 3}", 1.5, values, sounds)


@pytest.fixture
def result() -> dict[str, Any]:
    utterances = [*(heard(number) for number in range(12)), Utterance("list/x", "list", np.nan, error="why")]
    written = json.dumps(to_json(utterances, VOICES, [Voicing()], "vocoder parity list.txt"), allow_nan=False)
    return dict(json.loads(written))


def test_again_is_the_same(result: dict[str, Any]) -> None:
    assert json.loads(json.dumps(again(result), allow_nan=False)) == result


def test_facts_of_the_run_stay_and_figures_are_made_anew(result: dict[str, Any]) -> None:
    page = page_of(result)
    old = result | {"date": "2020-01-02T03:04:05+00:00"}
    old["utterances"] = [{k: v for k, v in row.items() if k != "speaker"} for row in old["utterances"]]
    old["measures"] = {name: m | {"verdict": "?", "first": None} for name, m in old["measures"].items()}
    told = again(old)
    assert told["date"] == old["date"]
    assert json.loads(json.dumps(told)) == result | {"date": old["date"]}
    assert page_of(told) == page.replace(result["date"][:10], "2020-01-02")


def test_what_one_voice_alone_has_not_is_counted(result: dict[str, Any]) -> None:
    assert "one voice alone" not in page_of(result)
    for row in result["utterances"][:3]:
        row["values"]["other"]["estoi"] = None
    assert "one voice alone has no figure: ESTOI (`other` on 3)." in page_of(again(result))


@pytest.mark.parametrize("content", [{}, [], {"utterances": [{"clip": 1}]}, {"utterances": []}])
def test_something_else_is_refused(content: Any) -> None:
    with pytest.raises(InputError, match="vocoder parity"):
        again(content)


def test_the_command_writes_page_and_json_again(result: dict[str, Any], tmp_path: Path) -> None:
    file, page = tmp_path / "parity.json", tmp_path / "parity.md"
    file.write_text(json.dumps(result))
    done = CliRunner().invoke(
        app, ["parity", "--again", str(file), "-o", str(file), "--page", str(page), "--json"]
    )
    assert done.exit_code == 1, done.output  # as in the run itself: a recording failed
    assert "list/x: why" in done.output
    assert json.loads(file.read_text()) == result
    assert page.read_text() == page_of(result)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "needs a list of recordings, or --again"),
        (["list.txt", "--again", "parity.json"], "--again keeps"),
        (["--again", "parity.json", "--voice", "student"], "--again keeps"),
        (["--again", "no-such.json"], "no-such.json: cannot be read"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(app, ["parity", *arguments], env={"COLUMNS": "160"})
    assert done.exit_code
    assert message in " ".join(done.output.split())
