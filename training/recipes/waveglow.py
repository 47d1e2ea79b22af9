"""WaveGlow by maximum likelihood, one parallel pass a step."""

import math
from pathlib import Path

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from training.data.manifests import find_recordings, manifest_hash
from training.data.segments import Batch, SegmentConfig, Segments, load_clips
from training.dequantization import STEP, AudioDequantization, Form
from training.distributed import step_generator
from training.recipes.run import (
    Recipe,
    claim_folder,
    cut_segments,
    held_out_speech,
    save_voice,
    speak,
    training_record,
)
from training.recipes.teacher import PITCH_RANGE
from training.run_log import Listening
from training.trainer import Task, Trainer, TrainerConfig
from vocoder.errors import ConfigError
from vocoder.mel import mel_spec
from vocoder.models import WaveGlow, WaveGlowConfig
from vocoder.noise import MAX_SEED


class WaveGlowRecipe(Recipe):
    """Everything that decides the trained voice."""

    model: WaveGlowConfig = WaveGlowConfig()
    weight_norm: bool = Field(default=True, description="of the convolutions, while training")
    dequantization: Form = Field(
        default="uniform", description="of 16-bit samples: without noise silence is infinitely likely"
    )
    segments: SegmentConfig = SegmentConfig(batch=4, frames=64)
    flow: TrainerConfig
    listen_seconds: float = Field(
        default=2.0, ge=0, description="of a held-out recording, spoken at each evaluation for TensorBoard"
    )


class DensityTask(Task):
    """Bits a sample by the density; dequantized, an upper bound of the exact ones."""

    def __init__(
        self,
        voice: WaveGlow,
        segments: Segments,
        held_out: Batch,
        seed: int,
        *,
        dequantization: Form = "uniform",
        speech: Float[Tensor, "sample"] | None = None,
    ) -> None:
        self.voice, self.spread = voice, AudioDequantization(dequantization)
        self.model = nn.ModuleDict({"voice": voice, "dequantization": self.spread})
        self.segments, self.held_out, self.seed = segments, held_out, seed
        self.speech = speech

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        batch = self.segments.batch(self.seed, step)
        return self._bits(batch.audio, batch.mel, step_generator(self.seed, step)), {}

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Bits a sample under the right mel, and under another's: the difference is what the mel tells."""
        audio, mel = self.held_out.audio, self.held_out.mel
        bits, shuffled = (
            self._bits(audio, heard, torch.Generator().manual_seed(0)).item()
            for heard in (mel, mel.roll(1, dims=0))
        )
        return {"valid_bits": bits, "valid_bits_shuffled_mel": shuffled}

    def listen(self) -> Listening | None:
        return None if self.speech is None else speak(self.voice, self.speech)

    def _bits(self, audio: Tensor, mel: Tensor, generator: torch.Generator) -> Tensor:
        """Of the density of x + u over that of u, in steps of 16-bit PCM."""
        spread, log_q = self.spread(audio.to(self.device), self._on_device(generator))
        z, log_det = self.voice.encode(spread, mel.to(self.device))
        nats = (self.voice.log_prob_of_noise(z).sum(dim=1) + log_det - log_q) / z.shape[1]
        return -(nats.mean() + math.log(STEP)) / math.log(2)

    def _on_device(self, generator: torch.Generator) -> torch.Generator:
        """A generator where the samples are, begun with a draw of this one."""
        if self.device.type == "cpu":
            return generator
        seed = int(torch.randint(MAX_SEED, (), generator=generator))
        return torch.Generator(self.device).manual_seed(seed)


def train_waveglow(
    recipe: WaveGlowRecipe, folder: Path, *, max_minutes: float | None = None, progress: bool = True
) -> Path | None:
    """Train, or go on training, into `folder`; returns the voice's path when the last step is reached.

    Raises:
        ConfigError: recordings missing or too few, or a folder begun with another recipe or other data.
        TrainingDiverged: a loss or a gradient that is not finite.
    """
    torch.manual_seed(recipe.flow.seed)
    spec = mel_spec(recipe.dialect)
    voice = WaveGlow(recipe.model, spec, weight_norm=recipe.weight_norm)
    recordings = find_recordings(recipe.data)
    data_hash = manifest_hash(recordings)
    claim_folder(folder, recipe, data_hash)
    clips = load_clips(recordings, recipe.data, spec.sample_rate, *PITCH_RANGE, progress=progress)
    if len(clips) < 2:
        raise ConfigError(
            f"data: {len(clips)} usable recordings are too few; one is held out, so give two or more"
        )
    around = {"left": voice.left_context, "right": voice.right_context}
    segments, held_out = cut_segments(clips, spec, recipe.data, recipe.segments, **around)
    speech = held_out_speech(clips, spec, recipe.listen_seconds)
    task = DensityTask(
        voice, segments, held_out, recipe.flow.seed, dequantization=recipe.dequantization, speech=speech
    )
    trainer = Trainer(task, recipe.flow, folder / "flow")
    if not trainer.run(max_minutes=max_minutes, progress=progress):
        return None
    trainer.use_average()
    voice.remove_weight_norm()
    path = folder / f"{recipe.name}.safetensors"
    record = training_record(recipe, clips, data_hash, spec.sample_rate, {"flow": trainer})
    return save_voice(path, voice, recipe, record)
