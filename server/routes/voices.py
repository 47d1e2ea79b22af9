"""Which voices there are, and which of them are in memory."""

from collections.abc import Callable
from typing import TypeVar

from fastapi import APIRouter, Request

from server.problems import documented
from server.schemas import Voice, VoiceList
from vocoder.errors import CheckpointError, UnknownVoice
from vocoder.inference.engine import Engine
from vocoder.inference.voices import Voices

T = TypeVar("T")

router = APIRouter(prefix="/v1/voices", tags=["voices"])
administration = APIRouter(prefix="/v1/voices", tags=["voices"])


@router.get("", responses=documented("internal-error"))
async def list_voices(request: Request) -> VoiceList:
    """The installed voices: what mel each reads, what it is and what was measured."""
    engine: Engine = request.app.state.engine
    return await _told(engine, _list)


@router.get("/{name}", responses=documented("unknown-voice", "voice-unavailable", "internal-error"))
async def show_voice(request: Request, name: str) -> Voice:
    """One voice, with the whole record of its training."""
    engine: Engine = request.app.state.engine
    return await _told(engine, _describe, name)


@administration.post("/rescan")
async def rescan(request: Request) -> VoiceList:
    """Load and warm what is new or has changed in the folders, let go of what is gone."""
    engine: Engine = request.app.state.engine
    await engine.run_long(engine.voices.load_all)
    return await _told(engine, _list)


@administration.post("/{name}/load", responses=documented("unknown-voice", "voice-unavailable"))
async def load_voice(request: Request, name: str) -> Voice:
    """Load and warm a voice, or its new checkpoint; those who speak with the one before finish with it."""
    engine: Engine = request.app.state.engine
    await engine.run_long(engine.voices.get, name)
    return (await engine.run(_describe, engine.voices, name)).summary()


@administration.post("/{name}/unload", status_code=204, responses=documented("unknown-voice"))
async def unload_voice(request: Request, name: str) -> None:
    """Free a voice once nobody speaks with it; asked for again, it is loaded again."""
    engine: Engine = request.app.state.engine
    await engine.run_long(engine.voices.unload, name)


async def _told(engine: Engine, tell: Callable[..., T], *names: str) -> T:
    """What `tell` says of the voices, all or those named; if one must be loaded for it, none else waits."""
    known = await engine.run(_known, engine.voices, *names)
    return await (engine.run if known else engine.run_long)(tell, engine.voices, *names)


def _known(voices: Voices, *names: str) -> bool:
    try:
        return voices.knows(*(names or voices.names()))
    except UnknownVoice:
        return False  # `tell` will say so


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
    facts, info = voices.facts(name), voices.info(name)
    return Voice.of(name, facts, info, default=name == voices.default(), loaded=name in voices.loaded())
