"""WaveGlow by maximum likelihood, one parallel pass a step; if asked, later also by its samples' spectra.

A small flow that is trained by likelihood alone puts its errors where the data are never, which is heard. The
energy distance between spectra of samples and recordings sees them: the map is as fast the other way.
"""

import math
from pathlib import Path

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor, nn

from training.data.manifests import find_recordings, manifest_hash
from training.data.segments import Batch, SegmentConfig, Segments
from training.dequantization import AudioDequantization, Form, Levels
from training.distributed import step_generator
from training.losses.spectral import SpectralDistance, energy_distance
from training.losses.stft import LONGEST_WINDOW
from training.recipes.run import (
    WARM_HOPS,
    Recipe,
    begin_with,
    check_frames,
    claim_folder,
    cut_segments,
    held_out_speech,
    save_voice,
    speak,
    take_source,
    training_record,
    usable_clips,
)
from training.run_log import Listening
from training.trainer import Task, Trainer, TrainerConfig
from vocoder.config import Config
from vocoder.mel import mel_spec
from vocoder.models import WaveGlow, WaveGlowConfig


class SpectralConfig(Config):
    """The energy distance of samples, drawn at the voice's temperature, beside the likelihood or alone."""

    alone: bool = Field(default=False, description="leave the likelihood out, which is measured all the same")
    weight: float = Field(default=1.0, ge=0, description="against bits a sample")
    begin: int = Field(default=0, ge=0, description="first step that has it: it triples a step's cost")

    @model_validator(mode="after")
    def _alone_it_is_all(self) -> "SpectralConfig":
        if self.alone and not self.weight:
            raise ValueError("weight: with 0 there is nothing to learn where alone is true; give more")
        if self.alone and self.begin:
            raise ValueError(
                f"begin: where alone is true there is nothing else to begin with; leave out the {self.begin}"
            )
        return self


class WaveGlowRecipe(Recipe):
    """Everything that decides the trained voice."""

    model: WaveGlowConfig = WaveGlowConfig()
    weight_norm: bool = Field(
        default=True, description="of the convolutions, while training; not of a run that begins with others'"
    )
    dequantization: Form = Field(
        default="uniform", description="inside the levels: without noise silence is infinitely likely"
    )
    levels: Levels = Field(default="pcm16", description="steps of the samples whose probability counts")
    spectral: SpectralConfig | None = None
    begin_with: Path | None = Field(
        default=None, description="a checkpoint whose weights the run begins with"
    )
    source_from: Path | None = Field(
        default=None, description="a student whose pitch reader and filters become model.source"
    )
    adapt_filters: bool = Field(
        default=False, description="the filters of model.source learn as well; its pitch reader never does"
    )
    segments: SegmentConfig = SegmentConfig(batch=4, frames=64)
    flow: TrainerConfig
    listen_seconds: float = Field(
        default=2.0, ge=0, description="of a held-out recording, spoken at each evaluation"
    )

    @model_validator(mode="after")
    def _source_has_learned(self) -> "WaveGlowRecipe":
        if self.source_from is not None and self.model.source is None:
            raise ValueError("source_from: the model has no source; give model.source the student's sizes")
        if self.adapt_filters and self.model.source is None:
            raise ValueError("adapt_filters: the model has no source whose filters could learn; leave it out")
        if self.model.source is not None and self.source_from is None and self.begin_with is None:
            raise ValueError("model.source: name a student that has learned to read pitch as source_from")
        return self

    @model_validator(mode="after")
    def _spectra_can_be_taken(self) -> "WaveGlowRecipe":
        if self.spectral is None:
            return self
        hop = mel_spec(self.dialect).hop_length
        if hop % self.model.group_size:
            raise ValueError(
                f"model.group_size: spectra need groups that divide the hop of {hop}, "
                f"got {self.model.group_size}"
            )
        check_frames(self.segments, self.dialect, window=LONGEST_WINDOW)
        return self


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
        levels: Levels = "pcm16",
        spectral: SpectralConfig | None = None,
        speech: Float[Tensor, "sample"] | None = None,
    ) -> None:
        self.voice, self.spread = voice, AudioDequantization(dequantization, levels)
        self.spectral = spectral
        self.distance = SpectralDistance(voice.mel_spec)
        self.model = nn.ModuleDict({"voice": voice, "dequantization": self.spread})
        self.segments, self.held_out, self.seed = segments, held_out, seed
        self.speech = speech

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        batch = self.segments.batch(self.seed, step).to(self.device)
        generator = step_generator(self.seed, step, self.device)
        if self.spectral is not None and self.spectral.alone:
            distance = self._distance(batch, generator)
            return self.spectral.weight * distance, {"spectral": distance.item()}
        bits = self._bits(batch.audio, batch.mel, generator)
        if self.spectral is None or step < self.spectral.begin:
            return bits, {}
        distance = self._distance(batch, generator)
        return bits + self.spectral.weight * distance, {"bits": bits.item(), "spectral": distance.item()}

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Bits a sample under the right mel, and under another's: the difference is what the mel tells."""
        held_out = self.held_out.to(self.device)
        audio, mel = held_out.audio, held_out.mel
        bits, shuffled = (
            self._bits(audio, heard, self._same_generator()).item() for heard in (mel, mel.roll(1, dims=0))
        )
        figures = {"valid_bits": bits, "valid_bits_shuffled_mel": shuffled}
        if self.spectral is not None:
            distance = self._distance(held_out, self._same_generator())
            figures["valid_energy_distance"] = distance.item()
        return figures

    def to(self, device: torch.device) -> None:
        super().to(device)
        self.distance.to(device)

    def listen(self) -> Listening | None:
        return None if self.speech is None else speak(self.voice, self.speech)

    def _bits(self, audio: Tensor, mel: Tensor, generator: torch.Generator) -> Tensor:
        """Of the density of the samples over that of where they lie in their steps."""
        spread, log_q = self.spread(audio, generator)
        told = self.voice.read(mel, spread.shape[1], self.voice.drift_of(spread.detach(), mel))
        z, log_det = self.voice.encode(spread, told)
        nats = (self.voice.log_prob_of_noise(z).sum(dim=1) + log_det - log_q) / z.shape[1]
        return -nats.mean() / math.log(2)

    def _distance(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Of two samples from the recordings, but for the first hops."""
        warm, mel, wanted = WARM_HOPS * self.voice.mel_spec.hop_length, batch.mel, batch.audio
        told = self.voice.read(mel, wanted.shape[1], self.voice.drift_of(wanted, mel))
        spoken = []
        for _ in range(2):
            noise = torch.randn(wanted.shape, generator=generator, device=wanted.device)
            spoken.append(self.voice.decode(self.voice.temperature * noise, told)[:, warm:])
        return energy_distance(self.distance, spoken, wanted[:, warm:], repulsion=1.0)

    def _same_generator(self) -> torch.Generator:
        """The draws of every evaluation."""
        return torch.Generator(self.device).manual_seed(0)


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
    voice = WaveGlow(recipe.model, spec, weight_norm=recipe.weight_norm and recipe.begin_with is None)
    if recipe.begin_with is not None:
        begin_with(voice, recipe.begin_with)
    if voice.source is not None:
        if recipe.source_from is not None:
            take_source(voice.source, recipe.source_from)
        voice.source.requires_grad_(False)
        voice.source.filters.requires_grad_(recipe.adapt_filters)
    recordings = find_recordings(recipe.data)
    data_hash = manifest_hash(recordings)
    claim_folder(folder, recipe, data_hash)
    clips = usable_clips(recordings, recipe.data, spec.sample_rate, progress=progress)
    around = {"left": voice.left_context, "right": voice.right_context}
    segments, held_out = cut_segments(clips, spec, recipe.data, recipe.segments, **around)
    speech = held_out_speech(clips, recipe.data, spec, recipe.listen_seconds)
    task = DensityTask(
        voice,
        segments,
        held_out,
        recipe.flow.seed,
        dequantization=recipe.dequantization,
        levels=recipe.levels,
        spectral=recipe.spectral,
        speech=speech,
    )
    trainer = Trainer(task, recipe.flow, folder / "flow")
    if not trainer.run(max_minutes=max_minutes, progress=progress):
        return None
    trainer.use_average()
    voice.remove_weight_norm()
    path = folder / f"{recipe.name}.safetensors"
    record = training_record(recipe, clips, data_hash, spec.sample_rate, {"flow": trainer})
    return save_voice(path, voice, recipe, record)
