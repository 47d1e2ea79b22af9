"""The engine: whole utterances in order, a block ahead, nothing after the end, the event loop free."""

import asyncio
import threading
from contextlib import aclosing

import pytest
import torch

from vocoder.checkpoints import load
from vocoder.errors import Busy, InputError
from vocoder.inference.engine import Engine, EngineConfig
from vocoder.inference.speech import BLOCK_SECONDS
from vocoder.inference.streaming import FIRST_FRAMES, LARGEST_FRAMES
from vocoder.inference.voices import Voices
from vocoder.mel import silence
from vocoder.models import Student


@pytest.fixture
def engine(voices):
    engine = Engine(EngineConfig(workers=2, max_streams=2, patience=0.05))
    yield engine
    engine.close()


@pytest.fixture
def voice(voices):
    return load("student")


@pytest.fixture
def blocks(monkeypatch):
    """The frames of each block that a model is given."""
    made, advance = [], Student.advance

    def count(model, mel, state, *, last):
        made.append(mel.shape[-1])
        return advance(model, mel, state, last=last)

    monkeypatch.setattr(Student, "advance", count)
    return made


def mel_of(voice, frames, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return silence(voice.mel_spec, frames) + 3 * torch.rand(80, frames, generator=generator)


async def settled(made):
    """Until nothing is being made any more."""
    while True:
        before = len(made)
        await asyncio.sleep(0.05)
        if len(made) == before:
            return


def whole(engine, voice, mel, **options):
    async def collect():
        return [block async for block in engine.speech(voice, then=lambda audio: audio, **options).speak(mel)]

    return torch.cat(asyncio.run(collect()))


@pytest.mark.parametrize("frames", [1, 2, 9, 10, 300])
def test_blocks_join_to_the_whole(engine, voice, frames):
    mel = mel_of(voice, frames)
    audio = whole(engine, voice, mel, seed=5, temperature=0.7)
    torch.testing.assert_close(audio, voice.synthesize(mel, seed=5, temperature=0.7), atol=1e-4, rtol=0)


def test_any_way_to_cut_the_frames_gives_the_same_samples(engine, voice):
    mel = mel_of(voice, 60)

    async def push():
        speech = engine.speech(voice, seed=3, then=lambda audio: audio)
        pieces = mel.split([1, 1, 2, 30, 5, 21], dim=1)
        return torch.cat([await speech.advance(piece, last=i == 5) for i, piece in enumerate(pieces)])

    torch.testing.assert_close(asyncio.run(push()), voice.synthesize(mel, seed=3), atol=1e-4, rtol=0)


def test_blocks_grow_and_stay_bounded(engine, voice, blocks):
    whole(engine, voice, mel_of(voice, 1000))
    assert blocks[0] == voice.lookahead_frames + FIRST_FRAMES
    assert max(blocks) == LARGEST_FRAMES
    assert sum(blocks) == 1000


def test_blocks_of_a_slow_voice_stay_short(engine, voice, blocks, monkeypatch):
    from vocoder.inference import speech, steps

    ticks = iter(range(10**6))
    monkeypatch.setattr(steps.time, "thread_time", lambda: next(ticks) * 2 * speech.BLOCK_SECONDS)
    whole(engine, voice, mel_of(voice, 40))
    assert BLOCK_SECONDS == 0.1
    assert max(blocks[1:]) <= FIRST_FRAMES // 2
    assert blocks[-2] == 1


def test_work_runs_one_block_ahead_of_the_reader(engine, voice, blocks):
    async def take_two():
        speech = engine.speech(voice, then=lambda audio: audio)
        async with aclosing(speech.speak(mel_of(voice, 1000))) as audio:
            await anext(audio)
            await anext(audio)
            await settled(blocks)
            return len(blocks)

    assert asyncio.run(take_two()) == 3


@pytest.mark.parametrize("how", ["close", "cancel"])
def test_a_reader_who_leaves_stops_the_work(engine, voice, blocks, how):
    async def leave():
        started = asyncio.Event()

        async def read():
            speech = engine.speech(voice, then=lambda audio: audio)
            async with aclosing(speech.speak(mel_of(voice, 10_000))) as audio:
                async for _ in audio:
                    started.set()
                    if how == "close":
                        return

        task = asyncio.create_task(read())
        await started.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await settled(blocks)

    asyncio.run(leave())
    assert len(blocks) <= 8


def test_an_error_of_the_model_reaches_the_reader(engine, voice, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("on the way")

    monkeypatch.setattr(Student, "advance", fail)
    with pytest.raises(RuntimeError, match="on the way"):
        whole(engine, voice, mel_of(voice, 40))


@pytest.mark.parametrize("options", [{"seed": -1}, {"temperature": 3.0}])
def test_a_bad_seed_or_temperature_is_refused_before_any_work(engine, voice, options):
    with pytest.raises(InputError):
        engine.speech(voice, then=lambda audio: audio, **options)


def test_many_at_once_are_kept_apart(engine, voice):
    mels = [mel_of(voice, 40 + i % 3, seed=i) for i in range(32)]

    async def all_at_once():
        async def one(i):
            speech = engine.speech(voice, seed=i, then=lambda audio: audio)
            return torch.cat([block async for block in speech.speak(mels[i])])

        return await asyncio.gather(*(one(i) for i in range(32)))

    sizes = []
    engine.scheduler.observe = sizes.append
    for i, audio in enumerate(asyncio.run(all_at_once())):
        torch.testing.assert_close(audio, voice.synthesize(mels[i], seed=i), atol=1e-4, rtol=0)
    assert max(sizes) > 4


def test_a_blocked_errand_does_not_block_the_event_loop(engine):
    async def main():
        gate = threading.Event()
        blocked = [asyncio.ensure_future(engine.run(gate.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        gate.set()  # reached only because the loop goes on
        return await asyncio.gather(*blocked)

    assert asyncio.run(main()) == [True, True]


def test_voices_that_must_be_loaded_keep_nobody_else_waiting(engine, monkeypatch):
    gate, load_one = threading.Event(), Voices._load
    monkeypatch.setattr(Voices, "_load", lambda *args: gate.wait(20) and load_one(*args))

    async def main():
        loading = [asyncio.ensure_future(engine.voice(name)) for name in ("student", "wide", None)]
        async with asyncio.timeout(10):
            assert await engine.run(len, "errand") == 6
        assert not any(future.done() for future in loading)
        gate.set()
        return await asyncio.gather(*loading)

    found = asyncio.run(main())
    assert [name for name, _ in found] == ["student", "wide", "student"]
    assert found[0][1] is found[2][1] is engine.voices.ready("student")


def test_streams_beyond_the_limit_are_refused(engine):
    async def crowd():
        async with engine.admit(), engine.admit():
            assert engine.active_streams == 2
            async with engine.admit():
                pass

    with pytest.raises(Busy, match="2 streams"):
        asyncio.run(crowd())
    assert engine.active_streams == 0
