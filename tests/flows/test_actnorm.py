import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from vocoder.errors import InputError
from vocoder.flows.actnorm import ActNorm

GOLDEN = Path(__file__).parents[1] / "golden" / "6_flows"


def double(*values):
    return [torch.from_numpy(np.asarray(value)) for value in values]


@pytest.mark.parametrize("shape", [(64, 3), (8, 3, 50), (4, 3, 7, 6)])
def test_first_training_batch_comes_out_standardized_a_channel(shape):
    flow = ActNorm(3)
    z, _ = flow.to_noise(5 + 3 * torch.randn(shape))
    channels = z.transpose(0, 1).flatten(1)
    assert torch.allclose(channels.mean(1), torch.zeros(3), atol=1e-5)
    assert torch.allclose(channels.std(1), torch.ones(3), atol=1e-5)


def test_initialisation_happens_once():
    flow = ActNorm(2)
    flow.to_noise(torch.randn(20, 2))
    before = flow.log_scale.clone()
    flow.to_noise(9 * torch.randn(20, 2) + 4)
    assert torch.equal(flow.log_scale, before)


def test_evaluation_does_not_initialise():
    flow = ActNorm(2).eval()
    x = 3 + torch.randn(20, 2)
    z, log_det = flow.to_noise(x)
    assert torch.equal(z, x)
    assert torch.equal(log_det, torch.zeros(20))
    assert not flow.initialized


def test_a_resumed_flow_keeps_what_it_learned():
    trained = ActNorm(2)
    trained.to_noise(3 + 2 * torch.randn(20, 2))
    resumed = ActNorm(2)
    resumed.load_state_dict(trained.state_dict())
    resumed.train().to_noise(100 * torch.randn(20, 2))
    assert torch.equal(resumed.log_scale, trained.log_scale)
    assert torch.equal(resumed.shift, trained.shift)


def test_a_silent_channel_is_centred_and_stays_finite():
    flow = ActNorm(2)
    x = torch.randn(16, 2)
    x[:, 1] = 0.3
    z, log_det = flow.to_noise(x)
    assert torch.allclose(z[:, 1], torch.zeros(16), atol=1e-6)
    assert flow.log_scale[1] == 0
    assert log_det.isfinite().all()


@pytest.mark.parametrize(
    ("batch", "found"),
    [(torch.full((4, 2), math.nan), "holds NaN"), (torch.zeros(2, 2, 0), r"has the shape \(2, 2, 0\)")],
)
def test_a_first_batch_without_finite_values_is_refused(batch, found):
    flow = ActNorm(2)
    with pytest.raises(InputError, match=found):
        flow.to_noise(batch)
    assert not flow.initialized


def test_agrees_with_normflows_which_adds_1e_6_to_the_standard_deviation():
    golden = np.load(GOLDEN / "normflows.npz")
    names = ("init_x", "x2", "y2", "logdet2", "s", "t")
    x, x2, y2, log_det2, s, t = double(*(golden[f"actnorm_{name}"] for name in names))
    flow = ActNorm(4).double()
    flow.to_noise(x)
    assert torch.allclose((-flow.log_scale).exp() + 1e-6, (-s.flatten()).exp(), atol=1e-12, rtol=0)
    flow.log_scale.data, flow.shift.data = s.flatten(), t.flatten()
    z2, log_det = flow.to_noise(x2)
    assert torch.allclose(z2, y2, atol=1e-12, rtol=0)
    assert torch.allclose(log_det, log_det2.expand(2), atol=1e-12, rtol=0)


def test_agrees_with_nflows():
    golden = np.load(GOLDEN / "nflows.npz")
    x, y, log_det0 = double(*(golden[f"actnorm_{k}"] for k in ("init_x", "init_y", "init_logdet")))
    flow = ActNorm(6).double()
    z, log_det = flow.to_noise(x)
    assert torch.allclose(z, y, atol=1e-12, rtol=0)
    assert torch.allclose(log_det, log_det0, atol=1e-12, rtol=0)
    x2, y2 = double(golden["actnorm_x2"], golden["actnorm_y2"])
    assert torch.allclose(flow.to_noise(x2)[0], y2, atol=1e-12, rtol=0)


RANK = """
import sys, torch, torch.distributed as dist
from vocoder.flows.actnorm import ActNorm
rank, store = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method="file://" + store, rank=rank, world_size=2)
flow = ActNorm(2)
flow.to_noise(10.0 * rank + torch.arange(8.0).view(4, 2))
print(flow.shift.tolist(), flow.log_scale.tolist(), flush=True)
dist.barrier()
dist.destroy_process_group()
"""


def test_all_ranks_take_the_moments_of_rank_0(tmp_path):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, str(rank), str(tmp_path / "store")],
            stdout=subprocess.PIPE,
            env=environment,
        )
        for rank in range(2)
    ]
    first, second = (process.communicate(timeout=120)[0] for process in ranks)
    alone = ActNorm(2)
    alone.to_noise(torch.arange(8.0).view(4, 2))
    assert first == second == f"{alone.shift.tolist()} {alone.log_scale.tolist()}\n".encode()
