"""Clients that leave, are slow, or are many; and a server that is told to stop."""

import io
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import closing
from http.client import HTTPConnection, IncompleteRead
from urllib.parse import urlsplit

import librosa
import pytest
import soundfile
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from server.local import get_json
from vocoder.checkpoints.voices import FOLDERS_VARIABLE
from vocoder.models import Student

HEADERS = {"Content-Type": "application/x-npy"}


@pytest.fixture
def warm(serve, wait_until):
    def start(**settings):
        app, url = serve(**settings)
        wait_until(lambda: hasattr(app.state, "warming") and app.state.warming.done())
        return app, url

    return start


@pytest.fixture
def compute(monkeypatch):
    """The processor time that models take: a list of (when begun, seconds)."""
    spent, advance = [], Student.advance

    def measured(model, mel, state, *, last):
        began, processor = time.monotonic(), time.thread_time()
        made = advance(model, mel, state, last=last)
        spent.append((began, time.thread_time() - processor))
        return made

    monkeypatch.setattr(Student, "advance", measured)
    return spent


def post(url, npy, query=""):
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("POST", f"/v1/synthesize?{query}", npy, HEADERS)
    return connection.getresponse(), connection


def hang_up(sock):
    """Leave without a word: the peer gets a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def after(spent, moment):
    """Seconds of compute that begin later than `moment`."""
    return sum(seconds for began, seconds in spent if began > moment)


def test_a_listener_who_leaves_costs_less_than_a_tenth_of_a_second_more(warm, compute, utterance, wait_until):
    spoken = utterance(6000)
    app, url = warm(max_seconds=1000)
    response, connection = post(url, spoken.npy)
    response.read(44 + 2 * 256)
    left = time.monotonic()
    response.close()
    hang_up(connection.sock) if connection.sock else connection.close()
    wait_until(lambda: app.state.engine.active_streams == 0)
    time.sleep(0.2)
    assert after(compute, left) < 0.1


def test_a_speaker_who_leaves_costs_less_than_a_tenth_of_a_second_more(warm, compute, utterance, wait_until):
    spoken = utterance(6000)
    app, url = warm(max_seconds=1000)
    caller = connect(url.replace("http", "ws") + "/v1/stream", max_size=None, legacy=True)
    caller.send(json.dumps({"type": "start"}))
    caller.send(spoken.mel.numpy().T.astype("<f4").tobytes())
    while not isinstance(caller.recv(60), bytes):
        pass
    left = time.monotonic()
    hang_up(caller.socket)
    wait_until(lambda: app.state.engine.active_streams == 0)
    time.sleep(0.2)
    assert after(compute, left) < 0.1


MEL_PATHS = ["/v1/synthesize", "/v1/baselines/griffin-lim"]
AUDIO_PATHS = ["/v1/resynthesize", "/v1/mel", "/v1/score"]


def wav(samples):
    file = io.BytesIO()
    soundfile.write(file, samples.numpy(), 22050, format="WAV", subtype="PCM_16")
    return file.getvalue()


def test_one_who_leaves_griffin_lim_stops_it(warm, utterance, wait_until, monkeypatch):
    rounds, istft = [], librosa.istft
    monkeypatch.setattr(librosa.core.spectrum, "istft", lambda *a, **k: rounds.append(1) or istft(*a, **k))
    app, url = warm()
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("POST", "/v1/baselines/griffin-lim?iterations=200", utterance(2000).npy, HEADERS)
    wait_until(lambda: len(rounds) > 2)
    hang_up(connection.sock)
    wait_until(lambda: app.state.engine.active_streams == 0, seconds=5)
    time.sleep(0.5)
    stopped = len(rounds)
    time.sleep(0.5)
    assert len(rounds) == stopped < 200


@pytest.mark.parametrize("pool", ["_labours", "_scores"])
def test_long_work_keeps_no_shorter_waiting(warm, utterance, pool):
    app, url = warm()
    go_on = threading.Event()
    for _ in range(app.state.engine.config.workers + 1):
        getattr(app.state.engine, pool).submit(go_on.wait, 20)
    try:
        began = time.monotonic()
        assert get_json(url, "/v1/voices")["voices"]
        if pool == "_scores":
            address = urlsplit(url)
            with closing(HTTPConnection(address.hostname, address.port, timeout=60)) as connection:
                body = wav(utterance(20).samples(seed=5))
                connection.request("POST", "/v1/mel", body, {"Content-Type": "audio/wav"})
                assert connection.getresponse().status == 200
        assert time.monotonic() - began < 10
    finally:
        go_on.set()


@pytest.mark.parametrize("path", MEL_PATHS + AUDIO_PATHS)
def test_a_slow_upload_holds_no_place(warm, utterance, path):
    spoken = utterance(20)
    app, url = warm(max_streams=1)
    address = urlsplit(url)
    slow = HTTPConnection(address.hostname, address.port, timeout=60)
    slow.putrequest("POST", path)
    slow.putheader("Content-Type", "application/x-npy" if path in MEL_PATHS else "audio/wav")
    body = spoken.npy if path in MEL_PATHS else wav(spoken.samples(seed=5))
    slow.putheader("Content-Length", str(len(body)))
    slow.endheaders(body[:10])
    quick, _ = post(url, spoken.npy)
    assert quick.status == 200
    quick.read()
    assert app.state.arrivals.taken == 1
    slow.send(body[10:])
    assert slow.getresponse().status == 200


def test_no_more_requests_are_read_than_may_wait(warm, utterance):
    spoken = utterance(20)
    _, url = warm(max_streams=1, max_queue=0)
    address = urlsplit(url)
    slow = HTTPConnection(address.hostname, address.port, timeout=60)
    slow.putrequest("POST", "/v1/synthesize")
    slow.putheader("Content-Type", "application/x-npy")
    slow.putheader("Content-Length", "100")
    slow.endheaders(b"part")
    time.sleep(0.2)
    refused, _ = post(url, spoken.npy)
    assert refused.status == 503
    assert int(refused.headers["Retry-After"]) >= 1
    slow.close()


def test_a_speaker_who_does_not_read_stops_the_work(warm, compute, utterance):
    spoken = utterance(12000)
    app, url = warm(max_seconds=1000, max_ahead=1000.0, stall_timeout=60.0)
    caller = socket.create_connection((urlsplit(url).hostname, urlsplit(url).port))
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    ws = connect(
        url.replace("http", "ws") + "/v1/stream", sock=caller, max_size=None, max_queue=1, legacy=True
    )
    ws.send(json.dumps({"type": "start"}))
    ws.send(spoken.mel.numpy().T.astype("<f4").tobytes())
    made = -1
    while made != len(compute):
        made = len(compute)
        time.sleep(0.5)
    assert app.state.engine.active_streams == 1
    assert made * 128 < 12000 / 2
    hang_up(caller)


def test_memory_stays_flat(warm, utterance):
    """The whole of it, after 1,000 requests, is measured by `vocoder load`."""
    import gc

    import torch

    spoken = utterance(12)
    _, url = warm()

    def tensors():
        gc.collect()
        return sum(issubclass(type(item), torch.Tensor) for item in gc.get_objects())

    def speak(times):
        for seed in range(times):
            response, connection = post(url, spoken.npy, f"seed={seed}")
            response.read()
            connection.close()
        time.sleep(0.1)
        return tensors()

    assert abs(speak(30) - speak(10)) < 10


@pytest.fixture
def process(voice_folder, tmp_path):
    """A server in a process of its own, which can be told to stop."""
    started = []

    def start(*options):
        command = [sys.executable, "-m", "vocoder", "serve", "--port", "0", *options]
        log = (tmp_path / "log").open("w")
        environment = os.environ | {FOLDERS_VARIABLE: str(voice_folder)}
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        started.append(server)
        url = server.stdout.readline().strip()
        for _ in range(600):
            try:
                get_json(url, "/readyz")
                break
            except Exception:
                time.sleep(0.1)
        return server, url, tmp_path / "log"

    yield start
    for server in started:
        server.kill()
        server.wait()


def test_at_a_stop_streams_finish_or_are_told(process, utterance, tmp_path):
    limits = {"max_seconds": 1000, "max_frames": 60_000, "max_body_bytes": 20_000_000}
    settings = {"shutdown_timeout": 2, "log_format": "json"} | limits
    server, url, log = process(
        *(word for name, value in settings.items() for word in ("--set", f"{name}={value}"))
    )
    short, endless = utterance(600), utterance(60_000)  # more than a fast machine makes and sockets hold
    finishing, _ = post(url, short.npy)
    finishing.read(44)
    cut, _ = post(url, endless.npy)
    cut.read(44)
    idle = connect(url.replace("http", "ws") + "/v1/stream", legacy=True)
    idle.send(json.dumps({"type": "start"}))
    assert json.loads(idle.recv(30))["type"] == "started"
    server.send_signal(signal.SIGTERM)
    told = json.loads(idle.recv(30))
    assert told["problem"]["type"] == "/problems/shutting-down"
    with pytest.raises(ConnectionClosed) as closed:
        idle.recv(30)
    assert closed.value.rcvd.code == 1012
    assert len(finishing.read()) == 2 * 256 * 600
    time.sleep(2.5)
    with pytest.raises((IncompleteRead, ConnectionError)):
        cut.read()
    assert server.wait(30) in (0, -signal.SIGTERM)
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert any(line.get("route") == "/v1/synthesize" and line["status"] == 200 for line in lines)


def test_threads_end_with_the_application(serve, utterance):
    before = threading.active_count()
    from starlette.testclient import TestClient

    from server.app import create_app
    from server.settings import Settings

    with TestClient(create_app(Settings(workers=3))):
        assert threading.active_count() > before
    assert threading.active_count() <= before
