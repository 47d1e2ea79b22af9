"""The inbox: frames in order, commands after them, blocks that are likely to be alike."""

import asyncio

import pytest
import torch

from server.streams.inbox import Inbox


def filled(*items):
    inbox = Inbox()
    position = 0
    for item in items:
        if isinstance(item, int):
            inbox.put(torch.arange(position, position + item, dtype=torch.float32)[None])
            position += item
        else:
            inbox.put(item)
    return inbox


def emptied(inbox, limit):
    async def take_all():
        taken = []
        while inbox:
            taken.append(await inbox.take(limit))
        return taken

    return asyncio.run(take_all())


@pytest.mark.parametrize(
    ("items", "limit", "sizes"),
    [
        ([1, 1, 1], 8, [3]),
        ([8], 8, [8]),
        ([11], 16, [8, 3]),
        ([40], 16, [16, 16, 8]),
        ([3, 4, "flush"], 8, [7]),
        ([20, "flush"], 16, [16, 4]),
        ([5, "flush", 2, "finish"], 8, [5, 2]),
    ],
)
def test_frames_come_in_order_and_in_blocks(items, limit, sizes):
    taken = emptied(filled(*items), limit)
    assert [block.mel.shape[1] for block in taken] == sizes
    frames = torch.cat([block.mel for block in taken], dim=1)
    assert torch.equal(frames[0], torch.arange(sum(sizes), dtype=torch.float32))
    assert [block.command for block in taken if block.command] == [i for i in items if isinstance(i, str)]


def test_a_command_alone_comes_without_frames():
    ((mel, command),) = emptied(filled("flush"), 8)
    assert (mel, command) == (None, "flush")


def test_it_is_waited_for():
    async def wait():
        inbox = Inbox()
        taking = asyncio.create_task(inbox.take(8))
        await asyncio.sleep(0)
        assert not taking.done()
        inbox.put("finish")
        return await taking

    assert asyncio.run(wait()).command == "finish"


def test_one_waits_for_a_command_and_no_longer_than_asked():
    async def wait():
        inbox = filled(1)
        await inbox.told(within=0.01)  # frames are none
        asyncio.get_running_loop().call_later(0.01, inbox.put, "flush")
        await inbox.told(within=1e9)
        taken = await inbox.take(8)
        await inbox.told(within=0.01)  # it is taken
        return taken

    assert asyncio.run(wait()).command == "flush"
