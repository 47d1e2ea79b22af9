"""Which voices there are."""

from fastapi import APIRouter, Request

from server.problems import documented
from server.schemas import Voice, VoiceList
from vocoder.errors import CheckpointError, UnknownVoice
from vocoder.inference.engine import Engine
from vocoder.inference.voices import Voices

router = APIRouter(prefix="/v1/voices", tags=["voices"])


@router.get("", responses=documented("internal-error"))
async def list_voices(request: Request) -> VoiceList:
    """The installed voices: what mel each reads, what it is and what was measured."""
    engine: Engine = request.app.state.engine
    return await engine.run(_list, engine.voices)


@router.get("/{name}", responses=documented("unknown-voice", "voice-unavailable", "internal-error"))
async def show_voice(request: Request, name: str) -> Voice:
    """One voice, with the whole record of its training."""
    engine: Engine = request.app.state.engine
    return await engine.run(_describe, engine.voices, name)


def _list(voices: Voices) -> VoiceList:
    described, unavailable = [], []
    for name in voices.names():
        try:
            described.append(_describe(voices, name).summary())
        except (CheckpointError, UnknownVoice):
            unavailable.append(name)
    return VoiceList(
        default=voices.default() if voices.names() else None, voices=described, unavailable=unavailable
    )


def _describe(voices: Voices, name: str) -> Voice:
    return Voice.of(name, voices.get(name), voices.info(name), default=name == voices.default())
