"""The container's files name what is there: sources to copy, settings, the ignored rest."""

import re
from pathlib import Path

import pytest
import yaml

from server.settings import Settings
from vocoder.checkpoints.voices import FOLDERS_VARIABLE

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = ROOT / "deploy" / "compose.yaml"


def test_every_copied_path_exists_and_is_sent_to_the_builder():
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    sources = [
        path
        for line in re.findall(r"^COPY ([^-].*)$", DOCKERFILE, re.MULTILINE)
        for path in line.split()[:-1]
    ]
    assert len(sources) > 3
    for source in sources:
        assert (ROOT / source).exists()
        assert source in allowed


@pytest.mark.parametrize("text", [DOCKERFILE, COMPOSE.read_text()], ids=["Dockerfile", "compose"])
def test_every_variable_is_a_setting(text):
    known = {f"VOCODER_{name.upper()}" for name in Settings.model_fields} | {FOLDERS_VARIABLE}
    named = set(re.findall(r"\bVOCODER_[A-Z_]+\b", text))
    assert named
    assert named <= known


def test_compose_builds_this_dockerfile_without_root():
    (service,) = yaml.safe_load(COMPOSE.read_text())["services"].values()
    assert (COMPOSE.parent / service["build"]["context"] / "Dockerfile").is_file()
    assert service["build"]["args"].keys() <= set(re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE))
    assert re.search(r"^USER [1-9]\d*$", DOCKERFILE, re.MULTILINE)
