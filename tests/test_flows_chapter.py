"""docs/flows.md says what is true: its code, its links, and that it leaves no flow out."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

import vocoder.flows

ROOT = Path(__file__).parent.parent
CHAPTER = ROOT / "docs" / "flows.md"


class Block(NamedTuple):
    """The code of one ```python block, and its first line in the chapter."""

    heading: str
    line: int
    code: str

    def run(self, namespace: dict[str, Any]) -> None:
        lines_before = "\n" * (self.line - 1)  # so that a traceback names the chapter's own lines
        exec(compile(lines_before + self.code, str(CHAPTER), "exec"), namespace)


def read_blocks(text: str) -> Iterator[Block]:
    heading, line, code = "", 0, None
    for number, content in enumerate(text.splitlines(), start=1):
        if code is not None and content == "```":
            yield Block(heading, line, "\n".join(code))
            code = None
        elif code is not None:
            code.append(content)
        elif content == "```python":
            line, code = number + 1, []
        elif content.startswith("## "):
            heading = content.removeprefix("## ")


TEXT = CHAPTER.read_text()
BLOCKS = list(read_blocks(TEXT))
HEADINGS = list(dict.fromkeys(block.heading for block in BLOCKS))


@pytest.fixture
def default_dtype() -> Iterator[None]:
    """The chapter computes in float64 by default; the other tests do not."""
    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)


@pytest.mark.usefixtures("default_dtype")
@pytest.mark.parametrize("heading", HEADINGS)
def test_the_code_runs(heading: str) -> None:
    namespace: dict[str, Any] = {"__name__": "chapter"}
    for block in BLOCKS:
        if block.heading in (HEADINGS[0], heading):
            block.run(namespace)


def test_every_block_is_found() -> None:
    assert len(BLOCKS) == TEXT.count("```python") > 0


@pytest.mark.parametrize("name", vocoder.flows.__all__)
def test_every_flow_is_in_the_chapter(name: str) -> None:
    assert re.search(rf"\b{name}\b", TEXT)


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", TEXT):
        assert (CHAPTER.parent / target).exists(), target
