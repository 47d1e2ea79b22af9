"""The client for programs without an event loop."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from jaxtyping import Float
from torch import Tensor

from vocoder.client import requests
from vocoder.client.requests import Call, Mel, Samples, refusal, trusted
from vocoder.client.retries import RETRIED_STATUSES, Retries
from vocoder.errors import VocoderError
from vocoder.mel.files import decode_mel


class Client:
    """Speaks to a server at `url`.

    The options of every method are those of its route: `voice`, `seed`, `temperature`, `dialect` …

    Args:
        key: where the server asks for one.
        timeout: seconds without a byte, connecting or reading.

    Every method raises `Refused` when the server says no, and `VocoderError` when it cannot be reached or
    breaks off.
    """

    def __init__(
        self, url: str, *, key: str | None = None, timeout: float = 60.0, retries: Retries | None = None
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx2.Client(base_url=url, headers=headers, timeout=timeout, verify=trusted(url))
        self._retries = retries or Retries()

    def synthesize(self, mel: Mel, **options: Any) -> tuple[Float[Tensor, "sample"], int]:
        """Audio in [-1, 1] and its rate in Hz."""
        return self._audio(requests.synthesis(mel, "pcm", options))

    def resynthesize(
        self, recording: bytes | str | Path, **options: Any
    ) -> tuple[Float[Tensor, "sample"], int]:
        """A recording, a file or its bytes, as a voice speaks it."""
        return self._audio(requests.resynthesis(recording, "pcm", options))

    def encoded(self, mel: Mel, audio_format: str, **options: Any) -> Iterator[bytes]:
        """A file of that format (wav, flac, opus, mp3), in pieces, as it is made."""
        with self._open(requests.synthesis(mel, audio_format, options)) as response:
            yield from _unbroken(response)

    def stream(self, mel: Mel, **options: Any) -> Iterator[Float[Tensor, "sample"]]:
        """Samples in [-1, 1] as they are made."""
        samples = Samples()
        for data in self.encoded(mel, "pcm", **options):
            yield samples.decode(data)

    def mel(self, recording: bytes | str | Path, **options: Any) -> Float[Tensor, "mel frame"]:
        """The mel of a recording by the analysis of `voice`, or of `dialect`."""
        with self._open(requests.analysis(recording, options)) as response:
            return decode_mel(b"".join(_unbroken(response)), "npy").mel

    def voices(self) -> list[dict[str, Any]]:
        """The installed voices; `default` marks one."""
        with self._open(Call("GET", "/v1/voices", {})) as response:
            response.read()
            return list(response.json()["voices"])

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _audio(self, call: Call) -> tuple[Tensor, int]:
        with self._open(call) as response:
            data = b"".join(_unbroken(response))
            return Samples().decode(data), int(response.headers["Vocoder-Sample-Rate"])

    @contextmanager
    def _open(self, call: Call) -> Iterator[httpx2.Response]:
        """The answer to a call, its body not read yet; asked for again while the server is busy."""
        response = self._send(call)
        try:
            yield response
        finally:
            response.close()

    def _send(self, call: Call) -> httpx2.Response:
        attempt = 0
        while True:
            attempt += 1
            try:
                request = self._http.build_request(**call.arguments())
                response = self._http.send(request, stream=True)
            except httpx2.ConnectError as error:
                wait = self._retries.wait(attempt)
                if wait is None:
                    raise VocoderError(f"no server answers at {self._http.base_url} ({error})") from None
            except httpx2.HTTPError as error:
                raise VocoderError(f"{call.path}: {error or type(error).__name__}") from None
            else:
                if response.is_success:
                    return response
                body = response.read()
                wait = self._retries.wait(attempt, response.headers.get("Retry-After"))
                if response.status_code not in RETRIED_STATUSES or wait is None:
                    raise refusal(response.status_code, body)
            time.sleep(wait)


def _unbroken(response: httpx2.Response) -> Iterator[bytes]:
    """The body; raises `VocoderError` where it ends too early."""
    try:
        yield from response.iter_bytes()
    except httpx2.HTTPError as error:
        raise VocoderError(f"the answer broke off: {error or type(error).__name__}") from None
