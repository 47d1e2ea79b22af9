"""The page of a comparison: what the figures say, and the figures."""

from collections.abc import Mapping
from typing import Any

from vocoder.evaluation.pages import table
from vocoder.evaluation.parity.by_sound import FIGURES
from vocoder.evaluation.parity.prose import of_measures, of_sounds
from vocoder.evaluation.parity.tables import measure_heading, measure_rows, sound_heading, sound_rows


def page_of(result: Mapping[str, Any]) -> str:
    """The Markdown page of a result of `report.to_json`."""
    first, second = result["voices"]
    divided = [name for name, sounds in result["sounds"].items() if sounds["utterances"]]
    lines = [
        *_head(result),
        of_measures(result),
        "",
        *(line for division in divided for line in (of_sounds(result, division), "")),
        f"A difference is `{first}` less `{second}` on the same utterance, averaged over utterances; where",
        "zero is best (→0), of the distances from zero. Its 95 % interval is Student's t over speakers, as",
        "utterances of one are not independent (cluster-robust, Liang and Zeger 1986); of figures of a",
        "single speaker it is over utterances, and the verdict says so. Few speakers make it wide, speakers",
        "of unequal numbers of utterances narrow: of 13 with 1 to 12 each it holds the mean 89 to 93 times",
        f"in 100. The verdict is on `{first}`: no difference is shown where the interval holds zero. Each",
        "interval stands for itself: of twenty between equal voices, one or two are expected to leave out",
        "zero by chance.",
        "",
        "## Measures",
        "",
        *table(measure_heading(result), measure_rows(result)),
        "",
        *_without(result),
        *(line for division in divided for line in _sounds(result, division)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _head(result: Mapping[str, Any]) -> list[str]:
    first, second = result["voices"]
    machine, heard = result["machine"], [u for u in result["utterances"] if not u["error"]]
    speakers = len({utterance["speaker"] for utterance in heard})
    return [
        f"# {first[0].upper()}{first[1:]} and {second}, side by side",
        "",
        f"`{result['command']}`;",
        f"{result['date'][:10]}; utterances: {len(heard)}, speakers: {speakers}; {machine['processor']}, "
        f"{machine['cores']} cores.",
        "",
    ]


def _without(result: Mapping[str, Any]) -> list[str]:
    """Measures that no difference is of, and those that one voice has not where the other has them."""
    missing = [m["label"] for m in result["measures"].values() if not m["difference"]["clips"]]
    lines = [f"Without a figure of both voices: {', '.join(missing)}.", ""] if missing else []
    alone = [
        f"{m['label']} (`{voice}` on {count})"
        for name, m in result["measures"].items()
        if m["difference"]["clips"]
        for voice in result["voices"]
        if (count := _lacking(result, name, voice))
    ]
    told = f"Left out of a difference, as one voice alone has no figure: {', '.join(alone)}."
    return [*lines, told, ""] if alone else lines


def _lacking(result: Mapping[str, Any], measure: str, voice: str) -> int:
    """On how many utterances the other voice has the measure, and this one has not."""
    (other,) = (name for name in result["voices"] if name != voice)
    rows = [row["values"] for row in result["utterances"] if not row["error"]]
    return sum(row[voice].get(measure) is None and row[other].get(measure) is not None for row in rows)


def _sounds(result: Mapping[str, Any], division: str) -> list[str]:
    sounds = result["sounds"][division]
    return [
        f"## By {division}",
        "",
        f"{sounds['meaning']}. Utterances: {sounds['utterances']}, speakers: {sounds['speakers']}.",
        *(f"{figure.label[0].upper()}{figure.label[1:]}: {figure.meaning}." for figure in FIGURES),
        "",
        *table(sound_heading(result, division), sound_rows(result, division)),
        "",
    ]
