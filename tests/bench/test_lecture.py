"""The lecture's rows: the slow loops make the samples of the fast one, the page says what was measured."""

import json
from pathlib import Path

import pytest
import torch

from vocoder.bench.lecture import _drawn, lecture_rows, naive, queued
from vocoder.bench.lecture_page import write_page
from vocoder.bench.teacher import told_of
from vocoder.config import read_config
from vocoder.errors import InputError
from vocoder.mel import DIALECTS
from vocoder.models import WaveNetVocoder, WaveNetVocoderConfig

ROOT = Path(__file__).parents[2]


@pytest.fixture
def voice() -> WaveNetVocoder:
    torch.manual_seed(0)
    sizes = {
        "kind": "wavenet",
        "whitening": None,
        "upsampler": {"form": "linear", "scales": [256]},
        "wavenet": {"layers": 4, "residual_channels": 8, "gate_channels": 16, "skip_channels": 8},
        "output": {"family": "logistic", "components": 2},
    }
    model = WaveNetVocoder(WaveNetVocoderConfig.model_validate(sizes), DIALECTS["nvidia"])
    torch.nn.init.normal_(model.wavenet.head[-1].weight, std=0.3)
    return model.eval().requires_grad_(False)


def test_the_loop_with_queues_makes_what_one_pass_predicts(voice):
    """Its samples, seen by the whole network at once, are again what is drawn from what that predicts."""
    samples = queued(voice, 300)
    padded = torch.nn.functional.pad(samples, (0, 512 - 300))
    parameters = voice.predict(padded, told_of(voice, 2))[..., :300]
    drawn = torch.cat([_drawn(voice.output.density(parameters[..., t : t + 1])) for t in range(300)], dim=1)
    torch.testing.assert_close(drawn, samples, rtol=0, atol=1e-4)


def test_the_loop_without_queues_sees_all_that_came_before(voice):
    first, second = naive(voice, 2)[0]
    assert first != second
    assert torch.equal(naive(voice, 1)[0, 0], first)


def test_no_sizes_no_rows(tmp_path):
    with pytest.raises(InputError, match="--configs"):
        next(lecture_rows({}, tmp_path, seconds=1.0, runs=1))


def test_the_page_says_what_was_measured(tmp_path):
    row = {
        "family": "autoregressive",
        "what": "WaveNet, naive",
        "parameters": 1,
        "samples_per_second": 0.5,
        "slowest": 0.4,
        "fastest": 0.6,
        "times_real_time": 2e-5,
    }
    fast = row | {"family": "distilled", "what": "student", "samples_per_second": 1.5e6}
    found = {
        "date": "2026-11-27T00:00:00",
        "machine": {"processor": "A processor", "cores": 2},
        "versions": {"torch": "2.11.0"},
        "runs": 5,
        "rows": [row, fast],
    }
    (tmp_path / "lecture-cpu.json").write_text(json.dumps(found))
    measures = {"pesq": {"mean": 3.1, "low": 3.0, "high": 3.2}}
    page = write_page(
        tmp_path,
        ROOT / "docs" / "flows" / "directions.json",
        {"student": {"student": measures, "recording": measures}},
        tmp_path / "page.md",
    ).read_text()
    assert "| distilled | student | 1,500,000 (0.4 … 0.6) | 2e-05 | 3,000,000 |" in page
    assert "3.10 (3.00 … 3.20)" in page
    assert "172 samples/s" in page
    assert "| MAF |" in page


def test_published_sizes_are_where_the_command_looks():
    config = read_config(WaveNetVocoderConfig, ROOT / "configs" / "model" / "teacher" / "paper.yaml")
    assert config.wavenet.layers == 30
