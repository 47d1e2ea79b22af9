"""What a voice is compared with: the same mel, spoken without a network."""

import threading
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from server.examples import AUDIO_CONTENT, AUDIO_LENGTH_HEADERS, MEL_BODY
from server.formats import check_media_type, choose_format, encoded, read_body
from server.parameters import AudioParameters, MelParameters, Name
from server.problems import Problem, documented
from server.transfer import arriving, while_connected
from vocoder.audio import encoder
from vocoder.evaluation import GriffinLim
from vocoder.inference.engine import Engine
from vocoder.inference.fitting import fit_mel
from vocoder.inference.voices import Voices
from vocoder.mel import MelSpec

MAX_SECONDS = 30.0
MAX_ITERATIONS = 200
MAX_SEED = 2**32 - 1

router = APIRouter(prefix="/v1/baselines", tags=["baselines"])


class GriffinLimQuery(AudioParameters, MelParameters):
    """How to invert the mel."""

    voice: Name | None = Field(default=None, description="the mel is one that this voice reads")
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="of the phases that it begins with")
    iterations: int = Field(default=60, ge=1, le=MAX_ITERATIONS)


@router.post(
    "/griffin-lim",
    response_class=Response,
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
        "internal-error",
        "voice-unavailable",
        "busy",
    )
    | {200: {"description": "Mono audio.", "content": AUDIO_CONTENT, "headers": AUDIO_LENGTH_HEADERS}},
    openapi_extra={"requestBody": MEL_BODY},
)
async def griffin_lim(request: Request, query: Annotated[GriffinLimQuery, Query()]) -> Response:
    """Audio with about this mel, its phases found by the fast Griffin-Lim algorithm.

    The iterations see the whole utterance, so nothing is heard before the last: it may have 30 seconds.
    A client that leaves stops the work.
    """
    engine: Engine = request.app.state.engine
    media_type = check_media_type(request.headers.get("content-type"))
    audio_format = query.format or choose_format(request.headers.get("accept"))
    async with arriving(request) as body, engine.admit():
        return await while_connected(request, _work(engine, query, body, media_type, audio_format))


async def _work(engine: Engine, *given: Any) -> Response:
    """`invert` beside the streams; a round after this is cancelled it stops."""
    left = threading.Event()
    try:
        return await engine.run_long(invert, engine.voices, *given, left)
    finally:
        left.set()


def invert(
    voices: Voices,
    query: GriffinLimQuery,
    body: bytes,
    media_type: str,
    audio_format: str,
    left: threading.Event,
) -> Response:
    """Read the mel, hold it against the limit, find phases for it, until the client has `left`."""

    def check() -> None:
        if left.is_set():
            raise ClientDisconnect

    file = read_body(body, media_type, query.sizes)
    spec = file.made_by(query.dialect) or voices.get(query.voice or voices.default()).mel_spec
    _check_length(file.mel.shape[-1], spec)
    audio = GriffinLim(spec, query.iterations).synthesize(fit_mel(file.mel, spec, spec), query.seed, check)
    outgoing = encoder(audio_format, spec.sample_rate, audio.numel())
    return Response(
        b"".join(encoded(iter([audio]), outgoing)),
        media_type=outgoing.content_type,
        headers={
            "Vocoder-Sample-Rate": str(spec.sample_rate),
            "Vocoder-Frames": str(file.mel.shape[-1]),
            "Vocoder-Samples": str(audio.numel()),
        },
    )


def _check_length(num_frames: int, spec: MelSpec) -> None:
    limit = int(MAX_SECONDS * spec.frame_rate)
    if num_frames > limit:
        raise Problem(
            "mel-too-long", f"{num_frames} frames are more than the {limit} allowed here; send them in parts"
        )
