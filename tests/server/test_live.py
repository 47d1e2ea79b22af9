"""Behind a real socket: audio before the end, streams kept apart, work that stops when nobody listens."""

import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, IncompleteRead
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch

from vocoder.inference.streaming import block_sizes
from vocoder.models import Student

HEADERS = {"Content-Type": "application/x-npy"}
WAV_HEADER = 44


def post(url, npy, query=""):
    """The answer to a mel, its body not read yet, and its connection."""
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("POST", f"/v1/synthesize?{query}", npy, HEADERS)
    return connection.getresponse(), connection


class Gate:
    """Counts the blocks that the models make, and lets through only so many."""

    def __init__(self, monkeypatch):
        self.blocks = 0
        self._places = threading.Semaphore(0)
        self._advance = Student.advance
        gate = self

        def advance(model, mel, state, *, last):
            gate._places.acquire()
            gate.blocks += 1
            return gate._advance(model, mel, state, last=last)

        monkeypatch.setattr(Student, "advance", advance)

    def let(self, blocks):
        self._places.release(blocks)


@pytest.fixture
def warm(serve, wait_until):
    """A server whose voices are loaded, so that a gate does not catch the warming."""

    def start(**settings):
        app, url = serve(**settings)
        wait_until(lambda: hasattr(app.state, "warming") and app.state.warming.done())
        return app, url

    return start


@pytest.fixture
def gate(monkeypatch):
    return lambda: Gate(monkeypatch)


def test_the_first_audio_arrives_before_the_synthesis_ends(warm, gate, utterance):
    spoken = utterance(400)
    _, url = warm()
    gate = gate()
    gate.let(1)
    response, _ = post(url, spoken.npy)
    first = response.read(WAV_HEADER + 2 * 256)
    assert gate.blocks == 1
    gate.let(10**6)
    whole = first + response.read()
    audio = torch.from_numpy(np.frombuffer(whole[WAV_HEADER:], "<i2").copy())
    expected = spoken.samples()
    assert (audio.int() - expected.int()).abs().max() <= 4
    assert gate.blocks > 5


def test_concurrent_streams_are_kept_apart(warm, utterance):
    spoken = [utterance(30 + i, "student" if i % 2 else "wide", seed=i) for i in range(16)]
    _, url = warm(max_streams=16)

    def speak(i):
        response, _ = post(url, spoken[i].npy, f"voice={spoken[i].voice}&seed={i}&format=pcm")
        return np.frombuffer(response.read(), "<i2").copy()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(speak, range(16)))
    for i, answer in enumerate(answers):
        assert (torch.from_numpy(answer).int() - spoken[i].samples(seed=i).int()).abs().max() <= 4


def test_a_client_that_leaves_stops_the_work(warm, gate, utterance, wait_until):
    spoken = utterance(2000)
    app, url = warm()
    gate = gate()
    gate.let(1)
    response, connection = post(url, spoken.npy)
    response.read(WAV_HEADER)
    response.close()
    connection.close()
    wait_until(lambda: app.state.engine.active_streams == 0)
    gate.let(10**6)
    app.state.engine.close()  # returns when whatever was still asked for is done
    assert gate.blocks <= 2


def test_work_waits_for_a_client_that_does_not_read(warm, gate, utterance):
    num_frames = 8000
    spoken = utterance(num_frames)
    app, url = warm(max_seconds=1000)
    gate = gate()
    gate.let(10**6)
    response, _ = post(url, spoken.npy)
    made = -1
    while made != gate.blocks:
        made = gate.blocks
        threading.Event().wait(0.5)
    assert app.state.engine.active_streams == 1
    assert made < len(list(block_sizes(num_frames, 0))) / 2
    assert len(response.read()) == WAV_HEADER + 2 * 256 * num_frames


def test_a_client_that_takes_nothing_loses_its_place(warm, utterance, wait_until):
    spoken = utterance(8000)
    app, url = warm(max_seconds=1000, stall_timeout=0.3)
    response, _ = post(url, spoken.npy)
    wait_until(lambda: app.state.engine.active_streams == 0)
    with pytest.raises((IncompleteRead, ConnectionError)):
        response.read()


@pytest.mark.parametrize("audio_format", ["wav", "flac"])
def test_a_failure_in_the_middle_never_looks_whole(warm, utterance, monkeypatch, audio_format):
    spoken = utterance(400)
    app, url = warm()
    advance, calls = Student.advance, []

    def fail_later(*arguments, **options):
        calls.append(1)
        if len(calls) > 2:
            raise RuntimeError("in the middle")
        return advance(*arguments, **options)

    monkeypatch.setattr(Student, "advance", fail_later)
    response, _ = post(url, spoken.npy, f"format={audio_format}")
    assert response.status == 200
    with pytest.raises((IncompleteRead, ConnectionError)):
        response.read()
    assert app.state.engine.active_streams == 0


def test_a_body_that_does_not_come_is_given_up(warm):
    app, url = warm(body_timeout=0.2)
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname, address.port, timeout=60)
    connection.putrequest("POST", "/v1/synthesize")
    connection.putheader("Content-Type", "application/x-npy")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"part")
    response = connection.getresponse()
    assert response.status == 408
    assert b"/problems/body-timeout" in response.read()
    assert app.state.engine.active_streams == 0


def test_health_is_answered_while_every_worker_is_busy(warm, gate, utterance):
    spoken = utterance(40)
    _, url = warm(workers=1)
    gate = gate()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(post, url, spoken.npy)
        address = urlsplit(url)
        connection = HTTPConnection(address.hostname, address.port, timeout=60)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        gate.let(10**6)
        assert waiting.result()[0].status == 200
