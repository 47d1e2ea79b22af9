"""What a test came to: tables for people, JSON and CSV for programs."""

import csv
import io
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from server.listening.definition import Kind, ListeningTest
from server.listening.results import CONFIDENCE, Summary, screen, summaries
from server.listening.store import Rating

if TYPE_CHECKING:
    from rich.table import Table

FORMAT = 1


def to_json(test: ListeningTest, ratings: list[Rating]) -> dict[str, Any]:
    """Both tests: conditions, the best first; who is left out of MUSHRA. NaN is null."""
    screened = screen(ratings)
    left_out = {each.listener for each in screened}
    result: dict[str, Any] = {
        "format": FORMAT,
        "title": test.title,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "clips": len(test.clips),
        "listeners": len({rating.listener for rating in ratings}),
        "confidence": CONFIDENCE,
    }
    if Kind.MOS in test.kinds:
        result["mos"] = [_plain(s) for s in summaries(r for r in ratings if r.kind is Kind.MOS)]
    if Kind.MUSHRA in test.kinds:
        counted = [r for r in ratings if r.kind is Kind.MUSHRA and r.listener not in left_out]
        result["mushra"] = [_plain(s) for s in summaries(counted)]
        result["left_out"] = [each._asdict() for each in screened]
    return result


def to_tables(result: dict[str, Any]) -> "list[Table]":
    """MOS with its interval, as papers print it; MUSHRA by medians."""
    from rich.table import Table

    tables = []
    if "mos" in result:
        table = Table("condition", "MOS", "ratings", "listeners", title="Mean opinion score, 1 to 5")
        for row in result["mos"]:
            counts = (str(row["ratings"]), str(row["listeners"]))
            table.add_row(row["condition"], _mean(row, 2), *counts)
        tables.append(table)
    if "mushra" in result:
        columns = ("condition", "median", "quartiles", "mean", "ratings", "listeners")
        table = Table(*columns, title="MUSHRA, 0 to 100")
        for row in result["mushra"]:
            quartiles = f"{row['lower_quartile']:.0f} to {row['upper_quartile']:.0f}"
            cells = (
                f"{row['median']:.0f}",
                quartiles,
                _mean(row, 1),
                str(row["ratings"]),
                str(row["listeners"]),
            )
            table.add_row(row["condition"], *cells)
        tables.append(table)
    return tables


def to_csv(ratings: list[Rating]) -> str:
    """A line a rating: listener, name, kind, trial, clip, condition, value, time (seconds since 1970)."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(Rating._fields)
    writer.writerows(rating._replace(name=_harmless(rating.name)) for rating in ratings)
    return text.getvalue()


def _harmless(name: str) -> str:
    """What a spreadsheet would compute is text again: strangers type their names."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name


def _mean(row: dict[str, Any], digits: int) -> str:
    interval = "" if row["margin"] is None else f" ± {row['margin']:.{digits}f}"
    return f"{row['mean']:.{digits}f}{interval}"


def _plain(summary: Summary) -> dict[str, Any]:
    values = summary._asdict().items()
    return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in values}
