import io
import json
import math

import pytest
from rich.console import Console

from vocoder.evaluation import MEASURES, Score
from vocoder.evaluation.report import summarize, to_json, to_table, to_tables

SCORES = [
    Score("a", "voice", 1.5, {"estoi": 0.9, "stft_convergence": math.nan}),
    Score("b", "voice", 2.5, {"estoi": 0.8, "stft_convergence": 0.2}),
    Score("a", "recording", 1.5, {"estoi": 1.0}),
    Score("c", "recording", math.nan, error="c.wav: no such file"),
]


def rendered(scores: list[Score], measures: list[str] | None = None) -> str:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(to_table(scores, measures))
    return console.export_text()


def test_summary_is_a_mean_for_each_system():
    summary = summarize(SCORES)
    assert list(summary) == ["voice", "recording"]
    assert summary["voice"]["estoi"].mean == pytest.approx(0.85)
    assert summary["voice"]["stft_convergence"].clips == 1


def test_a_measure_without_values_shows_a_dash():
    (row,) = [line for line in rendered(SCORES).splitlines() if "PESQ" in line]
    assert row.count("–") == 2


def test_table_shows_mean_interval_unit_and_direction():
    text = rendered(SCORES, ["estoi", "lag"])
    assert "0.850 ± 0.05" in text
    assert "lag [ms] →0" in text
    assert "ESTOI ↑" in text
    assert "PESQ" not in text


def test_names_of_systems_are_whole_however_narrow_the_terminal():
    names = ["student", "student-linear", "teacher", "teacher-ljspeech", "griffin-lim", "recording"]
    scores = [Score("a", name, 1.5, {"estoi": 0.9}) for name in names]
    for width, at_least in ((80, 2), (400, 1), (20, len(names))):
        console = Console(width=max(width, 60), record=True, file=io.StringIO())
        tables = list(to_tables(scores, ["estoi"], width))
        assert len(tables) >= at_least
        console.print(*tables, sep="\n")
        text = console.export_text()
        assert all(text.count(f" {name} ") == 1 for name in names)


def test_json_is_strict_and_whole():
    result = json.loads(json.dumps(to_json(SCORES), allow_nan=False))
    assert result["systems"]["voice"]["estoi"]["mean"] == pytest.approx(0.85)
    assert set(result["measures"]) == set(MEASURES)
    assert [clip["error"] for clip in result["clips"]] == [None, "c.wav: no such file", None, None]
    assert result["clips"][2]["values"]["stft_convergence"] is None
    assert result["clips"][1]["seconds"] is None
    assert result["versions"]["pystoi"]
    assert result["machine"]["cores"] >= 1
    assert result["date"].endswith("+00:00")
