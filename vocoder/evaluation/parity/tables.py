"""The rows of a result of `report.to_json`, and its tables for a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from vocoder.evaluation.parity.by_sound import FIGURES
from vocoder.evaluation.report import ARROWS
from vocoder.evaluation.statistics import CONFIDENCE

SOUND_DECIMALS = 2
NONE = "–"


def measure_heading(result: Mapping[str, Any]) -> list[str]:
    return ["measure", *result["voices"], "difference", "utterances", "speakers", "verdict"]


def measure_rows(result: Mapping[str, Any]) -> list[list[str]]:
    """A row a measure that both voices have on some utterance."""
    rows = []
    for measure in result["measures"].values():
        if measure["difference"]["clips"]:
            unit = f" [{measure['unit']}]" if measure["unit"] else ""
            label = f"{measure['label']}{unit} {ARROWS[measure['better']]}"
            rows.append([label, *paired_cells(measure, measure["decimals"])])
    return rows


def sound_heading(result: Mapping[str, Any], division: str) -> list[str]:
    return [division, "share", "figure [dB]", *measure_heading(result)[1:]]


def sound_rows(result: Mapping[str, Any], division: str) -> list[list[str]]:
    """A row a class and figure."""
    return [
        [
            name,
            f"{sound['share']:.0%}",
            f"{figure.label} {ARROWS[figure.better]}",
            *paired_cells(sound[figure.name], SOUND_DECIMALS),
        ]
        for name, sound in result["sounds"][division]["classes"].items()
        for figure in FIGURES
    ]


def paired_cells(paired: Mapping[str, Any], decimals: int) -> list[str]:
    """Means, the difference with its interval, utterances, speakers, verdict; "–" where there is none."""
    difference, speakers = paired["difference"], paired["speakers"]
    if not difference["clips"]:
        return [NONE, NONE, NONE, "0", "0", NONE]
    means = [f"{paired[voice]:.{decimals}f}" for voice in ("first", "second")]
    said = paired["verdict"] if speakers > 1 else f"{paired['verdict']} (over utterances)"
    return [*means, interval(difference, decimals), str(difference["clips"]), str(speakers), said]


def interval(difference: Mapping[str, Any], decimals: int) -> str:
    """A mean difference with its sign, and its interval where it has one."""
    mean = f"{difference['mean']:+.{decimals}f}"
    if difference["low"] is None:
        return mean
    return f"{mean} ({difference['low']:+.{decimals}f} … {difference['high']:+.{decimals}f})"


def to_tables(result: Mapping[str, Any]) -> list[Table]:
    """One of the measures, one of each division of sounds that could divide a recording."""
    first, second = result["voices"]
    title = f"{first} against {second}, with {CONFIDENCE:.0%} intervals over speakers"
    tables = [_table(title, measure_heading(result), measure_rows(result))]
    for division, sounds in result["sounds"].items():
        if sounds["utterances"]:
            title = f"By {division}, utterances: {sounds['utterances']}, speakers: {sounds['speakers']}"
            tables.append(_table(title, sound_heading(result, division), sound_rows(result, division)))
    return tables


def _table(title: str, heading: list[str], rows: list[list[str]]) -> Table:
    table = Table(title=title)
    for name in heading:
        table.add_column(name)
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    return table
