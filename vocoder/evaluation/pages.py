"""What the written pages share: a table, and the machine that measured."""

from collections.abc import Iterable

import torch

from vocoder.evaluation.report import machine


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """The lines of a table in Markdown."""
    head = list(head)
    return [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]


def describe_machine() -> str:
    """Processor, cores and torch, for the page of a measurement."""
    here = machine()
    return f"{here['processor']}, {here['cores']} cores, torch {torch.__version__.split('+')[0]}"
