"""How well a voice foresees a recording: bits of each sample, window by window: memory does not grow."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.audio import resample
from vocoder.errors import AudioError, NoDensity, UnknownVoice
from vocoder.mel import MelFrontend, MelSpec, StreamingMel
from vocoder.models import MODELS, Vocoder

KINDS = {
    "exact": "exact probability of 16-bit samples",
    "mu-law": "exact probability of 8-bit mu-law classes",
    "density": "continuous density over a step of 16-bit PCM",
}
WINDOW_FRAMES = 256
_ANALYSIS_SAMPLES = 1 << 18


class Prepared(NamedTuple):
    """What is scored: audio at a voice's rate, and its mel, which covers all of it."""

    audio: Float[Tensor, "sample"]
    mel: Float[Tensor, "mel frame"]


@dataclass(frozen=True)
class Likelihood:
    """Bits a sample under a voice, each given the samples before it.

    Attributes:
        kind: what the bits are, a key of `KINDS`.
        bits: of each sample.
    """

    kind: str
    sample_rate: int
    hop_length: int
    bits: Float[Tensor, "sample"]

    @property
    def bits_per_sample(self) -> float:
        return self.bits.double().mean().item()

    @property
    def curve(self) -> Float[Tensor, "frame"]:
        """The mean over the samples of each hop; the last one may be cut."""
        return torch.stack([hop.mean() for hop in self.bits.split(self.hop_length)])


def choose_voice(kinds: Mapping[str, str]) -> str:
    """Of voices, name to kind of model, the first whose figure is exact, or else a density.

    Raises:
        UnknownVoice: there is none.
    """
    for likelihood in KINDS:
        for name, kind in kinds.items():
            if kind in MODELS and MODELS[kind][0].likelihood == likelihood:
                return name
    raise UnknownVoice("none of the installed voices can score audio: install one of kind 'teacher'")


def prepare(audio: Float[Tensor, "sample"], sample_rate: int, spec: MelSpec) -> Prepared:
    """Bring a recording to the rate of `spec` and analyse it.

    Samples at its end that no frame stands for are left out.

    Raises:
        AudioError: too short for a frame.
    """
    audio = resample(audio, sample_rate, spec.sample_rate)
    if audio.numel() < spec.min_samples:
        raise AudioError(
            f"audio: {audio.numel()} samples at {spec.sample_rate} Hz are too few to score; "
            f"give at least {spec.min_samples}"
        )
    mel = _analyse(audio, spec)
    return Prepared(audio[: spec.num_samples(mel.shape[1])], mel)


def score(voice: Vocoder, recording: Prepared) -> Likelihood:
    """The whole recording at once; raises `NoDensity` where the voice has no figure for single samples."""
    return collect(voice, list(score_blocks(voice, recording)))


def collect(voice: Vocoder, blocks: list[Float[Tensor, "_"]]) -> Likelihood:
    """What the blocks of `score_blocks` come to; raises `NoDensity` where that is no number."""
    bits = torch.cat(blocks)
    if not torch.isfinite(bits).all():
        raise NoDensity(
            "the voice's density of this recording is not finite, as where its filters cannot be inverted: "
            "score with another voice"
        )
    return Likelihood(str(voice.likelihood), voice.sample_rate, voice.mel_spec.hop_length, bits)


def score_blocks(
    voice: Vocoder, recording: Prepared, window_frames: int = WINDOW_FRAMES
) -> Generator[Float[Tensor, "_"]]:
    """Bits of each sample, in blocks on the CPU, each computed when it is asked for.

    Each window has around it what its samples depend on: their bits are those of the whole (to rounding).
    Raises `NoDensity`.
    """
    hop, num_frames = voice.mel_spec.hop_length, recording.mel.shape[1]
    for window in _windows(num_frames, window_frames, voice.score_reach):
        frames, samples = slice(window.begin, window.end), slice(window.begin * hop, window.end * hop)
        with torch.inference_mode():
            bits = voice.score(
                recording.audio[None, samples].to(voice.device),
                recording.mel[None, :, frames].to(voice.device),
            )
        yield bits[0, (window.first - window.begin) * hop : (window.last - window.begin) * hop].cpu()


class _Window(NamedTuple):
    """Frames `first … last - 1`, with what they depend on: `begin … end - 1`."""

    begin: int
    first: int
    last: int
    end: int


def _windows(num_frames: int, size: int, reach: tuple[int, int] | None) -> Iterator[_Window]:
    if reach is None:
        size, reach = num_frames, (0, 0)
    before, after = reach
    for first in range(0, num_frames, size):
        last = min(first + size, num_frames)
        yield _Window(max(first - before, 0), first, last, min(last + after, num_frames))


def _analyse(audio: Tensor, spec: MelSpec) -> Tensor:
    """The mel of the whole; in pieces where the analysis allows that, since spectra need much room."""
    frontend = MelFrontend(spec)
    if spec.dynamic_range is not None:
        return frontend(audio)
    stream = StreamingMel(spec, frontend)
    pieces = [stream.push(piece) for piece in audio.split(_ANALYSIS_SAMPLES)]
    return torch.cat([*pieces, stream.finish()], dim=1)
