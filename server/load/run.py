"""All measurements in order."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from server.load.batches import measure_batches
from server.load.costs import measure_memory, measure_overhead
from server.load.streams import measure_streams, varied
from server.local import get_json
from vocoder.checkpoints import load
from vocoder.mel import MelSpec

_FRAMES = (1, 8, 16, 32, 64, 128)
_BATCHES = (2, 4, 8, 16)
_SHORT_SECONDS = 0.5
_WARM_UP = 100


class Plan(NamedTuple):
    """What to measure."""

    voice: str
    streams: Sequence[int]
    transports: Sequence[Any]
    seconds: float
    rounds: int
    requests: int
    pairs: int
    batches: bool


def run(url: str, plan: Plan, say: Callable[[str], object]) -> dict[str, list[NamedTuple]]:
    """The figures by section; what is being measured goes to `say`. Raises `VocoderError`."""
    spec = MelSpec.model_validate(get_json(url, f"/v1/voices/{plan.voice}")["mel_spec"])
    sections: dict[str, list[NamedTuple]] = {"streams": [], "overhead": [], "memory": [], "batches": []}
    for transport in plan.transports:
        for row in measure_streams(
            url,
            plan.voice,
            spec,
            plan.streams,
            transport=transport,
            seconds=plan.seconds,
            rounds=plan.rounds,
        ):
            say(f"{row.streams} streams over {transport}")
            sections["streams"].append(row)
    if plan.pairs:
        say("the cost of HTTP")
        sections["overhead"].append(
            measure_overhead(url, plan.voice, varied(spec, plan.seconds, 0), plan.pairs)
        )
    if plan.requests:
        say("memory")
        mel = varied(spec, _SHORT_SECONDS, 0)
        warm_up = min(_WARM_UP, plan.requests)
        sections["memory"].append(measure_memory(url, plan.voice, mel, plan.requests, warm_up))
    if plan.batches:
        say("batches")
        sections["batches"].extend(measure_batches(load(plan.voice), _FRAMES, _BATCHES))
    return sections
