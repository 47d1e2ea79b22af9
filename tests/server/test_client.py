"""Both clients against a real server: the samples of the library, patience, and plain errors."""

import asyncio
import inspect
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
import torch

from vocoder.audio import read, to_pcm16, write
from vocoder.checkpoints import load
from vocoder.client import AsyncClient, Client, Refused, Retries
from vocoder.client.requests import frames_of, trusted
from vocoder.errors import ConfigError, InputError, VocoderError
from vocoder.inference.fitting import fit_mel
from vocoder.mel import DIALECTS, MelFrontend

QUICK = Retries(attempts=3, first_wait=0.01, longest_wait=5.0)


class Either:
    """A client, or the asynchronous one behind the same calls."""

    def __init__(self, kind, url, **options):
        self.kind, self.url, self.options = kind, url, {"retries": QUICK} | options

    def __getattr__(self, name):
        def call(*args, **options):
            if self.kind is Client:
                with Client(self.url, **self.options) as client:
                    made = getattr(client, name)(*args, **options)
                    return list(made) if inspect.isgenerator(made) else made
            return asyncio.run(self._run(name, args, options))

        return call

    async def _run(self, name, args, options):
        async with AsyncClient(self.url, **self.options) as client:
            made = getattr(client, name)(*args, **options)
            return [item async for item in made] if inspect.isasyncgen(made) else await made


@pytest.fixture(params=[Client, AsyncClient], ids=["sync", "async"])
def kind(request):
    return request.param


@pytest.fixture
def client(kind, serve):
    return Either(kind, serve()[1])


def close(audio, expected):
    return (to_pcm16(audio).int() - expected.int()).abs().max() <= 4


def test_certificates_are_read_for_tls_alone_and_nobody_is_trusted_without_them():
    assert trusted("https://voices.example") is True
    assert trusted("HTTPS://voices.example") is True
    bare = trusted("http://127.0.0.1:8000")
    assert bare.verify_mode is ssl.CERT_REQUIRED
    assert bare.check_hostname
    assert not bare.get_ca_certs()


def test_the_clients_have_the_same_methods():
    def public(kind):
        return {name.removeprefix("a") for name in vars(kind) if not name.startswith("_")}

    assert public(AsyncClient) - public(Client) == {"converse"}
    for name in public(Client) - {"close"}:
        assert (
            inspect.signature(getattr(Client, name)).parameters
            == inspect.signature(getattr(AsyncClient, name)).parameters
        )


@pytest.mark.parametrize("as_array", [False, True])
def test_synthesize_gives_the_samples_of_the_library(client, utterance, as_array):
    spoken = utterance(40)
    mel = spoken.mel.numpy() if as_array else spoken.mel
    audio, rate = client.synthesize(mel, voice="student", seed=7)
    assert rate == 22050
    assert close(audio, spoken.samples(seed=7))


def test_a_mel_of_any_dialect_is_spoken_if_an_estimate_is_asked_for(client):
    vocos, voice = DIALECTS["vocos"], load("student")
    mel = MelFrontend(vocos)(0.1 * torch.randn(9000, generator=torch.Generator().manual_seed(0)))
    audio, rate = client.synthesize(mel, dialect="vocos", estimate=True)
    assert rate == voice.sample_rate
    assert close(audio, to_pcm16(voice.synthesize(fit_mel(mel, vocos, voice.mel_spec, estimate=True))))


def test_a_stream_is_the_same_in_pieces(client, utterance):
    spoken = utterance(200)
    pieces = client.stream(spoken.mel, seed=7, temperature=0.5)
    assert len(pieces) > 2
    assert close(torch.cat(pieces), spoken.samples(seed=7, temperature=0.5))


def test_encoded_audio_is_a_file(client, utterance):
    spoken = utterance(40)
    audio, _ = read(b"".join(client.encoded(spoken.mel, "flac")))
    assert close(audio, spoken.samples())


def test_a_recording_is_analysed_and_spoken(client, tmp_path):
    recording = 0.1 * torch.randn(9000, generator=torch.Generator().manual_seed(0))
    write(tmp_path / "speech.wav", recording, 22050, subtype="FLOAT")
    mel = client.mel(tmp_path / "speech.wav")
    torch.testing.assert_close(mel, MelFrontend(DIALECTS["nvidia"])(recording), atol=1e-4, rtol=0)
    audio, rate = client.resynthesize((tmp_path / "speech.wav").read_bytes())
    assert (audio.numel(), rate) == (mel.shape[1] * 256, 22050)


def test_voices_are_listed(client):
    assert [voice["name"] for voice in client.voices()] == ["student", "wide"]


def test_a_refusal_says_what_the_server_says(client, utterance):
    with pytest.raises(Refused, match=r"mel-mismatch .*fmin is 80.0, not 0.0") as refused:
        client.synthesize(utterance(20).mel, dialect="pwg-22k")
    assert (refused.value.status, refused.value.type) == (422, "mel-mismatch")


def test_nobody_there_is_said_plainly(kind):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(VocoderError, match="no server answers"):
            Either(kind, url).voices()


@pytest.fixture
def answers():
    """A server that gives these answers, one after the other: what a real one rarely does on demand."""
    servers = []

    def make(*given):
        left = list(given)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, headers, body = left.pop(0)
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}", left

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


BUSY = (503, {"Retry-After": "0"}, b'{"type": "/problems/busy", "detail": "come again"}')
VOICES = (200, {}, b'{"voices": []}')


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again(kind, answers, status):
    url, left = answers((status, *BUSY[1:]), (status, *BUSY[1:]), VOICES)
    assert Either(kind, url).voices() == []
    assert not left


def test_patience_ends(kind, answers):
    url, left = answers(BUSY, BUSY, BUSY, VOICES)
    with pytest.raises(Refused, match="busy"):
        Either(kind, url).voices()
    assert left == [VOICES]


def test_another_error_is_not_asked_about_again(kind, answers):
    url, left = answers((500, {}, b"<html>"), VOICES)
    with pytest.raises(Refused, match="500"):
        Either(kind, url).voices()
    assert left == [VOICES]


def test_audio_that_breaks_off_is_an_error(kind, answers):
    mel = torch.zeros(80, 4)
    url, _ = answers((200, {"Content-Length": "1000", "Vocoder-Sample-Rate": "22050"}, b"abcd"))
    with pytest.raises(VocoderError, match="broke off"):
        Either(kind, url).synthesize(mel)


def test_waits_double_keep_to_the_server_and_are_spread():
    retries = Retries(attempts=4, first_wait=1.0, longest_wait=10.0)
    waits = [retries.wait(attempt) for attempt in (1, 2, 3)]
    assert all(base <= wait <= 1.5 * base for base, wait in zip((1, 2, 4), waits, strict=True))
    assert 7 <= retries.wait(1, "7") <= 10.5
    assert len({retries.wait(1) for _ in range(10)}) > 1
    assert retries.wait(4) is None
    assert retries.wait(1, "11") is None


def test_a_conversation_gives_the_samples_of_the_library(serve, utterance):
    _, url = serve()
    first, second = utterance(30, seed=1), utterance(20, seed=2)

    async def speak():
        async with AsyncClient(url) as client, client.converse(seed=np.int64(5)) as conversation:
            assert conversation.voice["num_mels"] == 80
            made = []
            for spoken in (first, second):
                for piece in spoken.mel.split(7, dim=1):
                    await conversation.push(piece)
                await (conversation.flush() if spoken is first else conversation.finish())
                made.append(torch.cat([samples async for samples in conversation.listen()]))
            return made

    for audio, spoken in zip(asyncio.run(speak()), (first, second), strict=True):
        assert close(audio, spoken.samples(seed=5))


@pytest.mark.parametrize(
    ("mel", "message"),
    [
        (torch.zeros(5, 80), "transpose it"),
        (torch.zeros(100, 8), "make it with 80 bands"),
        (torch.zeros(2, 80, 3), "one utterance at a time"),
        (np.zeros((80, 3), np.int16), "floating-point"),
    ],
)
def test_frames_that_the_voice_cannot_mean_are_refused_before_they_are_sent(mel, message):
    with pytest.raises(InputError, match=message):
        frames_of(mel, 80)


def test_an_utterance_may_come_as_a_batch_of_one_and_a_frame_without_its_axis(serve, utterance):
    _, url = serve()
    spoken = utterance(10)

    async def speak():
        async with AsyncClient(url) as client, client.converse(seed=5) as conversation:
            with pytest.raises(InputError, match="transpose it"):
                await conversation.push(spoken.mel.T)
            for frame in spoken.mel.T:
                await conversation.push(frame)
            await conversation.finish()
            return torch.cat([samples async for samples in conversation.listen()])

    assert close(asyncio.run(speak()), spoken.samples(seed=5))
    with Client(url) as client:
        audio, _ = client.synthesize(spoken.mel[None].numpy(), seed=5)
    assert close(torch.as_tensor(audio), spoken.samples(seed=5))


def test_a_cancel_ends_what_was_to_be_heard_and_nothing_else(serve, utterance):
    _, url = serve(max_seconds=1000)
    long, short = utterance(3000), utterance(20, seed=2)

    async def count(conversation):
        return sum([len(samples) async for samples in conversation.listen()])

    async def speak():
        async with AsyncClient(url) as client, client.converse(seed=5) as conversation:
            await conversation.cancel()  # nothing was said
            for _ in range(3):
                await conversation.push(short.mel)
                await conversation.flush()
                await asyncio.sleep(0.3)  # its end is on the way, and crosses with the cancel
                await conversation.cancel()
                assert await count(conversation) == 0
            await conversation.push(long.mel)
            await conversation.cancel()
            await conversation.push(short.mel)
            assert await count(conversation) == 0
            await conversation.flush()
            assert await count(conversation) == 20 * 256
            await conversation.cancel()  # all was heard
            await conversation.push(short.mel)
            await conversation.finish()
            assert await count(conversation) == 20 * 256

    asyncio.run(speak())


@pytest.mark.parametrize("option", ["format", "type"])
def test_a_conversation_is_in_samples_alone(option):
    async def speak():
        async with AsyncClient("http://127.0.0.1:1") as client, client.converse(**{option: "mp3"}):
            pass

    with pytest.raises(ConfigError, match=f"{option}: the client sets this itself"):
        asyncio.run(speak())


def test_a_format_is_asked_for_by_name(utterance):
    with Client("http://127.0.0.1:1") as client, pytest.raises(ConfigError, match="format"):
        client.synthesize(utterance(3).mel, format="wav")


def test_a_conversation_that_is_refused_says_why(serve):
    _, url = serve()

    async def speak():
        async with AsyncClient(url) as client, client.converse(voice="nobody"):
            pass

    with pytest.raises(Refused, match="unknown-voice"):
        asyncio.run(speak())


def test_the_module_needs_no_server_package():
    import subprocess
    import sys

    program = (
        "import sys, vocoder.client; print([m for m in ('server', 'fastapi', 'uvicorn') if m in sys.modules])"
    )
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "[]"
