"""Audio in, out how well a voice foresees it."""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from server.examples import AUDIO_BODY
from server.formats import check_audio_type
from server.parameters import Name, Parameters
from server.problems import Problem, documented
from server.schemas import Score
from server.settings import Settings
from server.speaking import check_length
from server.transfer import arriving, while_connected
from vocoder.audio import read
from vocoder.errors import AudioError
from vocoder.inference.engine import Engine
from vocoder.inference.scoring import Prepared, choose_voice, collect, prepare, score_blocks
from vocoder.inference.voices import Voices
from vocoder.models import Vocoder

router = APIRouter(prefix="/v1", tags=["scores"])


class ScoreQuery(Parameters):
    """By whom."""

    voice: Name | None = Field(default=None, description="by default the first whose figures are exact")


class Hearing(NamedTuple):
    """A request understood: what is scored, and under which voice."""

    name: str
    voice: Vocoder
    recording: Prepared
    sample_rate: int  # of the file


@router.post(
    "/score",
    responses=documented(
        "invalid-audio",
        "no-density",
        "unknown-voice",
        "body-timeout",
        "body-too-large",
        "mel-too-long",
        "unsupported-media-type",
        "invalid-parameter",
        "internal-error",
        "voice-unavailable",
        "busy",
    ),
    openapi_extra={"requestBody": AUDIO_BODY},
)
async def score(request: Request, query: Annotated[ScoreQuery, Query()]) -> Score:
    """Bits a sample of a recording under a voice, each sample given those before it; fewer are better.

    A client that leaves stops the work, of a voice that scores in one piece (a student) at its end.
    """
    engine: Engine = request.app.state.engine
    check_audio_type(request.headers.get("content-type"))
    async with arriving(request) as body:
        settings: Settings = request.app.state.settings
        hearing = await engine.run_long(hear, engine.voices, query.voice, body, settings)
        async with engine.admit():
            blocks = await while_connected(request, _blocks(engine, hearing))
    return await engine.run_long(_answer, hearing, blocks)


def hear(voices: Voices, name: str | None, body: bytes, settings: Settings) -> Hearing:
    """Find the voice, read the audio and analyse it, within the limits."""
    name = name or choose_voice({name: voices.info(name).kind for name in voices.names()})
    voice = voices.get(name)
    try:
        audio, rate = read(body, max_seconds=settings.max_seconds)
        length = audio.numel() * voice.sample_rate // rate
        check_length(length // voice.mel_spec.hop_length, voice.mel_spec, settings)
        return Hearing(name, voice, prepare(audio, rate, voice.mel_spec), rate)
    except AudioError as error:
        raise Problem("invalid-audio", str(error)) from None


async def _blocks(engine: Engine, hearing: Hearing) -> list[Float[Tensor, "_"]]:
    """Bits of each sample; each block on a thread of the engine, in turn with the work of others."""
    blocks, made = score_blocks(hearing.voice, hearing.recording), []
    while (block := await engine.run_score(next, blocks, None)) is not None:
        made.append(block)
    return made


def _answer(hearing: Hearing, blocks: list[Float[Tensor, "_"]]) -> Score:
    likelihood = collect(hearing.voice, blocks)
    return Score(
        voice=hearing.name,
        kind=likelihood.kind,
        bits_per_sample=likelihood.bits_per_sample,
        samples=likelihood.bits.numel(),
        sample_rate=likelihood.sample_rate,
        hop_length=likelihood.hop_length,
        resampled_from=None if hearing.sample_rate == likelihood.sample_rate else hearing.sample_rate,
        curve=[round(bits, 4) for bits in likelihood.curve.tolist()],
    )
