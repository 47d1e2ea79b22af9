import pytest
import torch

from vocoder.mel import DIALECTS
from vocoder.models import Student, StudentConfig

SMALL = {"hidden": 8, "layers": 3, "lookahead": 1}


@pytest.fixture(scope="session")
def student() -> Student:
    """A small student with random weights everywhere, also where training begins with zeros."""
    torch.manual_seed(0)
    config = StudentConfig.model_validate(
        {"pitch": SMALL, "filters": SMALL, "num_bands": 16, "num_taps": 128}
    )
    model = Student(config, DIALECTS["nvidia"])
    torch.nn.init.normal_(model.filters.network.last.weight, std=0.1)
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def mel() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return 0.5 * torch.randn(80, 40, generator=generator) - 4.0
