"""Mel in, audio out."""

from contextlib import AsyncExitStack, aclosing
from typing import Annotated, Literal, NamedTuple
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse
from torch import Tensor

from server.examples import AUDIO_RESPONSE, MEL_BODY
from server.formats import check_media_type, choose_format, content_length, encoded, read_body
from server.problems import Problem, documented
from server.settings import Settings
from server.transfer import AudioStream, read_limited
from vocoder.audio import encoder
from vocoder.inference.engine import Engine
from vocoder.inference.streaming import fit_mel, synthesize_blocks
from vocoder.inference.voices import Voices
from vocoder.mel import MelSpec
from vocoder.models import Vocoder
from vocoder.models.base import MAX_TEMPERATURE
from vocoder.noise import MAX_SEED

router = APIRouter(prefix="/v1", tags=["synthesis"])


class SynthesisQuery(BaseModel):
    """How to speak. An unknown parameter is refused, so that a misspelt one is not ignored."""

    model_config = ConfigDict(extra="forbid")

    voice: str | None = Field(default=None, description="by default the one that /v1/voices marks")
    dialect: str | None = Field(
        default=None, description="analysis that made the mel: converted where that is exact, else refused"
    )
    format: Literal["wav", "pcm", "flac", "opus", "mp3"] | None = Field(
        default=None, description="of the audio; goes before the Accept header, without either it is wav"
    )
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="the same seed gives the same samples")
    temperature: float | None = Field(
        default=None, ge=0, le=MAX_TEMPERATURE, description="scale of the noise; by default the voice's own"
    )
    shape: str | None = Field(
        default=None,
        pattern=r"^\d{1,9},\d{1,9}$",
        description="bands,frames of a body of bare float32",
        examples=["80,532"],
    )


class Utterance(NamedTuple):
    """A request understood: what to say, and who says it."""

    name: str
    voice: Vocoder
    mel: Float[Tensor, "mel frame"]

    @property
    def num_samples(self) -> int:
        return self.voice.mel_spec.num_samples(self.mel.shape[-1])


@router.post(
    "/synthesize",
    response_class=StreamingResponse,
    responses=documented(
        "malformed-body",
        "unknown-voice",
        "not-acceptable",
        "body-timeout",
        "body-too-large",
        "mel-too-long",
        "unsupported-media-type",
        "invalid-parameter",
        "invalid-mel",
        "mel-mismatch",
        "internal-error",
        "voice-unavailable",
        "busy",
    )
    | {200: AUDIO_RESPONSE},
    openapi_extra={"requestBody": MEL_BODY},
)
async def synthesize(request: Request, query: Annotated[SynthesisQuery, Query()]) -> AudioStream:
    """Speech from a mel-spectrogram, streamed as it is made.

    The first audio is made before the answer begins: what cannot be spoken is an error, never a short 200.
    """
    settings: Settings = request.app.state.settings
    engine: Engine = request.app.state.engine
    media_type = check_media_type(request.headers.get("content-type"))
    audio_format = query.format or choose_format(request.headers.get("accept"))
    async with AsyncExitStack() as resources:
        await resources.enter_async_context(engine.admit())
        body = await read_limited(request, settings.max_body_bytes, settings.body_timeout)
        utterance = await engine.run(understand, engine.voices, query, body, media_type, settings)
        outgoing = encoder(audio_format, utterance.voice.sample_rate, utterance.num_samples)
        blocks = synthesize_blocks(
            utterance.voice, utterance.mel, seed=query.seed, temperature=query.temperature
        )
        chunks = await resources.enter_async_context(aclosing(engine.iterate(encoded(blocks, outgoing))))
        response = AudioStream(
            await anext(chunks),
            chunks,
            headers=_headers(utterance, query, content_length(audio_format, utterance.num_samples)),
            media_type=outgoing.content_type,
            stall_timeout=settings.stall_timeout,
        )
        response.resources = resources.pop_all()
        return response


def understand(
    voices: Voices, query: SynthesisQuery, body: bytes, media_type: str, settings: Settings
) -> Utterance:
    """Find the voice, read the body, hold it against the limits, and bring the mel into the voice's units."""
    name = query.voice or voices.default()
    voice = voices.get(name)
    shape = [int(size) for size in query.shape.split(",")] if query.shape else None
    file = read_body(body, media_type, shape)
    _check_length(file.mel.shape[-1], voice.mel_spec, settings)
    return Utterance(name, voice, fit_mel(file.mel, file.made_by(query.dialect), voice.mel_spec))


def _check_length(num_frames: int, spec: MelSpec, settings: Settings) -> None:
    limit = min(settings.max_frames, int(settings.max_seconds * spec.frame_rate))
    if num_frames > limit:
        raise Problem(
            "mel-too-long", f"{num_frames} frames are more than the {limit} allowed; send them in parts"
        )


def _headers(utterance: Utterance, query: SynthesisQuery, length: int | None) -> dict[str, str]:
    temperature = utterance.voice.check_temperature(query.temperature)
    return {
        "Vocoder-Voice": quote(utterance.name),
        "Vocoder-Seed": str(query.seed),
        "Vocoder-Temperature": f"{temperature:g}",
        "Vocoder-Sample-Rate": str(utterance.voice.sample_rate),
        "Vocoder-Frames": str(utterance.mel.shape[-1]),
        "Vocoder-Samples": str(utterance.num_samples),
    } | ({} if length is None else {"Content-Length": str(length)})
