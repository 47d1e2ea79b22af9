"""A WaveGlow that waits for fewer frames than it could see: blocks with some frames around, cross-faded.

What lies beyond those frames is taken to be like the last of them, so the audio is not that of the whole;
how far off it is depends on the frames, and `vocoder bench lookahead` measures it. The noise is that of the
whole: neighbouring blocks are nearly alike where they overlap, and a fade between them does not click.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary, WeakValueDictionary

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vocoder.errors import ConfigError
from vocoder.models import Vocoder, WaveGlow, uncorrected

BLOCK = 16
"""Frames made at once, unless asked otherwise: 186 ms of NVIDIA's mels."""


@dataclass(frozen=True)
class BoundedState:
    """A batch of streams between two chunks."""

    seeds: tuple[int, ...]
    temperature: float
    origin: Int[Tensor, "batch"]  # the frame of the utterance that is frame 0, on the CPU
    frames: Float[Tensor, "batch mel known"]  # that are still needed
    first: int  # frame with which they begin, at most 1: 0 only where the utterance does
    next: int  # frame with which the next block begins
    tail: Float[Tensor, "batch fade"]  # what the last block says of the beginning of the next
    settled: int  # frame up to which the pulses are where those of the whole are
    phase: Float[Tensor, "batch"]  # theirs at that frame, in cycles

    @property
    def ready(self) -> int:
        """Frames that are here, from the next block's first on."""
        return self.first + self.frames.shape[2] - self.next


class BoundedWaveGlow(Vocoder):
    """`voice`, `lookahead` frames behind the mel; a vocoder as any other.

    Each block of `block` frames is made from `history` frames before and `lookahead` after it, and from
    nothing that was made before: the work is (history + block + lookahead) / block of the whole's. With as
    many frames on both sides as `voice.lookahead_frames`, the audio is that of the whole.

    Args:
        voice: groups must divide a hop.
        lookahead: frames that are waited for.
        history: frames before a block; as many as `lookahead` if not given.
        block: frames made at once.

    Raises:
        ConfigError: less than one frame of look-ahead or block, or groups that do not divide a hop.
    """

    kind = "waveglow"

    def __init__(
        self, voice: WaveGlow, *, lookahead: int, history: int | None = None, block: int = BLOCK
    ) -> None:
        super().__init__()
        if lookahead < 1 or block < 1:
            raise ConfigError(f"lookahead and block must be at least one frame, got {lookahead} and {block}")
        voice.check_start()
        self.voice, self.lookahead, self.block = voice, lookahead, block
        self.history = lookahead if history is None else history
        self.config, self.mel_spec, self.temperature = voice.config, voice.mel_spec, voice.temperature

    @property
    def lookahead_frames(self) -> int:
        """Frames that the first of a block waits for: the others of the block, and those after it."""
        return self.lookahead + self.block - 1

    def start(self, seeds: Sequence[int], temperature: float) -> BoundedState:
        frames = torch.zeros(len(seeds), self.mel_spec.num_mels, 0, device=self.device)
        tail = torch.zeros(len(seeds), 0, device=self.device)
        phase = torch.zeros(len(seeds), dtype=torch.float64, device=self.device)
        return BoundedState(
            seeds=tuple(seeds),
            temperature=temperature,
            origin=torch.zeros(len(seeds), dtype=torch.int64),
            frames=frames,
            first=0,
            next=0,
            tail=tail,
            settled=0,
            phase=phase,
        )

    def advance(
        self, mel: Float[Tensor, "batch mel frame"], state: BoundedState, *, last: bool
    ) -> tuple[Float[Tensor, "batch sample"], BoundedState]:
        state = replace(state, frames=torch.cat([state.frames, mel], dim=2))
        made = [mel.new_zeros(len(mel), 0)]
        while state.ready >= self.block + self.lookahead:
            audio, state = self._make(state, self.block)
            made.append(audio)
        if last and state.ready > 0:
            audio, state = self._make(state, state.ready)
            made.append(audio)
        return torch.cat(made, dim=1), state

    def _make(self, state: BoundedState, count: int) -> tuple[Tensor, BoundedState]:
        """The next `count` frames, the overlap with the block before faded, that with the next one kept."""
        hop = self.mel_spec.hop_length
        before = self.voice.upsampler.width - 1  # frames that a stream from the middle takes without a sound
        begin = max(0, state.next - self.history - before)
        end = state.next + count + self.lookahead
        window = state.frames[..., begin - state.first : end - state.first]
        sounds = begin + before if begin else 0
        phase = self._phase_at(state, sounds, end)
        left, context = self.voice.left_context, None
        if begin and left:
            context = self._around(state, begin, begin, end)[..., :left]
        inner = self.voice.start_at(begin, state.seeds, state.temperature, phase, context)
        inner = replace(inner, origin=inner.origin + state.origin * hop)
        audio, _ = self.voice.advance(window, inner, last=True)
        audio = audio[:, (state.next - sounds) * hop :]
        fade = state.tail.shape[1]
        if fade:
            rise = (torch.arange(fade, device=audio.device) + 0.5) / fade
            faded = state.tail * (1 - rise) + audio[:, :fade] * rise
            audio = torch.cat([faded, audio[:, fade:]], dim=1)
        following = state.next + count
        begin = max(0, following - self.history - before)
        settled = max(state.settled, min(begin + before if begin else 0, end - self.voice.right_context))
        first = max(state.first, min(begin, settled) - self.voice.left_context)
        past = max(0, first - 1)  # from here on all is counted from the frame before: streams meet so
        return audio[:, : count * hop], replace(
            state,
            origin=state.origin + past,
            frames=state.frames[..., first - state.first :],
            first=first - past,
            next=following - past,
            tail=audio[:, count * hop : (count + 1) * hop].clone(),
            settled=settled - past,
            phase=self._phase_at(state, settled, end),
        )

    def _phase_at(self, state: BoundedState, frame: int, end: int) -> Tensor:
        """The phase of the pulses at `frame`, as far as it can be told from the frames before `end`."""
        if frame == state.settled or self.voice.source is None:
            return state.phase
        return self.voice.phase_after(self._around(state, state.settled, frame, end), state.phase)

    def _around(self, state: BoundedState, start: int, stop: int, end: int) -> Tensor:
        """The frames from `start` to `stop` with the voice's context; none from `end` on is looked at.

        The utterance's first frame stands for those before it, the last before `end` for those after it.
        """
        left, right = start - self.voice.left_context, stop + self.voice.right_context
        end = min(end, state.first + state.frames.shape[2])
        known = state.frames[..., max(0, left - state.first) : min(right, end) - state.first]
        return F.pad(known, (max(0, state.first - left), max(0, right - end)), mode="replicate")


def bounded(voice: Vocoder, lookahead: int) -> Vocoder:
    """The voice with that look-ahead, one for all who use it at a time; itself where it sees no further.

    A voice that is corrected towards its mel waits for that: with less time it is heard as it is.

    Raises:
        ConfigError: a voice that cannot wait for less than it needs, or no frame of look-ahead.
    """
    if lookahead >= voice.lookahead_frames:
        return voice
    voice = uncorrected(voice)
    if lookahead >= voice.lookahead_frames:
        return voice
    if not isinstance(voice, WaveGlow):
        raise ConfigError(
            f"lookahead: a {voice.kind} needs its {voice.lookahead_frames} frames, {lookahead} were asked "
            "for: leave it out, or take a waveglow"
        )
    kept = _USED.setdefault(voice, WeakValueDictionary())
    return kept.setdefault(lookahead, BoundedWaveGlow(voice, lookahead=lookahead))


_USED: WeakKeyDictionary[WaveGlow, WeakValueDictionary[int, BoundedWaveGlow]] = WeakKeyDictionary()
