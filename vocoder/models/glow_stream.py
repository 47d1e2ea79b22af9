"""What the mel of a stream tells a WaveGlow, frame by frame: no network sees a frame twice.

The chain is told first. The stage next to the data waits until samples come out of the chain: until then its
frames are kept, which are smaller than the filters that it makes of them.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.flows.linear_filter import FrameFilters
from vocoder.models.frames import normalize, pitch_features
from vocoder.models.voiced_source import VoicedSource
from vocoder.models.whitening import Whitening
from vocoder.networks.frame_network import FrameNetwork, FrameState


class Numbered(NamedTuple):
    """Consecutive frames of an utterance, or the knots at their beginnings; the first has number `begin`."""

    values: Float[Tensor, "batch channel _"]
    begin: int

    @property
    def end(self) -> int:
        return self.begin + self.values.shape[2]

    def join(self, following: Float[Tensor, "batch channel _"]) -> "Numbered":
        return self._replace(values=torch.cat([self.values, following], dim=2))

    def between(self, start: int, stop: int) -> Float[Tensor, "batch channel _"]:
        return self.values[..., start - self.begin : stop - self.begin]

    def since(self, start: int) -> "Numbered":
        start = min(max(start, self.begin), self.end)
        return Numbered(self.between(start, self.end), start)

    def renumbered(self, by: int) -> "Numbered":
        return self._replace(begin=self.begin - by)


class ReadingState(NamedTuple):
    """What a stream carries from chunk to chunk."""

    pitch: FrameState | None
    conditioning: FrameState | None
    stage: FrameState | None
    taken: int  # frames that the networks were given, at most as many as lie before the first hop
    end: int  # number of the next frame
    latest: Float[Tensor, "batch mel _"]  # the last frame; none before the first
    unheard: Float[Tensor, "batch mel _"]  # those whose pitch is still to come
    told: Numbered  # to the chain's context
    heard: Numbered | None  # F0, and the probability of voice, at knots
    shapes: Numbered | None  # of what the stage has not made filters yet: mel, and features of its pitch
    filters: tuple[Float[Tensor, "batch _ tap"], ...]  # at the knot where the next hop begins, once made

    def forget(self, *, told: int, heard: int, by: int) -> "ReadingState":
        """Without what lies before those numbers, and numbered from `by` on."""
        return self._replace(
            end=self.end - by,
            told=self.told.since(told).renumbered(by),
            heard=None if self.heard is None else self.heard.since(heard).renumbered(by),
            shapes=None if self.shapes is None else self.shapes.renumbered(by),
        )


class GlowStream:
    """Reads with the weights that the networks have now.

    Args:
        num_mels: bands of a frame.
        conditioning: without it the frames are told as they are.
        stage: what lies between the chain and the data.

    Attributes:
        left_context, right_context: frames needed before the first and after the last hop.
        right_of_chain: those after the last hop without which the chain is not told.
    """

    def __init__(
        self, num_mels: int, conditioning: FrameNetwork | None, stage: Whitening | VoicedSource | None
    ) -> None:
        self.num_mels, self.conditioning, self.stage = num_mels, conditioning, stage
        self.pitch = stage.pitch if isinstance(stage, VoicedSource) else None
        lefts = [network.left_context for network in (conditioning, stage) if network is not None]
        self.left_context = max(lefts, default=0)
        told = conditioning.right_context if conditioning is not None else 0
        heard = self.pitch.network.right_context + 1 if self.pitch is not None else 0  # the knot at the end
        filtered = stage.right_context + 1 if stage is not None else 0
        self.right_of_chain = max(told, heard)
        self.right_context = max(self.right_of_chain, filtered)

    def start(self, before: Float[Tensor, "batch mel known"], frame: int) -> ReadingState:
        """Before the frame of that number, and after `left_context` others, or none if it is the first."""
        conditioning, pitch, stage, batch = self.conditioning, self.pitch, self.stage, len(before)

        def nothing(channels: int, dtype: torch.dtype = before.dtype) -> Tensor:
            return before.new_zeros(batch, channels, 0, dtype=dtype)

        num_told = self.num_mels if conditioning is None else conditioning.last.out_channels
        state = ReadingState(
            pitch=None,
            conditioning=None if conditioning is None else conditioning.start(batch),
            stage=None,
            taken=0,
            end=frame,
            latest=nothing(self.num_mels),
            unheard=nothing(self.num_mels),
            told=Numbered(nothing(num_told), frame),
            heard=None,
            shapes=None,
            filters=(),
        )
        if stage is not None:
            begin = frame - stage.network_of_filters.left_context
            num_shapes = self.num_mels
            if pitch is not None:
                num_shapes += 2
                heard = Numbered(nothing(2, pitch.dtype), begin)
                state = state._replace(pitch=pitch.network.start(batch), heard=heard)
            network = stage.network_of_filters
            state = state._replace(
                stage=network.start(batch),
                shapes=Numbered(nothing(num_shapes), begin),
                filters=tuple(stage.respond(nothing(self.num_mels), nothing(network.last.out_channels))),
            )
        return self._take(before, state)

    def read(
        self, mel: Float[Tensor, "batch mel frame"], state: ReadingState, *, last: bool
    ) -> tuple[int, ReadingState]:
        """The number of the first frame of which the chain cannot be told yet, and the state then.

        An utterance's first frame stands for those before it, its last for those after it.
        """
        latest, end = torch.cat([state.latest, mel], dim=2)[..., -1:], state.end + mel.shape[2]
        if mel.shape[2] and not state.taken:
            mel = torch.cat([mel[..., :1].expand(-1, -1, self.left_context), mel], dim=2)
        if last and latest.shape[2]:
            mel = torch.cat([mel, latest.expand(-1, -1, self.right_context)], dim=2)
        state = self._take(mel, state)._replace(latest=latest, end=end)
        known = min(end, state.told.end)
        if state.heard is not None:
            known = max(state.told.begin, min(known, state.heard.end - 1))
        return known, state

    def filterable(self, state: ReadingState) -> int:
        """The number of the first hop of which there can be no filters yet."""
        assert self.stage is not None
        assert state.shapes is not None
        return state.shapes.end - self.stage.network_of_filters.right_context - 1

    def filters(
        self, start: int, stop: int, state: ReadingState, pulses: Tensor, past: Tensor
    ) -> tuple[FrameFilters, ReadingState]:
        """What the stage is told in the hops from `start`, where it was before, to `stop`.

        `pulses` are those of the hops, if it has any, and `past` those before them.
        """
        stage = self.stage
        assert stage is not None
        assert state.stage is not None
        assert state.shapes is not None
        network = stage.network_of_filters
        knot, unread = start, start - network.left_context
        if state.filters[0].shape[1]:
            knot, unread = start + 1, start + 1 + network.right_context
        shapes = state.shapes.between(unread, stop + 1 + network.right_context)
        mel = state.shapes.between(knot, stop + 1)[:, : self.num_mels]
        with torch.autocast(mel.device.type, enabled=False):
            features = torch.cat([normalize(shapes[:, : self.num_mels]), shapes[:, self.num_mels :]], dim=1)
            shape, following = network.stream(features.to(network.first.weight.dtype), state.stage)
            pairs = zip(state.filters, stage.respond(mel, shape), strict=True)
            filters = tuple(torch.cat(pair, dim=1) for pair in pairs)
            context = stage.context(filters, pulses, past)
        at_end = tuple(taps[:, -1:].clone() for taps in filters)
        return context, state._replace(stage=following, shapes=state.shapes.since(stop + 1), filters=at_end)

    def _take(self, frames: Tensor, state: ReadingState) -> ReadingState:
        """The state once the networks that the chain waits for have seen the frames."""
        told, in_conditioning = self._beyond(0, frames, state), state.conditioning
        if self.conditioning is not None and in_conditioning is not None:
            told = normalize(self._beyond(self.conditioning.left_context, frames, state))
            told, in_conditioning = self.conditioning.stream(told, in_conditioning)
        if self.stage is not None and state.shapes is not None:
            state = self._shape(self._beyond(self.stage.left_context, frames, state), state, state.shapes)
        return state._replace(
            conditioning=in_conditioning,
            taken=min(state.taken + frames.shape[2], self.left_context),
            told=state.told.join(told),
        )

    def _shape(self, frames: Tensor, state: ReadingState, shapes: Numbered) -> ReadingState:
        """With what the stage will make filters of: the frames, once their pitch has been read if it is."""
        if self.pitch is not None and state.pitch is not None and state.heard is not None:
            with torch.autocast(frames.device.type, enabled=False):  # a period must be right to the sample
                pitch, in_pitch = self.pitch.stream(normalize(frames), state.pitch)
            waiting = torch.cat([state.unheard, frames], dim=2)
            end = max(0, waiting.shape[2] - self.pitch.network.right_context)
            known = waiting[..., end - pitch.frequency.shape[1] : end]
            frames = torch.cat([known, pitch_features(pitch).to(known.dtype)], dim=1)
            heard = state.heard.join(torch.stack([pitch.frequency, pitch.voicing.sigmoid()], dim=1))
            state = state._replace(pitch=in_pitch, unheard=waiting[..., end:], heard=heard)
        return state._replace(shapes=shapes.join(frames))

    def _beyond(self, left: int, frames: Tensor, state: ReadingState) -> Tensor:
        """Those of the frames that one who needs `left` of them before the first hop is given."""
        return frames[..., max(0, self.left_context - left - state.taken) :]
