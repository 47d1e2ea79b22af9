"""The conditioner over groups of samples: generating group by group is what a pass over all of them gives."""

import pytest
import torch

from vocoder.networks.autoregressive import AutoregressiveNetwork
from vocoder.networks.guided_wavenet import GroupContext, GuidedWaveNet


@pytest.mark.parametrize("guide_channels", [0, 3])
@pytest.mark.parametrize("step", [1, 4])
def test_generating_by_stream_is_generating_by_pass(step, guide_channels):
    torch.manual_seed(0)
    options = {"num_layers": 3, "context_channels": 2, "context_step": step, "residual_channels": 4}
    network = GuidedWaveNet(2, 2, guide_channels=guide_channels, **options).double()
    torch.nn.init.normal_(network.network.head[-1].weight)
    like = torch.randn(3, 2, 12).double()
    knots = torch.randn(3, 2, 12 // step + (step > 1)).double()
    guide = torch.randn(3, guide_channels, 12).double() if guide_channels else None
    calls = []
    network.network.register_forward_hook(lambda *_: calls.append(1))

    def element(place, parameters):
        return torch.tanh(parameters[:, 0]) + like[:, *place]

    by_stream = network.generate(element, like, GroupContext(knots, guide))
    assert not calls  # a pass over everything is what it spares
    by_pass = AutoregressiveNetwork.generate(network, element, like, GroupContext(knots, guide))
    torch.testing.assert_close(by_stream, by_pass, rtol=1e-12, atol=1e-12)
    assert network.generate(element, like[:, :, :0], GroupContext(knots, guide)).shape == (3, 2, 0)
