"""A client of the HTTP server: mels in, audio out as it is made.

    from vocoder.client import Client

    with Client("http://127.0.0.1:8000") as client:
        audio, rate = client.synthesize(mel)
        for samples in client.stream(mel, seed=7):
            play(samples)

`AsyncClient` has the same methods for asyncio, and `converse`, which speaks frames as they come.
"""

from vocoder.client.asynchronous import AsyncClient
from vocoder.client.conversation import Conversation
from vocoder.client.requests import Refused
from vocoder.client.retries import Retries
from vocoder.client.synchronous import Client

__all__ = ["AsyncClient", "Client", "Conversation", "Refused", "Retries"]
