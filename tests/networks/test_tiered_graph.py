"""The sampler of torch operations is the compiled one: same noise, same samples, same state."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vocoder.device import rounded_products
from vocoder.distributions.output import OutputConfig
from vocoder.inference.stacking import stack
from vocoder.networks.tiered_graph import TieredGraphSampler
from vocoder.networks.tiered_sampler import SamplerState, TieredSampler
from vocoder.networks.tiered_wavenet import TieredContext, TieredWaveNet

GROUP, STEP, BATCH, MAX_LAG = 4, 8, 3, 60
OUTPUTS = {
    "logistic": OutputConfig(),
    "mixture": OutputConfig(components=3),
    "gaussian": OutputConfig(family="gaussian", min_log_scale=-3.0),
}


def make(output: OutputConfig, kernel_size: int = 2) -> TieredWaveNet:
    torch.manual_seed(1)
    network = TieredWaveNet(
        output.num_parameters,
        group=GROUP,
        reach=3,
        head_kernel=6,
        head_channels=5,
        context_channels=4,
        context_step=STEP,
        num_layers=4,
        dilation_cycle=3,
        kernel_size=kernel_size,
        residual_channels=6,
        skip_channels=7,
        straight=output.locations,
    )
    for layer in filter(None, (network.last, network.upper.head[-1], network.straight)):
        torch.nn.init.normal_(layer.weight, std=0.4)
    return network.eval().requires_grad_(False)


def told(knots: int, batch: int = BATCH) -> tuple[Tensor, Tensor, TieredContext]:
    """Noise, uniform draws and context of `knots` - 1 steps of groups."""
    generator = torch.Generator().manual_seed(knots)
    groups = (knots - 1) * STEP
    lag = torch.randint(1, MAX_LAG + 1, (batch, groups), generator=generator)
    context = TieredContext(torch.randn(batch, 4, knots, generator=generator), lag)
    noise = 0.3 * torch.randn(batch, groups * GROUP, generator=generator)
    uniform = torch.rand(batch, groups * GROUP, generator=generator, dtype=torch.float64)
    return noise, uniform, context


@pytest.mark.parametrize("floor", [0.0, 0.2])
@pytest.mark.parametrize("kernel_size", [2, 3])
@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS.keys())
def test_the_samples_are_those_of_the_compiled_loop(
    output: OutputConfig, kernel_size: int, floor: float
) -> None:
    network = make(output, kernel_size)
    compiled = TieredSampler(network, max_lag=MAX_LAG, output=output, density_floor=floor)
    stepped = TieredGraphSampler(network, max_lag=MAX_LAG, output=output, density_floor=floor)
    states = [compiled.start(BATCH), stepped.start(BATCH)]
    for knots in (3, 2, 6):  # the rings go round, in chunks of different lengths
        expected, states[0] = compiled.sample(*told(knots), states[0], temperature=0.8)
        made, states[1] = stepped.sample(*told(knots), states[1], temperature=0.8)
        assert torch.allclose(made, expected, atol=1e-4)
    assert torch.equal(states[0].position, states[1].position)
    assert torch.allclose(states[0].history, states[1].history, atol=1e-4)
    assert torch.allclose(states[0].queue, states[1].queue, atol=1e-4)


def test_streams_share_a_batch_wherever_they_are() -> None:
    network, output = make(OUTPUTS["mixture"]), OUTPUTS["mixture"]
    compiled = TieredSampler(network, max_lag=MAX_LAG, output=output)
    stepped = TieredGraphSampler(network, max_lag=MAX_LAG, output=output)
    states = apart(compiled)
    assert len(set(states.position.tolist())) == BATCH
    expected, after = compiled.sample(*told(4), states)
    made, following = stepped.sample(*told(4), states)
    assert torch.allclose(made, expected, atol=1e-4)
    assert torch.allclose(following.queue, after.queue, atol=1e-4)


def apart(sampler: TieredSampler) -> SamplerState:
    """The state of a batch whose streams have spoken for different times."""
    return stack([sampler.sample(*told(2 + i, batch=1), sampler.start(1))[1] for i in range(BATCH)])


def test_long_calls_are_worked_on_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from vocoder.networks import tiered_graph

    network = make(OUTPUTS["mixture"])
    whole = TieredGraphSampler(network, max_lag=MAX_LAG, output=OUTPUTS["mixture"])
    monkeypatch.setattr(tiered_graph, "CHUNK_GROUPS", 2 * STEP)
    parts = TieredGraphSampler(network, max_lag=MAX_LAG, output=OUTPUTS["mixture"])
    expected, _ = whole.sample(*told(8), whole.start(BATCH))
    made, _ = parts.sample(*told(8), parts.start(BATCH))
    assert parts.chunk < whole.chunk
    assert torch.allclose(made, expected, atol=1e-5)


def test_states_are_values_and_streams_take_turns() -> None:
    sampler = TieredGraphSampler(make(OUTPUTS["logistic"]), max_lag=MAX_LAG, output=OUTPUTS["logistic"])
    _, before = sampler.sample(*told(3), sampler.start(BATCH))
    expected, _ = sampler.sample(*told(4), before)
    sampler.sample(*told(6), sampler.start(BATCH))
    again, _ = sampler.sample(*told(4), before)
    assert torch.equal(again, expected)


def test_a_stream_may_begin_in_inference_mode_and_end_outside() -> None:
    sampler = TieredGraphSampler(make(OUTPUTS["logistic"]), max_lag=MAX_LAG, output=OUTPUTS["logistic"])
    with torch.inference_mode():
        _, state = sampler.sample(*told(3), sampler.start(BATCH))
    audio, _ = sampler.sample(*told(2), state)
    assert audio.isfinite().all()


@pytest.mark.gpu
def test_the_recorded_graph_is_the_compiled_loop() -> None:
    output = OUTPUTS["mixture"]
    network = make(output)
    compiled = TieredSampler(network, max_lag=MAX_LAG, output=output)
    graph = TieredGraphSampler(network.cuda(), max_lag=MAX_LAG, output=output)
    started = apart(compiled)
    states = [started, replace(started, history=started.history.cuda(), queue=started.queue.cuda())]
    for knots in (3, 2, 6):
        expected, states[0] = compiled.sample(*told(knots), states[0])
        with rounded_products(tf32=False):
            made, states[1] = graph.sample(*told(knots), states[1])
        assert torch.allclose(made.cpu(), expected, atol=1e-4)
