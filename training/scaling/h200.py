"""What an H200 is worth: core-hours of the machine that trained the voices before."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from training.spent import Spent
from vocoder.checkpoints import CheckpointInfo
from vocoder.evaluation.pages import table
from vocoder.mel import MelSpec

CORE_HOURS = (100.0, 350.0)
"""In one hour of an H200: what one of three runs at once did in it, and all three (`worths`)."""
HOURS = (1.0, 10.0, 100.0)


def core_seconds(hours: float) -> tuple[float, float]:
    """The least and the most CPU-seconds that `hours` of an H200 may stand for."""
    return hours * CORE_HOURS[0] * 3600, hours * CORE_HOURS[1] * 3600


def cost(spent: Spent) -> float:
    """CPU-seconds, a GPU's as those of one of three runs at once."""
    return spent.cpu_seconds + CORE_HOURS[0] * spent.gpu_seconds


class Worth(NamedTuple):
    """A voice's run on a GPU beside the run of the same kind, on the same recordings, on a CPU."""

    name: str
    steps: int
    batch: int
    on_gpu: float  # samples trained on, a second of the GPU's clock
    on_core: float  # and a CPU-second

    @property
    def ratio(self) -> float:
        return self.on_gpu / self.on_core


def worths(infos: Mapping[str, CheckpointInfo]) -> list[Worth]:
    """Of all voices whose last stage ran on a GPU, where there is a run to compare it with."""
    found = []
    for name, info in infos.items():
        own = info.training
        if not own.get("gpu_seconds") or not _is_flow_alone(own):
            continue
        for other in infos.values():
            theirs = other.training
            alike = other.kind == info.kind and theirs.get("data_hash") == own.get("data_hash")
            if alike and _is_flow_alone(theirs) and not theirs.get("gpu_seconds"):
                rates = (_rate(each.training, each.mel_spec) for each in (info, other))
                batch = own["recipe"]["segments"]["batch"]
                found.append(Worth(name, own["steps"]["flow"], batch, *rates))
                break
    return found


def _is_flow_alone(training: Mapping[str, Any]) -> bool:
    """Whether the run was of the flow, so that its seconds are that stage's."""
    return set(training.get("steps", {})) == {"flow"}


def _rate(training: Mapping[str, Any], spec: MelSpec) -> float:
    segments = training["recipe"]["segments"]
    samples = segments["batch"] * segments["frames"] * spec.hop_length * training["steps"]["flow"]
    return samples / (training.get("gpu_seconds") or training["cpu_seconds"])


def section(infos: Mapping[str, CheckpointInfo]) -> list[str]:
    """Markdown; nothing where no voice was trained on a GPU."""
    found = worths(infos)
    if not found:
        return []
    heads = ["voice", "steps", "segments a step", "H200, samples/s", "a core, samples/s", "ratio"]
    rows = [
        [
            one.name,
            f"{one.steps:,}",
            str(one.batch),
            f"{one.on_gpu:,.0f}",
            f"{one.on_core:,.0f}",
            f"{one.ratio:.0f}",
        ]
        for one in found
    ]
    return [
        "## What an H200 did",
        "",
        "Three runs of the voices that ship shared one H200 (`configs/recipe/` has the commands). Beside",
        "runs of the same kind on a CPU: samples trained on in a second of the clock, evaluations included,",
        "and in a CPU-second of the steps. To a run large batches are less than the same samples in small",
        "ones, which this does not count. Where this page counts CPU-seconds, one of a GPU stands for",
        f"{CORE_HOURS[0]:.0f}.",
        "",
        *table(heads, rows),
        "",
        f"Together: {sum(one.ratio for one in found):.0f} core-hours in an hour.",
        "",
    ]
