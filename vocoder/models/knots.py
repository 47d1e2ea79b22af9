"""What the networks of a student say at the knots, for streams: no network sees a frame twice.

Each network answers as many frames late as it looks ahead. Those that are ahead of others wait for them.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.models.frames import normalize, pitch_features
from vocoder.networks.frame_network import FrameNetwork, FrameState
from vocoder.networks.pitch import PitchNetwork
from vocoder.networks.spectral_filter import FilterNetwork, SourceFilters

Waiting = Float[Tensor, "batch channel _"]


class Knots(NamedTuple):
    """Frames in a row; `told` has no channels where there is no conditioning."""

    f0: Float[Tensor, "batch knot"]  # Hz, float64 in evaluation
    voiced: Float[Tensor, "batch knot"]  # probability of voice, in the dtype of F0
    responses: SourceFilters
    told: Float[Tensor, "batch channel knot"]

    def join(self, following: "Knots") -> "Knots":
        return Knots(
            torch.cat([self.f0, following.f0], dim=1),
            torch.cat([self.voiced, following.voiced], dim=1),
            SourceFilters(
                *(torch.cat(pair, dim=1) for pair in zip(self.responses, following.responses, strict=True))
            ),
            torch.cat([self.told, following.told], dim=2),
        )

    def last(self) -> "Knots":
        """The last one, which begins the next interval; it keeps nothing of the others alive."""
        responses = SourceFilters(*(response[:, -1:].clone() for response in self.responses))
        f0, voiced = self.f0[:, -1:].clone(), self.voiced[:, -1:].clone()
        return Knots(f0, voiced, responses, self.told[..., -1:].clone())


class KnotState(NamedTuple):
    """What a stream carries from frame to frame: inside the networks, and what waits for their answers."""

    pitch: FrameState
    filters: FrameState
    conditioning: FrameState | None
    mel: Waiting
    heard: Waiting  # F0, and the probability of voice
    shape: Waiting
    told: Waiting


class KnotReader:
    """Reads frames into knots with the weights that the networks have now.

    Args:
        pitch, filters, conditioning: networks of the student; without the last the knots tell nothing.

    Attributes:
        left_context, right_context: frames that are needed on each side of the knots.
    """

    def __init__(
        self, pitch: PitchNetwork, filters: FilterNetwork, conditioning: FrameNetwork | None
    ) -> None:
        self.pitch, self.filters, self.conditioning = pitch, filters, conditioning
        readers = [network for network in (filters.network, conditioning) if network is not None]
        self._right = max(network.right_context for network in readers)
        self.left_context = pitch.network.left_context + max(network.left_context for network in readers)
        self.right_context = pitch.network.right_context + self._right

    def start(self, batch: int) -> KnotState:
        """Before the first frame of `left_context`."""
        first = self.filters.network.first.weight

        def nothing(channels: int) -> Waiting:
            return first.new_zeros(batch, channels, 0)

        conditioning = self.conditioning
        return KnotState(
            pitch=self.pitch.network.start(batch),
            filters=self.filters.network.start(batch),
            conditioning=None if conditioning is None else conditioning.start(batch),
            mel=nothing(self.pitch.network.first.in_channels),
            heard=nothing(2).to(self.pitch.dtype),
            shape=nothing(self.filters.network.last.out_channels),
            told=nothing(0 if conditioning is None else conditioning.last.out_channels),
        )

    def none(self, batch: int) -> Knots:
        """No knots, to which others can be joined."""
        state = self.start(batch)
        taps = state.mel.new_zeros(batch, 0, self.filters.num_taps)
        f0, voiced = state.heard.unbind(1)
        return Knots(f0, voiced, SourceFilters(taps, taps), state.told)

    def read(self, mel: Float[Tensor, "batch mel frame"], state: KnotState) -> tuple[Knots, KnotState]:
        """The knots that the next frames settle, perhaps none; in full precision also under autocast.

        A pitch period must be right to the sample.
        """
        with torch.autocast(mel.device.type, enabled=False):
            return self._read(mel, state)

    def _read(self, mel: Tensor, state: KnotState) -> tuple[Knots, KnotState]:
        late, right = self.pitch.network.right_context, self._right
        pitch, in_pitch = self.pitch.stream(normalize(mel), state.pitch)
        mel = torch.cat([state.mel, mel], dim=2)
        known = _ending(mel, late, pitch.frequency.shape[1])
        features = torch.cat([normalize(known), pitch_features(pitch).to(known.dtype)], dim=1)
        shape, in_filters = self.filters.network.stream(features, state.filters)
        told, in_conditioning = mel.new_zeros(len(mel), 0, shape.shape[2]), state.conditioning
        if self.conditioning is not None and in_conditioning is not None:
            told, in_conditioning = self.conditioning.stream(features, in_conditioning)
        shape, told = torch.cat([state.shape, shape], dim=2), torch.cat([state.told, told], dim=2)
        heard = torch.stack([pitch.frequency, pitch.voicing.sigmoid()], dim=1)
        heard = torch.cat([state.heard, heard], dim=2)
        filters_wait = right - self.filters.network.right_context
        told_wait = right - self.conditioning.right_context if self.conditioning else filters_wait
        count = max(0, min(shape.shape[2] - filters_wait, told.shape[2] - told_wait))
        f0, voiced = _ending(heard, right, count).unbind(1)
        knots = Knots(
            f0=f0,
            voiced=voiced,
            responses=self.filters.respond(
                _ending(mel, late + right, count), _ending(shape, filters_wait, count)
            ),
            told=_ending(told, told_wait, count),
        )
        following = KnotState(
            pitch=in_pitch,
            filters=in_filters,
            conditioning=in_conditioning,
            mel=_tail(mel, late + right),
            heard=_tail(heard, right),
            shape=_tail(shape, filters_wait),
            told=_tail(told, told_wait),
        )
        return knots, following


def _ending(signal: Tensor, before_end: int, count: int) -> Tensor:
    """The `count` steps that end so many before the end."""
    end = max(0, signal.shape[2] - before_end)
    return signal[..., max(0, end - count) : end]


def _tail(signal: Tensor, count: int) -> Tensor:
    return signal[..., max(0, signal.shape[2] - count) :].clone()
