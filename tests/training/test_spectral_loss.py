import pytest
import torch

from training.losses.spectral import SpectralDistance, energy_distance
from vocoder.mel import DIALECTS


@pytest.fixture(scope="module")
def distance() -> SpectralDistance:
    return SpectralDistance(DIALECTS["nvidia"], resolutions=((512, 128), (256, 64)))


def noise(scale: float, seed: int) -> torch.Tensor:
    return scale * torch.randn(8, 8192, generator=torch.Generator().manual_seed(seed))


def test_distance_is_symmetric_and_zero_only_for_the_same(distance: SpectralDistance) -> None:
    a, b = distance.features(noise(0.1, 0)), distance.features(noise(0.2, 1))
    assert distance(a, a).item() == 0
    assert distance(a, b).item() == pytest.approx(distance(b, a).item())
    assert distance(a, b).item() > 0.5


def test_silence_has_a_finite_gradient(distance: SpectralDistance) -> None:
    silent = torch.zeros(1, 8192, requires_grad=True)
    distance(distance.features(silent), distance.features(noise(0.1, 0)[:1])).backward()
    assert silent.grad is not None
    assert torch.isfinite(silent.grad).all()


@pytest.mark.parametrize("repulsion", [0.0, 1.0])
def test_the_best_noise_is_as_loud_as_the_data(distance: SpectralDistance, repulsion: float) -> None:
    levels = (0.5, 0.75, 1.0, 1.33)
    scores = [
        energy_distance(distance, [noise(0.1 * s, 1), noise(0.1 * s, 2)], noise(0.1, 3), repulsion).item()
        for s in levels
    ]
    assert levels[scores.index(min(scores))] == 1.0


def test_only_with_repulsion_noise_beats_a_flat_spectrum(distance: SpectralDistance) -> None:
    """Against noise, a steady magnitude is nearer than other noise: the plain distance teaches buzz."""
    data, one, other = (distance.features(noise(0.1, seed)) for seed in (0, 1, 2))
    flat = [torch.full_like(f, f.median().item()) for f in one]
    plain_noise, plain_flat = distance(one, data), distance(flat, data)
    assert plain_flat < plain_noise
    assert plain_noise - 0.5 * distance(one, other) < plain_flat - 0.5 * distance(flat, flat)
