"""The sets of the plane: what they state about themselves holds for their samples."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from scipy.special import digamma

from training.density.plane import PLANE_SETS, REACH, PlaneSet, plane_set
from vocoder.errors import ConfigError

STEP = 0.1


@pytest.fixture(scope="module", params=PLANE_SETS)
def points(request: pytest.FixtureRequest) -> PlaneSet:
    return plane_set(request.param)


@pytest.fixture(scope="module")
def density(points: PlaneSet) -> torch.Tensor:
    """Of the midpoints of a grid."""
    axis = torch.arange(-REACH, REACH, STEP) + STEP / 2
    return points.log_prob(torch.cartesian_prod(axis, axis)).exp().view(len(axis), len(axis))


@pytest.fixture(scope="module")
def sample(points: PlaneSet) -> torch.Tensor:
    return points.sample(10_000, torch.Generator().manual_seed(0))


def test_the_density_integrates_to_one(density: torch.Tensor) -> None:
    assert density.sum().item() * STEP**2 == pytest.approx(1, abs=1e-4)


def test_the_entropy_is_that_of_the_samples(points: PlaneSet, sample: torch.Tensor) -> None:
    surprise = -points.log_prob(sample)
    error = surprise.std().item() / math.sqrt(len(surprise))
    assert points.entropy() == pytest.approx(surprise.mean().item(), abs=4 * error + 1e-6)


def test_the_entropy_is_that_of_the_distances_between_samples(points: PlaneSet) -> None:
    """By the k-th nearest neighbour (Kozachenko and Leonenko 1987), which does not know the density."""
    sample, k = points.sample(40_000, torch.Generator().manual_seed(1)).double().numpy(), 4
    distance = cKDTree(sample).query(sample, k=[k + 1])[0]
    entropy = digamma(len(sample)) - digamma(k) + math.log(math.pi) + 2 * np.log(distance).mean()
    assert points.entropy() == pytest.approx(entropy, abs=0.03)


def test_the_samples_fill_the_density(density: torch.Tensor, sample: torch.Tensor) -> None:
    """In cells of side one, counts are those of the integral of the density."""
    expected = density.view(10, 10, 10, 10).sum((1, 3)) * STEP**2
    counts, _ = torch.histogramdd(sample, bins=10, range=[-REACH, REACH] * 2)
    deviation = (counts / len(sample) - expected).abs()
    assert (deviation < 5 * (expected / len(sample)).sqrt() + 2e-4).all()


def test_the_entropy_of_eight_gaussians_apart() -> None:
    expected = math.log(8) + math.log(2 * math.pi * math.e * 0.3**2)
    assert plane_set("eight-gaussians").entropy() == pytest.approx(expected, abs=1e-3)


def test_an_unknown_set_is_named() -> None:
    with pytest.raises(ConfigError, match="'moons' is not a set in the plane; choose two-moons"):
        plane_set("moons")
