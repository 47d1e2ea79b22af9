from pathlib import Path

import pytest
from torch import Tensor

from vocoder.audio import read

DATA = Path(__file__).parent.parent / "data"


@pytest.fixture(scope="session")
def recording() -> Path:
    """A sentence of LJ Speech: 1.9 s at 22.05 kHz, 16 bit."""
    return DATA / "LJ001-0002.flac"


@pytest.fixture(scope="session")
def speech(recording) -> Tensor:
    return read(recording)[0]
