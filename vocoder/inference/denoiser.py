"""What a voice says when there is nothing to say, taken off all that it says.

    |X'| = max(|X| - strength · bias, 0),     the phase of X

bias is the magnitude spectrum of a mel of silence without noise: the steady tones of a flow over groups of
samples, at multiples of its group rate. (The denoiser of NVIDIA's WaveGlow.)
"""

from typing import Literal
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from vocoder.errors import InputError
from vocoder.mel import silence as silent_mel
from vocoder.models import Vocoder

N_FFT, HOP = 1024, 256
SILENT_FRAMES = 88
MAX_STRENGTH = 10.0

Silence = Literal["floor", "zeros"]


class Denoiser:
    """Bias of one voice; streams of audio `[T]` are denoised as the whole is.

    Audio comes out up to `N_FFT` samples later than it went in.
    """

    def __init__(self, bias: Float[Tensor, "bin"]) -> None:
        self.bias = bias

    @classmethod
    def of(cls, voice: Vocoder, silence: Silence = "floor") -> "Denoiser":
        """The denoiser of a voice, kept as long as the voice.

        `silence`: "floor", the mel of no sound, its median spectrum; "zeros", a mel of zeros and the spectrum
        of its first frame, as NVIDIA's code does.
        """
        kept = _KEPT.setdefault(voice, {})
        if silence not in kept:
            kept[silence] = cls(_bias(voice, silence))
        return kept[silence]

    def __call__(self, audio: Float[Tensor, "sample"], strength: float) -> Float[Tensor, "sample"]:
        """The whole at once; raises `InputError` for a strength outside 0 … 10."""
        stream = DenoiserStream(self, strength)
        return torch.cat([stream.push(audio), stream.finish()])


class DenoiserStream:
    """One utterance on its way; what comes out joins to the whole."""

    def __init__(self, denoiser: Denoiser, strength: float) -> None:
        if not 0 <= strength <= MAX_STRENGTH:
            raise InputError(f"denoise must lie between 0 and {MAX_STRENGTH:g}, got {strength}")
        self._take, self._identity = strength * denoiser.bias[:, None], strength == 0
        self._window = torch.hann_window(N_FFT)
        self._waiting = torch.zeros(0)  # of the input, begun with its reflection
        self._sum = torch.zeros(0)  # of overlapping frames, not yet complete, and of their windows squared
        self._weight = torch.zeros(0)
        self._taken = self._given = 0
        self._begun = False

    def push(self, audio: Float[Tensor, "sample"]) -> Float[Tensor, "complete"]:
        """More audio; returns what is complete."""
        if self._identity:
            return audio
        self._taken += len(audio)
        self._waiting = torch.cat([self._waiting, audio])
        if not self._begun:
            if len(self._waiting) <= N_FFT // 2:
                return audio[:0]
            self._begin()
        return self._give(self._overlap(self._frames()))

    def finish(self) -> Float[Tensor, "sample"]:
        """The rest."""
        if self._identity or self._taken == 0:
            return torch.zeros(0)
        missing = -self._taken % HOP  # the analysis is of whole hops
        self._waiting = F.pad(self._waiting, (0, missing))
        if not self._begun:
            self._waiting = F.pad(self._waiting, (0, max(0, N_FFT // 2 + 1 - len(self._waiting))))
            self._begin()
        tail = self._waiting[-N_FFT // 2 - 1 : -1].flip(0)
        self._waiting = torch.cat([self._waiting, tail])
        done, given = self._overlap(self._frames()), max(0, self._given)
        return self._give(torch.cat([done, self._quotient(len(self._sum))]))[: self._taken - given]

    def _begin(self) -> None:
        """The reflection of the beginning, before it."""
        self._waiting = torch.cat([self._waiting[1 : N_FFT // 2 + 1].flip(0), self._waiting])
        self._given = -N_FFT // 2
        self._begun = True

    def _frames(self) -> Float[Tensor, "frame fft"]:
        """Frames that are complete, denoised and windowed."""
        count = max(0, (len(self._waiting) - N_FFT) // HOP + 1)
        if count == 0:
            return torch.zeros(0, N_FFT)
        frames = self._waiting.unfold(0, N_FFT, HOP)[:count] * self._window
        self._waiting = self._waiting[count * HOP :]
        spectrum = torch.fft.rfft(frames)
        magnitude = spectrum.abs()
        kept = (magnitude - self._take.T).clamp(min=0) / magnitude.clamp(min=1e-20)
        return torch.fft.irfft(spectrum * kept, n=N_FFT) * self._window

    def _overlap(self, frames: Float[Tensor, "frame fft"]) -> Float[Tensor, "sample"]:
        """Add frames; returns what no later frame reaches."""
        count = len(frames)
        if count == 0:
            return torch.zeros(0)
        length = (count - 1) * HOP + N_FFT
        self._sum = F.pad(self._sum, (0, length - len(self._sum)))
        self._weight = F.pad(self._weight, (0, length - len(self._weight)))
        squared = (self._window.square()).expand(count, -1)
        self._sum += _added(frames, length)
        self._weight += _added(squared, length)
        return self._quotient(count * HOP)

    def _quotient(self, length: int) -> Float[Tensor, "sample"]:
        done = self._sum[:length] / self._weight[:length].clamp(min=1e-8)
        self._sum, self._weight = self._sum[length:], self._weight[length:]
        return done

    def _give(self, done: Float[Tensor, "complete"]) -> Float[Tensor, "sample"]:
        """Without the reflection before the first sample."""
        before = max(0, min(len(done), -self._given))
        self._given += len(done)
        return done[before:]


_KEPT: "WeakKeyDictionary[Vocoder, dict[str, Denoiser]]" = WeakKeyDictionary()


@torch.inference_mode()
def _bias(voice: Vocoder, silence: Silence) -> Float[Tensor, "bin"]:
    spec = voice.mel_spec
    zeros = torch.zeros(spec.num_mels, SILENT_FRAMES)
    mel = zeros if silence == "zeros" else silent_mel(spec, SILENT_FRAMES)
    audio = voice.synthesize(mel, seed=0, temperature=0.0).float().cpu()
    window = torch.hann_window(N_FFT)
    magnitude = torch.stft(audio, N_FFT, HOP, window=window, pad_mode="reflect", return_complex=True).abs()
    return (magnitude[:, 0] if silence == "zeros" else magnitude.median(dim=1).values).clone()


def _added(frames: Float[Tensor, "frame fft"], length: int) -> Float[Tensor, "sample"]:
    """Frames laid one hop apart and summed."""
    return F.fold(frames.T[None], (1, length), (1, N_FFT), stride=(1, HOP))[0, 0, 0]
