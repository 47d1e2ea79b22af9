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
        "utterances of one are not independent (cluster-robust, Liang and Zeger 1986); of figures of a single",
        "speaker it is over utterances, and the verdict says so. Few speakers make it wide, speakers of unequal",
        "numbers of utterances narrow: of 13 with 1 to 12 each it holds the mean 89 to 93 times in 100. The",
        f"verdict is on `{first}`: no difference is shown where the interval holds zero. Each interval stands",
        "for itself: of twenty between equal voices, one is expected to leave out zero by chance.",
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
    missing = [m["label"] for m in result["measures"].values() if not m["difference"]["clips"]]
    return [f"Without a figure of both voices: {', '.join(missing)}.", ""] if missing else []


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
