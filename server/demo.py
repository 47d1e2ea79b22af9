"""The demonstration: one recording through every voice of a real server, beside Griffin-Lim."""

import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from server.local import get_json, synthesize
from vocoder.audio import read, resample, write
from vocoder.errors import VocoderError
from vocoder.evaluation import GriffinLim, Recording, evaluate, plot_comparison
from vocoder.evaluation.measures import families_of
from vocoder.mel import MelFrontend, MelSpec
from vocoder.mel.files import encode_mel
from vocoder.samples import DEFAULT_SAMPLE, SAMPLES

REQUESTS = 5
_WARM_UP_FRAMES = 32
PICTURE = "comparison.png"
STFT_MEASURES = ("stft_convergence", "stft_log_magnitude")


@dataclass(frozen=True)
class Take:
    """What one system made of the recording, and the seconds that it took."""

    name: str
    audio: Float[Tensor, "sample"]
    sample_rate: int
    first_seconds: float | None = None
    total_seconds: float | None = None


@dataclass(frozen=True)
class Row:
    """One line of the table. None: it does not apply, or an optional package is missing."""

    name: str
    audio_seconds: float
    first_byte_ms: float | None
    samples_per_second: float | None
    times_real_time: float | None
    estoi: float | None
    mr_stft: float | None
    pesq_wb: float | None


def run(ready: Callable[[], str], recording: Path | None, folder: Path) -> Iterator[str | Row]:
    """Write `folder`; yield what is being done, as text, and the rows: recording, Griffin-Lim, voices.

    Args:
        ready: gives the URL of a warm server.

    Raises:
        AudioError: the recording cannot be read.
        VocoderError: there is no voice, or the server failed.
    """
    target = Take(Recording.name, *read(recording or SAMPLES[DEFAULT_SAMPLE]))
    yield "waiting for the server"
    url = ready()
    voices = get_json(url, "/v1/voices")["voices"]
    if not voices:
        raise VocoderError("no voice is installed: put checkpoints into a folder of $VOCODER_VOICES")
    voices.sort(key=lambda voice: not voice["default"])
    takes = [target]
    for voice in voices:
        yield f"speaking with {voice['name']}"
        takes.append(speak(url, voice, target))
    yield "Griffin-Lim"
    takes.insert(1, griffin_lim(voices[0], target))
    for take in takes:
        yield f"measuring {take.name}"
        write(folder / f"{take.name}.wav", take.audio, take.sample_rate)
        yield measure(take, target)
    yield "drawing"
    draw(folder / PICTURE, takes, _spec(voices[0]))


def speak(url: str, voice: dict[str, Any], target: Take) -> Take:
    """The recording's mel through one voice of the server: audio, and the medians of several requests."""
    spec = _spec(voice)
    mel = MelFrontend(spec)(resample(target.audio, target.sample_rate, spec.sample_rate))
    body = encode_mel(mel, spec, "npy")
    synthesize(url, body, voice=voice["name"])  # a first one that does not count
    replies = [synthesize(url, body, voice=voice["name"]) for _ in range(REQUESTS)]
    audio, sample_rate = read(replies[0].wav)
    first = statistics.median(reply.first_seconds for reply in replies)
    total = statistics.median(reply.total_seconds for reply in replies)
    return Take(voice["name"], audio, sample_rate, first, total)


def griffin_lim(voice: dict[str, Any], target: Take) -> Take:
    """Griffin-Lim, in this process, from the mel that `voice` reads."""
    spec = _spec(voice)
    mel = MelFrontend(spec)(resample(target.audio, target.sample_rate, spec.sample_rate))
    baseline = GriffinLim(spec)
    baseline.synthesize(mel[:, :_WARM_UP_FRAMES])
    began = time.perf_counter()
    audio = baseline.synthesize(mel)
    return Take(GriffinLim.name, audio, spec.sample_rate, total_seconds=time.perf_counter() - began)


def measure(take: Take, target: Take) -> Row:
    """A take's speed, and its closeness to the recording at the take's own rate."""
    available = [measure.name for family in families_of(None) for measure in family.measures]
    wanted = [name for name in ("estoi", "pesq", *STFT_MEASURES) if name in available]
    reference = resample(target.audio, target.sample_rate, take.sample_rate)
    values = evaluate(reference, take.audio, take.sample_rate, wanted)
    seconds = take.audio.numel() / take.sample_rate
    speed = None if take.total_seconds is None else take.audio.numel() / take.total_seconds
    return Row(
        name=take.name,
        audio_seconds=seconds,
        first_byte_ms=None if take.first_seconds is None else 1000 * take.first_seconds,
        samples_per_second=speed,
        times_real_time=None if speed is None else speed / take.sample_rate,
        estoi=_finite(values["estoi"]),
        mr_stft=_finite(sum(values[name] for name in STFT_MEASURES)),
        pesq_wb=_finite(values.get("pesq", math.nan)),
    )


def draw(path: Path, takes: list[Take], spec: MelSpec) -> None:
    """Waveform and mel of every take, under one analysis."""
    audios = {take.name: resample(take.audio, take.sample_rate, spec.sample_rate) for take in takes}
    plot_comparison(path, audios, spec.sample_rate, MelFrontend(spec))


def to_json(rows: list[Row]) -> dict[str, Any]:
    from vocoder.evaluation.report import machine, versions

    return {
        "requests": REQUESTS,
        "machine": machine(),
        "versions": versions(),
        "rows": [asdict(r) for r in rows],
    }


def _spec(voice: dict[str, Any]) -> MelSpec:
    return MelSpec.model_validate(voice["mel_spec"])


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
