"""A voice whose audio is corrected towards its mel before anyone hears it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from jaxtyping import Float
from torch import Tensor

from vocoder.mel.correction import CorrectionState, MelCorrection
from vocoder.models.base import Vocoder

MAX_PASSES = 8


@dataclass(frozen=True)
class CorrectedState:
    """A batch of streams between two chunks."""

    voice: Any
    passes: tuple[CorrectionState, ...]


class Corrected(Vocoder):
    """`voice`, then `passes` of `MelCorrection`; a vocoder as any other.

    Densities and scores are those of the voice itself: the passes are no part of its flow.
    """

    def __init__(self, voice: Vocoder, passes: int) -> None:
        super().__init__()
        self.voice, self.passes = voice, passes
        self.correction = MelCorrection(voice.mel_spec).to(voice.device)
        self.kind, self.likelihood = voice.kind, voice.likelihood
        self.config, self.mel_spec, self.temperature = voice.config, voice.mel_spec, voice.temperature

    @property
    def lookahead_frames(self) -> int:
        return self.voice.lookahead_frames + self.passes * self.correction.lookahead_frames

    @property
    def recordable(self) -> bool:
        return self.voice.recordable

    def start(self, seeds: Sequence[int], temperature: float) -> CorrectedState:
        passes = tuple(self.correction.start(len(seeds)) for _ in range(self.passes))
        return CorrectedState(self.voice.start(seeds, temperature), passes)

    def advance(
        self, mel: Float[Tensor, "batch mel frame"], state: CorrectedState, *, last: bool
    ) -> tuple[Float[Tensor, "batch sample"], CorrectedState]:
        audio, voice = self.voice.advance(mel, state.voice, last=last)
        following = []
        for before in state.passes:
            audio, after = self.correction.advance(audio, mel, before, last=last)
            following.append(after)
        return audio, CorrectedState(voice, tuple(following))

    def log_prob(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch"]:
        return self.voice.log_prob(audio, mel)

    def score(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch sample"]:
        return self.voice.score(audio, mel)

    @property
    def score_reach(self) -> tuple[int, int] | None:
        return self.voice.score_reach


def corrected(voice: Vocoder, passes: int) -> Vocoder:
    """The voice with that many passes of correction; itself with none."""
    return Corrected(voice, passes) if passes else voice


def uncorrected(voice: Vocoder) -> Vocoder:
    """The voice itself: its own flow, and nothing after it."""
    return voice.voice if isinstance(voice, Corrected) else voice


def with_passes(voice: Vocoder, count: int | None) -> Vocoder:
    """The voice with so many passes instead of its own (None), one for all who use it at a time."""
    if count is None or count == passes(voice):
        return voice
    kept = _USED.setdefault(uncorrected(voice), WeakValueDictionary())
    return kept.setdefault(count, corrected(uncorrected(voice), count))


def passes(voice: Vocoder) -> int:
    """How many passes of correction the voice makes."""
    return voice.passes if isinstance(voice, Corrected) else 0


_USED: WeakKeyDictionary[Vocoder, WeakValueDictionary[int, Vocoder]] = WeakKeyDictionary()
