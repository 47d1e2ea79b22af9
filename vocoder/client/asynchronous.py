"""The client for asyncio."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from jaxtyping import Float
from torch import Tensor

from vocoder.client import requests
from vocoder.client.conversation import Conversation, connect
from vocoder.client.requests import Call, Mel, Samples, refusal, trusted
from vocoder.client.retries import RETRIED_STATUSES, Retries
from vocoder.errors import VocoderError
from vocoder.mel.files import decode_mel


class AsyncClient:
    """As `Client`, for asyncio; `converse` speaks frames as they come."""

    def __init__(
        self, url: str, *, key: str | None = None, timeout: float = 60.0, retries: Retries | None = None
    ) -> None:
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx2.AsyncClient(
            base_url=url, headers=self._headers, timeout=timeout, verify=trusted(url)
        )
        self._retries = retries or Retries()

    async def synthesize(self, mel: Mel, **options: Any) -> tuple[Float[Tensor, "sample"], int]:
        """Audio in [-1, 1] and its rate in Hz."""
        return await self._audio(requests.synthesis(mel, "pcm", options))

    async def resynthesize(
        self, recording: bytes | str | Path, **options: Any
    ) -> tuple[Float[Tensor, "sample"], int]:
        """A recording, a file or its bytes, as a voice speaks it."""
        return await self._audio(requests.resynthesis(recording, "pcm", options))

    async def encoded(self, mel: Mel, audio_format: str, **options: Any) -> AsyncIterator[bytes]:
        """A file of that format (wav, flac, opus, mp3), in pieces, as it is made."""
        async with self._open(requests.synthesis(mel, audio_format, options)) as response:
            async for data in _unbroken(response):
                yield data

    async def stream(self, mel: Mel, **options: Any) -> AsyncIterator[Float[Tensor, "sample"]]:
        """Samples in [-1, 1] as they are made."""
        samples = Samples()
        async for data in self.encoded(mel, "pcm", **options):
            yield samples.decode(data)

    async def mel(self, recording: bytes | str | Path, **options: Any) -> Float[Tensor, "mel frame"]:
        """The mel of a recording by the analysis of `voice`, or of `dialect`."""
        async with self._open(requests.analysis(recording, options)) as response:
            return decode_mel(b"".join([data async for data in _unbroken(response)]), "npy").mel

    async def voices(self) -> list[dict[str, Any]]:
        """The installed voices; `default` marks one."""
        async with self._open(Call("GET", "/v1/voices", {})) as response:
            await response.aread()
            return list(response.json()["voices"])

    @asynccontextmanager
    async def converse(self, **options: Any) -> AsyncIterator[Conversation]:
        """A stream both ways: see `Conversation`.

        Options: voice, dialect, seed, temperature, denoise, correction, lookahead, steady.
        """
        url = str(self._http.base_url.join("/v1/stream")).replace("http", "ws", 1)
        async with connect(url, self._headers, options) as conversation:
            yield conversation

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _audio(self, call: Call) -> tuple[Tensor, int]:
        async with self._open(call) as response:
            data = b"".join([data async for data in _unbroken(response)])
            return Samples().decode(data), int(response.headers["Vocoder-Sample-Rate"])

    @asynccontextmanager
    async def _open(self, call: Call) -> AsyncIterator[httpx2.Response]:
        """The answer to a call, its body not read yet; asked for again while the server is busy."""
        response = await self._send(call)
        try:
            yield response
        finally:
            await response.aclose()

    async def _send(self, call: Call) -> httpx2.Response:
        attempt = 0
        while True:
            attempt += 1
            try:
                request = self._http.build_request(**call.arguments())
                response = await self._http.send(request, stream=True)
            except httpx2.ConnectError as error:
                wait = self._retries.wait(attempt)
                if wait is None:
                    raise VocoderError(f"no server answers at {self._http.base_url} ({error})") from None
            except httpx2.HTTPError as error:
                raise VocoderError(f"{call.path}: {error or type(error).__name__}") from None
            else:
                if response.is_success:
                    return response
                body = await response.aread()
                wait = self._retries.wait(attempt, response.headers.get("Retry-After"))
                if response.status_code not in RETRIED_STATUSES or wait is None:
                    raise refusal(response.status_code, body)
            await asyncio.sleep(wait)


async def _unbroken(response: httpx2.Response) -> AsyncIterator[bytes]:
    """The body; raises `VocoderError` where it ends too early."""
    try:
        async for data in response.aiter_bytes():
            yield data
    except httpx2.HTTPError as error:
        raise VocoderError(f"the answer broke off: {error or type(error).__name__}") from None
