"""What the server adds to the library: time a request, and memory after many."""

import re
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from server.local import get_text
from vocoder.checkpoints import load
from vocoder.client import Client
from vocoder.inference.streaming import synthesize_blocks

_RESIDENT = re.compile(r"^process_resident_memory_bytes ([0-9.e+]+)$", re.MULTILINE)


class Overhead(NamedTuple):
    """Seconds of one utterance, medians of runs that took turns."""

    audio_seconds: float
    library: float
    http: float
    share: float  # of the throughput that HTTP costs


class Memory(NamedTuple):
    """Resident bytes of the server."""

    requests: int
    before: float
    after: float


def measure_overhead(url: str, voice: str, mel: Float[Tensor, "mel frame"], runs: int) -> Overhead:
    """The library's call on one thread, and the same utterance from the server, in turns."""
    model = load(voice)
    library, http = [], []
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with Client(url) as client:
        for _ in range(runs + 2):
            library.append(_seconds(lambda: list(synthesize_blocks(model, mel))))
            http.append(_seconds(lambda: client.synthesize(mel, voice=voice)))
    torch.set_num_threads(before)
    alone, served = statistics.median(library[2:]), statistics.median(http[2:])
    return Overhead(
        model.mel_spec.num_samples(mel.shape[1]) / model.sample_rate, alone, served, 1 - alone / served
    )


def measure_memory(
    url: str, voice: str, mel: Float[Tensor, "mel frame"], requests: int, warm_up: int
) -> Memory:
    """What the server holds after `warm_up` requests, and after as many as `requests` more."""
    with Client(url) as client:
        held = []
        for count in (warm_up, requests):
            for seed in range(count):
                client.synthesize(mel, voice=voice, seed=seed)
            held.append(resident_bytes(url))
    return Memory(requests, *held)


def resident_bytes(url: str) -> float:
    """As the server's own metrics say."""
    found = _RESIDENT.search(get_text(url, "/metrics"))
    return float(found[1]) if found else float("nan")


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
