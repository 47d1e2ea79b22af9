"""Voices beside other vocoders in one run, in turns: random weights at their published sizes, one utterance.

Ratios are of times real time, as rates of sampling differ; each is taken round by round, so that what
disturbs the machine disturbs both sides.

`parallel_wavegan` (Parallel WaveGAN, and HiFi-GAN beside it) is no peer: its build needs a `pip` that it does
not declare, and no import of it (0.6.1) succeeds since SciPy 1.13 took `scipy.signal.kaiser` away. HiFi-GAN
V1 is that of `transformers`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from vocoder.bench.speed import varied_mel
from vocoder.bench.timing import Spread, spread, threads_of_torch, time_in_turns
from vocoder.errors import InputError, MissingExtra
from vocoder.evaluation.baselines import GriffinLim
from vocoder.evaluation.extras import optional
from vocoder.mel import mel_spec
from vocoder.models import Vocoder

EXTRA, PACKAGES = "peers", ("vocos", "transformers", "pyworld")
FEATURE = "a peer of the benchmark"
WORLD_PERIOD_MS = 5.0


class Work(NamedTuple):
    """A peer ready to speak: `speak` makes `samples` samples."""

    speak: Callable[[], Any]
    samples: int
    sample_rate: int
    parameters: int = 0


class Entrant(NamedTuple):
    """What took part, or why not; `parameters` are 0 where nothing is learned."""

    name: str
    what: str
    parameters: int
    samples_per_second: Spread | None
    times_real_time: float | None
    missing: str | None  # what to install


class Ratio(NamedTuple):
    """How many times as fast as the peer the voice is."""

    voice: str
    peer: str
    ratio: Spread


class Race(NamedTuple):
    entrants: list[Entrant]
    ratios: list[Ratio]


def vocos(seconds: float) -> Work:
    """Vocos at 24 kHz (Siuzdak 2023): eight ConvNeXt blocks of 512 channels, an inverse STFT; 13.5 M."""
    models, heads = (optional(f"vocos.{name}", FEATURE, EXTRA) for name in ("models", "heads"))
    backbone = models.VocosBackbone(input_channels=100, dim=512, intermediate_dim=1536, num_layers=8)
    head = heads.ISTFTHead(dim=512, n_fft=1024, hop_length=256, padding="center")
    network = torch.nn.Sequential(backbone, head).eval().requires_grad_(False)
    frames = round(seconds * 24000 / 256)
    mel = torch.randn(1, 100, frames + 1)  # an inverse STFT with centred frames: one frame more than hops
    return _of(network, partial(network, mel), 256 * frames, 24000)


def hifi_gan(seconds: float) -> Work:
    """HiFi-GAN V1 at 22.05 kHz (Kong, Kim and Bae 2020, table of appendix A.1); 13.9 M."""
    speech = optional("transformers.models.speecht5", FEATURE, EXTRA)
    config = speech.SpeechT5HifiGanConfig(
        model_in_dim=80,
        sampling_rate=22050,
        upsample_initial_channel=512,
        upsample_rates=[8, 8, 2, 2],
        upsample_kernel_sizes=[16, 16, 4, 4],
        resblock_kernel_sizes=[3, 7, 11],
        resblock_dilation_sizes=[[1, 3, 5]] * 3,
    )
    network = speech.SpeechT5HifiGan(config).eval().requires_grad_(False)
    frames = round(seconds * 22050 / 256)
    return _of(network, partial(network, torch.randn(1, frames, 80)), 256 * frames, 22050)


def griffin_lim(seconds: float) -> Work:
    """Griffin-Lim (librosa), 60 iterations, from a mel of 80 bands."""
    spec = mel_spec("nvidia")
    frames = round(seconds * spec.frame_rate)
    mel = -6 + torch.randn(80, frames, generator=torch.Generator().manual_seed(0))
    speak = partial(GriffinLim(spec).synthesize, mel)
    return Work(speak, spec.num_samples(frames), spec.sample_rate)


def world(seconds: float) -> Work:
    """WORLD (Morise, Yokomori and Ozawa 2016): synthesis alone, from its own features, every 5 ms."""
    package, rate = optional("pyworld", FEATURE, EXTRA), 22050
    frames = round(seconds * 1000 / WORLD_PERIOD_MS)
    bins = package.get_cheaptrick_fft_size(rate) // 2 + 1
    generator = np.random.default_rng(0)
    pitch = generator.uniform(100, 200, frames)
    envelope = np.exp(generator.uniform(-12, -4, (frames, bins)))
    noise = generator.uniform(0, 1, (frames, bins))
    samples = round(frames * WORLD_PERIOD_MS / 1000 * rate)
    return Work(partial(package.synthesize, pitch, envelope, noise, rate, WORLD_PERIOD_MS), samples, rate)


PEERS: dict[str, Callable[[float], Work]] = {
    "vocos": vocos,
    "hifi-gan": hifi_gan,
    "griffin-lim": griffin_lim,
    "world": world,
}


def race(
    voices: dict[str, Vocoder],
    peers: Sequence[str] = tuple(PEERS),
    *,
    seconds: float = 2.0,
    threads: int = 1,
    runs: int = 5,
) -> Race:
    """Everyone speaks `seconds`, in turns; a peer whose package is missing says which extra has it.

    Raises:
        InputError: no voice, or an unknown peer.
    """
    if not voices or (unknown := [name for name in peers if name not in PEERS]):
        given = "no voice" if not voices else f"the peer {unknown[0]!r}"
        raise InputError(f"expected voices and some of the peers {', '.join(PEERS)}, got {given}")
    torch.manual_seed(0)
    works, missing = {name: _voice(voice, seconds) for name, voice in voices.items()}, {}
    for name in peers:
        try:
            works[name] = PEERS[name](seconds)
        except MissingExtra as error:
            missing[name] = str(error)
    with threads_of_torch(threads), torch.inference_mode():
        columns = time_in_turns(
            [work.speak for work in works.values()], runs, [torch.device("cpu")] * len(works)
        )
    times = dict(zip(works, columns, strict=True))
    entrants = [_entrant(name, voices.get(name), works[name], times[name]) for name in works]
    entrants += [Entrant(name, _what(name), 0, None, None, reason) for name, reason in missing.items()]
    ratios = [_ratio(name, peer, works, times) for name in voices for peer in works if peer not in voices]
    return Race(entrants, ratios)


def _voice(voice: Vocoder, seconds: float) -> Work:
    mel = varied_mel(voice, 1, seconds)[0]
    samples = voice.mel_spec.num_samples(mel.shape[-1])
    return Work(partial(voice.synthesize, mel), samples, voice.sample_rate, voice.num_parameters())


def _of(network: torch.nn.Module, speak: Callable[[], Any], samples: int, sample_rate: int) -> Work:
    parameters = sum(weight.numel() for weight in network.parameters())
    return Work(speak, samples, sample_rate, parameters)


def _entrant(name: str, voice: Vocoder | None, work: Work, times: list[float]) -> Entrant:
    rate = spread([work.samples / taken for taken in times])
    what = _what(name) if voice is None else f"a {voice.kind} of this project"
    return Entrant(name, what, work.parameters, rate, rate.p50 / work.sample_rate, None)


def _what(name: str) -> str:
    """The first line of what makes the peer."""
    return (PEERS[name].__doc__ or "").partition("\n")[0]


def _ratio(voice: str, peer: str, works: dict[str, Work], times: dict[str, list[float]]) -> Ratio:
    ours, theirs = (works[name].samples / works[name].sample_rate for name in (voice, peer))
    pairs = zip(times[voice], times[peer], strict=True)
    return Ratio(voice, peer, spread([(ours / own) / (theirs / other) for own, other in pairs]))
