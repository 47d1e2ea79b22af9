"""The real application over two small voices: in process, and behind a real socket."""

import threading
from contextlib import contextmanager
from typing import NamedTuple

import pytest
import torch
from starlette.testclient import TestClient

from server.app import create_app
from server.listen import bind, make_server, url_of
from server.settings import Settings
from vocoder.audio import read, to_pcm16
from vocoder.checkpoints import load
from vocoder.inference.denoiser import Denoiser
from vocoder.mel import MelFrontend
from vocoder.mel.files import encode_mel

NPY = {"Content-Type": "application/x-npy"}


class Utterance(NamedTuple):
    """A mel that a voice can speak, as it goes over the wire, and what the library makes of it."""

    voice: str
    mel: torch.Tensor
    npy: bytes

    def samples(self, *, denoise=0.0, **options) -> torch.Tensor:
        voice = load(self.voice)
        return to_pcm16(Denoiser.of(voice)(voice.synthesize(self.mel, **options), denoise))


@pytest.fixture
def utterance(voices):
    """Makes utterances of any length, different for each seed."""

    def make(num_frames=40, voice="student", seed=0):
        spec = load(voice).mel_spec
        generator = torch.Generator().manual_seed(seed)
        audio = 0.1 * torch.randn((num_frames + 4) * spec.hop_length, generator=generator)
        mel = MelFrontend(spec)(audio)[:, :num_frames]
        return Utterance(voice, mel, encode_mel(mel, spec, "npy"))

    return make


@pytest.fixture
def make_client(voices):
    """A client of an application with these settings."""
    clients = []

    def make(**settings):
        app = create_app(Settings(**settings))
        client = TestClient(app, "http://localhost", raise_server_exceptions=False)
        clients.append(client)
        return client.__enter__()

    yield make
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(make_client):
    return make_client()


@contextmanager
def running(app, settings):
    """The URL of `app` behind a real socket."""
    server = make_server(app, settings)
    with bind(settings) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def serve(voices):
    """Runs an application with these settings until the test ends; gives it and its URL."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(**options):
            settings = Settings(port=0, **options)
            app = create_app(settings)
            return app, stack.enter_context(running(app, settings))

        yield start


@pytest.fixture
def decode():
    """Samples of an answer, as 16-bit integers."""
    return lambda response: to_pcm16(read(response.content)[0])
