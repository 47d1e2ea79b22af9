"""The sizes and options of a WaveGlow."""

from typing import Literal

from pydantic import Field, model_validator

from vocoder.config import Config
from vocoder.models.air import AirConfig
from vocoder.models.frames import FrameNetworkConfig
from vocoder.models.source_filter import SourceConfig
from vocoder.models.whitening import WhiteningConfig


class CouplingConfig(Config):
    """Sizes of the WaveNet in each coupling; dilations double from layer to layer."""

    layers: int = Field(default=8, ge=1)
    channels: int = Field(default=256, ge=2, description="residual channels")
    skip_channels: int = Field(default=256, ge=1)
    kernel_size: int = Field(default=3, ge=1)
    attention_heads: int = Field(default=0, ge=0, description="before the layers, as in Flow++; 0: none")
    attention_reach: int = Field(default=16, ge=1, description="groups on each side that are attended to")


class WaveGlowConfig(Config):
    """Everything that a WaveGlow is built from; the defaults are NVIDIA's published voice.

    Options that serve voices for few cores: `conditioning`, a network over the frames before they are
    upsampled, and one of two stages next to the data. `whitening` is a filter that takes the envelope off;
    `source` is the first stage of a student, a filter and pitch pulses, which the couplings are told of.
    """

    kind: Literal["waveglow"] = "waveglow"
    group_size: int = Field(default=8, ge=2, description="samples")
    flows: int = Field(default=12, ge=1, description="1×1 convolutions and couplings")
    early_every: int = Field(default=4, ge=1, description="flows after which channels leave")
    early_size: int = Field(default=2, ge=1, description="channels that leave")
    alternate: bool = Field(
        default=False, description="every second coupling keeps the other half, as NVIDIA's first voice did"
    )
    wavenet: CouplingConfig = CouplingConfig()
    coupling: Literal["affine", "mixture"] = Field(
        default="affine", description="of each element; mixture: the mixture-of-logistics CDF of Flow++"
    )
    components: int = Field(default=4, ge=1, description="of the mixtures")
    log_scale_bound: float | None = Field(default=None, gt=0, description="of the couplings, in nats")
    upsampling_width: int = Field(default=4, ge=1, description="frames that reach a sample")
    context_channels: int | None = Field(
        default=None, ge=1, description="of the upsampled mel; as published, bands times group size"
    )
    conditioning: FrameNetworkConfig | None = None
    whitening: WhiteningConfig | None = None
    source: SourceConfig | None = None
    sigma: float = Field(default=1.0, gt=0, description="of the noise that the density assumes")
    temperature: float = Field(
        default=0.6, ge=0, le=2, description="sigma of the noise in synthesis, unless a call says otherwise"
    )
    voiced: float = Field(
        default=1.0,
        ge=0,
        le=2,
        description="factor of the temperature in voiced sounds, in synthesis; needs a source",
    )
    bound: float | None = Field(
        default=None, gt=0, description="of the samples that leave the chain of flows, in synthesis"
    )
    air: AirConfig | None = Field(
        default=None, description="noise above the mel's last band, in synthesis; needs a source"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "WaveGlowConfig":
        if self.whitening is not None and self.source is not None:
            raise ValueError("whitening and source are two stages for one place: leave one of them out")
        if self.voiced != 1 and self.source is None:
            raise ValueError(
                f"voiced: without a source it is not known what is voiced; leave it 1, got {self.voiced:g}"
            )
        if self.air is not None and self.source is None:
            raise ValueError("air: without a source there is no filter to color it; leave it out")
        left = self.channels(self.flows - 1)
        if left < 2:
            raise ValueError(
                f"group_size {self.group_size} leaves {left} channels to the last of {self.flows} flows, "
                f"of which {self.early_size} leave after every {self.early_every}: at least 2 must be left"
            )
        if self.wavenet.kernel_size % 2 == 0:
            raise ValueError(f"wavenet.kernel_size must be odd, got {self.wavenet.kernel_size}")
        heads, channels = self.wavenet.attention_heads, self.wavenet.channels
        if heads and channels % heads:
            raise ValueError(f"wavenet.attention_heads must divide the {channels} channels, got {heads}")
        return self

    def channels(self, flow: int) -> int:
        """Channels that are left in flow number `flow`."""
        return self.group_size - self.early_size * (flow // self.early_every)
