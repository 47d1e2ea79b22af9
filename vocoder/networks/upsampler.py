"""From frames to context vectors, one for each group of audio samples."""

from math import gcd

from jaxtyping import Float
from torch import Tensor, nn

from vocoder.errors import ConfigError


class GroupUpsampler(nn.Module):
    """A transposed convolution from frames to groups of `group_size` samples, without look-ahead.

    Frame f reaches the samples from f · hop to (f + width) · hop. As published, there is a vector for every
    sample, and those of a group become one: channel c of sample s is c · group_size + s (WaveGlow, Prenger et
    al. 2019, and its source). With `out_channels` there is one vector a group from the start, at less cost.

    Args:
        in_channels: of the frames.
        hop_length: samples between frames.
        group_size: samples a context vector stands for.
        width: frames that reach a sample.
        out_channels: of the context vectors; None for `in_channels · group_size`, as published.

    Raises:
        ConfigError: `out_channels` where groups do not divide a hop.
    """

    def __init__(
        self,
        in_channels: int,
        hop_length: int,
        group_size: int,
        *,
        width: int = 4,
        out_channels: int | None = None,
    ) -> None:
        super().__init__()
        if out_channels is not None and hop_length % group_size:
            raise ConfigError(
                f"groups of {group_size} do not divide the hop of {hop_length} samples: "
                f"choose a divisor, or leave out the number of context channels"
            )
        self.hop_length, self.group_size, self.width = hop_length, group_size, width
        self.by_sample = out_channels is None
        stride = hop_length if out_channels is None else hop_length // group_size
        self.convolution = nn.ConvTranspose1d(
            in_channels, out_channels or in_channels, width * stride, stride
        )
        self.out_channels = out_channels or in_channels * group_size

    def first_frame(self, group: int) -> int:
        """The last frame that begins with some group, and from which on frames suffice for `group`."""
        first = max(0, group * self.group_size // self.hop_length - self.width + 1)
        return first - first % (self.group_size // gcd(self.group_size, self.hop_length))

    def num_groups(self, num_frames: int) -> int:
        """Whole groups in the samples of that many frames."""
        return num_frames * self.hop_length // self.group_size

    def forward(
        self, frames: Float[Tensor, "batch channel frame"], start: int, stop: int
    ) -> Float[Tensor, "batch context group"]:
        """Context of the groups `start` to `stop`, counted from the first sample of the first frame."""
        if start == stop:
            return frames.new_zeros(len(frames), self.out_channels, 0)
        if not self.by_sample:
            return self.convolution(frames)[..., start:stop]
        samples = self.convolution(frames)[..., start * self.group_size : stop * self.group_size]
        return samples.unflatten(2, (-1, self.group_size)).transpose(2, 3).flatten(1, 2)
