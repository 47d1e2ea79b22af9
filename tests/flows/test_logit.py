import math

import pytest
import torch

from vocoder.flows.logit import Logit


def test_the_middle_of_the_range_goes_to_zero():
    z, log_det = Logit(maximum=16.0).to_noise(torch.full((1, 1), 8.0))
    assert z.item() == pytest.approx(0, abs=1e-6)
    assert log_det.item() == pytest.approx(math.log(0.9 / 16 * 4), rel=1e-6)


def test_the_edges_stay_finite():
    z, log_det = Logit(maximum=16.0).to_noise(torch.tensor([[0.0], [16.0]]))
    assert torch.allclose(z.sigmoid(), torch.tensor([[0.05], [0.95]]))
    assert log_det.isfinite().all()


def test_far_noise_keeps_its_log_det():
    _, log_det = Logit(alpha=0.0).to_data(torch.tensor([[-200.0], [200.0]]))
    assert torch.allclose(log_det, torch.tensor([-200.0, -200.0]))
