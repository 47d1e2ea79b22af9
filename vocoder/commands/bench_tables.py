"""Tables of `vocoder bench`, for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from vocoder.bench.speed_page import told

if TYPE_CHECKING:
    from vocoder.bench.ratios import Verdict

_NAMES = ("", "voice", "peer", "what")


def grid_tables(document: dict[str, Any]) -> list[Table]:
    """Of `vocoder.bench.grid`: the points, then the streams, then the machine's own speed."""
    columns = {
        "voice": "{voice}",
        "threads": "{threads}",
        "precision": "{precision}",
        "batch": "{batch}",
        "s": "{seconds:g}",
        "thousand samples/s": "{samples_per_second}",
        "× real time": "{times_real_time:.1f}",
        "first audio ms": "{first_block_ms}",
        "memory MiB": "{memory}",
        "of the peak": "{share}",
        "J / s": "{joules}",
    }
    points = _table("Median of the runs (5 … 95 %)", columns, [_point(row) for row in document["rows"]])
    columns = {
        "voice": "{voice}",
        "precision": "{precision}",
        "streams": "{streams}",
        "first audio ms": "{first_ms}",
        "chunk to chunk ms": "{chunk_ms}",
        "× real time": "{times_real_time:.1f}",
    }
    rows = [
        row | {key: "–" if row[key] is None else told(row[key]) for key in ("first_ms", "chunk_ms")}
        for row in document["streams"]
    ]
    streams = _table("Streams at once, all begun together: median (5 … 95 %)", columns, rows)
    columns = {
        "threads": "{threads}",
        "precision": "{precision}",
        "matrix product, GMAC/s": "{gmacs:.0f}",
        "copy, GB/s": "{gigabytes:.1f}",
    }
    peaks = [
        peak | {"gmacs": peak["macs_per_second"] / 1e9, "gigabytes": peak["bytes_per_second"] / 1e9}
        for peak in document["peaks"]
    ]
    return [table for table in (points, streams, _table("The machine", columns, peaks)) if table.row_count]


def peer_tables(document: dict[str, Any]) -> list[Table]:
    """Of `vocoder bench peers`: who took part, then how many times as fast each voice is."""
    columns = {
        "": "{name}",
        "what": "{what}",
        "M parameters": "{size}",
        "thousand samples/s": "{rate}",
        "× real time": "{times}",
    }
    rows = [
        entrant
        | {
            "size": f"{entrant['parameters'] / 1e6:.2f}" if entrant["parameters"] else "",
            "rate": entrant["missing"] or told(entrant["samples_per_second"], 1e-3),
            "times": "" if entrant["missing"] else f"{entrant['times_real_time']:.3g}",
        }
        for entrant in document["entrants"]
    ]
    ratios = [row | {"ratio": told(row["ratio"])} for row in document["ratios"]]
    title = f"{document['seconds']:g} s, torch threads: {document['threads']}, in turns: median (5 … 95 %)"
    return [
        _table(title, columns, rows),
        _table("Times as fast as the peer", {"voice": "{voice}", "peer": "{peer}", "": "{ratio}"}, ratios),
    ]


def http_table(document: dict[str, Any]) -> Table:
    """Of `vocoder bench http`."""
    columns = {
        "voice": "{voice}",
        "streams": "{streams}",
        "library, thousand samples/s": "{library}",
        "HTTP": "{http}",
        "overhead %": "{overhead}",
        "16-bit difference": "{difference}",
    }
    scales = {"library": 1e-3, "http": 1e-3, "overhead": 100.0}
    rows = [row | {key: told(row[key], scale) for key, scale in scales.items()} for row in document["rows"]]
    return _table("In turns: median of the rounds (5 … 95 %)", columns, rows)


def check_table(verdicts: "Sequence[Verdict]") -> Table:
    """Ratios beside their baseline; what has none here, or no number, says so."""
    columns = {
        "": "{name}",
        "baseline": "{baseline:.3g}",
        "here": "{here}",
        "change": "{change}",
        "said": "{said}",
    }
    rows = [
        {
            "name": verdict.name,
            "baseline": verdict.baseline,
            "here": "not here" if verdict.here is None else f"{verdict.here:.3g}",
            "change": "" if not verdict.checked else f"{verdict.change:+.0%} of ±{verdict.noise:.0%}",
            "said": verdict.said,
        }
        for verdict in verdicts
    ]
    return _table("Ratios of speeds", columns, rows)


def _point(row: dict[str, Any]) -> dict[str, Any]:
    held, share, joules = (row[key] for key in ("peak_bytes", "share_of_peak", "joules_per_audio_second"))
    return row | {
        "samples_per_second": told(row["samples_per_second"], 1e-3),
        "first_block_ms": told(row["first_block_ms"]),
        "memory": "–" if held is None else f"{held / (1 << 20):.0f}",
        "share": "–" if share is None else f"{share:.1%}",
        "joules": "–" if joules is None else f"{joules:.3g}",
    }


def _table(title: str, columns: dict[str, str], rows: list[dict[str, Any]]) -> Table:
    """What is the same in all of several rows stands below the table, what nobody knows nowhere."""
    cells = {heading: [form.format(**row) for row in rows] for heading, form in columns.items()}
    cells = {heading: column for heading, column in cells.items() if set(column) != {"–"}}
    settings = ("threads", "precision", "batch", "s")
    alike = {h: column[0] for h, column in cells.items() if h in settings and len(set(column)) == 1}
    table = Table(
        title=title, caption=", ".join(f"{h} {value}" for h, value in alike.items()), box=SIMPLE_HEAD
    )
    shown = {heading: column for heading, column in cells.items() if heading not in alike}
    for heading in shown:
        table.add_column(heading, justify="left" if heading in _NAMES else "right")
    for row in zip(*shown.values(), strict=True):
        table.add_row(*row)
    return table


def teacher_tables(rows: list[dict[str, Any]], loops: dict[str, Any], first: dict[str, float]) -> list[Table]:
    told = (
        f"a stream's first audio comes with frame {first['frames']:.0f}, {first['work_ms']:.1f} ms after it"
    )
    whole = Table(title="Mel to audio, median of the runs", caption=told)
    for heading in ("cores", "streams", "thousand samples/s", "of a CPU second", "× real time"):
        whole.add_column(heading, justify="right")
    for row in rows:
        rates = (row["samples_per_second"] / 1e3, row["samples_per_cpu_second"] / 1e3, row["times_real_time"])
        whole.add_row(str(row["cores"]), str(row["streams"]), *(f"{rate:.1f}" for rate in rates))
    ratios = {"eager": loops["compiled_to_eager"], "stepped": loops["compiled_to_stepped"], "compiled": 1.0}
    alone = Table(title="The sequential loop alone, one stream, one core")
    for heading in ("loop", "thousand samples/s", "of a CPU second", "compiled is faster by"):
        alone.add_column(heading, justify="left" if heading == "loop" else "right")
    for name, ratio in ratios.items():
        alone.add_row(name, *(f"{rate / 1e3:.1f}" for rate in loops[name].values()), f"{ratio:.1f} ×")
    return [whole, alone]


def lecture_table(rows: list[Any]) -> Table:
    table = Table(title="One stream, one thread, median of the runs")
    for heading in ("", "what", "samples/s", "× real time"):
        table.add_column(heading, justify="left" if heading in ("", "what") else "right")
    for row in rows:
        table.add_row(row.family, row.what, f"{row.samples_per_second:,.3g}", f"{row.times_real_time:.3g}")
    return table


def lookahead_table(rows: list[Any], needed: int) -> Table:
    table = Table(title="Beside the audio of the whole, same noise", caption=f"all: {needed} frames")
    columns = {
        "frames waited for": "{0.lookahead}",
        "wait ms": "{0.wait_ms:.0f}",
        "error dB": "{0.error_db:.1f}",
        "largest": "{0.largest:.1e}",
        "log magnitude, nats": "{0.log_distance:.4f}",
        "step at seams": "{0.seam_step:.2f}",
        "work": "{0.work:.2f}",
    }
    for heading in columns:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*(form.format(row) for form in columns.values()))
    return table


def comparison_table(result: Any) -> Table:
    table = Table(
        title=f"{result.seconds:.1f} s of speech, {result.parameters / 1e6:.1f} M parameters, "
        f"median of {result.runs} turns",
        caption=f"here {result.ratio:.2f} times as fast; outputs differ by at most {result.difference:.1e}, "
        f"samples reach {result.largest:.1f}",
    )
    for heading in ("WaveGlow", "CPU seconds", "× real time"):
        table.add_column(heading, justify="left" if heading == "WaveGlow" else "right")
    for name, taken in (("NVIDIA's code", result.upstream), ("here", result.here)):
        table.add_row(name, f"{taken:.2f}", f"{result.seconds / taken:.3f}")
    return table
