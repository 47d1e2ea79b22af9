"""Audio in, mel out."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from server.examples import AUDIO_BODY, MEL_RESPONSE
from server.formats import MEL_ANSWERS, check_audio_type
from server.parameters import Name, Parameters
from server.problems import documented
from server.routes.resynthesis import analyse
from server.settings import Settings
from server.transfer import arriving
from vocoder.inference.engine import Engine
from vocoder.inference.voices import Voices
from vocoder.mel import dialect
from vocoder.mel.files import encode_mel

router = APIRouter(prefix="/v1", tags=["synthesis"])


class MelQuery(Parameters):
    """Which analysis."""

    voice: Name | None = Field(
        default=None, description="the analysis of this voice; by default the default's"
    )
    dialect: Name | None = Field(default=None, description="an analysis by name; goes before voice")
    format: Literal["npy", "safetensors", "json"] = Field(
        default="npy", description="of the mel; safetensors and json state the analysis too"
    )


@router.post(
    "/mel",
    response_class=Response,
    responses=documented(
        "invalid-audio",
        "unknown-voice",
        "body-timeout",
        "body-too-large",
        "mel-too-long",
        "unsupported-media-type",
        "invalid-parameter",
        "internal-error",
        "voice-unavailable",
        "busy",
    )
    | {200: MEL_RESPONSE},
    openapi_extra={"requestBody": AUDIO_BODY},
)
async def mel(request: Request, query: Annotated[MelQuery, Query()]) -> Response:
    """The mel-spectrogram of a recording, by the one analysis that training and serving share."""
    engine: Engine = request.app.state.engine
    check_audio_type(request.headers.get("content-type"))
    async with arriving(request) as body:
        content = await engine.run_long(make, engine.voices, query, body, request.app.state.settings)
    return Response(content, media_type=MEL_ANSWERS[query.format])


def make(voices: Voices, query: MelQuery, body: bytes, settings: Settings) -> bytes:
    spec = dialect(query.dialect) if query.dialect else voices.get(query.voice or voices.default()).mel_spec
    return encode_mel(analyse(body, spec, settings), spec, query.format)
