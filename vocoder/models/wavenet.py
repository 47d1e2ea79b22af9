"""WaveNet as it was published: a causal stack that runs once a sample, told the upsampled mel.

(van den Oord et al. 2016; with a mixture of logistics the teacher of Parallel WaveNet, 2017; with a Gaussian
that of ClariNet, Ping et al. 2018.)
"""

from math import prod
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional as F

from vocoder.config import Config
from vocoder.distributions import mu_law_dequantize, mu_law_quantize
from vocoder.distributions.categorical import MU_LAW_CLASSES
from vocoder.distributions.output import OutputConfig
from vocoder.errors import ConfigError
from vocoder.flows.linear_filter import FrameFilters
from vocoder.mel import MelSpec
from vocoder.models.autoregressive import DENSITY_FLOOR, AutoregressiveVocoder, Conditions, Sampler
from vocoder.models.whitening import Whitening, WhiteningConfig
from vocoder.networks.upsampler import Form, MelUpsampler
from vocoder.networks.wavenet import WaveNet
from vocoder.networks.wavenet_sampler import WaveNetSampler


class UpsamplerConfig(Config):
    """How frames become context vectors; see `MelUpsampler`."""

    form: Form = "transposed"
    scales: tuple[int, ...] = Field(default=(16, 16), min_length=1, description="whose product is the hop")
    context: int = Field(default=2, ge=0, description="frames on both sides")
    band_kernel: int = Field(default=3, ge=1)
    slope: float | None = Field(default=None, ge=0, le=1, description="of a leaky ReLU after each stage")
    bias: bool = Field(default=False, description="of each stage")


class StackConfig(Config):
    """Sizes of the WaveNet; the defaults are those of Parallel WaveNet's teacher."""

    layers: int = Field(default=30, ge=1)
    dilation_cycle: int | None = Field(default=10, ge=1)
    kernel_size: int = Field(default=3, ge=2)
    residual_channels: int = Field(default=512, ge=1)
    gate_channels: int = Field(default=512, ge=2)
    skip_channels: int = Field(default=256, ge=1)
    head_channels: int = Field(default=256, ge=1)


class WaveNetVocoderConfig(Config):
    """Everything that the vocoder is built from."""

    kind: Literal["wavenet"] = "wavenet"
    whitening: WhiteningConfig | None = None
    pre_emphasis: float = Field(default=0.0, ge=0, lt=1, description="of the audio, where nothing whitens it")
    level: float = Field(default=0.05, gt=0, description="of the audio, where nothing whitens it")
    bound: float | None = Field(
        default=None, gt=0, description="of the network's samples in synthesis; see `WaveNetVocoder`"
    )
    mel_mean: float = Field(
        default=-5.0, description="of the mels, about; the network sees (mel - mean) / std"
    )
    mel_std: float = Field(default=2.5, gt=0)
    upsampler: UpsamplerConfig = UpsamplerConfig()
    wavenet: StackConfig = StackConfig()
    output: OutputConfig = OutputConfig(components=10)
    temperature: float = Field(
        default=1.0, ge=0, le=2, description="of the noise, unless a call says otherwise"
    )
    density_floor: float = DENSITY_FLOOR

    @model_validator(mode="after")
    def _consistent(self) -> "WaveNetVocoderConfig":
        if self.whitening and self.pre_emphasis:
            raise ValueError(f"pre_emphasis must be 0 where whitening is on, got {self.pre_emphasis}")
        if self.output.categorical and (self.whitening or self.pre_emphasis or self.level != 1):
            raise ValueError(
                "mu-law classes are of the audio itself: set whitening null, pre_emphasis 0, level 1"
            )
        if self.output.categorical and self.density_floor:
            raise ValueError(f"density_floor must be 0 for the categorical family, got {self.density_floor}")
        return self


class WaveNetVocoder(AutoregressiveVocoder):
    """A causal WaveNet over samples, shown each sample one late, and a learned upsampler of the mel.

    In synthesis the network's samples are clipped to ± `config.bound`; without one, and where no filter is,
    to ±1 of the audio, as the density's open outermost bins mean.
    """

    kind = "wavenet"

    def __init__(self, config: WaveNetVocoderConfig, mel_spec: MelSpec) -> None:
        super().__init__(mel_spec)
        hop = mel_spec.hop_length
        if prod(config.upsampler.scales) != hop:
            raise ConfigError(
                f"upsampler.scales must multiply to the hop of {hop} samples, got {config.upsampler.scales}"
            )
        self.config: WaveNetVocoderConfig = config
        self.output, self.level, self.temperature = config.output, config.level, config.temperature
        if config.output.categorical:
            self.likelihood = "mu-law"
        self.whitening = Whitening(config.whitening, mel_spec) if config.whitening else None
        self.num_taps = config.whitening.num_taps if config.whitening else 1 + (config.pre_emphasis > 0)
        self.upsampler = MelUpsampler(mel_spec.num_mels, **config.upsampler.model_dump())
        sizes = config.wavenet.model_dump()
        self.wavenet = WaveNet(
            MU_LAW_CLASSES if config.output.categorical else 1,
            config.output.num_parameters,
            causal=True,
            num_layers=sizes.pop("layers"),
            context_channels=mel_spec.num_mels,
            context_step=self.upsampler.step,
            variance_preserving=True,
            **sizes,
        )
        config.output.initialize(self.wavenet.head[-1])
        reach = self.whitening
        self.left_context = max(self.upsampler.left_context, reach.left_context if reach else 0)
        self._lookahead = max(self.upsampler.right_context, reach.right_context + 1 if reach else 0)

    @property
    def lookahead_frames(self) -> int:
        """What the upsampler, and the whitening filter if there is one, see of the frames to come."""
        return self._lookahead

    @property
    def receptive_field(self) -> int:
        return self.wavenet.receptive_field

    def make_sampler(self) -> Sampler:
        output, full_scale = self.output, 1 / self.level if self.num_taps == 1 else float("inf")
        return WaveNetSampler(
            self.wavenet,
            block=self.mel_spec.hop_length,
            output=output,
            density_floor=self.config.density_floor,
            bound=self.config.bound or full_scale,
            classes=mu_law_dequantize(torch.arange(MU_LAW_CLASSES)) if output.categorical else None,
            silence=int(mu_law_quantize(torch.zeros(()))) if output.categorical else 0,
        )

    def predict(
        self, residual: Float[Tensor, "batch sample"], context: Float[Tensor, "batch mel row"]
    ) -> Float[Tensor, "batch parameter sample"]:
        return self.wavenet(self.encode(F.pad(residual, (1, -1))), context)

    def encode(self, residual: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch channel sample"]:
        """What the network is shown: samples, or their mu-law classes one-hot."""
        if not self.output.categorical:
            return residual.unsqueeze(1)
        return F.one_hot(mu_law_quantize(residual), MU_LAW_CLASSES).movedim(2, 1).to(residual.dtype)

    def conditions(
        self, frames: Float[Tensor, "batch mel context"], outside: tuple[int, int] = (0, 0)
    ) -> Conditions:
        hops = frames.shape[-1] - self.left_context - self.lookahead_frames
        left = self.left_context - self.upsampler.left_context
        right = self.lookahead_frames - self.upsampler.right_context
        seen = (frames[..., left : frames.shape[-1] - right] - self.config.mel_mean) / self.config.mel_std
        context = self.upsampler(seen, (max(0, outside[0] - left), max(0, outside[1] - right)))
        return Conditions(self._filters(frames, hops), context)

    def _filters(self, frames: Tensor, hops: int) -> FrameFilters | None:
        """Those that the mel states, or pre-emphasis: (x_t - c · x_{t-1}) / level."""
        if self.whitening is not None:
            left = self.left_context - self.whitening.left_context
            right = self.lookahead_frames - 1 - self.whitening.right_context
            return self.whitening(frames[..., left : frames.shape[-1] - right])
        if not self.config.pre_emphasis:
            return None
        taps = torch.tensor([1.0, -self.config.pre_emphasis], device=frames.device) / self.level
        return FrameFilters(taps.expand(len(frames), hops + 1, 2))
