"""Sections of docs/benchmarks.md, one for each kind of JSON file beside it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vocoder.bench.operations import LOOP
from vocoder.evaluation.pages import table

OPERATIONS = {
    "convolutions": ("aten.convolution",),
    "products": ("aten.mm", "aten.addmm", "aten.bmm", "aten.baddbmm"),
    "Fourier transforms": ("aten._fft_r2c", "aten._fft_c2r", "aten._fft_c2c"),
    LOOP: (LOOP,),
}
"""Columns of the counts; what stands in none of them is in the sum."""


def speed_sections(folder: Path) -> list[str]:
    """The lines of every section whose files are there."""
    lines: list[str] = []
    for title, pattern, write in SECTIONS:
        paths = sorted(folder.glob(pattern))
        if paths:
            lines += [f"## {title}", ""]
        for path in paths:
            lines += write(json.loads(path.read_text()), path)
    return lines


def told(spread: dict[str, float], scale: float = 1.0) -> str:
    """Median and percentiles of a `Spread` as it lies in a document."""
    p50, p5, p95 = (short(scale * spread[name]) for name in ("p50", "p5", "p95"))
    return f"{p50} ({p5} … {p95})"


def short(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _stamped(found: dict[str, Any], command: str, rest: str) -> list[str]:
    machine, versions = found["machine"], found["versions"]
    commit = f", commit {found['commit']}" if found["commit"] else ""
    device = found["device"]
    told = (
        f"`{command}`, {found['date'][:10]}, {device}, {machine['cores']} cores, python {machine['python']}, "
        f"torch {versions.get('torch', '?')}, numpy {versions.get('numpy', '?')}{commit}. {rest}"
    )
    return [told, ""]


def _grid(found: dict[str, Any], path: Path) -> list[str]:
    rows = [
        (
            row["voice"],
            f"{row['threads']}",
            row["precision"],
            f"{row['batch']} × {row['seconds']:g} s",
            told(row["samples_per_second"], 1e-3),
            f"{row['times_real_time']:.1f}",
            told(row["first_block_ms"]),
            _or_dash(row["peak_bytes"], lambda held: f"{held / (1 << 20):.0f}"),
            _or_dash(row["share_of_peak"], lambda share: f"{100 * share:.1f}"),
            _or_dash(row["joules_per_audio_second"], lambda joules: f"{joules:.3g}"),
        )
        for row in found["rows"]
    ]
    where = ("voice", "threads", "precision", "batch × length")
    what = ("thousand samples/s", "× real time", "first audio ms", "MiB", "% of the peak", "J / s")
    rest = f"Median of {found['config']['runs']} runs (5 … 95 %); first audio: a stream's work until then."
    return [
        *_stamped(found, "vocoder bench", f"{rest} {found.get('note', '')}".rstrip()),
        *_picture(path),
        *_peaks(found),
        *table([*where, *what], rows),
        "",
        *_macs(found["macs"]),
        *_streams(found["streams"]),
    ]


def _picture(path: Path) -> list[str]:
    picture = path.with_suffix(".png")
    return [f"![{path.stem}]({path.parent.name}/{picture.name})", ""] if picture.exists() else []


def _peaks(found: dict[str, Any]) -> list[str]:
    rows = [
        (
            f"{peak['threads']}",
            peak["precision"],
            f"{peak['matmul_size']}",
            short(peak["macs_per_second"] / 1e9),
            short(peak["bytes_per_second"] / 1e9),
        )
        for peak in found["peaks"]
    ]
    head = ("threads", "precision", "rows of the matrices", "product, GMAC/s", "copy, GB/s read and written")
    return ["The machine itself, in the same run:", "", *table(head, rows), ""]


def _macs(counts: dict[str, dict[str, float]]) -> list[str]:
    rows = [
        (
            voice,
            *(short(sum(each.get(name, 0.0) for name in names) / 1e6) for names in OPERATIONS.values()),
            short(sum(each.values()) / 1e6),
        )
        for voice, each in counts.items()
    ]
    told = (
        "Million multiply-accumulates a second of audio. Counted: products, convolutions, Fourier transforms "
        "(nominally), the compiled loops by their matrices. Not counted: what works element by element."
    )
    return [told, "", *table(["voice", *OPERATIONS, "all"], rows), ""]


def _streams(streams: list[dict[str, Any]]) -> list[str]:
    if not streams:
        return []
    rows = [
        (
            row["voice"],
            row["precision"],
            f"{row['streams']}",
            told(row["first_ms"]),
            _or_dash(row["chunk_ms"], told),
            f"{row['times_real_time']:.1f}",
        )
        for row in streams
    ]
    head = ("voice", "precision", "streams", "first audio ms", "chunk to chunk ms", "× real time, together")
    return ["Streams at once through the engine, all begun together:", "", *table(head, rows), ""]


def _peers(found: dict[str, Any], path: Path) -> list[str]:
    rows = [
        (
            entrant["name"],
            entrant["what"].rstrip("."),
            short(entrant["parameters"] / 1e6) if entrant["parameters"] else "",
            entrant["missing"] or told(entrant["samples_per_second"], 1e-3),
            "" if entrant["missing"] else short(entrant["times_real_time"]),
        )
        for entrant in found["entrants"]
    ]
    voices = list(dict.fromkeys(ratio["voice"] for ratio in found["ratios"]))
    peers = list(dict.fromkeys(ratio["peer"] for ratio in found["ratios"]))
    known = {(ratio["voice"], ratio["peer"]): told(ratio["ratio"]) for ratio in found["ratios"]}
    ratios = [(voice, *(known[voice, peer] for peer in peers)) for voice in voices]
    asked = f"{found['seconds']:g} s, torch threads: {found['threads']}"
    rest = f"{asked}, in turns, median of {found['runs']} (5 … 95 %); random weights."
    head = ("", "what", "M parameters", "thousand samples/s", "× real time")
    return [
        *_stamped(found, "vocoder bench peers", rest),
        *table(head, rows),
        "",
        "How many times as fast as the peer:",
        "",
        *table(["voice", *peers], ratios),
        "",
    ]


def _http(found: dict[str, Any], path: Path) -> list[str]:
    rows = [
        (
            row["voice"],
            f"{row['streams']}",
            told(row["library"], 1e-3),
            told(row["http"], 1e-3),
            told(row["overhead"], 100),
            f"{row['difference']}",
        )
        for row in found["rows"]
    ]
    rest = "The same utterances from a server and from an engine in the measuring process, in turns."
    head = (
        "voice",
        "streams",
        "library, thousand samples/s",
        "HTTP",
        "overhead %",
        "16-bit steps apart",
    )
    return [*_stamped(found, "vocoder bench http", rest), *table(head, rows), ""]


def _teacher(found: dict[str, Any], path: Path) -> list[str]:
    (row,) = found["rows"]
    rates = [
        (
            f"{rate['cores']}",
            f"{rate['streams']}",
            short(rate["samples_per_second"] / 1e3),
            f"{rate['times_real_time']:.1f}",
        )
        for rate in row["synthesis"]
    ]
    loops, first = row["loops"], row["first_audio"]
    compared = [
        (name, short(loops[name]["samples_per_cpu_second"]), "" if ratio is None else f"{ratio:.1f}")
        for name, ratio in (
            ("compiled", None),
            ("eager", loops["compiled_to_eager"]),
            ("stepped", loops["compiled_to_stepped"]),
        )
    ]
    return [
        *_stamped(found, "vocoder bench teacher", f"Median of {row['runs']} runs."),
        *table(["cores", "streams", "thousand samples/s, together", "× real time"], rates),
        "",
        "The sequential loop alone, the same network, noise and mel, one stream on one core: compiled; the "
        "network's own modules with past inputs in queues (eager); the operations of a CUDA graph one by one "
        "(stepped). "
        f"First audio comes with frame {first['frames']:.0f}, {first['work_ms']:.1f} ms of work later.",
        "",
        *table(["loop", "samples a CPU-second", "compiled is × as fast"], compared),
        "",
    ]


def _waveglow(found: dict[str, Any], path: Path) -> list[str]:
    rows = [
        (
            short(row["parameters"] / 1e6),
            f"{row['seconds']:.1f}",
            short(row["upstream"]),
            short(row["here"]),
            f"{row['ratio']:.2f}",
            f"{row['difference']:.1e} of {row['largest']:.2g}",
        )
        for row in found["rows"]
    ]
    head = ("M parameters", "s of audio", "theirs, CPU s", "here", "× as fast", "largest difference")
    rest = f"Same weights, mel and noise, in turns on one thread, median of {found['rows'][0]['runs']}."
    return [
        *_stamped(found, "vocoder bench waveglow --upstream waveglow/glow.py", rest),
        *table(head, rows),
        "",
    ]


def _lookahead(found: dict[str, Any], path: Path) -> list[str]:
    rows = [
        (
            f"{row['lookahead']}",
            f"{row['wait_ms']:.0f}",
            f"{row['error_db']:.1f}",
            f"{row['largest']:.1e}",
            f"{row['log_distance']:.4f}",
            f"{row['seam_step']:.2f}",
            f"{row['work']:.2f}",
        )
        for row in found["rows"]
    ]
    first = found["rows"][0]
    rest = (
        f"The voice {first['voice']} on the recordings that ship, in blocks of {first['block']} frames, "
        "beside its audio of the whole with the same noise; the wait is the look-ahead and the block. "
        "Where the largest step at a seam is below 1, it is smaller than steps in the audio around it, "
        "and nothing clicks."
    )
    head = (
        "frames waited for",
        "wait ms",
        "error dB",
        "largest difference",
        "log magnitude, nats",
        "step at seams",
        "× the work of the whole",
    )
    return [*_stamped(found, "vocoder bench lookahead", rest), *table(head, rows), ""]


def _repeatability(found: dict[str, Any], path: Path) -> list[str]:
    rest = f"{found['runs']} runs; `make bench-check` fails where a ratio is lower than its noise allows."
    ratios = [(*_range(name, of), f"{of['noise']:.0%}") for name, of in found["ratios"].items()]
    units = {name: "MAC/s" if name == "product" else "samples/s" for name in found["rates"]}
    rates = [(*_range(f"{name}, {units[name]}", of), "not compared") for name, of in found["rates"].items()]
    head = ("", "median", "least … most", "width of the median", "noise allowed")
    return [
        *_stamped(found, "vocoder bench check --update", rest),
        *table(head, [*ratios, *rates]),
        "",
    ]


def _range(name: str, figures: dict[str, float]) -> tuple[str, ...]:
    low, middle, high = figures["low"], figures["median"], figures["high"]
    return name, short(middle), f"{short(low)} … {short(high)}", f"{(high - low) / middle:.1%}"


def _or_dash(value: Any, form: Callable[[Any], str]) -> str:
    return "–" if value is None else form(value)


SECTIONS: tuple[tuple[str, str, Callable[[dict[str, Any], Path], list[str]]], ...] = (
    ("How fast", "speed-*.json", _grid),
    ("Beside other vocoders", "peers-*.json", _peers),
    ("The teacher's loop", "teacher-*.json", _teacher),
    ("WaveGlow beside NVIDIA's code", "waveglow-*.json", _waveglow),
    ("WaveGlow that waits for fewer frames", "lookahead-*.json", _lookahead),
    ("Through HTTP", "http-*.json", _http),
    ("Repeatability", "baseline.json", _repeatability),
)
