"""The state of a run as tensors in one safetensors file: weights, average, buffers, optimiser, step."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.optim import Optimizer

from vocoder.checkpoints.format import write_atomically
from vocoder.errors import CheckpointError


class RunState(NamedTuple):
    """What a run goes on from; its tensors are read and written in place.

    `buffers` are what the model keeps beside its parameters: running moments, what was initialised.
    """

    parameters: Mapping[str, nn.Parameter]
    average: Mapping[str, Tensor]
    buffers: Mapping[str, Tensor]
    optimizer: Optimizer

    def write(self, path: Path, facts: Mapping[str, str]) -> None:
        """Everything to `path`, atomically."""
        tensors = {f"model.{name}": parameter.detach() for name, parameter in self.parameters.items()}
        tensors |= {f"average.{name}": value for name, value in self.average.items()}
        tensors |= {f"buffer.{name}": value for name, value in self.buffers.items()}
        for name, parameter in self.parameters.items():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer.{key}.{name}"] = value
        content = {key: value.cpu().contiguous() for key, value in tensors.items()}
        write_atomically(path, to_bytes(content, dict(facts)))

    @torch.no_grad()
    def read(self, path: Path) -> dict[str, str]:
        """Everything from `path`, on whatever device it was written; returns the facts.

        Raises:
            CheckpointError: the state of another model.
        """
        with safe_open(path, framework="pt") as file:
            facts, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        for name, parameter in self.parameters.items():
            if f"model.{name}" not in tensors or tensors[f"model.{name}"].shape != parameter.shape:
                raise CheckpointError(
                    f"{path} was written by a run of another model ({name} differs): "
                    "resume with the configuration it began with, or train into a fresh folder"
                )
            parameter.copy_(tensors[f"model.{name}"])
            self.average[name].copy_(tensors[f"average.{name}"])
            if state := _optimizer_state(tensors, name):
                moved = {k: v if k == "step" else v.to(parameter.device) for k, v in state.items()}
                self.optimizer.state[parameter] = moved
        for name, buffer in self.buffers.items():
            if f"buffer.{name}" in tensors:
                buffer.copy_(tensors[f"buffer.{name}"])
        return facts


def saved_buffers(model: nn.Module) -> dict[str, Tensor]:
    """The buffers that belong to the model's checkpoint."""
    saved = model.state_dict()
    return {name: buffer for name, buffer in model.named_buffers() if name in saved}


def _optimizer_state(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    keys: Iterable[list[str]] = (key.split(".", 2) for key in tensors if key.startswith("optimizer."))
    return {key: tensors[f"optimizer.{key}.{own}"] for _, key, own in keys if own == name}
