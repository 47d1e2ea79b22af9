"""The pages of speed: which direction of a flow is fast, and how fast its peers are."""

import json
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from vocoder.bench.directions import BATCH, HIDDEN, DirectionTimes
from vocoder.bench.flow_peers import PeerTime
from vocoder.evaluation.pages import describe_machine, table


def write_directions(times: Sequence[DirectionTimes], folder: Path, *, command: str) -> Path:
    """The lecture's table of directions, measured, as `folder`/directions.md and .json."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = _write_json(folder / "directions.json", command, times)
    rows = [
        [row.flow, str(row.num_features), f"{row.to_noise_ms:.2f}", f"{row.to_data_ms:.2f}", _ratio(row)]
        for row in times
    ]
    lines = [
        "# Which direction is fast",
        "",
        f"Written by `{command}` on {facts['date']}, {facts['machine']}, threads: {facts['threads']}.",
        f"A batch of {BATCH} vectors through one MADE of {HIDDEN} hidden units, median wall milliseconds.",
        "A MAF reads x: its density is one pass, its sampling goes element by element.",
        "An IAF reads z: the other way round. The D steps compute each hidden unit once, as the one pass",
        "does; what they cost beyond it is the calls.",
        "",
        *table(["flow", "D", "x → z, density", "z → x, sampling", "slow / fast"], rows),
        "",
    ]
    page = folder / "directions.md"
    page.write_text("\n".join(lines))
    return page


def _ratio(row: DirectionTimes) -> str:
    slow, fast = max(row.to_noise_ms, row.to_data_ms), min(row.to_noise_ms, row.to_data_ms)
    return f"{slow / fast:.0f}"


def write_peers(times: Sequence[PeerTime], folder: Path, *, command: str) -> Path:
    """Ours against each peer's, as `folder`/peers.md and .json."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = _write_json(folder / "peers.json", command, times)
    libraries = ", ".join(f"{name} {version(name)}" for name in dict.fromkeys(row.peer for row in times))
    rows = [
        [
            row.flow,
            str(row.size.num_features),
            row.direction,
            f"{row.ours_us:.0f}",
            f"{row.peer_us:.0f}",
            row.peer,
            f"{row.ratio:.2f}",
        ]
        for row in times
    ]
    slowest = max(times, key=lambda row: row.ratio)
    sizes = "; ".join(
        f"D = {size.num_features}: {size.hidden} hidden units, {size.batch} vectors"
        for size in dict.fromkeys(row.size for row in times)
    )
    lines = [
        "# Speed beside other libraries",
        "",
        f"Written by `{command}` on {facts['date']}, {facts['machine']}, threads: {facts['threads']}.",
        f"{libraries}. Median wall microseconds of calls without gradients, made in turns in one run.",
        f"{sizes}. Convolutions read images of 8×8 with D channels, an eighth as many.",
        "An IAF is a MAF with its directions exchanged. Directions that a peer lacks are left out.",
        "",
        f"The largest ratio is {slowest.ratio:.2f} ({slowest.flow}, {slowest.direction}, {slowest.peer}).",
        "",
        *table(["flow", "D", "direction", "ours", "peer", "", "ours / peer"], rows),
        "",
    ]
    page = folder / "peers.md"
    page.write_text("\n".join(lines))
    return page


def _write_json(path: Path, command: str, rows: Sequence[Any]) -> dict[str, Any]:
    """The figures and how they came about; returns the latter."""
    facts = {
        "command": command,
        "date": date.today().isoformat(),
        "machine": describe_machine(),
        "threads": torch.get_num_threads(),
    }
    path.write_text(json.dumps(facts | {"rows": [row._asdict() for row in rows]}, indent=2) + "\n")
    return facts
