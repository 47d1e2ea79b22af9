"""A client of WS /v1/stream behind a real socket."""

import json
from contextlib import ExitStack

import numpy as np
import pytest
import torch
from websockets.sync.client import connect


class Caller:
    """Speaks the protocol; `audio` is what came as bytes, `said` what came as JSON."""

    def __init__(self, socket):
        self.socket, self.audio, self.said = socket, b"", []

    def say(self, kind, **members):
        self.socket.send(json.dumps({"type": kind} | members))

    def push(self, mel):
        self.socket.send(np.ascontiguousarray(mel.numpy().T, "<f4").tobytes())

    def hear(self, timeout=60):
        """The next message, kept."""
        message = self.socket.recv(timeout)
        if isinstance(message, bytes):
            self.audio += message
        else:
            self.said.append(json.loads(message))
        return message

    def until(self, kind):
        """Listen to the answer of that type."""
        while not self.said or self.said[-1]["type"] != kind:
            self.hear()
        return self.said[-1]

    @property
    def samples(self):
        return torch.from_numpy(np.frombuffer(self.audio, "<i2").copy())


@pytest.fixture
def call():
    """Connects to a server and starts; the answer to that is in `said`."""
    with ExitStack() as stack:

        def make(url, headers=None, start=True, origin=None, **options):
            socket = connect(
                url.replace("http", "ws") + "/v1/stream",
                additional_headers=headers,
                origin=origin,
                max_size=None,
            )
            caller = Caller(stack.enter_context(socket))
            if start:
                caller.say("start", **options)
                caller.hear()
            return caller

        yield make
