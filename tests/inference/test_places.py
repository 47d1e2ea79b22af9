"""Places: a bounded number, a bounded queue, bounded patience."""

import asyncio

import pytest

from vocoder.errors import Busy
from vocoder.inference.places import Places


def test_those_beyond_the_limit_are_refused():
    async def crowd():
        places = Places(2, queue=5, patience=0.05)
        async with places.take(), places.take():
            assert places.taken == 2
            with pytest.raises(Busy, match="2 streams"):
                await places.take().__aenter__()
        assert (places.taken, places.waiting) == (0, 0)

    asyncio.run(crowd())


def test_a_place_that_becomes_free_in_time_is_taken():
    async def one_after_the_other():
        places = Places(2, queue=20, patience=5.0)

        async def stay():
            async with places.take():
                assert places.taken <= 2
                await asyncio.sleep(0)

        await asyncio.gather(*(stay() for _ in range(20)))
        assert places.taken == 0

    asyncio.run(one_after_the_other())


def test_a_full_queue_refuses_at_once():
    async def crowd():
        places = Places(1, queue=1, patience=60.0)
        async with places.take():
            waiting = asyncio.create_task(places.take().__aenter__())
            await asyncio.sleep(0)
            async with asyncio.timeout(1):
                with pytest.raises(Busy, match="1 wait"):
                    await places.take().__aenter__()
            waiting.cancel()

    asyncio.run(crowd())


def test_one_who_stops_waiting_leaves_the_queue():
    async def leave():
        places = Places(1, queue=1, patience=60.0)
        async with places.take():
            waiting = asyncio.create_task(places.take().__aenter__())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            assert places.waiting == 0
        async with places.take():
            assert places.taken == 1

    asyncio.run(leave())
