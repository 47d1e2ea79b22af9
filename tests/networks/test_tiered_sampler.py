"""The compiled loop of the WaveNet in two tiers: the naive one's samples, at any chunking."""

import pytest
import torch
from torch import Tensor

from vocoder.distributions import Mixture
from vocoder.distributions.output import OutputConfig
from vocoder.networks.tiered_sampler import TieredSampler
from vocoder.networks.tiered_wavenet import TieredContext, TieredWaveNet
from vocoder.noise import logistic_noise, uniform_noise

GROUP, STEP, LENGTH, MAX_LAG = 8, 2, 160, 40
CASES = [
    {"kernel_size": 2, "components": 1, "head_kernel": 12},
    {"kernel_size": 3, "components": 3, "head_kernel": 8},
    {"kernel_size": 2, "components": 1, "head_kernel": 8, "straight": True},
    {"kernel_size": 2, "components": 3, "head_kernel": 8, "straight": True},
    {"kernel_size": 2, "components": 10, "head_kernel": 3, "reach": 0},
    {"kernel_size": 2, "components": 1, "head_kernel": 8, "floor": 0.15},
    {"kernel_size": 2, "components": 3, "head_kernel": 8, "family": "gaussian", "floor": 0.15},
]
EVERY_CASE = pytest.mark.parametrize("case", CASES)


def make(case: dict) -> tuple[TieredWaveNet, OutputConfig, TieredSampler, TieredContext]:
    torch.manual_seed(0)
    output = OutputConfig(components=case["components"], family=case.get("family", "logistic"))
    network = TieredWaveNet(
        output.num_parameters,
        group=GROUP,
        reach=case.get("reach", 3),
        head_kernel=case["head_kernel"],
        head_channels=6,
        context_channels=5,
        context_step=STEP,
        num_layers=4,
        dilation_cycle=2,
        kernel_size=case["kernel_size"],
        residual_channels=10,
        skip_channels=9,
        straight=output.locations if case.get("straight") else None,
    )
    for layer in filter(None, (network.last, network.upper.head[-1], network.straight)):
        torch.nn.init.normal_(layer.weight, std=0.3)
    output.initialize(network.last)
    network.requires_grad_(False)
    sampler = TieredSampler(network, max_lag=MAX_LAG, output=output, density_floor=case.get("floor", 0.0))
    groups = LENGTH // GROUP
    lag = torch.randint(3, MAX_LAG + 1, (2, groups))
    return network, output, sampler, TieredContext(torch.randn(2, 5, groups // STEP + 1), lag)


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

    naive = network.generate(element, torch.zeros(2, 1, LENGTH), context)
    samples, _ = sampler.sample(noise, uniform, context, sampler.start(2))
    torch.testing.assert_close(samples, naive[:, 0], rtol=0, atol=1e-4)


@EVERY_CASE
@pytest.mark.parametrize("chunks", [[16] * 10, [48, 16, 96]])
def test_chunks_are_the_whole(case, chunks):
    _, _, sampler, context = make(case)
    noise, uniform = draws()
    whole, _ = sampler.sample(noise, uniform, context, sampler.start(2))
    state, parts, begin = sampler.start(2), [], 0
    for length in chunks:
        inside, first, count = slice(begin, begin + length), begin // GROUP, length // GROUP
        part_context = TieredContext(
            context.knots[..., first // STEP : (first + count) // STEP + 1],
            context.lag[:, first : first + count],
        )
        part, state = sampler.sample(noise[:, inside], uniform[:, inside], part_context, state)
        parts.append(part)
        begin += length
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=0, atol=1e-6)


def test_streams_of_a_batch_are_those_of_their_own():
    _, _, sampler, context = make(CASES[1])
    noise, uniform = draws()
    both, _ = sampler.sample(noise, uniform, context, sampler.start(2), threads=2)
    for row in range(2):
        part = slice(row, row + 1)
        own = TieredContext(context.knots[part], context.lag[part])
        alone, _ = sampler.sample(noise[part], uniform[part], own, sampler.start(1))
        torch.testing.assert_close(alone[0], both[row], rtol=0, atol=1e-6)


def test_temperature_scales_the_noise():
    _, _, sampler, context = make(CASES[0])
    noise, uniform = draws()
    warm, _ = sampler.sample(noise, uniform, context, sampler.start(2), temperature=0.5)
    scaled, _ = sampler.sample(0.5 * noise, uniform, context, sampler.start(2))
    assert torch.equal(warm, scaled)
