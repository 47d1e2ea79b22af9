"""The student from its teacher: density distillation, with losses that keep its spectra those of speech."""

import hashlib
import math
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from jaxtyping import Float
from pydantic import Discriminator, Field, Tag, model_validator
from torch import Tensor

from training.data.manifests import find_recordings, manifest_hash
from training.data.segments import Batch, SegmentConfig, Segments
from training.distributed import share, step_generator
from training.losses.distillation import Divergence, Estimator, contrastive, divergence
from training.losses.perceptual import PerceptualForm, PerceptualLoss
from training.losses.phone_classifier import PhoneClassifier, load_classifier
from training.losses.power import Form, PowerLoss, power_window
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
    origin,
    save_voice,
    speak,
    training_record,
    usable_clips,
)
from training.run_log import Listening
from training.trainer import Task, Trainer, TrainerConfig
from vocoder.checkpoints import load_checkpoint, voice_path
from vocoder.config import Config
from vocoder.errors import ConfigError
from vocoder.mel import mel_spec
from vocoder.models import MODELS, ParallelWaveNet, ParallelWaveNetConfig, Student, StudentConfig, Vocoder
from vocoder.models.autoregressive import AutoregressiveVocoder
from vocoder.models.student import BASES

SOUND_TERMS = ("power", "perceptual", "spectral")
"""Those that hear the sample beside the recording; they go by the names of their weights."""
SILENT = 1e-12
"""The least power that is told from none."""
PULLED = 4
"""Segments on which the gradient of each term is taken, at an evaluation."""


class DistillationLossConfig(Config):
    """Weights of the terms; a weight of 0 switches its term off."""

    divergence: float = Field(default=1.0, ge=0, description="KL(student || teacher), nats a sample")
    draws: int = Field(default=8, ge=1, description="of each sample given the noise before it")
    estimator: Estimator = "stratified"
    contrast: float = Field(
        default=0.0, ge=0, lt=1, description="γ of the contrastive term; 0.3 in the paper"
    )
    ceiling: float = Field(default=10.0, gt=0, description="nats at which the contrastive term is cut off")
    power: float = Field(default=0.0, ge=0)
    power_form: Form = "average"
    perceptual: float = Field(default=0.0, ge=0, description="needs a classifier")
    perceptual_form: PerceptualForm = "style"
    spectral: float = Field(default=1.0, ge=0, description="energy distance of spectra and mels")
    repulsion: float = Field(
        default=1.0, ge=0, le=1, description="1: generalized energy distance, 0: distance"
    )

    @model_validator(mode="after")
    def _something_is_learned(self) -> "DistillationLossConfig":
        weighted = ("divergence", *SOUND_TERMS)
        if not any(getattr(self, name) for name in weighted):
            raise ValueError(
                f"with no weight above 0 there is nothing to learn: raise one of {', '.join(weighted)}"
            )
        return self


def _kind(value: Any) -> str:
    return value.get("kind", "student") if isinstance(value, dict) else getattr(value, "kind", "")


StudentChoice = Annotated[
    Annotated[StudentConfig, Tag("student")] | Annotated[ParallelWaveNetConfig, Tag("parallel-wavenet")],
    Discriminator(_kind),
]
"""For few cores, or as it was published: by `kind`."""


class DistillationRecipe(Recipe):
    """Everything that decides the distilled student."""

    teacher: Path = Field(description="a voice's name, or its checkpoint")
    begin_with: Path | None = Field(
        default=None,
        description="a student, name or checkpoint, that the run begins with",
    )
    classifier: Path | None = Field(
        default=None, description="checkpoint of a phone classifier, for the perceptual loss"
    )
    conditioning: Literal["own", "teacher"] = Field(
        default="teacher", description="how what reads the mel begins: as the teacher's, where that is alike"
    )
    model: StudentChoice
    segments: SegmentConfig = SegmentConfig(batch=2, frames=32)
    loss: DistillationLossConfig = DistillationLossConfig()
    flow: TrainerConfig
    listen_seconds: float = Field(
        default=2.0, ge=0, description="of a held-out recording, spoken at each evaluation"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "DistillationRecipe":
        if isinstance(self.model, StudentConfig) and self.begin_with is None:
            raise ValueError(
                "begin_with: name a student that has learned to read pitch: vocoder train student makes one"
            )
        if (self.loss.perceptual > 0) != (self.classifier is not None):
            raise ValueError(
                f"classifier: give the checkpoint of one where loss.perceptual is above 0, and only there; "
                f"loss.perceptual is {self.loss.perceptual:g}, classifier {self.classifier}"
            )
        if self.loss.contrast and self.segments.batch < 2:
            raise ValueError(
                f"segments.batch: loss.contrast holds a segment against another's mel and needs two or more, "
                f"got {self.segments.batch}"
            )
        if self.loss.estimator == "closed-form" and self.model.base != "normal":
            raise ValueError(
                f"loss.estimator: closed-form is for Gaussians, but model.base is {self.model.base}: choose "
                "stratified"
            )
        windows = {0}
        if self.loss.spectral:
            windows.add(LONGEST_WINDOW)
        if self.loss.power:
            windows.add(power_window(mel_spec(self.dialect).sample_rate))
        check_frames(self.segments, self.dialect, window=max(windows))
        return self


class DistillationTask(Task):
    """One sample of the student a step (two for the energy distance), heard by the teacher and as spectra."""

    def __init__(
        self,
        student: Student | ParallelWaveNet,
        teacher: AutoregressiveVocoder,
        segments: Segments,
        held_out: Batch,
        loss: DistillationLossConfig,
        seed: int,
        speech: Float[Tensor, "sample"] | None = None,
        classifier: PhoneClassifier | None = None,
    ) -> None:
        self.model = self.student = student
        self.teacher, self.segments, self.held_out = teacher, segments, held_out
        self.config, self.seed, self.speech = loss, seed, speech
        self.warm = WARM_HOPS * student.mel_spec.hop_length
        self.distance = SpectralDistance(student.mel_spec)
        self.power = PowerLoss(student.sample_rate, loss.power_form)
        self.perceptual = PerceptualLoss(classifier, loss.perceptual_form) if classifier else None
        self.left = max(student.left_context, teacher.left_context)
        self.right = max(student.lookahead_frames, teacher.lookahead_frames)

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        generator = step_generator(self.seed, step, self.device)
        terms = self._terms(self.segments.batch(self.seed, step).to(self.device), generator)
        total = self.config.divergence * terms["contrasted"]
        for name in SOUND_TERMS:
            total = total + getattr(self.config, name) * terms[name]
        return total, {name: value.item() for name, value in terms.items()}

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """The terms on held-out segments, the health of what is heard there, and what pulls how hard."""
        generator = torch.Generator(self.device).manual_seed(0)
        held_out = self.held_out.to(self.device)
        told = self._terms(held_out, generator, contrast=self.config.divergence > 0)
        terms = {name: value.item() for name, value in told.items()}
        conditions = self._conditions(held_out, generator)
        audio, log_scale = self._render(conditions, held_out.audio, generator)[:2]
        figures = terms | health(audio, held_out.audio, log_scale) | self._pulls(held_out)
        if "wrong_mel" in terms:
            figures["mel_matters"] = terms["wrong_mel"] - terms["divergence"]
        return {f"valid_{name}": value for name, value in figures.items()}

    def listen(self) -> Listening | None:
        return None if self.speech is None else speak(self.student, self.speech)

    def to(self, device: torch.device) -> None:
        for part in (self.student, self.teacher, self.distance, self.power, self.perceptual):
            if part is not None:
                part.to(device)

    @torch.enable_grad()
    def _pulls(self, held_out: Batch) -> dict[str, float]:
        """The norm of each weighted term's gradient, on the first segments of `held_out`."""
        generator = torch.Generator(self.device).manual_seed(0)
        terms = self._terms(held_out.map(lambda part: part[:PULLED]), generator)
        weights = [weight for weight in self.student.parameters() if weight.requires_grad]
        norms = {}
        for name, term in (("divergence", "contrasted"), *((name, name) for name in SOUND_TERMS)):
            if not (share := getattr(self.config, name)):
                continue
            slopes = torch.autograd.grad(share * terms[term], weights, retain_graph=True, allow_unused=True)
            squares = [slope.square().sum() for slope in slopes if slope is not None]
            norms[f"gradient_{name}"] = torch.stack(squares).sum().sqrt().item()
        return norms

    def _terms(
        self, batch: Batch, generator: torch.Generator, *, contrast: bool | None = None
    ) -> dict[str, Tensor]:
        """All terms, unweighted; `contrast`: whether another mel's is among them, if not by its weight."""
        config, conditions = self.config, self._conditions(batch, generator)
        audio, log_scale, noise = self._render(conditions, batch.audio, generator)
        zero = audio.new_zeros(())
        terms = {"divergence": zero, "entropy": zero, "cross_entropy": zero, "contrasted": zero}
        if config.divergence:
            base: Any = BASES[self.student.config.base][0]
            own = base(audio - log_scale.exp() * noise, log_scale)
            heard = self._divergence(own, audio, batch.mel, generator)
            right = heard.value[:, self.warm :]
            terms["divergence"] = terms["contrasted"] = right.mean()
            terms["entropy"] = heard.entropy[:, self.warm :].mean()
            terms["cross_entropy"] = heard.cross_entropy[:, self.warm :].mean()
            if (config.contrast > 0 if contrast is None else contrast) and len(batch.mel) > 1:
                other = self._divergence(own, audio, batch.mel.roll(1, dims=0), generator).value
                held = contrastive(
                    right, other[:, self.warm :], weight=config.contrast, ceiling=config.ceiling
                )
                terms["contrasted"], terms["wrong_mel"] = held.mean(), other[:, self.warm :].mean()
        wanted = batch.audio[:, self.warm :]
        terms["power"] = self.power(audio[:, self.warm :], wanted) if config.power else zero
        terms["perceptual"] = zero
        if self.perceptual is not None:
            terms["perceptual"] = self.perceptual(audio[:, self.warm :], wanted)
        terms["spectral"] = zero
        if config.spectral:
            samples = [audio[:, self.warm :]]
            if config.repulsion:
                samples.append(self._render(conditions, batch.audio, generator)[0][:, self.warm :])
            terms["spectral"] = energy_distance(self.distance, samples, wanted, config.repulsion)
        return terms

    def _conditions(self, batch: Batch, generator: torch.Generator) -> Any:
        frames = self._around(batch.mel, self.student.left_context, self.student.lookahead_frames)
        return self.student.draw_conditions(frames, generator)

    def _render(
        self, conditions: Any, like: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Audio, its log-scales, and the noise that it was made from."""
        uniform = torch.rand(like.shape, generator=generator, dtype=torch.float64, device=like.device)
        base = BASES[self.student.config.base][0]
        noise = base.standard_icdf(uniform.clamp(1e-9, 1 - 1e-9)).float()
        return *self.student.render(noise, conditions), noise

    def _divergence(self, own: Any, audio: Tensor, mel: Tensor, generator: torch.Generator) -> Divergence:
        """From the teacher's densities under that mel."""
        options: Any = {"draws": self.config.draws, "estimator": self.config.estimator}
        return divergence(own, self._heard(audio, mel), **options, generator=generator)

    def _heard(self, audio: Tensor, mel: Tensor) -> Any:
        """The teacher's densities of the samples; its weights are frozen, the gradient goes to the audio."""
        frames = self._around(mel, self.teacher.left_context, self.teacher.lookahead_frames)
        with torch.no_grad():
            told = self.teacher.conditions(frames)
        return self.teacher.density(audio, told)

    def _around(self, mel: Tensor, left: int, right: int) -> Tensor:
        return mel[..., self.left - left : mel.shape[-1] - (self.right - right)]


@torch.no_grad()
def health(
    made: Float[Tensor, "batch sample"],
    wanted: Float[Tensor, "batch sample"],
    log_scale: Float[Tensor, "batch sample"],
) -> dict[str, float]:
    """What a falling loss can hide: levels, and the power of three bands against the recordings', in dB.

    A whisper has too little power below 1 kHz, hiss too much above 4 kHz (at 22.05 kHz).
    """
    figures = {
        "peak": made.abs().max().item(),
        "level_db": _decibels(made.square().mean().item(), wanted.square().mean().item()),
        "mean_log_scale": log_scale.mean().item(),
    }
    power = [torch.fft.rfft(x).abs().square().mean(0) for x in (made, wanted)]
    edges = [0, 1 / 11, 4 / 11, 1]
    for name, low, high in zip(("low", "middle", "high"), edges[:-1], edges[1:], strict=True):
        own, other = (p[int(low * len(p)) : int(high * len(p))].sum().item() for p in power)
        figures[f"{name}_band_db"] = _decibels(own, other)
    return figures


def _decibels(own: float, other: float) -> float:
    """Of a ratio of powers; silence counts as very little."""
    return 10 * math.log10(max(own, SILENT) / max(other, SILENT))


def distil(
    recipe: DistillationRecipe, folder: Path, *, max_minutes: float | None = None, progress: bool = True
) -> Path | None:
    """Distil, or go on, into `folder`; returns the voice's path when the last step is reached.

    Raises:
        ConfigError: recordings missing or too few, a folder begun with another recipe or other data, a
            student to begin with that does not fit, or a teacher of another kind or of other mels.
        TrainingDiverged: a loss or a gradient that is not finite.
    """
    deadline = math.inf if max_minutes is None else time.monotonic() + 60 * max_minutes
    torch.manual_seed(recipe.flow.seed)
    if recipe.loss.contrast and len(share().rows(recipe.segments.batch)) < 2:
        raise ConfigError(
            f"segments.batch: loss.contrast needs two segments or more in each of {share().world} processes, "
            f"got {recipe.segments.batch} in all"
        )
    spec = mel_spec(recipe.dialect)
    student: Any = MODELS[recipe.model.kind][0](recipe.model, spec)
    teacher = load_teacher(recipe.teacher)
    if teacher.mel_spec != spec:
        raise ConfigError(f"teacher: {recipe.teacher} reads other mels than dialect {recipe.dialect}")
    classifier = load_classifier(recipe.classifier) if recipe.classifier is not None else None
    if classifier is not None and classifier.config.sample_rate != spec.sample_rate:
        raise ConfigError(
            f"classifier: {recipe.classifier} hears {classifier.config.sample_rate} Hz, the student speaks "
            f"{spec.sample_rate} Hz: train one with model.sample_rate={spec.sample_rate}"
        )
    begun: list[str] = []
    if recipe.conditioning == "teacher":
        begun = share_conditioning(student, teacher)
    if recipe.begin_with is not None:
        begin_with(student, recipe.begin_with)
    if isinstance(student, Student):
        student.pitch.requires_grad_(False)
    recordings = find_recordings(recipe.data)
    data_hash = manifest_hash(recordings)
    claim_folder(folder, recipe, data_hash)
    clips = usable_clips(recordings, recipe.data, spec.sample_rate, progress=progress)
    segments, held_out = cut_segments(
        clips,
        spec,
        recipe.data,
        recipe.segments,
        left=max(student.left_context, teacher.left_context),
        right=max(student.lookahead_frames, teacher.lookahead_frames),
    )
    speech = held_out_speech(clips, recipe.data, spec, recipe.listen_seconds)
    task = DistillationTask(
        student, teacher, segments, held_out, recipe.loss, recipe.flow.seed, speech, classifier
    )
    learning = Trainer(task, recipe.flow, folder / "flow")
    if not learning.run(max_minutes=(deadline - time.monotonic()) / 60, progress=progress):
        return None
    learning.use_average()
    path = folder / f"{recipe.name}.safetensors"
    record = training_record(recipe, clips, data_hash, spec.sample_rate, {"flow": learning})
    record["teacher"] = origin(recipe.teacher) | {"conditioning": begun}
    if recipe.classifier is not None:
        digest = hashlib.sha256(recipe.classifier.read_bytes()).hexdigest()
        record["classifier"] = {"name": recipe.classifier.stem, "sha256": digest}
    return save_voice(path, student, recipe, record)


def share_conditioning(student: Vocoder, teacher: Vocoder) -> list[str]:
    """Let what reads the mel begin as the teacher's, where it has the same sizes; returns which did."""
    shared = []
    for name in ("conditioning", "upsampler"):
        own, other = getattr(student, name, None), getattr(teacher, name, None)
        if own is None or other is None:
            continue
        weights = {key: value.shape for key, value in other.state_dict().items()}
        if weights == {key: value.shape for key, value in own.state_dict().items()}:
            own.load_state_dict(other.state_dict())
            shared.append(name)
    return shared


def load_teacher(path: Path) -> AutoregressiveVocoder:
    """The teacher in evaluation mode, its weights frozen; raises `ConfigError` for another kind of model."""
    model = load_checkpoint(voice_path(path))
    if not isinstance(model, AutoregressiveVocoder) or model.likelihood != "exact":
        raise ConfigError(
            f"teacher: {path} holds a {model.kind}, which has no density of 16-bit samples to learn from"
        )
    return model
