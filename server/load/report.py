"""Figures as JSON and as a page of tables, with the machine, the date and the command beside them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from vocoder.evaluation.report import machine, versions

STREAMS = {
    "transport": "{}",
    "streams": "{}",
    "utterances": "{}",
    "first_p50": "{:.0f}",
    "first_p95": "{:.0f}",
    "gap_p95": "{:.0f}",
    "underruns": "{}",
    "silent_ms": "{:.0f}",
    "needs_ms": "{:.0f}",
    "times_real_time": "{:.1f}",
}
OVERHEAD = {
    "audio_seconds": "{:.1f}",
    "pairs": "{}",
    "library": "{:.4f}",
    "http": "{:.4f}",
    "share": "{:.1%}",
    "share_low": "{:.1%}",
    "share_high": "{:.1%}",
}
MEMORY = {"requests": "{}", "before": "{:,.0f}", "after": "{:,.0f}"}
BATCHES = {"frames": "{}", "batch": "{}", "single_ms": "{:.2f}", "batch_ms": "{:.2f}", "gain": "{:.2f}"}
_EXPLANATIONS = {
    "streams": "Times in milliseconds. An underrun is a moment at which a listener, who plays from the first "
    "audio on (over ws and ws-steady 100 ms later), has nothing left; silent_ms is how long, in all. "
    "Over ws-steady the server was asked to hold the first audio back for as long as a later block may take: "
    "`steady_start`, or more with many streams. "
    "needs_ms: how long after the first audio all would have had to begin to hear no silence.",
    "overhead": "Seconds of one utterance, medians; share of the throughput that HTTP costs: median of the "
    "pairs of calls that followed each other, and its 95 % interval.",
    "memory": "Resident bytes of the server, after warming up and after as many requests more.",
    "batches": "Processor time of one thread; gain: how many times less a batch takes than its blocks alone.",
}
_COLUMNS = {"streams": STREAMS, "overhead": OVERHEAD, "memory": MEMORY, "batches": BATCHES}


def to_json(command: str, sections: Mapping[str, Sequence[NamedTuple]]) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "machine": machine(),
        "versions": versions(),
        **{name: [row._asdict() for row in rows] for name, rows in sections.items()},
    }


def to_markdown(document: Mapping[str, Any]) -> str:
    lines = [
        "# Load",
        "",
        f"Written by `{document['command']}` on {document['date'][:10]}, "
        + ", ".join(f"{key} {value}" for key, value in document["machine"].items())
        + ".",
    ]
    for name, columns in _COLUMNS.items():
        if document.get(name):
            lines += [
                "",
                f"## {name.capitalize()}",
                "",
                _EXPLANATIONS[name],
                "",
                *_table(columns, document[name]),
            ]
    return "\n".join(lines) + "\n"


def write(folder: Path, document: Mapping[str, Any]) -> None:
    """Put load.json and load.md into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "load.json").write_text(json.dumps(document, indent=2) + "\n")
    (folder / "load.md").write_text(to_markdown(document))


def _table(columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> list[str]:
    head = [f"| {' | '.join(columns)} |", "|" + " ---: |" * len(columns)]
    return head + [
        f"| {' | '.join(form.format(row[name]) for name, form in columns.items())} |" for row in rows
    ]
