"""Dequantized audio: the quantized samples remain, and the bound of each form is a bound."""

import math

import pytest
import torch

from training.dequantization import GRIDS, AudioDequantization
from vocoder.distributions.quantization import mu_law_encode

STEP = 2 * GRIDS["pcm16"].half_width


@pytest.fixture
def audio() -> torch.Tensor:
    return 0.05 * torch.randn(2, 640, generator=torch.Generator().manual_seed(0))


def made(form: str, levels: str = "pcm16") -> AudioDequantization:
    """With random weights everywhere."""
    torch.manual_seed(1)
    module = AudioDequantization(form, levels)
    if form == "variational":
        for module_of_it in module.modules():
            if isinstance(module_of_it, torch.nn.Conv1d):
                torch.nn.init.normal_(module_of_it.weight, std=0.1)
    return module


def levels_of(audio: torch.Tensor, levels: str) -> torch.Tensor:
    return mu_law_encode(audio) if levels == "mulaw8" else audio


@pytest.mark.parametrize("levels", GRIDS)
@pytest.mark.parametrize("form", ["uniform", "variational"])
def test_samples_stay_in_their_steps(audio, form, levels):
    spread, log_q = made(form, levels)(audio, torch.Generator().manual_seed(2))
    assert spread.shape == audio.shape
    assert log_q.shape == (2,)
    grid = GRIDS[levels]
    centres = grid.centre(grid.index(levels_of(audio, levels)))
    inside = (levels_of(spread, levels) - centres).abs() / (2 * grid.half_width)
    assert inside.max() <= 0.5 + 1e-3
    assert inside.max() > 0.4


def test_none_changes_nothing(audio):
    spread, log_q = AudioDequantization("none")(audio)
    assert spread is audio
    torch.testing.assert_close(log_q, torch.full((2,), -640 * math.log(STEP)))


def test_none_leaves_mu_law_on_its_levels(audio):
    spread, _ = AudioDequantization("none", "mulaw8")(audio)
    grid = GRIDS["mulaw8"]
    torch.testing.assert_close(mu_law_encode(spread), grid.centre(grid.index(mu_law_encode(audio))))


def test_uniform_noise_is_as_dense_as_a_step_is_narrow(audio):
    _, log_q = AudioDequantization("uniform")(audio)
    torch.testing.assert_close(log_q, torch.full((2,), -640 * math.log(STEP)))


@pytest.mark.parametrize("form", ["uniform", "variational"])
def test_log_q_is_a_density(form):
    """Over one bin of each kind, 1/q averaged over draws of q is the bin's width: ∫ q · 1/q = width."""
    for levels, value in (("pcm16", 0.01), ("mulaw8", 0.3)):
        grid, audio = GRIDS[levels], torch.full((40_000, 16), value)
        module = AudioDequantization(form, levels)
        _, log_q = module(audio, torch.Generator().manual_seed(4))
        centre = grid.centre(grid.index(levels_of(torch.tensor([value]), levels)))
        edges = torch.stack([centre - grid.half_width, centre + grid.half_width])
        if levels == "mulaw8":
            edges = torch.expm1(edges * math.log(256)) / 255
        width = (edges[1] - edges[0]).item()
        mean = torch.logsumexp(-log_q, 0).item() - math.log(len(audio))
        assert mean / 16 == pytest.approx(math.log(width), abs=0.03)  # few draws come near an edge


def test_the_learned_noise_is_a_density(audio):
    """Its entropy is at most that of the uniform one, reached only there."""
    module, uniform = made("variational"), AudioDequantization("uniform")(audio)[1]
    log_q = torch.stack([module(audio, torch.Generator().manual_seed(i))[1] for i in range(32)]).mean(0)
    assert (log_q > uniform).all()


def test_a_bound_of_a_known_probability():
    """Under a Gaussian far wider than a step it is nearly the bin's probability."""
    scale, audio = 0.05, torch.zeros(64, 16)
    density = torch.distributions.Normal(0.0, scale)
    exact = (density.cdf(torch.tensor(STEP / 2)) - density.cdf(torch.tensor(-STEP / 2))).log()
    spread, log_q = AudioDequantization("uniform")(audio, torch.Generator().manual_seed(3))
    bound = density.log_prob(spread).mean() - log_q.mean() / 16
    assert bound == pytest.approx(exact.item(), abs=1e-3)


def test_it_learns_through_the_draw(audio):
    module = made("variational")
    spread, log_q = module(audio)
    (log_q.sum() + spread.square().sum()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())
