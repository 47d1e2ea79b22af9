"""Dequantized audio: the 16-bit samples remain, and the bound of each form is a bound."""

import math

import pytest
import torch

from training.dequantization import PCM16, STEP, AudioDequantization


@pytest.fixture
def audio() -> torch.Tensor:
    return 0.05 * torch.randn(2, 640, generator=torch.Generator().manual_seed(0))


def made(form: str) -> AudioDequantization:
    """With random weights everywhere."""
    torch.manual_seed(1)
    module = AudioDequantization(form)
    if form == "variational":
        for module_of_it in module.modules():
            if isinstance(module_of_it, torch.nn.Conv1d):
                torch.nn.init.normal_(module_of_it.weight, std=0.1)
    return module


@pytest.mark.parametrize("form", ["uniform", "variational"])
def test_samples_stay_in_their_steps(audio, form):
    spread, log_q = made(form)(audio, torch.Generator().manual_seed(2))
    assert spread.shape == audio.shape
    assert log_q.shape == (2,)
    inside = (spread - PCM16.centre(PCM16.index(audio))).abs() / STEP
    assert inside.max() <= 0.5 + 1e-3
    assert inside.max() > 0.4


def test_none_changes_nothing(audio):
    spread, log_q = AudioDequantization("none")(audio)
    assert spread is audio
    assert (log_q == 0).all()


def test_uniform_noise_costs_nothing(audio):
    assert (AudioDequantization("uniform")(audio)[1] == 0).all()


def test_the_learned_noise_is_a_density(audio):
    """Its entropy is at most that of the uniform one, 0, reached only there: E[log q] >= 0 in all."""
    module = made("variational")
    log_q = torch.stack([module(audio, torch.Generator().manual_seed(i))[1] for i in range(32)]).mean(0)
    assert (log_q > 0).all()


def test_a_bound_of_a_known_probability():
    """Under a Gaussian far wider than a step it is nearly the bin's probability."""
    scale, audio = 0.05, torch.zeros(64, 16)
    density = torch.distributions.Normal(0.0, scale)
    exact = (density.cdf(torch.tensor(STEP / 2)) - density.cdf(torch.tensor(-STEP / 2))).log()
    spread, log_q = AudioDequantization("uniform")(audio, torch.Generator().manual_seed(3))
    bound = density.log_prob(spread).mean() + math.log(STEP) - log_q.mean() / 16
    assert bound == pytest.approx(exact.item(), abs=1e-3)


def test_it_learns_through_the_draw(audio):
    module = made("variational")
    spread, log_q = module(audio)
    (log_q.sum() + spread.square().sum()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())
