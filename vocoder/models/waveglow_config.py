"""The sizes and options of a WaveGlow."""

from typing import Literal

from pydantic import Field, model_validator

from vocoder.config import Config
from vocoder.models.frames import FrameNetworkConfig
from vocoder.models.whitening import WhiteningConfig


class CouplingConfig(Config):
    """Sizes of the WaveNet in each coupling; dilations double from layer to layer."""

    layers: int = Field(default=8, ge=1)
    channels: int = Field(default=256, ge=2, description="residual channels")
    skip_channels: int = Field(default=256, ge=1)
    kernel_size: int = Field(default=3, ge=1)


class WaveGlowConfig(Config):
    """Everything that a WaveGlow is built from; the defaults are NVIDIA's published voice.

    Two options serve voices for few cores: `whitening`, a filter next to the data that takes the envelope
    off, and `conditioning`, a network over the frames before they are upsampled.
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
    sigma: float = Field(default=1.0, gt=0, description="of the noise that the density assumes")
    temperature: float = Field(
        default=0.6, ge=0, le=2, description="sigma of the noise in synthesis, unless a call says otherwise"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "WaveGlowConfig":
        left = self.channels(self.flows - 1)
        if left < 2:
            raise ValueError(
                f"group_size {self.group_size} leaves {left} channels to the last of {self.flows} flows, "
                f"of which {self.early_size} leave after every {self.early_every}: at least 2 must be left"
            )
        if self.wavenet.kernel_size % 2 == 0:
            raise ValueError(f"wavenet.kernel_size must be odd, got {self.wavenet.kernel_size}")
        return self

    def channels(self, flow: int) -> int:
        """Channels that are left in flow number `flow`."""
        return self.group_size - self.early_size * (flow // self.early_every)
