"""The laws of a flow, over the one list of all flows in cases.py, on shapes that hypothesis draws."""

from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from tests.flows.cases import FLOW_CASES, FlowCase, Shape
from vocoder.flows import Flow

few_examples = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
every_flow = pytest.mark.parametrize("case", FLOW_CASES, ids=lambda case: case.name)
every_autoregressive_flow = pytest.mark.parametrize(
    "case", [case for case in FLOW_CASES if case.order], ids=lambda case: case.name
)
every_direction = pytest.mark.parametrize("direction", ["to_noise", "to_data"])


class Drawn(NamedTuple):
    """A flow with random parameters, a batch, and its context."""

    flow: Flow
    x: Tensor
    context: Any
    shape: Shape

    def to(self, dtype: torch.dtype) -> "Drawn":
        return Drawn(self.flow.to(dtype), self.x.to(dtype), convert(self.context, dtype), self.shape)


def convert(context: Any, dtype: torch.dtype) -> Any:
    return tree_map(lambda t: t.to(dtype) if isinstance(t, Tensor) and t.is_floating_point() else t, context)


def draw(data: st.DataObject, case: FlowCase, batch: int | None = None) -> Drawn:
    """In float64, in evaluation mode, after one batch in training mode (which sets data-dependent state)."""
    shape = data.draw(case.shapes, label="shape")
    batch = batch or data.draw(st.integers(1, 3), label="batch")
    torch.manual_seed(data.draw(st.integers(0, 2**16), label="seed"))
    flow = randomized(case, shape)
    return Drawn(flow, torch.randn(batch, *shape), case.context(batch, shape), shape).to(torch.float64)


@torch.no_grad()
def randomized(case: FlowCase, shape: Shape) -> Flow:
    flow = case.make(shape)
    for parameter in flow.parameters():
        fan_in = parameter[0].numel() if parameter.dim() > 1 else 1
        parameter.add_(case.spread * fan_in**-0.5 * torch.randn_like(parameter))
    flow.train().to_noise(1.5 * torch.randn(16, *shape) + 0.5, case.context(16, shape))
    return flow.eval()


def there_and_back(drawn: Drawn, there: str) -> tuple[Tensor, Tensor, Tensor]:
    """The batch mapped there and back, with the log-determinants of both ways."""
    back = "to_data" if there == "to_noise" else "to_noise"
    mapped, log_det = getattr(drawn.flow, there)(drawn.x, drawn.context)
    returned, log_det_back = getattr(drawn.flow, back)(mapped, drawn.context)
    return returned, log_det, log_det_back


@every_flow
@every_direction
@given(data=st.data())
@few_examples
def test_inverse_in_float64(case: FlowCase, direction: str, data: st.DataObject) -> None:
    drawn = draw(data, case)
    returned, _, _ = there_and_back(drawn, direction)
    torch.testing.assert_close(returned, drawn.x, rtol=1e-8, atol=1e-8)


@every_flow
@every_direction
@given(data=st.data())
@few_examples
def test_inverse_in_float32(case: FlowCase, direction: str, data: st.DataObject) -> None:
    drawn = draw(data, case).to(torch.float32)
    returned, _, _ = there_and_back(drawn, direction)
    torch.testing.assert_close(returned, drawn.x, rtol=case.tolerance, atol=case.tolerance)


@every_flow
@every_direction
@given(data=st.data())
@few_examples
def test_log_determinants_of_the_directions_are_opposite(
    case: FlowCase, direction: str, data: st.DataObject
) -> None:
    _, log_det, log_det_back = there_and_back(draw(data, case), direction)
    torch.testing.assert_close(log_det, -log_det_back, rtol=1e-8, atol=1e-8)


@every_flow
@given(data=st.data())
@few_examples
def test_log_determinant_is_that_of_the_jacobian(case: FlowCase, data: st.DataObject) -> None:
    drawn = draw(data, case, batch=1)
    _, log_det = drawn.flow.to_noise(drawn.x, drawn.context)
    jacobian = torch.autograd.functional.jacobian(
        lambda x: drawn.flow.to_noise(x, drawn.context)[0].flatten(), drawn.x
    )
    expected = torch.linalg.slogdet(jacobian.flatten(1)).logabsdet
    torch.testing.assert_close(log_det, expected[None], rtol=1e-8, atol=1e-8)


@every_flow
@every_direction
@given(data=st.data())
@few_examples
def test_batch_is_independent(case: FlowCase, direction: str, data: st.DataObject) -> None:
    drawn = draw(data, case, batch=3)
    apply = getattr(drawn.flow, direction)
    whole, log_det = apply(drawn.x, drawn.context)
    second = tree_map(lambda t: t[1:2] if isinstance(t, Tensor) else t, drawn.context)
    alone, log_det_alone = apply(drawn.x[1:2], second)
    torch.testing.assert_close(whole[1:2], alone, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(log_det[1:2], log_det_alone, rtol=1e-10, atol=1e-10)


@every_flow
@every_direction
@given(data=st.data())
@few_examples
def test_gradients_reach_every_parameter(case: FlowCase, direction: str, data: st.DataObject) -> None:
    drawn = draw(data, case, batch=8)
    mapped, log_det = getattr(drawn.flow, direction)(drawn.x, drawn.context)
    total = mapped.square().sum() + log_det.sum()
    if total.requires_grad:
        total.backward()
    starved = [n for n, p in drawn.flow.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not starved


@every_flow
@given(data=st.data())
@few_examples
def test_gradients_of_the_directions_cancel(case: FlowCase, data: st.DataObject) -> None:
    """x -> z -> x is x whatever the parameters, so its derivative to them is zero."""
    drawn = draw(data, case)
    returned, _, _ = there_and_back(drawn, "to_noise")
    parameters = list(drawn.flow.parameters())
    weights = torch.randn_like(returned)
    if returned.requires_grad:
        gradients = torch.autograd.grad((returned * weights).sum(), parameters, allow_unused=True)
        for gradient in gradients:
            assert gradient is None or gradient.abs().max() < 1e-6


@every_autoregressive_flow
@every_direction
@given(data=st.data())
@few_examples
def test_later_inputs_change_no_earlier_output(case: FlowCase, direction: str, data: st.DataObject) -> None:
    drawn = draw(data, case)
    assert case.order is not None
    place = case.order(drawn.flow, drawn.shape)
    known = place <= data.draw(st.integers(0, int(place.max())), label="last known place")
    apply = getattr(drawn.flow, direction)
    before, _ = apply(drawn.x, drawn.context)
    after, _ = apply(torch.where(known, drawn.x, torch.randn_like(drawn.x)), drawn.context)
    torch.testing.assert_close(after[:, known], before[:, known], rtol=1e-9, atol=1e-9)


@every_flow
@every_direction
@given(data=st.data())
@few_examples
def test_saved_state_restores_the_map(case: FlowCase, direction: str, data: st.DataObject) -> None:
    drawn = draw(data, case)
    torch.manual_seed(99)
    restored = case.make(drawn.shape).double().eval()
    restored.load_state_dict(drawn.flow.state_dict())
    expected = getattr(drawn.flow, direction)(drawn.x, drawn.context)
    torch.testing.assert_close(getattr(restored, direction)(drawn.x, drawn.context), expected, rtol=0, atol=0)


class NarrowSums(TorchDispatchMode):
    """Notes every sum that leaves a number a row, `[batch]`, in less than float32."""

    def __init__(self, batch: int) -> None:
        super().__init__()
        self.batch = batch
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if "sum" in func.name() and result.shape == (self.batch,) and result.dtype == torch.bfloat16:
            self.found.append(func.name())
        return result


@every_flow
@every_direction
@given(data=st.data())
@few_examples
def test_log_determinant_is_accumulated_in_float32_under_autocast(
    case: FlowCase, direction: str, data: st.DataObject
) -> None:
    """At no place on the way are rows summed in bfloat16; no other axis is as long as this batch."""
    drawn = draw(data, case, batch=11).to(torch.float32)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16), NarrowSums(11) as sums:
        mapped, log_det = getattr(drawn.flow, direction)(drawn.x.bfloat16(), drawn.context)
    assert not sums.found
    assert log_det.dtype == torch.float32
    assert log_det.shape == drawn.x.shape[:1]
    assert mapped.isfinite().all()


@every_flow
@every_direction
@given(data=st.data())
@few_examples
def test_log_determinant_under_autocast_is_that_of_float32(
    case: FlowCase, direction: str, data: st.DataObject
) -> None:
    """But for the rounding of the networks and of x."""
    drawn = draw(data, case).to(torch.float32)
    x = drawn.x.bfloat16()
    _, expected = getattr(drawn.flow, direction)(x.float(), drawn.context)
    with torch.autocast("cpu", torch.bfloat16):
        _, log_det = getattr(drawn.flow, direction)(x, drawn.context)
    torch.testing.assert_close(log_det, expected, rtol=0.05, atol=0.05)
