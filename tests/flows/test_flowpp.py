import torch

from vocoder.flows.coupling import SplitCoupling
from vocoder.flows.flowpp import FlowPP
from vocoder.flows.mixture_cdf import MixtureCDF
from vocoder.networks.attention import GatedAttention


def make_network(in_channels, out_channels):
    return GatedAttention(in_channels, out_channels, hidden=8, num_blocks=1, num_heads=2)


def test_every_coupling_is_through_a_mixture_cdf():
    flow = FlowPP(1, make_network, num_steps=(2, 1, 1), num_components=5)
    couplings = [part for part in flow.modules() if isinstance(part, SplitCoupling)]
    assert len(couplings) == 4
    assert all(isinstance(part.transform, MixtureCDF) for part in couplings)
    assert {part.transform.num_components for part in couplings} == {5}


def test_samples_are_exact_in_float32():
    torch.manual_seed(0)
    flow = FlowPP(1, make_network, num_steps=(2, 1, 1))
    flow.to_noise(torch.randn(64, 1, 8, 8))
    for parameter in flow.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    z = 3 * torch.randn(16, 1, 8, 8)
    with torch.no_grad():
        x, _ = flow.eval().to_data(z)
        back, _ = flow.to_noise(x)
    assert torch.allclose(back, z, atol=1e-4)
