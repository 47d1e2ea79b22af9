"""What the written pages share: a table, and the machine that measured."""

import os
import platform
from pathlib import Path

import torch


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of a table in Markdown."""
    return [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]


def describe_machine() -> str:
    """Processor, cores and torch, for the page of a measurement."""
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line
        ]
        processor = next(iter(models), processor)
    return f"{processor}, {os.cpu_count()} cores, torch {torch.__version__.split('+')[0]}"
