"""How voices sound against the compute in them: measures of the same clips, and what is lacking in them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from training.scaling.curves import Curve
from training.scaling.h200 import HOURS, cost
from training.scaling.law import MIN_POINTS
from training.scaling.study import FittedCurve, Forecast, fit_curve, forecast
from training.spent import Spent, spent
from training.voices_comparison import own_figures
from vocoder.checkpoints import CheckpointInfo
from vocoder.evaluation import MEASURES
from vocoder.evaluation.pages import table

MEASURED = ("pesq", "estoi", "dnsmos")
RECORDING = "recording"


class Sound(NamedTuple):
    """One voice: its kind, what its training took, its figures and those of the recordings."""

    name: str
    kind: str
    spent: Spent
    figures: dict[str, float]
    recording: dict[str, float]

    @property
    def cost(self) -> float:
        """CPU-seconds, or what stands for them."""
        return cost(self.spent)

    def lacks(self, measure: str) -> float:
        """How far it is from the recordings."""
        return self.recording[measure] - self.figures[measure]


def sounds(infos: Mapping[str, CheckpointInfo], title: str) -> list[Sound]:
    """The voices that were measured on the list `title`, by kind and then by cost."""
    found = []
    for name, info in infos.items():
        if title not in info.figures:
            continue
        systems = info.figures[title]["systems"]
        own, recording = (
            {key: system[key]["mean"] for key in MEASURED if key in system}
            for system in (own_figures(systems), systems[RECORDING])
        )
        if len(own) == len(recording) == len(MEASURED):
            found.append(Sound(name, info.kind, spent(info.training), own, recording))
    return sorted(found, key=lambda sound: (sound.kind, sound.cost))


def laws(found: Sequence[Sound]) -> list[FittedCurve]:
    """What is lacking by kind and measure, where there are points for a law and all lack something."""
    fitted = []
    for kind in dict.fromkeys(sound.kind for sound in found):
        group = [sound for sound in found if sound.kind == kind]
        for measure in MEASURED:
            lacking = [sound.lacks(measure) for sound in group]
            if len({sound.cost for sound in group}) >= MIN_POINTS and min(lacking) > 0:
                curve = Curve(kind, measure, [sound.cost for sound in group], lacking)
                fitted.append(fit_curve(curve))
    return fitted


def section(infos: Mapping[str, CheckpointInfo], title: str) -> list[str]:
    """Markdown; nothing where no voice was measured on that list."""
    found = sounds(infos, title)
    if not found:
        return []
    heads = ["voice", "kind", "CPU-hours", "GPU-minutes", *(MEASURES[key].label for key in MEASURED)]
    rows = [
        [
            s.name,
            s.kind,
            f"{s.spent.cpu_hours:.2f}",
            f"{s.spent.gpu_minutes:.1f}",
            *(_shown(key, s.figures[key]) for key in MEASURED),
        ]
        for s in found
    ]
    lines = [
        "## How they sound",
        "",
        f"Every voice measured on the list *{title}*, those that do not ship too. Within a kind the recipes",
        "differ (speakers, augmentation, a filter or none), and each was corrected as voices were on the day",
        "it was measured: compute is not all that changes. Runs that shared a GPU have its minutes each.",
        "",
        *table(heads, rows),
        "",
    ]
    return lines + _forecasts(laws(found))


def _forecasts(fitted: Sequence[FittedCurve]) -> list[str]:
    if not fitted:
        return []
    heads = ["kind", "what is lacking in", "points", "law helps"]
    rows = []
    for one in fitted:
        measure = one.curve.label
        foreseen = [forecast(one, hours) for hours in HOURS]
        rows.append(
            [
                one.curve.name,
                MEASURES[measure].label,
                str(len(one.curve.costs)),
                "yes" if one.holds else "no",
                *(_lacking(measure, each) for each in foreseen),
            ]
        )
    return [
        "The law for the distance from the recordings, at hours of an H200 (worth as above), 90 % of laws.",
        "A law *helps* if its first half said more of the rest than that nothing changes.",
        "",
        *table([*heads, *(f"{hours:g} h" for hours in HOURS)], rows),
        "",
    ]


def _lacking(measure: str, foreseen: Forecast) -> str:
    return f"{_shown(measure, foreseen.range.low)} … {_shown(measure, foreseen.range.high)}"


def _shown(measure: str, figure: float) -> str:
    return f"{figure:.{MEASURES[measure].decimals}f}"
