"""A server of one's own, for as long as a block runs, and a client that times what it hears."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from typing import IO, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from vocoder.errors import VocoderError

_COMMAND = (sys.executable, "-P", "-m", "vocoder", "serve", "--host", "127.0.0.1", "--port", "0")
_POLL_SECONDS = 0.05
_READY_SECONDS = 300
_STOP_SECONDS = 10
_READ_BYTES = 1 << 16
_WAV_HEADER_BYTES = 44


class Reply(NamedTuple):
    """Audio as it came: the whole WAV, seconds to its first samples and to its last."""

    wav: bytes
    first_seconds: float
    total_seconds: float


@contextmanager
def local_server(log: IO[str], *options: str) -> Iterator[Callable[[], str]]:
    """Start a real server on a free loopback port, and stop it at the end, also after an error.

    The function that it gives waits until the server is warm and returns its URL; it raises `VocoderError` if
    the server ends first, or is not ready in time. What the server says goes to `log`.
    """
    process = subprocess.Popen([*_COMMAND, *options], stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield lambda: _ready_url(process, log)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def get_json(url: str, path: str) -> Any:
    """The answer to GET; raises `VocoderError` for any other status than 200."""
    return json.loads(get_text(url, path))


def get_text(url: str, path: str) -> str:
    """The answer to GET; raises `VocoderError` for any other status than 200."""
    with closing(_connect(url)) as connection:
        return str(_checked(connection, "GET", path).read().decode())


def synthesize(url: str, npy: bytes, **query: Any) -> Reply:
    """POST a mel and time its audio; raises `VocoderError` with the server's reason when it refuses."""
    headers = {"Content-Type": "application/x-npy", "Accept": "audio/wav"}
    with closing(_connect(url)) as connection:
        connection.connect()
        began = time.perf_counter()
        response = _checked(connection, "POST", f"/v1/synthesize?{urlencode(query)}", npy, headers)
        wav, first = bytearray(), 0.0
        while chunk := response.read1(_READ_BYTES):
            wav += chunk
            if not first and len(wav) > _WAV_HEADER_BYTES:
                first = time.perf_counter() - began
        return Reply(bytes(wav), first, time.perf_counter() - began)


def _ready_url(process: subprocess.Popen[str], log: IO[str]) -> str:
    assert process.stdout is not None
    url, deadline = process.stdout.readline().strip(), time.monotonic() + _READY_SECONDS
    while url and process.poll() is None and time.monotonic() < deadline:
        try:
            get_json(url, "/readyz")
            return url
        except (OSError, HTTPException, VocoderError):
            time.sleep(_POLL_SECONDS)
    raise VocoderError(f"the server did not become ready; why, it says in {log.name}")


def _connect(url: str) -> HTTPConnection:
    address = urlsplit(url)
    return HTTPConnection(address.hostname or "", address.port, timeout=60)


def _checked(
    connection: HTTPConnection, method: str, path: str, body: bytes | None = None, headers: Any = None
) -> Any:
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    if response.status != 200:
        raise VocoderError(f"{method} {path} was answered {response.status}: {response.read().decode()}")
    return response
