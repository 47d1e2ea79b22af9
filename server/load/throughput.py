"""What HTTP costs: the same utterances from a server on this machine and from its engine in this process."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import NamedTuple

from torch import Tensor

from server.load.streams import varied
from vocoder.audio import to_pcm16
from vocoder.bench.latency import speak_together
from vocoder.bench.timing import WARM_UP, Spread, spread
from vocoder.checkpoints import load
from vocoder.client import AsyncClient
from vocoder.inference.engine import Engine


class Throughput(NamedTuple):
    """One number of streams; spreads are over the rounds."""

    voice: str
    streams: int
    rounds: int
    seconds: float  # of audio, each utterance
    library: Spread  # samples a second of all streams together, from an engine in this process
    http: Spread  # the same from the server
    overhead: Spread  # share of the throughput that HTTP costs, round by round
    difference: int  # between the two: largest of a sample of 16 bits


def measure_throughput(url: str, voice: str, streams: int, *, seconds: float, rounds: int) -> Throughput:
    """Both in turns, as many utterances at once as `streams`; the server's settings are the engine's own.

    Raises:
        UnknownVoice: the voice is not installed.
        VocoderError: the server refuses, or is not there.
    """
    model = load(voice)
    mels = [varied(model.mel_spec, seconds, seed) for seed in range(streams)]
    samples = sum(model.mel_spec.num_samples(mel.shape[1]) for mel in mels)
    library, http, heard = [], [], list[Tensor]()
    client = AsyncClient(url)
    with closing(Engine()) as engine, asyncio.Runner() as runner, ExitStack() as at_the_end:
        at_the_end.callback(lambda: runner.run(client.aclose()))
        for _ in range(WARM_UP + rounds):
            began = time.perf_counter()
            speak_together(engine, model, mels)
            library.append(samples / (time.perf_counter() - began))
            heard.clear()
            began = time.perf_counter()
            runner.run(_ask(client, voice, mels, heard))
            http.append(samples / (time.perf_counter() - began))
    library, http = library[WARM_UP:], http[WARM_UP:]
    made = [model.synthesize(mel, seed=seed) for seed, mel in enumerate(mels)]
    return Throughput(
        voice=voice,
        streams=streams,
        rounds=rounds,
        seconds=seconds,
        library=spread(library),
        http=spread(http),
        overhead=spread([1 - served / alone for served, alone in zip(http, library, strict=True)]),
        difference=max(_difference(*pair) for pair in zip(heard, made, strict=True)),
    )


async def _ask(client: AsyncClient, voice: str, mels: Sequence[Tensor], heard: list[Tensor]) -> None:
    """All at once, a connection each; returns nothing, since a runner writes out what its task returns."""
    answers = await asyncio.gather(
        *(client.synthesize(mel, voice=voice, seed=seed) for seed, mel in enumerate(mels))
    )
    heard.extend(audio for audio, _ in answers)


def _difference(heard: Tensor, made: Tensor) -> int:
    return int((to_pcm16(heard).int() - to_pcm16(made).int()).abs().max())
