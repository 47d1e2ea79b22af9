"""Mel in, audio out."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import StreamingResponse

from server.examples import AUDIO_RESPONSE, MEL_BODY
from server.formats import check_media_type, read_body
from server.parameters import MelParameters
from server.problems import documented
from server.settings import Settings
from server.speaking import Manner, Utterance, answer, audio_format, check_length
from server.transfer import AudioStream, arriving
from vocoder.inference.engine import Engine
from vocoder.inference.fitting import fit_mel
from vocoder.models import Vocoder
from vocoder.models.corrected import with_passes

router = APIRouter(prefix="/v1", tags=["synthesis"])


class SynthesisQuery(Manner, MelParameters):
    """How to read the mel, and how to speak it."""

    estimate: bool = Field(
        default=False,
        description="a mel that cannot be converted exactly to the voice's is estimated, not refused",
    )


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

    A mel of another dialect than the voice's is converted where that is exact, else refused, or estimated
    if `estimate` asks for it.
    The first audio is made before the answer begins: what cannot be spoken is an error, never a short 200.
    """
    engine: Engine = request.app.state.engine
    media_type = check_media_type(request.headers.get("content-type"))
    audio_format(request, query)
    async with arriving(request) as body:
        settings: Settings = request.app.state.settings
        name, voice = await engine.voice(query.voice)
        utterance = await engine.run(understand, name, voice, query, body, media_type, settings)
        return await answer(request, utterance, query)


def understand(
    name: str, voice: Vocoder, query: SynthesisQuery, body: bytes, media_type: str, settings: Settings
) -> Utterance:
    """Read the body, hold it against the limits, and bring the mel into the voice's units."""
    voice = with_passes(voice, query.correction)
    file = read_body(body, media_type, query.sizes)
    source = file.made_by(query.dialect) or voice.mel_spec
    check_length(file.mel.shape[-1], voice.mel_spec, settings, source)
    mel = fit_mel(file.mel, source, voice.mel_spec, estimate=query.estimate)
    return Utterance(name, voice, mel)
