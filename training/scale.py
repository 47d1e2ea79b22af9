"""What training the published sizes on many GPUs would take, by arithmetic: `python -m training.scale`.

The floating-point operations are counted in the models themselves; what a GPU and its links do is stated.
"""

import argparse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from vocoder.config import read_config
from vocoder.mel import mel_spec
from vocoder.models import MODELS

CONFIGS = Path(__file__).parent.parent / "configs" / "model"
BACKWARD = 3.0  # a training step is about three passes towards noise: one forward, two backward
BYTES = 4  # of each gradient: the loop exchanges float32
MATTERS = 0.1  # share of a step

OPENING = """\
Written by `python -m training.scale -o docs/scale.md`, {date}: arithmetic, not a measurement. How
several processes train as one is in [jobs.md](jobs.md). The operations are counted in this
repository's models. A step is {backward:g} passes; the student's also hears the teacher once, with a
gradient to what it hears. Gradients are exchanged in float32 after the backward pass, in rings:
inside the nodes, then between them. Assumed of an H200:
"""
CLOSING = """
Weights that are used once a sample pay for their exchange soon (both WaveNets); those of WaveGlow
are used once a group of 8, and want more segments a GPU. Below these numbers: exchange bf16, which
halves it, or overlap it with the backward pass. A step of a few milliseconds is also at the mercy
of launch times, which are not in this arithmetic."""


class Machine(NamedTuple):
    """An H200 and its links, by their makers' data sheets; the utilization is an assumption."""

    flops: float = 989e12  # bf16, dense, a second
    utilization: float = 0.35
    gpus_a_node: int = 8
    inside: float = 450e9  # bytes a second and direction, NVLink
    between: float = 50e9  # bytes a second and GPU, a 400 Gb/s network


class Setup(NamedTuple):
    """A model of published size: what is trained, on which segments."""

    title: str
    kind: str
    config: str
    dialect: str
    segment: int  # samples
    batch: int  # segments, over all GPUs, as published
    steps: int  # as published


SETUPS = (
    Setup("WaveNet teacher", "wavenet", "teacher/paper.yaml", "pwg-24k", 7680, 32, 1_000_000),
    Setup(
        "Parallel WaveNet student", "parallel-wavenet", "student/paper.yaml", "pwg-24k", 7680, 32, 1_000_000
    ),
    Setup("WaveGlow 512", "waveglow", "waveglow/paper.yaml", "nvidia", 16_000, 24, 580_000),
    Setup("WaveGlow 256", "waveglow", "waveglow/universal.yaml", "nvidia", 16_000, 24, 580_000),
)


class Size(NamedTuple):
    parameters: int
    flops: float  # of one pass towards noise (the student: towards data), a sample


class Step(NamedTuple):
    """One step on several GPUs, in seconds."""

    compute: float
    exchange: float

    @property
    def share(self) -> float:
        """Of the exchange, which this loop does not overlap with anything."""
        return self.exchange / (self.compute + self.exchange)


def size(setup: Setup) -> Size:
    """Parameters, and operations counted on a short piece."""
    make, config = MODELS[setup.kind]
    model: Any = make(read_config(config, CONFIGS / setup.config), mel_spec(setup.dialect))
    return Size(model.num_parameters(), _flops(model))


def step(size: Size, samples: int, gpus: int, machine: Machine, passes: float = BACKWARD) -> Step:
    """A step with `samples` on each GPU: compute, then the exchange of the gradients.

    In a node a ring; between nodes each GPU exchanges its share of the node's sum over its own link, in a
    ring as well.
    """
    held, nodes = float(BYTES * size.parameters), -(-gpus // machine.gpus_a_node)
    near = min(gpus, machine.gpus_a_node)
    exchange = _ring(held, near) / machine.inside + _ring(held / near, nodes) / machine.between
    compute = passes * size.flops * samples / (machine.flops * machine.utilization)
    return Step(compute, exchange)


def _ring(held: float, members: int) -> float:
    """Bytes that each member of a ring sends until all have the sum."""
    return 2 * (members - 1) / members * held


def samples_where_it_matters(size: Size, gpus: int, machine: Machine, passes: float = BACKWARD) -> float:
    """Samples on each GPU below which the exchange takes more than `MATTERS` of the step."""
    one = step(size, 1, gpus, machine, passes)
    return one.exchange * (1 - MATTERS) / MATTERS / one.compute


@torch.no_grad()
def _flops(model: Any) -> float:
    hop = model.mel_spec.hop_length
    frames = 4 + model.left_context + (getattr(model, "right_context", None) or model.lookahead_frames)
    mel, audio = torch.zeros(1, model.mel_spec.num_mels, frames), torch.zeros(1, 4 * hop)
    passes: dict[str, Callable[[], Any]] = {
        "wavenet": lambda: model.predict(audio, model.conditions(mel).context),
        "parallel-wavenet": lambda: model.render(audio, model.conditions(mel)),
        "waveglow": lambda: model.encode(audio, mel),
    }
    with FlopCounterMode(display=False) as counter:
        passes[model.kind]()
    return counter.get_total_flops() / audio.shape[1]


def page(machine: Machine = Machine(), hours: int = 1000) -> Iterator[str]:  # noqa: B008 (immutable)
    """The document, line by line."""
    sizes = {setup: size(setup) for setup in SETUPS}
    yield from _assumptions(machine)
    yield "\n| model | parameters, M | GFLOP a second of audio, one pass |\n| --- | ---: | ---: |"
    for setup, own in sizes.items():
        rate = mel_spec(setup.dialect).sample_rate
        yield f"| {setup.title} | {own.parameters / 1e6:.1f} | {own.flops * rate / 1e9:,.0f} |"
    yield "\n## The published batch on 8 GPUs, eight times that on 64, and one segment a GPU\n"
    yield (
        "| model | GPUs | segments a GPU | compute, ms | exchange, ms | exchange's share | "
        f"{hours:,} hours once, h | as many samples as published, h |"
    )
    yield "| --- |" + " ---: |" * 7
    for setup, own in sizes.items():
        yield from _rows(setup, own, sizes[SETUPS[0]], machine, hours)
    yield "\n## Where the exchange starts to matter\n"
    yield f"Segments on each GPU below which it takes more than {MATTERS:.0%} of a step.\n"
    yield "| model | segment, samples | 8 GPUs, one node | 64 GPUs, eight nodes |"
    yield "| --- | ---: | ---: | ---: |"
    for setup, own in sizes.items():
        passes = _passes(setup, own, sizes[SETUPS[0]])
        least = [samples_where_it_matters(own, gpus, machine, passes) / setup.segment for gpus in (8, 64)]
        yield f"| {setup.title} | {setup.segment:,} | {least[0]:.2f} | {least[1]:.2f} |"
    yield CLOSING


def _assumptions(machine: Machine) -> Iterator[str]:
    yield "# Many GPUs\n"
    yield OPENING.format(date=f"{datetime.now(UTC):%Y-%m-%d}", backward=BACKWARD)
    yield f"- {machine.flops / 1e12:.0f} TFLOP/s (bf16, dense), {machine.utilization:.0%} of them reached"
    yield f"- {machine.inside / 1e9:.0f} GB/s to the others of its node ({machine.gpus_a_node} GPUs)"
    yield f"- {machine.between / 1e9:.0f} GB/s to other nodes"


def _rows(setup: Setup, own: Size, teacher: Size, machine: Machine, hours: int) -> Iterator[str]:
    rate = mel_spec(setup.dialect).sample_rate
    for gpus, segments in ((8, setup.batch // 8), (64, setup.batch // 8), (64, 1)):
        one = step(own, segments * setup.segment, gpus, machine, _passes(setup, own, teacher))
        a_second = gpus * segments * setup.segment / (one.compute + one.exchange)
        once = hours * 3600 * rate / a_second / 3600
        whole = setup.steps * setup.batch * setup.segment / a_second / 3600
        yield (
            f"| {setup.title} | {gpus} | {segments} | {1e3 * one.compute:.1f} | {1e3 * one.exchange:.2f} | "
            f"{one.share:.1%} | {once:.2f} | {whole:.1f} |"
        )


def _passes(setup: Setup, own: Size, teacher: Size) -> float:
    """Of the student's own size: the teacher is heard once, with a gradient to its input alone."""
    return BACKWARD + (2 * teacher.flops / own.flops if setup.kind == "parallel-wavenet" else 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/scale.md"))
    output: Path = parser.parse_args().output
    output.write_text("\n".join(page()) + "\n")


if __name__ == "__main__":
    main()
