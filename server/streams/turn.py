"""One utterance of a conversation."""

import asyncio

import torch

from server.streams.inbox import Taken
from server.streams.messages import Start
from vocoder.audio import encoder
from vocoder.inference.denoised import denoised
from vocoder.inference.engine import Engine
from vocoder.models import Vocoder


class Turn:
    """Speaks what is taken from the inbox; the same frames give the samples of the offline call."""

    def __init__(self, engine: Engine, voice: Vocoder, start: Start) -> None:
        self._engine, self._voice, self.steady = engine, voice, start.steady
        self._encoder = denoised(encoder(start.format, voice.sample_rate), voice, start.denoise)
        self.speech = engine.speech(
            voice, seed=start.seed, temperature=start.temperature, then=self._encoder.encode
        )
        self.held = 0.0  # seconds after its frames at which the first audio of a steady one left

    @property
    def counts(self) -> dict[str, int]:
        return {"frames": self.speech.frames, "samples": self.speech.samples}

    async def speak(self, taken: Taken, patience: float = 0.0) -> bytes:
        """The audio that has become certain, all of it if a command follows.

        For `patience` seconds its block may wait for those of others.
        """
        last = taken.command is not None
        mel = torch.zeros(self._voice.mel_spec.num_mels, 0) if taken.mel is None else taken.mel
        if last and not mel.shape[1] + self.speech.frames:
            return b""  # nothing was said
        data = await self.speech.advance(mel, last=last, patience=patience)
        return data + await self._engine.run(self._encoder.finish) if last else data

    async def keep_step(self, max_ahead: float) -> None:
        """Wait while a listener would have more than `max_ahead` seconds to hear."""
        await asyncio.sleep(max(0.0, self.speech.ahead - max_ahead))
