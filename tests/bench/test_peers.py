"""Peers at their published sizes, raced in turns; without their packages they name the extra."""

import json
import sys

import pytest
import torch
from typer.testing import CliRunner

from vocoder.bench.peers import PEERS, race
from vocoder.checkpoints import load
from vocoder.cli import app
from vocoder.errors import InputError

PUBLISHED = {"vocos": 13.5e6, "hifi-gan": 13.92e6}
MODULES = {"vocos": "vocos", "hifi-gan": "transformers", "world": "pyworld"}


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_makes_the_samples_that_are_counted(name):
    if name in MODULES:
        pytest.importorskip(MODULES[name])
    with torch.inference_mode():
        work = PEERS[name](0.2)
        made = torch.as_tensor(work.speak())
    assert made.numel() == pytest.approx(work.samples, abs=2 * 256 if name == "world" else 0)
    assert work.samples == pytest.approx(0.2 * work.sample_rate, abs=256)
    assert work.parameters == pytest.approx(PUBLISHED.get(name, 0), rel=0.01)


def test_a_missing_peer_names_its_extra(voices, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyworld", None)
    found = race({"student": load("student")}, ["griffin-lim", "world"], seconds=0.2, runs=3)
    by_name = {entrant.name: entrant for entrant in found.entrants}
    assert "vocoder[peers]" in by_name["world"].missing
    assert by_name["world"].samples_per_second is None
    (ratio,) = found.ratios
    assert (ratio.voice, ratio.peer) == ("student", "griffin-lim")
    assert 0 < ratio.ratio.p5 <= ratio.ratio.p50 <= ratio.ratio.p95
    ours, theirs = (by_name[name].times_real_time for name in ("student", "griffin-lim"))
    assert ratio.ratio.p5 / 2 < ours / theirs < 2 * ratio.ratio.p95


def test_an_unknown_peer_is_refused(voices):
    with pytest.raises(InputError, match="griffin-lim"):
        race({"student": load("student")}, ["wavegrad"])
    with pytest.raises(InputError, match="no voice"):
        race({})


def test_the_command_ends_with_its_document(voices):
    options = ["--voice", "student", "--voice", "wide", "--peer", "griffin-lim", "--json"]
    sizes = ["--seconds", "0.2", "--runs", "1"]
    result = CliRunner().invoke(app, ["bench", "peers", *options, *sizes], env={"COLUMNS": "160"})
    assert result.exit_code == 0, (result.output, result.exception)
    document = json.loads(result.stdout)
    assert [row["voice"] for row in document["ratios"]] == ["student", "wide"]
    assert "60 iterations" in result.stderr
