"""Running batch norm beside averaged weights: moments that fit the weights that are measured."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from vocoder.flows import BatchNorm


@contextmanager
def fitted_moments(model: nn.Module, pass_data: Callable[[], object]) -> Iterator[None]:
    """For a while, the moments of every `BatchNorm` of `model` are those of what `pass_data` sends through.

    Those that training keeps belong to the weights of the last steps, not to their average (Izmailov et al.
    2018, "Averaging Weights Leads to Wider Optima and Better Generalization", sec. 3.2).
    """
    norms = [module for module in model.modules() if isinstance(module, BatchNorm)]
    kept = [{name: buffer.clone() for name, buffer in norm.named_buffers()} for norm in norms]
    try:
        for norm in norms:
            norm.num_batches.zero_()
            norm.train()
        if norms:
            with torch.no_grad():
                pass_data()
        for norm in norms:
            norm.train(model.training)
        yield
    finally:
        for norm, buffers in zip(norms, kept, strict=True):
            norm.load_state_dict(buffers, strict=False)
