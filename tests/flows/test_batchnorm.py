"""Training and evaluation of the running batch norm."""

import pytest
import torch

from vocoder.flows import BatchNorm


@pytest.fixture
def trained() -> BatchNorm:
    """Three channels that have seen one batch, with gain and shift away from zero."""
    torch.manual_seed(0)
    flow = BatchNorm(3, momentum=0.25).double()
    flow.to_noise(2 * torch.randn(64, 3, 2, 2, dtype=torch.float64) + 1)
    torch.nn.init.normal_(flow.log_gain)
    torch.nn.init.normal_(flow.shift)
    return flow


def batch() -> torch.Tensor:
    return torch.randn(16, 3, 2, 2, dtype=torch.float64)


def test_first_training_batch_is_whitened():
    torch.manual_seed(0)
    z, _ = BatchNorm(3, eps=0.0).double().to_noise(5 * batch() - 2)
    variance, mean = torch.var_mean(z, dim=(0, 2, 3), correction=0)
    torch.testing.assert_close(mean, torch.zeros(3).double())
    torch.testing.assert_close(variance, torch.ones(3).double())


def test_moments_move_by_the_momentum(trained):
    before, x = trained.running_mean.clone(), batch()
    trained.to_noise(x)
    torch.testing.assert_close(trained.running_mean, 0.75 * before + 0.25 * x.mean((0, 2, 3)))


@pytest.mark.parametrize("training", [True, False])
def test_log_det_is_the_slope_of_the_map_that_was_applied(trained, training):
    x = batch()
    z, log_det = trained.train(training).to_noise(x)
    slope = (z[1] - z[0]) / (x[1] - x[0])  # affine, one slope a channel
    torch.testing.assert_close(slope.log().sum().expand(16), log_det)


def test_to_data_undoes_the_last_training_step(trained):
    x = batch()
    z, log_det = trained.to_noise(x)
    returned, log_det_back = trained.to_data(z)
    torch.testing.assert_close(returned, x)
    torch.testing.assert_close(log_det_back, -log_det)


def test_evaluation_leaves_the_moments_alone(trained):
    before = trained.running_mean.clone(), trained.running_variance.clone()
    trained.eval().to_noise(batch())
    assert torch.equal(trained.running_mean, before[0])
    assert torch.equal(trained.running_variance, before[1])


def test_gradients_flow_through_the_share_of_this_batch(trained):
    """With the gain at one, z of a batch moved as a whole by d moves by (1 - momentum) d / σ."""
    torch.nn.init.zeros_(trained.log_gain)
    x = batch().requires_grad_()
    z, _ = trained.to_noise(x)
    (gradient,) = torch.autograd.grad(z.mean(), x)
    sigma = (trained.running_variance + trained.eps).sqrt()
    moved_together = gradient.sum((0, 2, 3))
    mean_alone = 0.75 / (3 * sigma)
    deviation = moved_together - mean_alone  # what the variance adds: nothing, a shift does not change it
    torch.testing.assert_close(deviation, torch.zeros(3).double(), rtol=0, atol=1e-12)
