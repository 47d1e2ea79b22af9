"""What the general laws do not say of planar and radial flows: their domain, and its very edge."""

import pytest
import torch

from vocoder.errors import InputError, NotInvertible
from vocoder.flows.planar import Planar
from vocoder.flows.radial import Radial

EVERY_PLANAR = pytest.mark.parametrize("activation", ["tanh", "leaky_relu"])


def planar_with(inner: float, **options) -> Planar:
    """w = (1, 0) and u = (inner, 0.5): w·u = inner."""
    flow = Planar(2, **options).double()
    with torch.no_grad():
        flow.w.copy_(torch.tensor([1.0, 0.0]))
        flow.u.copy_(torch.tensor([inner, 0.5]))
    return flow


@EVERY_PLANAR
@pytest.mark.parametrize("direction", ["to_noise", "to_data"])
def test_unconstrained_planar_refuses_to_fold_space(activation, direction):
    flow = planar_with(-1.25, activation=activation, constrained=False)
    with pytest.raises(NotInvertible, match=r"w·u > -1, got w·u = -1.25"):
        getattr(flow, direction)(torch.zeros(1, 2, dtype=torch.float64))


@EVERY_PLANAR
def test_unconstrained_planar_uses_u_as_it_is(activation):
    flow = planar_with(-0.9, activation=activation, constrained=False)
    x = torch.randn(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    z, log_det = flow.to_noise(x)
    assert torch.allclose(z - x, (z - x)[:, :1] * torch.tensor([1.0, -0.5 / 0.9], dtype=torch.float64))
    returned, log_det_back = flow.to_data(z)
    torch.testing.assert_close(returned, x, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(log_det_back, -log_det, rtol=1e-8, atol=1e-8)


@EVERY_PLANAR
@pytest.mark.parametrize("inner", [-30.0, -8.0, 40.0])
def test_constraint_keeps_planar_invertible_at_the_edge(activation, inner):
    """w·û = -1 + softplus(w·u): down to 1e-13 from folding, where x moves 1e-6 for a rounding of z."""
    flow = planar_with(inner, activation=activation)
    x = torch.linspace(-3, 3, 201, dtype=torch.float64)[:, None].expand(-1, 2)
    z, log_det = flow.to_noise(x)
    returned, _ = flow.to_data(z)
    assert log_det.isfinite().all()
    torch.testing.assert_close(flow.to_noise(returned)[0], z, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("direction", ["to_noise", "to_data"])
def test_unconstrained_radial_refuses_to_fold_space(direction):
    flow = Radial(2, constrained=False)
    torch.nn.init.constant_(flow.beta, -1.5)
    with pytest.raises(NotInvertible, match=r"got beta \+ alpha = -0.5"):
        getattr(flow, direction)(torch.zeros(1, 2))


def test_radial_is_smooth_at_its_centre():
    flow = Radial(3).double()
    centre = flow.centre.detach()[None].clone().requires_grad_()
    for mapped, log_det in (flow.to_noise(centre), flow.to_data(centre)):
        torch.testing.assert_close(mapped, centre)
        (gradient,) = torch.autograd.grad(log_det.sum() + mapped.sum(), centre)
        assert gradient.isfinite().all()


@pytest.mark.parametrize(
    ("options", "message"), [({"activation": "relu"}, "got 'relu'"), ({"slope": 0.0}, r"\(0, 1\].*got 0.0")]
)
def test_unusable_activation_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        Planar(2, **options)
