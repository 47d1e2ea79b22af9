"""From parameters to densities: agreement with r9y9's wavenet_vocoder and ClariNet, exact bins, whitening."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from vocoder.distributions import Mixture, MuLawCategorical, QuantizationGrid, mu_law_quantize
from vocoder.distributions.location_scale import Logistic
from vocoder.distributions.output import OutputConfig
from vocoder.errors import NoDensity

GOLDEN = Path(__file__).parents[1] / "golden"
PCM16 = QuantizationGrid(bits=16)
EVERY_OUTPUT = pytest.mark.parametrize(
    "config",
    [
        OutputConfig(family="logistic"),
        OutputConfig(family="gaussian"),
        OutputConfig(family="logistic", components=10),
        OutputConfig(family="gaussian", components=3),
    ],
    ids=lambda config: f"{config.family}{config.components}",
)


def losses(prefix: str) -> dict[str, Tensor]:
    arrays = np.load(GOLDEN / "4_wavenet_vocoder" / "losses_and_samplers.npz")
    return {
        key.removeprefix(prefix): torch.from_numpy(arrays[key]) for key in arrays if key.startswith(prefix)
    }


def upstreams_form(mixture: Mixture, y: Tensor, num_classes: int) -> Tensor:
    """r9y9's likelihood: edge bins from ±0.999 on, and the density times the width where a bin has little."""
    parts, y = mixture.components, y.unsqueeze(1)
    half = 1 / (num_classes - 1)
    inverse = torch.exp(-parts.log_scale)
    mass = parts.standard_log_mass((y - parts.loc) * inverse, half * inverse)
    inside = torch.where(mass.exp() > 1e-5, mass, parts.log_prob(y) - math.log((num_classes - 1) / 2))
    inside = torch.where(y > 0.999, parts.log_survival(y - half), inside)
    return mixture._mix(torch.where(y < -0.999, parts.log_cdf(y + half), inside))


@pytest.mark.parametrize(
    ("prefix", "num_classes", "floor"),
    [
        ("mol_mix10_classes65536_min-16.0_", 65536, -16.0),
        ("mol_mix10_classes256_min-7.0_", 256, -7.0),
        ("mol_mix3_classes65536_min-7.0_", 65536, -7.0),
    ],
)
def test_mixture_gives_upstreams_likelihood_in_upstreams_form(prefix, num_classes, floor):
    data = losses(prefix)
    parameters, y = data["y_hat"].double(), data["y"][..., 0].double()
    config = OutputConfig(components=parameters.shape[1] // 3, min_log_scale=floor)
    ours = -upstreams_form(config.density(parameters), y, num_classes)
    clear = (y.abs() - 0.999).abs() > 1e-6  # the others fall on either side of upstream's threshold
    torch.testing.assert_close(ours[clear], data["nll_float64"][..., 0][clear], rtol=1e-7, atol=1e-7)


def test_edge_bins_are_where_pcm_ends_not_where_upstream_puts_them():
    """At 0.9991 and 16 bits, 29 bins below full scale: upstream adds the mass of all of them."""
    narrow = OutputConfig(components=3).density(
        torch.tensor([0.0, 0, 0, 0.99, 0.99, 0.99, -6, -6, -6])[:, None][None]
    )
    y = torch.tensor([[0.9991]])
    ours = narrow.bin_log_prob(PCM16.index(y), PCM16)
    bin_centre = PCM16.centre(PCM16.index(y))
    torch.testing.assert_close(ours, narrow.log_prob(bin_centre) - 15 * math.log(2), rtol=1e-4, atol=1e-4)
    assert upstreams_form(narrow, y, 65536) - ours > 3


@pytest.mark.parametrize(("prefix", "floor"), [("gauss_ch2_min-7.0_", -7.0), ("gauss_ch30_min-9.0_", -9.0)])
def test_gaussians_have_upstreams_density(prefix, floor):
    data = losses(prefix)
    parameters = data["y_hat"].double()
    components = max(1, parameters.shape[1] // 3)
    config = OutputConfig(family="gaussian", components=components, min_log_scale=floor)
    ours = -config.density(parameters).log_prob(data["y"][..., 0].double())
    torch.testing.assert_close(ours, data["nll_float64"][..., 0], rtol=1e-7, atol=1e-7)


def test_gaussian_has_clarinets_density():
    data = {k: torch.from_numpy(v) for k, v in np.load(GOLDEN / "5_clarinet" / "kl_and_losses.npz").items()}
    config = OutputConfig(family="gaussian", min_log_scale=-9.0)
    ours = -config.density(data["gl_y_hat"]).log_prob(data["gl_y"][..., 0])
    torch.testing.assert_close(ours, data["gl_elementwise"], rtol=1e-5, atol=1e-5)


def test_mixture_draws_upstreams_samples():
    """The component by Gumbel noise, as upstream chooses it; the logistic by its inverse CDF."""
    data = losses("mol_mix10_classes65536_min-16.0_")
    density = OutputConfig(components=10, min_log_scale=-30.0).density(data["y_hat"])
    gumbel = -torch.log(-torch.log(data["u_mix"].clamp(1e-5, 1 - 1e-5)))
    chosen = (density.logits + gumbel.transpose(1, 2)).argmax(dim=1)
    noise = torch.logit(data["u_logistic"].clamp(1e-5, 1 - 1e-5))
    sample = density.component(chosen).from_noise(noise).clamp(-1, 1)
    torch.testing.assert_close(sample, data["sample"], rtol=1e-5, atol=1e-5)


@EVERY_OUTPUT
def test_all_16_bit_values_together_are_certain(config):
    parameters = torch.randn(1, config.num_parameters, 2, generator=torch.Generator().manual_seed(0))
    density = config.density(parameters.expand(65536, -1, -1) - 2)
    index = torch.arange(65536)[:, None].expand(-1, 2)
    total = density.bin_log_prob(index, PCM16).double().exp().sum(dim=0)
    torch.testing.assert_close(total, torch.ones(2, dtype=torch.float64), rtol=0, atol=2e-6)


@EVERY_OUTPUT
def test_a_scale_below_a_bin_is_exact_in_float32(config):
    """Scales from a hundredth of a bin to a thousand: float32 agrees with float64."""
    generator = torch.Generator().manual_seed(1)
    parameters = torch.randn(1, config.num_parameters, 64, generator=generator)
    parameters[:, -config.components :] = torch.linspace(-15, -4, 64)
    config = config.model_copy(update={"min_log_scale": -16.0})
    value = parameters[:, -2 * config.components] + torch.exp(parameters[:, -1]) * 2
    index = PCM16.index(value.clamp(-1, 1))
    narrow = config.density(parameters).bin_log_prob(index, PCM16)
    wide = config.density(parameters.double()).bin_log_prob(index, PCM16)
    torch.testing.assert_close(narrow, wide.float(), rtol=2e-3, atol=2e-3)


@EVERY_OUTPUT
def test_density_of_data_is_that_of_the_noise_with_the_slope(config):
    generator = torch.Generator().manual_seed(2)
    parameters = torch.randn(2, config.num_parameters, 5, generator=generator).double()
    noise, log_gain = torch.randn(2, 2, 5, generator=generator).double()
    data = noise * torch.exp(-log_gain) + 0.3
    ours = config.density_of_data(parameters, noise, data, log_gain).log_prob(data)
    torch.testing.assert_close(ours, config.density(parameters).log_prob(noise) + log_gain)


def test_classes_have_the_likelihood_of_their_class():
    config = OutputConfig(family="categorical")
    logits = torch.randn(1, config.num_parameters, 3, generator=torch.Generator().manual_seed(3))
    index = torch.tensor([[0, 32768, 65535]])
    density = config.density(logits)
    assert isinstance(density, MuLawCategorical)
    expected = torch.log_softmax(logits, dim=1)[0, mu_law_quantize(PCM16.centre(index))[0], range(3)]
    torch.testing.assert_close(density.bin_log_prob(index, PCM16)[0], expected)
    with pytest.raises(NoDensity, match="no density"):
        density.log_prob(torch.zeros(1, 3))


def test_classes_are_chosen_by_their_weight():
    logits = torch.log(torch.tensor([0.5, 0.25, 0.25]))[None, :, None]
    drawn = [int(MuLawCategorical(logits).choose(torch.tensor([[u]]).double())) for u in (0.4, 0.6, 0.8, 1.0)]
    assert drawn == [0, 1, 2, 2]


def test_components_differ_from_the_start():
    """Components with the same parameters have the same gradient, and would never part."""
    config, layer = OutputConfig(components=3), torch.nn.Conv1d(4, 9, 1)
    torch.nn.init.zeros_(layer.weight)
    config.initialize(layer)
    density = config.density(layer(torch.randn(1, 4, 1)))
    density.log_prob(torch.tensor([[0.7]])).sum().backward()
    assert len(set(layer.bias.grad[3:6].tolist())) == 3


def test_a_single_component_starts_as_the_standard_logistic():
    config, layer = OutputConfig(), torch.nn.Conv1d(4, 2, 1)
    config.initialize(layer)
    assert layer.bias.tolist() == [0, 0]
    density = config.density(layer.bias[None, :, None])
    assert isinstance(density, Logistic)


def test_a_mixture_of_categories_is_refused():
    with pytest.raises(ValidationError, match="components must be 1 for the categorical"):
        OutputConfig(family="categorical", components=2)
