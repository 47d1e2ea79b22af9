"""The README says what is true: its tree, its commands, its code, its links."""

import re
from pathlib import Path

import pytest

from vocoder.cli import commands

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    return [body for name, body in BLOCKS if name == language]


def test_the_tree_is_the_tree() -> None:
    (tree,) = [block for block in blocks("") if block.startswith("vocoder/")]
    folder = ""
    for line in tree.splitlines():
        name = line.split()[0]
        folder = "" if not line.startswith(" ") else folder
        assert (ROOT / folder / name).is_dir(), name
        folder = name if not line.startswith(" ") else folder


def test_every_command_exists() -> None:
    named = set(re.findall(r"^vocoder (\w[\w-]*)", "\n".join(blocks("")), re.MULTILINE))
    assert named
    assert named <= set(commands())


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make ([a-z-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("code", blocks("python"))
def test_the_code_runs(code: str) -> None:
    exec(compile(code, "README.md", "exec"), {})
