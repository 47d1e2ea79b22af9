"""The README and pages beside it quote what was measured, what voices record, and defaults as they are."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from server.settings import Settings
from training.spent import spent
from training.voices_comparison import own_figures
from vocoder.checkpoints import CheckpointInfo, read_info
from vocoder.checkpoints.voices import DEFAULT_VOICE, SHIPPED
from vocoder.evaluation import BASELINES, MEASURES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
INFOS = {path.stem: read_info(path) for path in SHIPPED.glob("*.safetensors")}
LISTS = {
    "ljspeech": ("pesq", "estoi", "dnsmos", "dnsmos_p808"),
    "unseen speakers": ("pesq", "estoi", "dnsmos"),
}


def read(name: str) -> Any:
    return json.loads((ROOT / "docs" / name).read_text())


def assert_quoted(phrase: str, page: str = README) -> None:
    """As it stands there, wherever the lines break."""
    assert phrase in " ".join(page.split())


def rows() -> Iterator[tuple[str, list[str]]]:
    """Name and cells of each line of the table of voices."""
    (table,) = re.findall(r"^\| \| hours of a core.*\n\|[ -:|]+\n((?:\|.*\n)+)", README, re.MULTILINE)
    for line in table.splitlines():
        label, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        voice = re.match(r"\*\*(.+?)\*\*", label)
        yield voice[1] if voice else label.partition(",")[0].lower(), cells


def took(info: CheckpointInfo) -> str:
    cost = spent(info.training)
    return f"{cost.cpu_hours:.1f}" + (f" + {cost.gpu_minutes:.1f}" if cost.gpu_seconds else "")


def figures(info: CheckpointInfo, baseline: str | None) -> Iterator[str]:
    for title, measures in LISTS.items():
        systems = info.figures.get(title, {}).get("systems", {})
        means: Mapping[str, Any] = {}
        if systems:
            means = systems[baseline] if baseline else own_figures(systems)
        for measure in measures:
            decimals = MEASURES[measure].decimals
            yield f"{means[measure]['mean']:.{decimals}f}".removeprefix("0") if means else ""


@pytest.mark.parametrize(("name", "cells"), [pytest.param(*row, id=row[0]) for row in rows()])
def test_a_row_is_the_record_of_its_checkpoint(name: str, cells: list[str]) -> None:
    if name in BASELINES:
        assert cells == ["", *figures(INFOS[DEFAULT_VOICE], name)]
    else:
        assert cells == [took(INFOS[name]), *figures(INFOS[name], None)]


def test_every_voice_that_ships_has_a_row() -> None:
    assert {name for name, _ in rows()} == {*INFOS, *BASELINES}


def test_the_correction_is_worth_what_was_measured() -> None:
    measured = read("voices/student-temperatures.json")
    (without,) = [row for row in measured["settings"] if row["correction"] == 0]
    assert_quoted(f"(`--correction 0`) the student's PESQ is {without['measures']['pesq']['mean']:.2f}")


def test_student_and_teacher_compare_as_on_the_page() -> None:
    parity = read("parity.json")
    measures = parity["measures"]
    assert parity["voices"] == ["student", "teacher"]
    count, speakers = len(parity["utterances"]), len({each["speaker"] for each in parity["utterances"]})
    told = f"On {count} utterances of {speakers} speakers no difference is shown in PESQ, ESTOI and P.808"
    assert_quoted(told)
    same, better = ("pesq", "estoi", "dnsmos_p808"), ("dnsmos", "clicks")
    assert {measures[name]["verdict"] for name in same} == {"no difference shown"}
    assert {measures[name]["verdict"] for name in better} == {"better"}
    assert measures["f0_rmse_hz"]["verdict"] == "worse"
    opinion = f"{measures['dnsmos']['difference']['mean']:.2f}"
    clicks = f"{-measures['clicks']['difference']['mean']:.1f}"
    worse = f"{measures['f0_rmse_hz']['difference']['mean']:.1f}"
    assert_quoted(f"the student is {opinion} better in DNSMOS, makes {clicks} fewer clicks a minute")
    assert_quoted(f"and its F0 error is {worse} Hz larger")


def test_the_band_above_the_mel_is_as_loud_as_was_measured() -> None:
    voices = ("student", "teacher", "waveglow")
    systems = [own_figures(INFOS[voice].figures["ljspeech"]["systems"]) for voice in voices]
    softer = [f"{-figures['upper_band']['mean']:.1f}" for figures in systems]
    told = "{}, {} and {} dB softer than the recordings".format(*softer)
    assert_quoted(f"8 to 10 kHz student, teacher and waveglow are {told}")


@pytest.mark.parametrize("voice", ["teacher", "student", "waveglow"])
def test_speeds_on_the_cpu_are_those_of_the_lecture(voice: str) -> None:
    (row,) = [
        row
        for row in read("benchmarks/lecture-cpu.json")["rows"]
        if row["what"].startswith(voice) and row["what"].endswith("the voice that ships")
    ]
    speed = float(f"{row['samples_per_second']:.3g}")
    line = rf"`vocoder bench lecture`: {voice}[^|]*\| {speed:,.0f} \| {row['times_real_time']:.1f} \|"
    assert re.search(line, README)


def test_speeds_on_a_gpu_are_of_one_precision() -> None:
    measured = read("benchmarks/speed-h200.json")["rows"] + read("benchmarks/speed-h200-teacher.json")["rows"]
    million = {
        (row["voice"], row["precision"], row["batch"]): row["samples_per_second"]["p50"] / 1e6
        for row in measured
    }
    one, many, tf32, tf32_many = (
        million["student", *at] for at in (("float32", 1), ("float32", 64), ("tf32", 1), ("tf32", 64))
    )
    assert_quoted(
        f"in float32, the student makes {one:.1f} million samples a second in one stream and "
        f"{many:.0f} million in a batch of 64 (in TF32 {tf32:.1f} and {tf32_many:.0f} million)"
    )
    one, many = (million["waveglow", "float32", batch] for batch in (1, 64))
    assert_quoted(f"WaveGlow {one:.1f} and {many:.0f} million")
    one, many = (million["teacher", "float32", batch] for batch in (1, 64))
    assert_quoted(f"the teacher {one * 1000:.0f} thousand and {many:.1f} million")


def test_what_listeners_hear_is_that_of_the_page() -> None:
    load = read("load.json")
    at = {(row["transport"], row["streams"]): row for row in load["streams"]}
    first = {key: (f"{row['first_p50']:.0f} ms", f"{row['first_p95']:.0f} ms") for key, row in at.items()}
    assert_quoted("after {} (median; 95 % within {})".format(*first["http", 4]))
    assert_quoted("Eight have it after {} ({}), hear no gap".format(*first["http", 8]))
    assert at["http", 8]["underruns"] == at["ws-steady", 8]["underruns"] == 0
    assert_quoted(f"get {at['http', 8]['times_real_time']:.0f} seconds of audio a second")
    assert_quoted("four have it {} ({}) after the frames it needs".format(*first["ws", 4]))
    gaps, silent = at["ws", 8]["underruns"], at["ws", 8]["silent_ms"] / 1000
    assert_quoted(f"hear {gaps} gaps, {silent:.2f} s in all")
    assert_quoted(f"the first audio comes after {first['ws-steady', 8][0]}")
    (overhead,) = load["overhead"]
    share, low, high = (100 * overhead[key] for key in ("share", "share_low", "share_high"))
    low_text = f"{low:.0f}".replace("-", "−")
    assert_quoted(f"{share:.0f} % of the library's throughput (95 % interval {low_text} to {high:.0f})")


def test_the_whine_is_that_of_the_records() -> None:
    page = (ROOT / "docs" / "waveglow.md").read_text()
    systems = INFOS["waveglow"].figures["ljspeech"]["systems"]
    for name, where in (("waveglow", "the voice that ships"), ("recording", "the recordings")):
        mean, low, high = (f"{systems[name]['tones'][key]:.1f}" for key in ("mean", "low", "high"))
        assert_quoted(f"{mean} ({low} … {high}) in {where}", page)


def test_the_example_of_a_steady_stream_adds_up() -> None:
    page = (ROOT / "docs" / "http.md").read_text()
    fields = Settings.model_fields
    start, each, longest = (
        round(1000 * fields[f"steady_{name}"].default) for name in ("start", "each", "longest")
    )
    few = fields["steady_few"].default
    planned = start + (8 - few) * each
    assert planned <= longest
    assert_quoted(
        f"each stream beyond `steady_few` ({few}): {start} + (8 − {few}) × {each} = {planned} ms", page
    )
    assert_quoted(f"never more than `steady_longest` ({longest} ms)", page)
    assert_quoted(f"here after {planned} ms", page)
    assert_quoted(f"({planned} − {start}) / 2 = {(planned - start) / 2:.0f} ms", page)
