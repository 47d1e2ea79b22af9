"""Hyper-parameters of https://github.com/r9y9/wavenet_vocoder, in its two layouts.

Upstream keeps them in a JSON file beside the weights. A layout says what follows from them: the analysis of
the mels, what was done to recordings, the upsampler, and how the layers' skip connections are summed.
"""

from abc import abstractmethod
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from vocoder.config import Config

Weights = dict[str, Tensor]


Count = Annotated[int, Field(ge=1)]


class Hparams(Config, extra="ignore"):
    """What both layouts have, with upstream's names."""

    input_type: Literal["raw", "mulaw-quantize"] = "raw"
    sample_rate: Count = 22050
    num_mels: Count = 80
    fmin: float = 125
    fmax: float = 7600
    fft_size: Count = 1024
    out_channels: Count = 30
    layers: Count = 24
    stacks: Count = 4
    kernel_size: Count = 3
    residual_channels: Count
    gate_channels: Count
    skip_out_channels: Count
    log_scale_min: float
    cin_channels: Count = 80
    upsample_conditional_features: Literal[True] = True

    @model_validator(mode="after")
    def _stacks_are_even(self) -> "Hparams":
        if self.layers % self.stacks:
            raise ValueError(
                f"layers {self.layers} must be a multiple of stacks {self.stacks}, as upstream demands"
            )
        return self

    @property
    def components(self) -> int:
        return max(1, self.out_channels // 3) if self.input_type == "raw" else 1

    @property
    def family(self) -> str:
        """Of the density of raw samples."""
        return "logistic"

    @property
    def audio(self) -> dict[str, float]:
        """What was done to recordings: `pre_emphasis` and `level` of `WaveNetVocoderConfig`."""
        return {"pre_emphasis": 0.0, "level": 1.0}

    @property
    @abstractmethod
    def analysis(self) -> dict[str, Any]:
        """Of the mels, as `mel_spec` takes it."""

    @property
    @abstractmethod
    def upsampler(self) -> dict[str, Any]:
        """As `UpsamplerConfig` takes it."""

    @property
    @abstractmethod
    def skip_weights(self) -> list[float]:
        """What each layer counts in the skip sum, beside what each counts in a `WaveNet`."""

    @abstractmethod
    def upsampling(self, old: Weights) -> Weights:
        """The upsampler's weights under this project's names, taken out of `old`.

        Raises:
            KeyError: `old` lacks one.
        """


class UpsampleParams(Config, extra="ignore"):
    """Of the upsampling network of 2019."""

    upsample_scales: tuple[Count, ...] = (4, 4, 4, 4)
    upsample_activation: Literal["none", "LeakyReLU"] = "none"
    upsample_activation_params: dict[str, float] = Field(default_factory=dict)
    mode: Literal["nearest"] = "nearest"
    freq_axis_kernel_size: Count = 1

    @property
    def slope(self) -> float | None:
        activated = self.upsample_activation == "LeakyReLU"
        return self.upsample_activation_params.get("negative_slope", 0.01) if activated else None


class Hparams2019(Hparams):
    """Since 2019: mels by librosa, normalised over the corpus; pre-emphasis and gain; stretched mels."""

    preprocess: Literal["", "none", "preemphasis"] | None = ""
    global_gain_scale: float = 1.0
    hop_size: Count = 256
    win_length: Count = 1024
    output_distribution: Literal["Logistic", "Normal"] = "Logistic"
    log_scale_min: float = -16.0
    residual_channels: Count = 128
    gate_channels: Count = 256
    skip_out_channels: Count = 128
    cin_pad: int = Field(default=2, ge=0)
    upsample_net: Literal["ConvInUpsampleNetwork"] = "ConvInUpsampleNetwork"
    upsample_params: UpsampleParams = UpsampleParams()

    @property
    def family(self) -> str:
        return {"Logistic": "logistic", "Normal": "gaussian"}[self.output_distribution]

    @property
    def audio(self) -> dict[str, float]:
        return {
            "pre_emphasis": 0.85 if self.preprocess == "preemphasis" else 0.0,
            "level": 1 / self.global_gain_scale if self.global_gain_scale > 0 else 1.0,
        }

    @property
    def analysis(self) -> dict[str, Any]:
        return {
            "dialect": "r9y9",
            "win_length": self.win_length,
            "hop_length": self.hop_size,
            "padding": self.fft_size // 2,
        }

    @property
    def upsampler(self) -> dict[str, Any]:
        return {
            "form": "stretched",
            "scales": self.upsample_params.upsample_scales,
            "context": self.cin_pad,
            "band_kernel": self.upsample_params.freq_axis_kernel_size,
            "slope": self.upsample_params.slope,
        }

    @property
    def skip_weights(self) -> list[float]:
        return [1.0] * self.layers

    def upsampling(self, old: Weights) -> Weights:
        spacing = 2 if self.upsample_params.slope is None else 3
        stages = {
            f"upsampler.stages.{k}.1.weight": old.pop(
                f"upsample_net.upsample.up_layers.{spacing * k + 1}.weight"
            )
            for k in range(len(self.upsample_params.upsample_scales))
        }
        return stages | {"upsampler.mix.weight": old.pop("upsample_net.conv_in.weight")}


class Hparams2018(Hparams):
    """Until v0.1.1: mels by lws, in [0, 1]; the recording as it is; each frame stretched over its own hop."""

    hop_size: Count | None = 256
    frame_shift_ms: float | None = None
    min_level_db: float = Field(default=-100.0, lt=0)
    ref_level_db: float = 20.0
    log_scale_min: float = -32.23619130191664
    residual_channels: Count = 512
    gate_channels: Count = 512
    skip_out_channels: Count = 256
    upsample_scales: tuple[Count, ...] = (4, 4, 4, 4)
    freq_axis_kernel_size: Count = 3
    legacy: bool = True

    @property
    def analysis(self) -> dict[str, Any]:
        hop = self.hop_size or int((self.frame_shift_ms or 0) / 1000 * self.sample_rate)
        return {
            "dialect": "r9y9-2018",
            "win_length": self.fft_size,
            "hop_length": hop,
            "padding": self.fft_size - hop,
            "floor": 10 ** (self.min_level_db / 20),
            "offset": -self.ref_level_db,
            "value_range": (self.min_level_db, 0.0),
        }

    @property
    def upsampler(self) -> dict[str, Any]:
        return {
            "form": "apart",
            "scales": self.upsample_scales,
            "context": 0,
            "band_kernel": self.freq_axis_kernel_size,
            "slope": 0.0,
            "bias": True,
        }

    @property
    def skip_weights(self) -> list[float]:
        """Under `legacy` the sum so far shrinks by √½ with each layer; otherwise nothing is scaled."""
        beyond = [self.layers - max(i, 1) if self.legacy else 0 for i in range(self.layers)]
        return [self.layers**0.5 * 0.5 ** (count / 2) for count in beyond]

    def upsampling(self, old: Weights) -> Weights:
        stages = {
            f"upsampler.stages.{k}.{kind}": old.pop(f"upsample_conv.{2 * k}.{kind}")
            for k in range(len(self.upsample_scales))
            for kind in ("weight", "bias")
        }
        return stages | {"upsampler.mix.weight": torch.eye(self.num_mels).unsqueeze(2)}
