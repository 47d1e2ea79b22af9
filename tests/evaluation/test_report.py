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
    summary = summarize(SCORES[:2])
    assert list(summary) == ["voice"]
    assert summary["voice"]["estoi"].mean == pytest.approx(0.85)
    assert summary["voice"]["stft_convergence"].clips == 1


def test_utterances_of_one_speaker_are_not_independent():
    """Two speakers whose clips agree with each other: two figures, not six."""
    values = {"p1_1": 0.9, "p1_2": 0.9, "p1_3": 0.9, "p2_1": 0.7, "p2_2": 0.7, "p2_3": 0.7}
    found = summarize([Score(clip, "voice", 1.0, {"estoi": value}) for clip, value in values.items()])
    alone = summarize([Score(str(i), "voice", 1.0, {"estoi": value}) for i, value in enumerate([0.9, 0.7])])
    ours, theirs = found["voice"]["estoi"], alone["voice"]["estoi"]
    assert (ours.clips, theirs.clips) == (6, 2)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_systems_are_compared_on_the_clips_that_all_have():
    summary = summarize(SCORES)
    assert list(summary) == ["voice", "recording"]
    for system, mean in (("voice", 0.9), ("recording", 1.0)):
        assert (summary[system]["estoi"].mean, summary[system]["estoi"].clips) == (mean, 1)
    assert summary["voice"]["stft_convergence"].mean == 0.2  # the recording has none at all: no rival


SILENT = {"pesq": math.nan, "estoi": 0.0}
HALF_SILENT = [
    Score(clip, system, 1.0, SILENT if system == "mute" and clip in "abc" else {"pesq": pesq, "estoi": 0.9})
    for system in ("mute", "other")
    for clip, pesq in zip("abcdef", (1.0, 1.0, 1.0, 4.0, 4.0, 4.0), strict=True)
]


def test_silence_on_half_the_clips_is_told_and_makes_nobody_look_better():
    means = summarize(HALF_SILENT)
    assert means["mute"]["pesq"] == means["other"]["pesq"]
    assert means["mute"]["pesq"].clips == 3
    assert means["mute"]["estoi"].clips == 6
    result = to_json(HALF_SILENT)
    assert result["failures"] == {
        "mute": {"failed": [], "without": {"pesq": ["a", "b", "c"]}},
        "other": {"failed": [], "without": {}},
    }
    text = rendered(HALF_SILENT, ["pesq", "estoi"])
    assert "mute has no PESQ-WB on 3 of 6" in text
    assert [line.split("│")[2].strip() for line in text.splitlines() if "PESQ-WB [" in line] == ["3"]


def test_silence_of_a_system_alone_is_told_as_well():
    alone = [score for score in HALF_SILENT if score.system == "mute"]
    assert "mute has no PESQ-WB on 3 of 6" in rendered(alone)


def test_a_clip_that_defines_no_figure_is_nobodys_failure():
    scores = [Score("a", name, 1.0, {"tones": math.nan, "estoi": 0.9}) for name in ("one", "other")]
    scores += [Score("b", name, 1.0, {"tones": 2.0, "estoi": 0.9}) for name in ("one", "other")]
    assert not any(found["without"] for found in to_json(scores)["failures"].values())
    assert summarize(scores)["one"]["tones"].clips == 1
    assert "has no" not in rendered(scores)


def test_a_voice_without_likelihood_has_not_failed():
    scores = [Score("a", "student", 1.0, {"bits_per_sample": math.nan, "estoi": 0.9})]
    scores += [Score("a", "teacher", 1.0, {"bits_per_sample": 7.0, "estoi": 0.9})]
    assert not to_json(scores)["failures"]["student"]["without"]
    assert summarize(scores)["teacher"]["bits_per_sample"].clips == 1


def test_a_clip_whose_synthesis_failed_counts_for_nobody_and_is_told():
    failed = Score("b", "voice", 1.0, error="diverged")
    scores = [Score(clip, "other", 1.0, {"estoi": value}) for clip, value in (("a", 0.9), ("b", 0.1))]
    scores += [Score("a", "voice", 1.0, {"estoi": 0.9}), failed]
    assert {system: of["estoi"].mean for system, of in summarize(scores).items()} == {
        "other": 0.9,
        "voice": 0.9,
    }
    assert to_json(scores)["failures"]["voice"] == {"failed": ["b"], "without": {}}
    assert "voice failed on 1 of 2" in rendered(scores)


def test_systems_of_one_run_in_several_tables_have_the_same_clips():
    tables = list(to_tables(HALF_SILENT, ["pesq"], 60))
    assert len(tables) == 2
    assert [list(table.columns[2].cells) for table in tables] == [["4.00 ± 0.00"], ["4.00 ± 0.00"]]


def test_a_measure_without_values_shows_a_dash():
    (row,) = [line for line in rendered(SCORES).splitlines() if "PESQ" in line]
    assert row.count("–") == 2


def test_table_shows_mean_interval_unit_and_direction():
    text = rendered(SCORES[:2], ["estoi", "lag"])
    assert "0.850 ± 0.635" in text  # 12.7 standard errors of 0.05
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
    assert result["systems"]["voice"]["estoi"]["mean"] == pytest.approx(0.9)
    assert set(result["measures"]) == set(MEASURES)
    assert [clip["error"] for clip in result["clips"]] == [None, "c.wav: no such file", None, None]
    assert result["clips"][2]["values"]["stft_convergence"] is None
    assert result["clips"][1]["seconds"] is None
    assert result["versions"]["pystoi"]
    assert result["machine"]["cores"] >= 1
    assert result["date"].endswith("+00:00")
