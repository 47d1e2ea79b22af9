"""The engine: ordered items, one ahead, nothing after the end, a bounded number of streams."""

import asyncio
import threading
from contextlib import aclosing

import pytest

from vocoder.errors import Busy
from vocoder.inference.engine import Engine, EngineConfig


@pytest.fixture
def engine():
    engine = Engine(EngineConfig(workers=2, max_streams=2, patience=0.05))
    yield engine
    engine.close()


def counter(made, end=100):
    """Counts what has been asked for, and says when it was closed."""
    try:
        for i in range(end):
            made.append(i)
            yield i
    finally:
        made.append("closed")


async def settled(made):
    """Until nothing is being made any more."""
    while True:
        before = len(made)
        await asyncio.sleep(0.02)
        if len(made) == before:
            return


def test_items_come_whole_and_in_order(engine):
    async def collect():
        return [item async for item in engine.iterate(counter([]))]

    assert asyncio.run(collect()) == list(range(100))


def test_work_runs_one_item_ahead_of_the_reader(engine):
    async def take_two(made):
        async with aclosing(engine.iterate(counter(made))) as items:
            await anext(items)
            await anext(items)
            await settled(made)
            return list(made)

    assert asyncio.run(take_two([])) == [0, 1, 2]


def test_closing_stops_the_work_and_closes_its_source(engine):
    async def leave(made):
        async with aclosing(engine.iterate(counter(made))) as items:
            await anext(items)
        await settled(made)
        return made

    made = asyncio.run(leave([]))
    assert made[-1] == "closed"
    assert len(made) <= 3


def test_a_cancelled_reader_stops_the_work(engine):
    async def cancel(made):
        started = asyncio.Event()

        async def read():
            async for _ in engine.iterate(counter(made, end=10**9)):
                started.set()

        task = asyncio.create_task(read())
        await started.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await settled(made)
        return made[-1]

    assert asyncio.run(cancel([])) == "closed"


def test_an_error_of_the_source_reaches_the_reader(engine):
    def failing():
        yield 1
        raise RuntimeError("on the way")

    async def collect():
        return [item async for item in engine.iterate(failing())]

    with pytest.raises(RuntimeError, match="on the way"):
        asyncio.run(collect())


def test_a_blocked_worker_does_not_block_the_event_loop(engine):
    async def main():
        gate = threading.Event()
        blocked = [asyncio.ensure_future(engine.run(gate.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        gate.set()  # reached only because the loop goes on
        return await asyncio.gather(*blocked)

    assert asyncio.run(main()) == [True, True]


def test_streams_beyond_the_limit_are_refused(engine):
    async def crowd():
        async with engine.admit(), engine.admit():
            assert engine.active_streams == 2
            async with engine.admit():
                pass

    with pytest.raises(Busy, match="2 streams"):
        asyncio.run(crowd())
    assert engine.active_streams == 0


def test_a_place_that_becomes_free_in_time_is_taken(engine):
    async def one_after_the_other():
        async def leave():
            async with engine.admit():
                await asyncio.sleep(0)

        await asyncio.gather(*(leave() for _ in range(20)))

    asyncio.run(one_after_the_other())
    assert engine.active_streams == 0
