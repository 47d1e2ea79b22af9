"""Audio in, the same audio out as a voice would speak it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from jaxtyping import Float
from starlette.responses import StreamingResponse
from torch import Tensor

from server.examples import AUDIO_BODY, AUDIO_RESPONSE
from server.formats import check_audio_type, read_audio
from server.problems import documented
from server.settings import Settings
from server.speaking import Manner, Utterance, answer, audio_format, check_length
from server.transfer import AudioStream, arriving
from vocoder.inference.engine import Engine
from vocoder.inference.voices import Voices
from vocoder.mel import MelFrontend, MelSpec
from vocoder.models.corrected import with_passes

router = APIRouter(prefix="/v1", tags=["synthesis"])


class ResynthesisQuery(Manner):
    """How to speak it."""


@router.post(
    "/resynthesize",
    response_class=StreamingResponse,
    responses=documented(
        "invalid-audio",
        "unknown-voice",
        "not-acceptable",
        "body-timeout",
        "body-too-large",
        "mel-too-long",
        "unsupported-media-type",
        "invalid-parameter",
        "internal-error",
        "voice-unavailable",
        "busy",
    )
    | {200: AUDIO_RESPONSE},
    openapi_extra={"requestBody": AUDIO_BODY},
)
async def resynthesize(request: Request, query: Annotated[ResynthesisQuery, Query()]) -> AudioStream:
    """A recording through a voice: its mel by the voice's own analysis, and speech from that, streamed."""
    engine: Engine = request.app.state.engine
    check_audio_type(request.headers.get("content-type"))
    audio_format(request, query)
    async with arriving(request) as body:
        settings: Settings = request.app.state.settings
        utterance = await engine.run_long(listen, engine.voices, query, body, settings)
        return await answer(request, utterance, query)


def listen(voices: Voices, query: ResynthesisQuery, body: bytes, settings: Settings) -> Utterance:
    """Find the voice and analyse the audio as its training did."""
    name = query.voice or voices.default()
    voice = with_passes(voices.get(name), query.correction)
    return Utterance(name, voice, analyse(body, voice.mel_spec, settings))


def analyse(body: bytes, spec: MelSpec, settings: Settings) -> Float[Tensor, "mel frame"]:
    """The mel of an audio file, within the limits."""
    audio = read_audio(body, settings.max_seconds, spec.sample_rate)
    check_length(audio.numel() // spec.hop_length, spec, settings)
    return MelFrontend(spec)(audio)
