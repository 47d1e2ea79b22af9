"""The compiled loop, once a sample: the naive one's samples, at any chunking."""

import numpy as np
import pytest
import torch
from torch import Tensor

from vocoder.distributions import Mixture, mu_law_dequantize
from vocoder.distributions.output import OutputConfig
from vocoder.errors import InputError
from vocoder.networks.autoregressive import Delayed
from vocoder.networks.wavenet import WaveNet
from vocoder.networks.wavenet_kernels import tanh
from vocoder.networks.wavenet_sampler import WaveNetSampler
from vocoder.noise import logistic_noise, uniform_noise

BLOCK, LENGTH = 16, 96
CASES = [
    {"kernel_size": 2, "family": "logistic", "components": 1, "step": 1},
    {"kernel_size": 3, "family": "gaussian", "components": 4, "step": 1},
    {"kernel_size": 3, "family": "logistic", "components": 3, "step": 8},
    {"kernel_size": 2, "family": "logistic", "components": 10, "step": 16},
    {"kernel_size": 2, "family": "gaussian", "components": 2, "step": 8, "floor": 0.15},
]
EVERY_CASE = pytest.mark.parametrize("case", CASES)


def make(case: dict) -> tuple[WaveNet, OutputConfig, WaveNetSampler, Tensor]:
    """A network, its output, its sampler, a context."""
    torch.manual_seed(0)
    output = OutputConfig(family=case["family"], components=case["components"])
    network = WaveNet(
        256 if output.categorical else 1,
        output.num_parameters,
        causal=True,
        kernel_size=case["kernel_size"],
        num_layers=5,
        dilation_cycle=3,
        residual_channels=12,
        gate_channels=20,
        skip_channels=9,
        head_channels=11,
        context_channels=4,
        context_step=case["step"],
        variance_preserving=True,
    )
    torch.nn.init.normal_(network.head[-1].weight, std=0.3)
    output.initialize(network.head[-1])
    network.requires_grad_(False)
    sampler = WaveNetSampler(
        network,
        block=BLOCK,
        output=output,
        density_floor=case.get("floor", 0.0),
        classes=mu_law_dequantize(torch.arange(256)) if output.categorical else None,
        silence=127 if output.categorical else 0,
    )
    rows = LENGTH if case["step"] == 1 else LENGTH // case["step"] + 1
    return network, output, sampler, torch.randn(2, 4, rows)


def draws() -> tuple[Tensor, Tensor]:
    return logistic_noise([1, 2], 0, LENGTH), uniform_noise([1, 2], 0, LENGTH, lane=1)


@EVERY_CASE
def test_the_samples_are_those_of_one_pass_a_sample(case):
    network, output, sampler, context = make(case)
    noise, uniform = draws()
    floor = case.get("floor", 0.0)

    def element(step, parameters):
        density, now = output.density(parameters[:, :, 0, None]), (slice(None), step[-1], None)
        if isinstance(density, Mixture):
            return density.from_noise(uniform[now], noise[now], floor)
        return density.from_noise(noise[now], floor)

    naive = super(Delayed, delayed := Delayed(network, output.num_parameters)).generate(
        element, torch.zeros(2, 1, LENGTH), context
    )
    assert delayed.network is network
    samples, _ = sampler.sample(noise, uniform, context, sampler.start(2))
    torch.testing.assert_close(samples, naive[:, 0], rtol=0, atol=1e-4)


def test_classes_are_exactly_those_of_one_pass_a_sample():
    network, output, sampler, context = make(
        {"kernel_size": 3, "family": "categorical", "components": 1, "step": 1}
    )
    _, uniform = draws()
    shown = torch.zeros(2, 256, LENGTH)
    shown[:, 127, 0] = 1
    classes = []
    for t in range(LENGTH):
        density = output.density(network(shown, context)[:, :, t : t + 1])
        classes.append(density.choose(uniform[:, t : t + 1])[:, 0])
        if t + 1 < LENGTH:
            shown[range(2), classes[-1], t + 1] = 1
    samples, _ = sampler.sample(torch.zeros(2, LENGTH), uniform, context, sampler.start(2))
    assert torch.equal(samples, mu_law_dequantize(torch.stack(classes, dim=1)))


@EVERY_CASE
@pytest.mark.parametrize("chunks", [[BLOCK] * 6, [2 * BLOCK, 3 * BLOCK, BLOCK]])
def test_chunks_are_the_whole_to_the_last_bit(case, chunks):
    _, _, sampler, context = make(case)
    noise, uniform = draws()
    whole, end = sampler.sample(noise, uniform, context, sampler.start(2))
    state, parts, begin = sampler.start(2), [], 0
    for length in chunks:
        inside = slice(begin, begin + length)
        step = case["step"]
        rows = context[..., begin // step : (begin + length) // step + (step > 1)]
        part, state = sampler.sample(noise[:, inside], uniform[:, inside], rows, state)
        parts.append(part)
        begin += length
    assert torch.equal(torch.cat(parts, dim=1), whole)
    assert torch.equal(state.queue, end.queue)


def test_streams_of_a_batch_are_those_of_their_own():
    _, _, sampler, context = make(CASES[1])
    noise, uniform = draws()
    both, _ = sampler.sample(noise, uniform, context, sampler.start(2), threads=2)
    for row in range(2):
        part = slice(row, row + 1)
        alone, _ = sampler.sample(noise[part], uniform[part], context[part], sampler.start(1))
        assert torch.equal(alone[0], both[row])


def test_at_temperature_zero_the_noise_does_not_matter():
    _, _, sampler, context = make(CASES[0])
    noise, uniform = draws()
    samples = [
        sampler.sample(n, uniform, context, sampler.start(2), temperature=0.0)[0] for n in (noise, -noise)
    ]
    assert torch.equal(*samples)


def test_samples_stay_within_the_bound():
    network, output, _, context = make(CASES[0])
    bounded = WaveNetSampler(network, block=BLOCK, output=output, bound=0.5)
    samples, _ = bounded.sample(*draws(), context, bounded.start(2))
    assert samples.abs().max() == 0.5


def test_half_a_block_is_refused():
    _, _, sampler, context = make(CASES[0])
    noise, uniform = draws()
    with pytest.raises(InputError, match="whole blocks of 16 samples, got 8"):
        sampler.sample(noise[:, :8], uniform[:, :8], context, sampler.start(2))


def test_a_network_without_a_head_is_refused():
    with pytest.raises(InputError, match="a head of two layers"):
        WaveNetSampler(WaveNet(1, 2, causal=True, context_channels=3), block=BLOCK, output=OutputConfig())


def test_tanh_is_exact_to_the_stated_error():
    x = np.linspace(-12, 12, 4801, dtype=np.float32)
    ours = np.array([tanh(value) for value in x])
    assert np.abs(ours - np.tanh(x.astype(np.float64))).max() < 3e-7
