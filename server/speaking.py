"""From a request to its audio: what every route that speaks has in common."""

import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from typing import NamedTuple
from urllib.parse import quote

from fastapi import Request
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from server.examples import AUDIO_HEADERS
from server.formats import choose_format, content_length
from server.metrics import Metrics
from server.parameters import AudioParameters, Name, Passes, Seed, Strength, Temperature
from server.problems import Problem
from server.settings import Settings
from server.transfer import AudioStream
from vocoder.audio import Encoder, encoder
from vocoder.inference.denoised import Denoised, denoised
from vocoder.inference.engine import Engine
from vocoder.inference.speech import Speech
from vocoder.mel import MelSpec, frames_lasting
from vocoder.models import Vocoder
from vocoder.models.corrected import passes


class Manner(AudioParameters):
    """How to speak."""

    voice: Name | None = Field(default=None, description="by default the one that /v1/voices marks")
    seed: Seed = Field(default=0, description="the same seed gives the same samples, to a step of 16-bit PCM")
    temperature: Temperature | None = Field(
        default=None, description="scale of the noise; by default the voice's own"
    )
    denoise: Strength = Field(
        default=0.0,
        description="how much of what the voice says of silence is taken off; 0.1 to 1 for WaveGlow",
    )
    correction: Passes | None = Field(
        default=None,
        description="passes that bring the audio nearer to its mel; by default the voice's own, 0 for none",
    )


class Utterance(NamedTuple):
    """A request understood: what to say, and who says it."""

    name: str
    voice: Vocoder
    mel: Float[Tensor, "mel frame"]

    @property
    def num_samples(self) -> int:
        return self.voice.mel_spec.num_samples(self.mel.shape[-1])


def max_frames(spec: MelSpec, settings: Settings) -> int:
    """How long an utterance may be."""
    return min(settings.max_frames, int(settings.max_seconds * spec.frame_rate))


def check_length(num_frames: int, spec: MelSpec, settings: Settings, source: MelSpec | None = None) -> None:
    """Refuse (413) what is longer than the limits, as frames of `source` or of `spec`."""
    limit = max_frames(spec, settings)
    if max(num_frames, frames_lasting(num_frames, source or spec, spec)) > limit:
        raise Problem(
            "mel-too-long", f"{num_frames} frames are more than the {limit} allowed; send them in parts"
        )


def audio_format(request: Request, manner: Manner) -> str:
    return manner.format or choose_format(request.headers.get("accept"))


async def answer(request: Request, utterance: Utterance, manner: Manner) -> AudioStream:
    """The utterance as it is spoken, once there is a place for it and its first audio is made.

    What cannot be spoken is an error, never a short 200.
    """
    settings: Settings = request.app.state.settings
    engine: Engine = request.app.state.engine
    metrics: Metrics = request.app.state.metrics
    name = audio_format(request, manner)
    async with AsyncExitStack() as resources:
        await resources.enter_async_context(engine.admit())
        plain = encoder(name, utterance.voice.sample_rate, utterance.num_samples)
        outgoing = await engine.run(denoised, plain, utterance.voice, manner.denoise)
        speech = engine.speech(
            utterance.voice, seed=manner.seed, temperature=manner.temperature, then=outgoing.encode
        )
        resources.enter_context(metrics.speaking(utterance.name, speech))
        chunks = await resources.enter_async_context(aclosing(_encoded(engine, speech, utterance, outgoing)))
        first = await anext(chunks)
        metrics.latency.observe(time.monotonic() - request.state.arrived)
        response = AudioStream(
            first,
            chunks,
            headers=_headers(utterance, manner, content_length(name, utterance.num_samples)),
            media_type=outgoing.content_type,
            stall_timeout=settings.stall_timeout,
        )
        response.resources = resources.pop_all()
        return response


async def _encoded(
    engine: Engine, speech: Speech[bytes], utterance: Utterance, outgoing: Encoder | Denoised
) -> AsyncGenerator[bytes]:
    async with aclosing(speech.speak(utterance.mel)) as blocks:
        async for data in blocks:
            if data:
                yield data
    if data := await engine.run(outgoing.finish):
        yield data


def _headers(utterance: Utterance, manner: Manner, length: int | None) -> dict[str, str]:
    values = (
        quote(utterance.name),
        manner.seed,
        f"{utterance.voice.check_temperature(manner.temperature):g}",
        passes(utterance.voice),
        utterance.voice.sample_rate,
        utterance.mel.shape[-1],
        utterance.num_samples,
    )
    headers = dict(zip(AUDIO_HEADERS, map(str, values), strict=True))
    return headers | ({} if length is None else {"Content-Length": str(length)})
