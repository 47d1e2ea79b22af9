"""Degraded speech with the scores that other people's programs gave it (golden folder 7_metrics)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

GOLDEN = Path(__file__).parent.parent / "golden" / "7_metrics"
DEGRADATIONS = ("white20dB", "white5dB", "lowpass2500")
RATE = 22_050


@pytest.fixture(scope="session")
def scores() -> dict[str, Any]:
    return json.loads((GOLDEN / "scores.json").read_text())


@pytest.fixture(scope="session")
def tracks() -> dict[str, np.ndarray]:
    """F0 tracks and mel-cepstra."""
    return dict(np.load(GOLDEN / "f0_mcep.npz"))


@pytest.fixture(scope="session")
def waves() -> dict[str, np.ndarray]:
    """`sr{rate}_{name}`: float64 waves in [-1, 1]."""
    return {name: pcm / 32768 for name, pcm in np.load(GOLDEN / "waves.npz").items()}


@pytest.fixture(scope="session")
def speech(waves: dict[str, np.ndarray]) -> Tensor:
    """2.1 s of LJSpeech at 22.05 kHz."""
    return torch.from_numpy(waves[f"sr{RATE}_ref"]).float()


@pytest.fixture(scope="session")
def noisy(waves: dict[str, np.ndarray]) -> Tensor:
    """The same with white noise 20 dB below it."""
    return torch.from_numpy(waves[f"sr{RATE}_white20dB"]).float()


@pytest.fixture(params=DEGRADATIONS)
def degradation(request: pytest.FixtureRequest) -> str:
    return request.param
