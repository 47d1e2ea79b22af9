"""The teacher: a masked autoregressive flow over audio whose conditioner is a causal WaveNet.

On few cores a whitening filter computed from the mel comes first, next to the data, and a WaveNet in two
tiers models what it leaves. (The teacher of Parallel WaveNet, van den Oord et al. 2017, runs once a sample:
see `wavenet`.)
"""

import math
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor

from vocoder.config import Config
from vocoder.distributions.output import OutputConfig
from vocoder.errors import ConfigError
from vocoder.mel import MelSpec
from vocoder.models.autoregressive import DENSITY_FLOOR, AutoregressiveVocoder, Conditions, Sampler
from vocoder.models.frames import FrameNetworkConfig, normalize, pitch_features
from vocoder.models.high_band import high_pass
from vocoder.models.warmth import warmth_by_band
from vocoder.models.whitening import Whitening, WhiteningConfig
from vocoder.networks.frame_network import FrameNetwork
from vocoder.networks.interpolation import interpolate_knots
from vocoder.networks.pitch import PitchNetwork
from vocoder.networks.precision import DoubleInEvaluation
from vocoder.networks.tiered_graph import TieredGraphSampler
from vocoder.networks.tiered_sampler import TieredSampler
from vocoder.networks.tiered_wavenet import TieredContext, TieredWaveNet


class TieredConfig(Config):
    """Sizes of the WaveNet in two tiers; `group`, `reach` and `head_kernel` in samples."""

    group: int = Field(default=8, ge=1)
    reach: int = Field(default=8, ge=0)
    head_kernel: int = Field(default=32, ge=1)
    head_channels: int = Field(default=32, ge=1)
    layers: int = Field(default=10, ge=1)
    dilation_cycle: int | None = Field(default=None, ge=1)
    kernel_size: int = Field(default=2, ge=2)
    residual_channels: int = Field(default=96, ge=1)
    skip_channels: int = Field(default=96, ge=1)
    straight: bool = Field(default=False, description="the head's input also moves the locations linearly")


class TeacherConfig(Config):
    """Everything that the teacher is built from."""

    kind: Literal["teacher"] = Field(default="teacher", exclude=True)  # the default of those that train
    whitening: WhiteningConfig | None = WhiteningConfig()
    pitch: FrameNetworkConfig = FrameNetworkConfig(hidden=96)
    conditioning: FrameNetworkConfig = FrameNetworkConfig()
    context_channels: int = Field(default=96, ge=1)
    wavenet: TieredConfig = TieredConfig()
    output: OutputConfig = OutputConfig()
    level: float = Field(default=0.05, gt=0, description="of the audio, where no filter levels it")
    temperature: float = Field(
        default=1.0, ge=0, le=2, description="of the noise, unless a call says otherwise"
    )
    voiced: float = Field(default=1.0, ge=0, le=2, description="factor of the temperature in voiced sounds")
    voiced_above: float | None = Field(
        default=None, ge=0, le=2, description="the same above the mel's last band; `voiced`, if not given"
    )
    density_floor: float = DENSITY_FLOOR

    @model_validator(mode="after")
    def _consistent(self) -> "TeacherConfig":
        if self.output.categorical:
            raise ValueError("output.family categorical is for the model 'wavenet': choose another here")
        return self


class _Conditioning(DoubleInEvaluation, FrameNetwork):
    """The context of the WaveNet; in float64 because the flow feeds its samples back to itself."""


class Teacher(AutoregressiveVocoder):
    """A linear masked autoregressive flow (whitening), then one whose conditioner is a WaveNet."""

    kind = "teacher"

    def __init__(self, config: TeacherConfig, mel_spec: MelSpec) -> None:
        super().__init__(mel_spec)
        group, hop = config.wavenet.group, mel_spec.hop_length
        if hop % group:
            raise ConfigError(f"wavenet.group must divide the hop of {hop} samples, got {group}")
        self.config: TeacherConfig = config
        self.output, self.level, self.temperature = config.output, config.level, config.temperature
        if config.voiced_above is not None:
            self.high_pass = high_pass(mel_spec)
        self.groups = hop // group
        self.pitch = PitchNetwork(mel_spec.num_mels, **config.pitch.model_dump())
        self.whitening = Whitening(config.whitening, mel_spec) if config.whitening else None
        self.num_taps = config.whitening.num_taps if config.whitening else 1
        self.conditioning = _Conditioning(
            mel_spec.num_mels + 2, config.context_channels, **config.conditioning.model_dump()
        )
        sizes = config.wavenet.model_dump()
        self.wavenet = TieredWaveNet(
            config.output.num_parameters,
            num_layers=sizes.pop("layers"),
            context_channels=config.context_channels,
            context_step=self.groups,
            straight=config.output.locations if sizes.pop("straight") else None,
            **sizes,
        )
        config.output.initialize(self.wavenet.last)
        pitch, context = self.pitch.network, self.conditioning
        self.left_context = pitch.left_context + context.left_context
        self.right_context = pitch.right_context + context.right_context

    @property
    def lookahead_frames(self) -> int:
        """The networks' reach, and the knot at the end of the frame's samples."""
        return self.right_context + 1

    @property
    def max_lag(self) -> int:
        """The longest pitch period that the context names, in samples."""
        return math.ceil(self.sample_rate / self.pitch.low)

    @property
    def receptive_field(self) -> int:
        return self.wavenet.receptive_field(self.max_lag)

    def make_sampler(self) -> Sampler:
        if self.device.type == "cuda":
            kind: type[TieredGraphSampler] | type[TieredSampler] = TieredGraphSampler
        else:
            kind = TieredSampler
        floor = self.config.density_floor
        return kind(self.wavenet, max_lag=self.max_lag, output=self.output, density_floor=floor)

    def predict(
        self, residual: Float[Tensor, "batch sample"], context: TieredContext
    ) -> Float[Tensor, "batch parameter sample"]:
        return self.wavenet(residual.unsqueeze(1), context)

    def conditions(
        self, frames: Float[Tensor, "batch mel context"], outside: tuple[int, int] = (0, 0)
    ) -> Conditions:
        pitch = self.pitch(normalize(frames))
        centre = self.pitch.network.without_context(normalize(frames))
        features = torch.cat([centre, pitch_features(pitch).to(centre.dtype)], dim=1)
        knots = self.conditioning(features.to(self.conditioning.dtype)).to(frames.dtype)
        f0, voicing = self.conditioning.without_context(torch.stack([pitch.frequency, pitch.voicing]))
        lag = (self.sample_rate / interpolate_knots(f0, self.groups, offset=0.5)).round().long()
        filters = None
        if self.whitening is not None:
            left = self.left_context - self.whitening.left_context
            right = self.right_context - self.whitening.right_context
            filters = self.whitening(frames[..., left : frames.shape[-1] - right])
        factors = self.config.voiced, self.config.voiced_above
        return Conditions(
            filters,
            TieredContext(knots, lag),
            warmth_by_band(*factors, voicing.sigmoid(), self.mel_spec.hop_length),
        )
