"""Audio whose mel is nearly the one asked for is brought nearer to it.

    X' = X · exp(W g),  where the mel of X' is nearly m

m is the mel asked for, X the spectrum of a frame of the audio in the same analysis, W spreads the gains g of
the bands over the bins: g = log m - log m(X). The phase stays. Of each corrected frame the middle is kept,
two hops, and laid over its neighbours, which changes what the analysis hears; so it is done in rounds, each
from what the last one heard. Of its neighbours a frame is given those before it, corrected as far, and after
its centre it goes on as if it were alone: a round more waits for no sample more (RTISI, Beauregard, Zhu and
Wyse 2005, invert spectrograms in real time that way). So the energy of each band in each frame, which the mel
states, is met nearly, where a vocoder sample by sample cannot promise it: noise has ripples of its own, and
pulses fall between two bands. (Griffin and Lim 1984 project on the magnitudes of all bins, again and again;
WaveFit, Koizumi et al. 2022, on the power of the whole.)
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.errors import ConfigError
from vocoder.mel.compiled_correction import CompiledRound
from vocoder.mel.compression import expand
from vocoder.mel.conversion import highest, lowest
from vocoder.mel.filterbank import mel_frequencies, mel_window
from vocoder.mel.frontend import MelFrontend, magnitude
from vocoder.mel.spec import MelSpec

LIMIT = math.log(16)
"""No band of a frame is changed by more, 24 dB."""
ROUNDS = 3
"""In which a frame's gains are found."""
QUIETEST = 1e-10
"""Of a linear mel whose dialect has no floor."""


@dataclass(frozen=True)
class CorrectionState:
    """A batch of streams between two chunks."""

    wanted: Float[Tensor, "batch mel waiting"]  # log-magnitudes of the frames that are not corrected yet
    audio: Float[Tensor, "batch unread"]  # from the beginning of the next frame on
    overlap: Float[Tensor, "batch tail"]  # the end of the last frame, none at first
    recent: tuple[Float[Tensor, "batch _ middle"], ...]  # the last middles of each round but the last one
    begun: bool  # whether the padding before the first sample is there
    ahead: int  # samples of it that are still to be dropped


class MelCorrection(nn.Module):
    """One pass. Streams: what comes out joins to what the whole gives, `lookahead_frames` behind the input.

    Args:
        spec: the analysis of the mels, and of the audio; its hop is that of the vocoder.

    Raises:
        ConfigError: an analysis whose first frames lie too far inside the audio to say how it begins.
    """

    window: Tensor
    middle: Tensor
    fade: Tensor
    bands: Tensor
    spread: Tensor
    emphasis: Tensor

    def __init__(self, spec: MelSpec) -> None:
        super().__init__()
        self.margin = spec.n_fft // 2 - spec.hop_length  # of a frame, on each side of its middle
        if self.margin < 0 or abs(spec.padding - spec.n_fft // 2) >= spec.hop_length:
            raise ConfigError(
                f"correction: needs frames of two hops or more, the first centred less than a hop of "
                f"{spec.hop_length} samples from where the audio begins; n_fft is {spec.n_fft}, the padding "
                f"{spec.padding}: leave correction at 0"
            )
        self.reach = math.ceil(spec.n_fft / (2 * spec.hop_length))  # frames that lie over half of the next
        self.spec = spec
        self.quietest, self.loudest = max(lowest(spec), spec.floor, QUIETEST), highest(spec)
        missing = spec.n_fft - spec.win_length
        window = F.pad(mel_window(spec), (missing // 2, missing - missing // 2))  # as the analysis has it
        fade = torch.hann_window(2 * spec.hop_length, dtype=torch.float64)
        middle = fade / window[self.margin : self.margin + len(fade)].clamp(min=1e-3)
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("middle", middle.float(), persistent=False)
        self.register_buffer("fade", fade.float(), persistent=False)
        filterbank, emphasis = MelFrontend(spec).filterbank, _emphasis(spec).float()
        self.register_buffer("bands", filterbank.T.contiguous(), persistent=False)
        self.register_buffer("spread", _spread(spec).float(), persistent=False)
        self.register_buffer("emphasis", emphasis, persistent=False)
        self._compiled = CompiledRound(
            spec,
            filterbank=filterbank,
            emphasis=emphasis,
            places=_places(spec),
            bounds=(self.quietest, self.loudest),
            limit=LIMIT,
            window=window.float(),
            middle=middle.float(),
            reach=self.reach,
        )

    @property
    def lookahead_frames(self) -> int:
        """Hops of audio beyond hop f that the samples of hop f wait for."""
        spec, hop = self.spec, self.spec.hop_length
        last = (hop - 1 + spec.padding - self.margin) // hop  # frame whose middle reaches into hop 0
        return math.ceil((last * hop - spec.padding + spec.n_fft) / hop) - 1

    def start(self, batch: int) -> CorrectionState:
        """Before the first frame."""
        none = self.window.new_zeros(batch, 0)
        middles = self.window.new_zeros(batch, 0, len(self.fade))
        return CorrectionState(
            wanted=self.window.new_zeros(batch, self.spec.num_mels, 0),
            audio=none,
            overlap=none,
            recent=(middles,) * (ROUNDS - 1),
            begun=False,
            ahead=self.spec.padding - self.margin,
        )

    def forward(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch sample"]:
        """The whole at once: `hop_length` samples for each frame."""
        return self.advance(audio, mel, self.start(len(audio)), last=True)[0]

    def advance(
        self,
        audio: Float[Tensor, "batch sample"],
        mel: Float[Tensor, "batch mel frame"],
        state: CorrectionState,
        *,
        last: bool,
    ) -> tuple[Float[Tensor, "batch complete"], CorrectionState]:
        """Take more audio, whole hops of it, and the frames that came meanwhile, which may be ahead of it.

        With `last`, all that is owed is returned.
        """
        with torch.autocast(audio.device.type, enabled=False):
            wanted = torch.cat([state.wanted, self._log(expand(mel.float(), self.spec))], dim=2)
            unread = torch.cat([state.audio, audio.float()], dim=1)
            return self._pass(replace(state, wanted=wanted, audio=unread), last=last)

    def _pass(self, state: CorrectionState, *, last: bool) -> tuple[Tensor, CorrectionState]:
        spec, unread = self.spec, state.audio
        if not state.begun:
            if unread.shape[1] <= spec.padding and not last:
                return unread[:, :0], state
            unread = self._padded(unread, spec.padding, 0)
        owed = unread.shape[1] - self.margin - state.ahead  # of all that is here
        if last:
            unread = self._padded(unread, 0, spec.padding)
        count = max(0, (unread.shape[1] - spec.n_fft) // spec.hop_length + 1)
        corrected, recent = self._frames(unread, state, count)
        total = self._added(corrected, state.overlap, last=last)
        ready = total.shape[1] if last else count * spec.hop_length
        following = CorrectionState(
            wanted=state.wanted[..., count:].clone(),
            audio=unread[:, count * spec.hop_length :].clone(),
            overlap=total[:, ready:].clone(),
            recent=recent,
            begun=True,
            ahead=max(0, state.ahead - ready),
        )
        return total[:, :ready][:, state.ahead : state.ahead + owed], following

    def _frames(
        self, unread: Tensor, state: CorrectionState, count: int
    ) -> tuple[Float[Tensor, "batch count middle"], tuple[Tensor, ...]]:
        """The middles of the first `count` frames, corrected, and what later ones need of them.

        Frames that no mel speaks of stay as they are.
        """
        if count == 0:
            return unread.new_zeros(len(unread), 0, len(self.fade)), state.recent
        spec, wanted, recent = self.spec, state.wanted[..., :count].mT.contiguous(), []
        frames = unread.unfold(1, spec.n_fft, spec.hop_length)[:, :count] * self.window
        change = torch.zeros(wanted.shape, device=wanted.device)
        compiled = frames.device.type == "cpu" and not torch.is_grad_enabled()
        step = self._compiled if compiled else self
        for turn in range(ROUNDS):
            if turn > 0:
                frames, kept = step.joined(frames, state.recent[turn - 1])
                recent.append(kept)
            spectrum, change = step.scaled(torch.fft.rfft(frames), change, wanted)
            frames = torch.fft.irfft(spectrum, n=spec.n_fft)
        return self._middles(frames), tuple(recent)

    def scaled(
        self,
        spectrum: Complex[Tensor, "batch count bin"],
        change: Float[Tensor, "batch spoken mel"],
        wanted: Float[Tensor, "batch spoken mel"],
    ) -> tuple[Complex[Tensor, "batch count bin"], Float[Tensor, "batch spoken mel"]]:
        """Spectra whose bands are nearly what is wanted; `change` is by how much they were changed, and are.

        Those that no mel speaks of stay as they are.
        """
        spoken, count = wanted.shape[1], spectrum.shape[1]
        heard = spectrum[:, :spoken] * self.emphasis if self.spec.pre_emphasis else spectrum[:, :spoken]
        level = self._log(magnitude(heard, self.spec) @ self.bands)
        after = (change + wanted - level).clamp(-LIMIT, LIMIT)
        gains = ((after - change) @ self.spread).exp()
        return spectrum * F.pad(gains, (0, 0, 0, count - spoken), value=1.0), after

    def joined(
        self, frames: Float[Tensor, "batch count window"], recent: Float[Tensor, "batch known middle"]
    ) -> tuple[Float[Tensor, "batch count window"], Float[Tensor, "batch _ middle"]]:
        """Frames whose first half is what they and those before come to, and the last middles.

        `recent` are those of the frames before. The first frames of all stay as they are.
        """
        hop, half, reach = self.spec.hop_length, self.spec.n_fft // 2, self.reach
        middles = torch.cat([recent, self._middles(frames)], dim=1)
        enough = max(0, middles.shape[1] - reach)  # frames that have all of those before them
        if enough:
            rising, falling = middles.view(len(middles), -1, 2, hop).unbind(2)
            total = (F.pad(rising, (0, 0, 0, 1)) + F.pad(falling, (0, 0, 1, 0))).flatten(1)
            halves = total[:, (reach + 1) * hop - half :].unfold(1, half, hop)[:, :enough]
            frames = frames.clone()
            frames[:, -enough:, :half] = halves * self.window[:half]
        return frames, middles[:, -reach:].clone()

    def _middles(self, frames: Float[Tensor, "batch count window"]) -> Float[Tensor, "batch count middle"]:
        """What is laid over the neighbours."""
        return frames[..., self.margin : self.margin + len(self.fade)] * self.middle

    def _added(
        self, frames: Float[Tensor, "batch count middle"], before: Float[Tensor, "batch tail"], *, last: bool
    ) -> Float[Tensor, "batch sum"]:
        """Frames laid one hop apart over the end of those before, and summed; neighbours' fades come to 1.

        The first has none before it and the last none after it: their outer fades are taken off.
        """
        (batch, count, _), hop = frames.shape, self.spec.hop_length
        first = before.shape[1] == 0
        if count == 0:
            return before
        rising, falling = frames.view(batch, count, 2, hop).unbind(2)
        total = F.pad(before, (0, (count + first) * hop)).view(batch, count + 1, hop)
        total[:, :-1] += rising
        total[:, 1:] += falling
        if first:
            total[:, 0] /= self.fade[:hop].clamp(min=QUIETEST)
        if last:
            total[:, -1] /= self.fade[hop:].clamp(min=QUIETEST)
        return total.flatten(1)

    def _padded(self, audio: Tensor, left: int, right: int) -> Tensor:
        """As the analysis pads; with zeros where there is too little to be reflected."""
        mode = self.spec.pad_mode if audio.shape[1] > max(left, right) else "constant"
        return F.pad(audio[:, None], (left, right), mode=mode)[:, 0]

    def _log(self, linear: Float[Tensor, "*batch mel frame"]) -> Float[Tensor, "*batch mel frame"]:
        """The logarithm of a linear mel's magnitudes, within what its dialect tells apart."""
        return linear.clamp(self.quietest, self.loudest).log() / self.spec.power


def _places(spec: MelSpec) -> tuple[Int[Tensor, "bin"], Float[Tensor, "bin"]]:
    """The band whose centre is below each bin, and how far the bin is on the way to the next centre, 0 to 1.

    Below the first centre that is 0 of the first band; `fmax` and all above it is 1 of the last.
    """
    centres = mel_frequencies(spec.num_mels + 2, spec.fmin, spec.fmax, spec.mel_scale)[1:]
    bins = torch.arange(spec.n_fft // 2 + 1, dtype=torch.float64) * spec.sample_rate / spec.n_fft
    places = bins.clamp(centres[0], centres[-1])
    after = torch.searchsorted(centres, places).clamp(1, spec.num_mels)
    return after - 1, (places - centres[after - 1]) / (centres[after] - centres[after - 1])


def _spread(spec: MelSpec) -> Float[Tensor, "mel bin"]:
    """Weights that take a figure of each band to each bin: linear between the bands' centres.

    Below the first centre the first band's figure holds, above the last one it fades out by `fmax`.
    """
    below, share = _places(spec)
    weights = F.one_hot(below, spec.num_mels + 1).double() * (1 - share)[:, None]
    weights += F.one_hot(below + 1, spec.num_mels + 1).double() * share[:, None]
    return weights.T[:-1].clone()  # the last of them is fmax, where nothing is known


def _emphasis(spec: MelSpec) -> Float[Tensor, "bin"]:
    """What the pre-emphasis of `spec` does to each bin's magnitude."""
    turn = torch.arange(spec.n_fft // 2 + 1, dtype=torch.float64) * 2 * math.pi / spec.n_fft
    return (1 + spec.pre_emphasis**2 - 2 * spec.pre_emphasis * turn.cos()).clamp(min=0).sqrt()
