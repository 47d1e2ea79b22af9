"""Waves and recordings that the mel tests share."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from vocoder.audio import read

TESTS = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def golden() -> dict[str, Tensor]:
    """Waves in [-1, 1] and mels by the originators' programs, see tests/golden/mel/README.md."""
    return {
        name: torch.from_numpy(array / np.float32(32768) if array.dtype == np.int16 else array)
        for path in sorted((TESTS / "golden" / "mel").glob("*.npz"))
        for name, array in np.load(path).items()
    }


@pytest.fixture(scope="session")
def recordings() -> list[Tensor]:
    """Two sentences of LJ Speech at 22.05 kHz."""
    return [read(path)[0] for path in sorted((TESTS / "data").glob("*.flac"))]


@pytest.fixture(scope="session")
def speech(recordings: list[Tensor]) -> Tensor:
    return recordings[0]
