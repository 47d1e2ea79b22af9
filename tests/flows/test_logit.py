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


@pytest.mark.parametrize("alpha", [0.0, 0.05])
def test_inverse_and_log_det(alpha):
    flow = Logit(maximum=16.0, alpha=alpha)
    x = (16 * torch.rand(20, 1, dtype=torch.float64)).requires_grad_()
    z, log_det = flow.to_noise(x)
    back, log_det_back = flow.to_data(z)
    assert torch.allclose(back, x, rtol=1e-10)
    assert torch.allclose(log_det_back, -log_det, rtol=1e-10)
    (slope,) = torch.autograd.grad(z.sum(), x)
    assert torch.allclose(log_det, slope[:, 0].log(), rtol=1e-10)
