"""What Prometheus is told: requests, audio, latency, load."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from vocoder.inference.engine import Engine
from vocoder.inference.places import Places
from vocoder.inference.speech import Speech

CONTENT_TYPE = CONTENT_TYPE_LATEST
_LATENCIES = (0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10)
_SPEEDS = (0.5, 1, 1.5, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_BATCHES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counters of one application, in a registry of its own."""

    def __init__(self, engine: Engine, arrivals: Places) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "vocoder_requests", "Requests answered", ["route", "method", "status"], registry=registry
        )
        self.audio = Counter("vocoder_audio_seconds", "Seconds of audio made", ["voice"], registry=registry)
        self.cut_short = Counter(
            "vocoder_cut_short", "Utterances that were not spoken to their end", registry=registry
        )
        self.latency = Histogram(
            "vocoder_first_audio_seconds",
            "From a request, or its first frames, to its first audio",
            buckets=_LATENCIES,
            registry=registry,
        )
        self.speed = Histogram(
            "vocoder_real_time_factor",
            "Seconds of audio a second, of an utterance spoken to its end",
            buckets=_SPEEDS,
            registry=registry,
        )
        self.batches = Histogram(
            "vocoder_batch_size", "Streams in a batch", buckets=_BATCHES, registry=registry
        )
        engine.scheduler.observe = self.batches.observe
        self._gauge("vocoder_active_streams", "Utterances under way", lambda: engine.places.taken)
        self._gauge("vocoder_arriving_requests", "Requests being read or waiting", lambda: arrivals.taken)
        self._gauge(
            "vocoder_pending_blocks", "Blocks that no worker has taken", lambda: engine.scheduler.pending
        )
        self._gauge("vocoder_loaded_voices", "Voices in memory", lambda: len(engine.voices.loaded()))
        self._gauge("vocoder_device_memory_bytes", "Memory of the GPU in use", _device_memory)

    def _gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        Gauge(name, text, registry=self.registry).set_function(read)

    @contextmanager
    def speaking(self, name: str, speech: Speech) -> Iterator[None]:
        """Count what is spoken until the end of the block."""
        began = time.monotonic()
        try:
            yield
        finally:
            seconds = speech.samples / speech.voice.sample_rate
            self.audio.labels(name).inc(seconds)
            if speech.finished:
                self.speed.observe(seconds / max(1e-9, time.monotonic() - began))
            elif speech.frames:
                self.cut_short.inc()

    def text(self) -> bytes:
        return generate_latest(self.registry)


def _device_memory() -> int:
    return torch.cuda.memory_allocated() if torch.cuda.is_available() else 0
