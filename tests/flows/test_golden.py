"""Agreement with normflows, nflows and zuko: their weights, their inputs, their outputs (golden/6_flows)."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.flows import IAF, MAF, Affine, MaskedCoupling, Planar, Radial
from vocoder.networks.made import MADE

GOLDEN = Path(__file__).parents[1] / "golden" / "6_flows"
Weights = dict[str, Tensor]


def load(name: str, prefix: str = "") -> Weights:
    arrays = np.load(GOLDEN / name)
    return {
        key.removeprefix(prefix): torch.from_numpy(arrays[key]) for key in arrays if key.startswith(prefix)
    }


def assert_maps(flow, x: Tensor, z: Tensor, log_det: Tensor, context: Tensor | None = None) -> None:
    """`flow` takes x to z and back, with their log-determinant."""
    ours, our_log_det = flow.to_noise(x, context)
    torch.testing.assert_close(ours, z, rtol=1e-10, atol=1e-11)
    torch.testing.assert_close(our_log_det, log_det, rtol=1e-10, atol=1e-11)
    returned, our_log_det = flow.to_data(z, context)
    torch.testing.assert_close(returned, x, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(our_log_det, -log_det, rtol=1e-9, atol=1e-10)


@torch.no_grad()
@pytest.mark.parametrize("activation", ["tanh", "leaky_relu"])
def test_planar_agrees_with_normflows(activation):
    golden = load("normflows.npz", f"planar_{activation}_")
    flow = Planar(6, activation=activation, slope=0.2).double()
    flow.u.copy_(golden["u"][0])
    flow.w.copy_(golden["w"][0])
    flow.b.copy_(golden["b"])
    assert_maps(flow, golden["z"], golden["y"], golden["logdet"])


@torch.no_grad()
def test_radial_agrees_with_normflows():
    golden = load("normflows.npz", "radial_")
    flow = Radial(6).double()
    flow.centre.copy_(golden["z0"][0])
    flow.log_alpha.copy_(golden["alpha"].abs().log())  # normflows takes |alpha|
    flow.beta.copy_(golden["beta"])
    assert_maps(flow, golden["z"], golden["y"], golden["logdet"])


class TwoNetworks(nn.Module):
    """normflows' conditioner: one network for the shift, one for the log-scale, each of two layers."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self.weights = weights

    def forward(self, x: Tensor, context: None = None) -> Tensor:
        return torch.cat([self._mlp("t", x), self._mlp("s", x)], dim=1)

    def _mlp(self, name: str, x: Tensor) -> Tensor:
        layer = {
            n: self.weights[f"param_{name}.net.{n}"] for n in ("0.weight", "0.bias", "2.weight", "2.bias")
        }
        h = torch.relu(F.linear(x, layer["0.weight"], layer["0.bias"]))
        return F.linear(h, layer["2.weight"], layer["2.bias"])


@torch.no_grad()
def test_masked_coupling_agrees_with_normflows():
    golden = load("normflows.npz", "rnvp_")
    flow = MaskedCoupling(TwoNetworks(golden), golden["mask"].bool())
    assert_maps(flow, golden["z"], golden["y"], golden["logdet"])


@torch.no_grad()
def set_linear(layer: nn.Linear, golden: Weights, name: str, rows: Tensor, columns: Tensor) -> None:
    """Weight and bias of a layer, units reordered; the masks must come out the same."""
    layer.weight.copy_(golden[f"{name}.weight"][rows][:, columns])
    layer.bias.copy_(golden[f"{name}.bias"][rows])
    assert torch.equal(layer.mask, golden[f"{name}.mask"][rows][:, columns].to(layer.mask))


def by_parameter(num_features: int, num_parameters: int = 2) -> Tensor:
    """Their outputs are ordered feature by feature, ours parameter by parameter."""
    return torch.arange(num_features * num_parameters).view(num_features, num_parameters).T.flatten()


def nflows_made(golden: Weights, *, residual: bool, num_blocks: int, context: bool = False) -> MADE:
    """A MADE with the weights of nflows', hidden units by rising degree."""
    degrees = golden["initial_layer.degrees"]
    units, features = degrees.argsort(stable=True), torch.arange(5)
    made = MADE(
        5, hidden=len(units), num_layers=num_blocks, residual=residual, context_features=len(units) * context
    ).double()
    made.degree.copy_(degrees[units])
    made.connect()
    set_linear(made.first, golden, "initial_layer", units, features)
    for i, block in enumerate(made.blocks):
        if residual:
            set_linear(block.first, golden, f"blocks.{i}.linear_layers.0", units, units)
            set_linear(block.second, golden, f"blocks.{i}.linear_layers.1", units, units)
        else:
            set_linear(block.linear, golden, f"blocks.{i}.linear", units, units)
    set_linear(made.last, golden, "final_layer", by_parameter(5), units)
    return made


@torch.no_grad()
def test_residual_made_agrees_with_nflows():
    golden = load("nflows.npz", "made_res_")
    made = nflows_made(load("nflows.npz", "made_res_param_"), residual=True, num_blocks=2)
    torch.testing.assert_close(made(golden["x"]), golden["out"][:, by_parameter(5)], rtol=1e-12, atol=1e-12)


@torch.no_grad()
def test_made_with_context_agrees_with_nflows():
    golden, weights = load("nflows.npz", "made_ff_ctx_"), load("nflows.npz", "made_ff_ctx_param_")
    made = nflows_made(weights, residual=False, num_blocks=2, context=True)
    units = weights["initial_layer.degrees"].argsort(stable=True)
    added = torch.relu(
        F.linear(golden["context"], weights["context_layer.weight"], weights["context_layer.bias"])
    )
    made.context.weight.copy_(torch.eye(12))  # theirs adds a ReLU of the mapped context
    torch.testing.assert_close(
        made(golden["x"], added[:, units]), golden["out"][:, by_parameter(5)], rtol=1e-12, atol=1e-12
    )


class SoftplusAffine(Affine):
    """The map of nflows: z = x · (softplus(a) + 1e-3) + t, with parameters [a, t]."""

    def _read(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        raw_scale, shift = parameters.unbind(1)
        return shift, torch.log(F.softplus(raw_scale) + 1e-3)


@torch.no_grad()
def test_maf_agrees_with_nflows():
    golden = load("nflows.npz", "maf_")
    made = nflows_made(load("nflows.npz", "maf_param_autoregressive_net."), residual=True, num_blocks=1)
    flow = MAF(made, transform=SoftplusAffine())
    assert_maps(flow, golden["x"], golden["y"], golden["logdet"])


@torch.no_grad()
def test_iaf_agrees_with_nflows():
    golden = load("nflows.npz", "iaf_")
    made = nflows_made(load("nflows.npz", "iaf_param_autoregressive_net."), residual=True, num_blocks=1)
    flow = IAF(made, transform=SoftplusAffine())
    assert_maps(flow, golden["x"], golden["y"], golden["logdet"])


class SoftclippedAffine(Affine):
    """The map of zuko: z = x · exp(s / (1 + |s / ln 1e-3|)) + t, with parameters [t, s]."""

    def _read(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        shift, log_scale = parameters.unbind(1)
        return shift, log_scale / (1 + (log_scale / math.log(1e-3)).abs())


@torch.no_grad()
def test_maf_agrees_with_zuko():
    golden, weights = load("zuko_mat.npz"), load("zuko_mat.npz", "param_hyper.")
    degrees = weights["0.mask"][:, :6].sum(dim=1)
    units = degrees.argsort(stable=True)
    made = MADE(6, hidden=16, context_features=3).double()
    made.degree.copy_(degrees[units])
    made.connect()
    set_linear(made.first, weights, "0", units, torch.arange(6))
    made.context.weight.copy_(weights["0.weight"][units, 6:])
    set_linear(made.blocks[0].linear, weights, "2", units, units)
    set_linear(made.last, weights, "4", by_parameter(6), units)
    flow = MAF(made, transform=SoftclippedAffine())
    assert_maps(flow, golden["x"], golden["y"], golden["ladj"], golden["context"].expand(6, -1))
