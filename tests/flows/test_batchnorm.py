"""Training and evaluation of the running batch norm."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vocoder.errors import InputError
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


def test_an_empty_batch_moves_nothing(trained):
    before = trained.running_mean.clone()
    with pytest.raises(InputError, match=r"\(0, 3, 2, 2\) has no values"):
        trained.to_noise(batch()[:0])
    assert torch.equal(trained.running_mean, before)
    assert trained.eval().to_noise(batch()[:0])[0].shape == (0, 3, 2, 2)


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


RANK = """
import os, sys, torch, torch.distributed as dist
from vocoder.flows.batchnorm import BatchNorm

def whiten(rank, store):
    torch.manual_seed(0)
    x = torch.randn(8, 2, 3, dtype=torch.float64).add(torch.arange(8.0).view(8, 1, 1))
    share = x[4 * rank : 4 * rank + 4].requires_grad_()
    flow = BatchNorm(2).double()
    z, log_det = flow.to_noise(share)
    (z.pow(3).sum() + log_det.sum()).backward()
    torch.save((z.detach(), share.grad, flow.running_variance), f"{store}-{rank}")

rank, store = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method="file://" + store, rank=rank, world_size=2)
whiten(rank, store)  # its graph holds the group: gone before the group is
dist.barrier()
dist.destroy_process_group()
os._exit(0)  # the group is gone; now and then torch aborts after that, at the interpreter's end
"""


def test_two_ranks_are_one_batch(tmp_path):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    store = str(tmp_path / "store")
    ranks = [
        subprocess.Popen([sys.executable, "-c", RANK, str(rank), store], env=environment) for rank in range(2)
    ]
    assert [process.wait(timeout=120) for process in ranks] == [0, 0]
    first, second = (torch.load(f"{store}-{rank}", weights_only=True) for rank in range(2))
    torch.manual_seed(0)
    x = torch.randn(8, 2, 3, dtype=torch.float64).add(torch.arange(8.0).view(8, 1, 1)).requires_grad_()
    alone = BatchNorm(2).double()
    z, log_det = alone.to_noise(x)
    (z.pow(3).sum() + log_det.sum()).backward()
    torch.testing.assert_close(torch.cat([first[0], second[0]]), z.detach())
    torch.testing.assert_close(torch.cat([first[1], second[1]]), x.grad)
    torch.testing.assert_close(first[2], alone.running_variance)
