"""What voices are measured beside: the recording, Griffin-Lim from the same mel and, if asked, WORLD."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.audio import resample
from vocoder.errors import ConfigError
from vocoder.evaluation.extras import optional
from vocoder.evaluation.world import World
from vocoder.mel import DIALECTS, MelFrontend, MelSpec, expand, mel_filterbank


@dataclass(frozen=True)
class Recording:
    """The recording, unchanged: the ceiling of each measure, and the measure's own zero."""

    name: ClassVar[str] = "recording"

    def generate(
        self, audio: Float[Tensor, "sample"], sample_rate: int
    ) -> tuple[Float[Tensor, "sample"], int]:
        return audio, sample_rate


@dataclass(frozen=True)
class GriffinLim:
    """Phase by projection: the anchor that a neural voice has to beat.

    The mel is taken back to linear energies, spread over the FFT bins by the filterbank's pseudo-inverse, and
    given a phase in `iterations` rounds of the fast Griffin-Lim algorithm (Griffin and Lim 1984; Perraudin,
    Balazs and Søndergaard 2013, momentum 0.99; librosa's), begun from random phases.
    """

    spec: MelSpec = DIALECTS["nvidia"]
    iterations: int = 60
    name: ClassVar[str] = "griffin-lim"

    def generate(
        self, audio: Float[Tensor, "sample"], sample_rate: int
    ) -> tuple[Float[Tensor, "generated"], int]:
        """Analyse a recording and put it together again, at the rate of the mel."""
        rate = self.spec.sample_rate
        return self.synthesize(MelFrontend(self.spec)(resample(audio, sample_rate, rate))), rate

    def synthesize(
        self, mel: Float[Tensor, "mel frame"], seed: int = 0, check: Callable[[], None] | None = None
    ) -> Float[Tensor, "sample"]:
        """A waveform of `frame * hop_length` samples, in step with the recording that the mel came from.

        `check` is called in every round; what it raises ends the work.
        """
        import librosa
        from librosa.filters import get_window
        from scipy.signal import lfilter

        spec = self.spec
        magnitude = magnitudes(mel, spec)
        # librosa centres frames on multiples of the hop; margins leave room to shift them into place.
        margin = 1 + math.ceil(abs(spec.frame_centre) / spec.hop_length)
        magnitude = np.pad(magnitude, ((0, 0), (margin, margin)), mode="edge")

        def window(length: int) -> np.ndarray:
            """Librosa asks for it in every round."""
            if check is not None:
                check()
            return get_window("hann", length)

        wave = librosa.griffinlim(
            magnitude,
            n_iter=self.iterations,
            hop_length=spec.hop_length,
            win_length=spec.win_length,
            n_fft=spec.n_fft,
            window=window,
            length=(magnitude.shape[1] - 1) * spec.hop_length,
            random_state=seed,
        )
        first = margin * spec.hop_length - spec.frame_centre
        wave = wave[first : first + spec.num_samples(mel.shape[-1])]
        return torch.from_numpy(lfilter([1.0], [1.0, -spec.pre_emphasis], wave)).float()


def magnitudes(mel: Float[Tensor, "mel frame"], spec: MelSpec) -> Float[np.ndarray, "bin frame"]:
    """STFT magnitudes with about that mel: of least norm among the exact ones, negative bins set to zero."""
    energies = expand(mel.detach().to("cpu", torch.float64), spec)
    bins = torch.linalg.pinv(mel_filterbank(spec)) @ energies
    return (bins.clamp(min=0) ** (1 / spec.power)).numpy()


BASELINES = (Recording.name, GriffinLim.name)
"""Those beside which every voice is measured; what a voice's record holds."""
MORE_BASELINES = (World.name,)
"""Those that must be asked for: they need an optional package, or see more than the mel."""


def baseline(name: str, spec: MelSpec = DIALECTS["nvidia"]) -> Recording | GriffinLim | World:
    """The baseline called `name`, on the mel `spec` where it needs one.

    Raises:
        ConfigError: an unknown name; the message lists the known ones.
        MissingExtra: its package is not installed.
    """
    if name == Recording.name:
        return Recording()
    if name == GriffinLim.name:
        return GriffinLim(spec)
    if name == World.name:
        optional("pyworld", "the baseline world")
        return World()
    raise ConfigError(
        f"baseline {name!r} is unknown; choose one of {', '.join((*BASELINES, *MORE_BASELINES))}"
    )
