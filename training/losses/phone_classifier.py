"""A network that hears phones in raw audio: what the perceptual loss listens with.

Two stacks of a WaveNet that is not causal, the first over groups of samples, the second, wider apart, over
what the first says; the answer is a phone a step. Trained by `training.recipes.classifier`.
"""

import json
from pathlib import Path
from typing import NamedTuple

from jaxtyping import Float
from pydantic import Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.alignment import PHONES
from vocoder.checkpoints.format import write_atomically
from vocoder.config import Config
from vocoder.errors import CheckpointError
from vocoder.networks.wavenet import WaveNet

LEVEL = 0.05  # of speech, about: the network sees audio over this


class StackSizes(Config):
    layers: int = Field(ge=1)
    channels: int = Field(ge=2)


class PhoneClassifierConfig(Config):
    """Sizes; `group` and `pool` in samples and in steps of the first stack."""

    sample_rate: int = Field(default=22050, ge=8000)
    group: int = Field(default=16, ge=1, description="samples a step of the first stack")
    pool: int = Field(default=4, ge=1, description="steps of the first stack a step of the second")
    near: StackSizes = StackSizes(layers=5, channels=64)
    far: StackSizes = StackSizes(layers=7, channels=96)


class Hearing(NamedTuple):
    """What is heard: the scores of phones step by step, and the features in every layer."""

    logits: Float[Tensor, "batch phone step"]
    features: list[Float[Tensor, "batch channel _"]]


class PhoneClassifier(nn.Module):
    """Audio `[B, T]`, T a multiple of `stride`, to phones (`PHONES`), one every `stride` samples."""

    def __init__(self, config: PhoneClassifierConfig) -> None:
        super().__init__()
        self.config, self.stride = config, config.group * config.pool
        self.near = _stack(config.group, config.near.channels, config.near)
        self.far = _stack(config.near.channels, len(PHONES), config.far)
        for name, weight in self.near.head[-1].named_parameters():
            if name == "weight":  # zero at first, nothing would reach the second stack
                nn.init.kaiming_normal_(weight)

    def forward(self, audio: Float[Tensor, "batch time"]) -> Hearing:
        groups = (audio / LEVEL).unflatten(1, (-1, self.config.group)).transpose(1, 2)
        said, near = self.near.activations(groups)
        logits, far = self.far.activations(F.avg_pool1d(said, self.config.pool))
        return Hearing(logits, [*near, *far])


def save_classifier(path: Path, classifier: PhoneClassifier, record: dict[str, object]) -> None:
    """Weights with sizes and training record as JSON, in one safetensors file."""
    weights = {name: value.detach().cpu().contiguous() for name, value in classifier.state_dict().items()}
    metadata = {
        "kind": "phone-classifier",
        "config": classifier.config.model_dump_json(),
        "training": json.dumps(record),
    }
    write_atomically(path, to_bytes(weights, metadata))


def load_classifier(path: Path) -> PhoneClassifier:
    """In evaluation mode, its weights frozen; raises `CheckpointError` for anything else."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"classifier: cannot read {path}: {error}") from None
    if metadata.get("kind") != "phone-classifier":
        raise CheckpointError(f"classifier: {path} holds none; vocoder train classifier makes one")
    try:
        config = PhoneClassifierConfig.model_validate_json(metadata["config"])
        classifier = PhoneClassifier(config)
        classifier.load_state_dict(weights)
    except (KeyError, ValidationError, RuntimeError) as error:
        raise CheckpointError(f"classifier: {path} is damaged: {error}") from None
    return classifier.eval().requires_grad_(False)


def _stack(inputs: int, outputs: int, sizes: StackSizes) -> WaveNet:
    return WaveNet(
        inputs,
        outputs,
        causal=False,
        num_layers=sizes.layers,
        residual_channels=sizes.channels,
        skip_channels=sizes.channels,
        variance_preserving=True,
    )
