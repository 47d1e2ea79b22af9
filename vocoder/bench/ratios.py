"""Speeds as ratios within one run, which a machine's own speed leaves alone; and whether one has got worse.

Every ratio is better when it is larger. `measure` gives them with the absolute figures that they come from,
which are kept to be looked at and never compared.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch

from vocoder.bench.flow_peers import SIZES, measure_peers
from vocoder.bench.operations import voice_macs
from vocoder.bench.peers import PEERS, race
from vocoder.bench.speed import varied_mel
from vocoder.bench.teacher import loop_rates
from vocoder.bench.timing import threads_of_torch, time_in_turns
from vocoder.checkpoints import load
from vocoder.errors import InputError, MissingExtra
from vocoder.models import Teacher, Vocoder, uncorrected

PRODUCT = 512
MARGIN = 2.0
LEAST_NOISE, MOST_NOISE = 0.1, 0.5
"""A baseline's noise is `MARGIN` times the width that its own runs had, within these bounds: a guard that was
written on a busy machine still sees a speed that halves."""


class Measured(NamedTuple):
    """Of one run, on one thread; `rates` are samples or multiply-accumulates a second."""

    ratios: dict[str, float]
    rates: dict[str, float]


class Verdict(NamedTuple):
    """One ratio beside its baseline; `here` is None where it was not measured, NaN where that went wrong."""

    name: str
    baseline: float
    noise: float
    here: float | None

    @property
    def checked(self) -> bool:
        return self.here is not None and math.isfinite(self.here)

    @property
    def change(self) -> float:
        """Relative to the baseline; NaN where it is not checked."""
        return math.nan if self.here is None else self.here / self.baseline - 1

    @property
    def worse(self) -> bool:
        return self.checked and self.change < -self.noise

    @property
    def better(self) -> bool:
        return self.checked and self.change > self.noise

    @property
    def said(self) -> str:
        if not self.checked:
            return "not checked" if self.here is None else "no number"
        return "slower" if self.worse else "faster" if self.better else ""


def measure(*, seconds: float = 2.0, runs: int = 5) -> Measured:
    """All ratios of the voices that are installed and the peers whose packages are; one run takes a minute.

    Raises:
        UnknownVoice: the student, the teacher or WaveGlow is missing.
        InputError: the teacher is of another kind.
    """
    voices = {name: load(name) for name in ("student", "teacher", "waveglow")}
    ratios, rates = _shares(voices, seconds, runs)
    teacher = uncorrected(voices["teacher"])
    if not isinstance(teacher, Teacher):
        raise InputError(f"the voice teacher must be of kind teacher, got {teacher.kind}")
    loops = loop_rates(teacher, runs=runs)
    ratios["teacher, compiled / eager loop"] = loops.ratios["compiled_to_eager"]
    for ratio in race(voices, list(PEERS), seconds=seconds, runs=runs).ratios:
        ratios[f"{ratio.voice} / {ratio.peer}"] = ratio.ratio.p50
    return Measured(ratios | _flows(), rates)


def _shares(
    voices: Mapping[str, Vocoder], seconds: float, runs: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Multiply-accumulates a second of each voice over those of a product of matrices, in turns."""
    left, right = torch.randn(2, PRODUCT, PRODUCT).unbind()
    works: dict[str, Callable[[], Any]] = {"product": partial(torch.mm, left, right)}
    samples, macs = {}, {}
    for name, voice in voices.items():
        mel = varied_mel(voice, 1, seconds)[0]
        works[name] = partial(voice.synthesize, mel)
        samples[name] = voice.mel_spec.num_samples(mel.shape[-1])
        macs[name] = sum(voice_macs(voice, mel).values()) * samples[name] / voice.sample_rate
    with threads_of_torch(1), torch.inference_mode():
        columns = time_in_turns(list(works.values()), runs, [torch.device("cpu")] * len(works))
    product, *others = columns
    ratios, rates = {}, {"product": PRODUCT**3 / statistics.median(product)}
    for name, times in zip(voices, others, strict=True):
        rates[name] = samples[name] / statistics.median(times)
        turns = zip(times, product, strict=True)
        ratios[f"{name} / product"] = statistics.median(
            macs[name] / taken / (PRODUCT**3 / beside) for taken, beside in turns
        )
    return Measured(ratios, rates)


def _flows() -> dict[str, float]:
    """Geometric means over the flows shared with each library; none where the libraries are not installed."""
    try:
        found = measure_peers(SIZES[:1], seconds=0.2)
    except MissingExtra:
        return {}
    peers = dict.fromkeys(row.peer for row in found)
    return {
        f"flows / {peer}": math.exp(
            statistics.fmean(-math.log(row.ratio) for row in found if row.peer == peer)
        )
        for peer in peers
    }


def to_baseline(runs: Sequence[Measured]) -> dict[str, Any]:
    """What the file holds of several runs: of each figure its median, least and most, of ratios the noise."""
    ratios = {name: _range([run.ratios[name] for run in runs]) for name in runs[0].ratios}
    rates = {name: _range([run.rates[name] for run in runs]) for name in runs[0].rates}
    for figures in ratios.values():
        width = (figures["high"] - figures["low"]) / figures["median"]
        figures["noise"] = min(MOST_NOISE, max(LEAST_NOISE, MARGIN * width))
    return {"runs": len(runs), "ratios": ratios, "rates": rates}


def compare(baseline: Mapping[str, Any], here: Mapping[str, float]) -> list[Verdict]:
    """Each ratio of the file beside that of here; raises `InputError` for a file of another form."""
    try:
        known = {name: (float(of["median"]), float(of["noise"])) for name, of in baseline["ratios"].items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"the baseline has no {error}: write it with vocoder bench check --update") from None
    for name, (median, noise) in known.items():
        if not (0 < median < math.inf and 0 <= noise < math.inf):
            raise InputError(
                f"the baseline's {name} is {median:g} ± {noise:.0%}, beside which nothing can be slower: "
                "write it with vocoder bench check --update"
            )
    return [Verdict(name, *of, here.get(name)) for name, of in known.items()]


def refuse(verdicts: Sequence[Verdict]) -> str | None:
    """Why the guard fails: a ratio that is worse or no number, or none at all that was checked."""
    worse = [verdict.name for verdict in verdicts if verdict.worse]
    broken = [v.name for v in verdicts if v.here is not None and not v.checked]
    found = []
    if worse:
        found.append(f"slower than the baseline allows: {'; '.join(worse)}")
    if broken:
        found.append(f"no number: {'; '.join(broken)}")
    if not any(verdict.checked for verdict in verdicts):
        found.append("no ratio of the baseline was checked")
    return ", ".join(found) or None


def _range(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}
