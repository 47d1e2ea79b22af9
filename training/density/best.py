"""Early stopping: the weights that did best on images that are neither trained nor tested on."""

import math
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_model
from safetensors.torch import save as to_bytes
from torch import nn

from vocoder.checkpoints.format import write_atomically


class Best:
    """A file of the weights with the lowest figure so far; a run that is resumed goes on with it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def figure(self) -> float:
        """The lowest so far; infinite before the first."""
        if not self.path.exists():
            return math.inf
        with safe_open(self.path, framework="pt") as file:
            return float(file.metadata()["figure"])

    def offer(self, model: nn.Module, figure: float) -> None:
        """Keep the weights and buffers that `model` has now, if `figure` is lower than before."""
        if figure < self.figure:
            tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
            write_atomically(self.path, to_bytes(tensors, {"figure": repr(figure)}))

    def load_into(self, model: nn.Module) -> None:
        """Give `model` the weights kept."""
        load_model(model, self.path)
