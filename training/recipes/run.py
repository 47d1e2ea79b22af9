"""What every recipe does around its tasks: claim a folder, cut segments, note what was done."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field, ValidationError
from torch import Tensor

from training.data.division import divide
from training.data.manifests import DataConfig, Recording
from training.data.segments import Batch, Clip, SegmentConfig, Segments, load_clips
from training.distributed import Share, share
from training.run_log import Listening
from training.spent import spent
from training.trainer import PLACES, Trainer, TrainerConfig
from vocoder.checkpoints import load_checkpoint, read_info, save_checkpoint, voice_path
from vocoder.checkpoints.format import write_atomically
from vocoder.config import Config
from vocoder.errors import CheckpointError, ConfigError
from vocoder.mel import MelFrontend, MelSpec, mel_spec
from vocoder.models import Student, Vocoder
from vocoder.models.voiced_source import VoicedSource
from vocoder.networks.pitch import PitchNetwork


class Recipe(Config):
    """What the recipes of all models have in common."""

    files: ClassVar[tuple[str, ...]] = ("begin_with", "classifier", "pitch_from", "source_from", "teacher")
    """Fields, where a recipe has them, that name checkpoints on this machine."""

    name: str = Field(description="of the voice")
    description: str = ""
    dialect: str = "nvidia"
    data: DataConfig

    @property
    def device(self) -> str:
        """Of its first stage."""
        return next((value.device for _, value in self if isinstance(value, TrainerConfig)), "cpu")

    def portable(self) -> dict[str, Any]:
        """The recipe without the places on this machine."""
        stages = {name: PLACES for name, value in self if isinstance(value, TrainerConfig)}
        files = dict.fromkeys(self.files, True)
        return self.model_dump(mode="json", exclude={"data": {"root", "cache"}, **files, **stages})

    def began(self, note: dict[str, Any]) -> bool:
        """Whether the portable form of a run's recipe is this one; keys newer than the run are at default."""
        here = self.data.model_dump(include={"root", "cache"})
        try:
            files = {name: value for name, value in self if name in self.files}
            noted = self.model_validate(note | files | {"data": note["data"] | here})
        except (KeyError, TypeError, ValidationError):
            return False
        return noted.portable() == self.portable()

    def digests(self) -> dict[str, str]:
        """SHA-256 of what lies in each of `files` that is named, wherever that is.

        Raises:
            CheckpointError, UnknownVoice: nothing lies there.
        """
        named = {field: getattr(self, field, None) for field in self.files}
        return {field: _digest(field, path) for field, path in named.items() if path is not None}


def _digest(field: str, path: Path) -> str:
    file = path if field == "classifier" else voice_path(path)  # which is no voice
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{field}: cannot read {file}: {error.strerror}") from None


def claim_folder(folder: Path, recipe: Recipe, data_hash: str) -> None:
    """Note in `folder` what is trained there, and from which checkpoints.

    Raises:
        ConfigError: another recipe, other recordings or other checkpoints were noted there before.
        CheckpointError, UnknownVoice: a checkpoint that the recipe names is not there.
    """
    files = recipe.digests()
    note = {"recipe": recipe.portable(), "data_hash": data_hash, "files": files}
    path = folder / "recipe.json"
    if path.exists():
        begun = json.loads(path.read_text())
        if begun["data_hash"] != data_hash or not recipe.began(begun["recipe"]):
            raise ConfigError(
                f"{folder} was begun with another recipe or other recordings (see {path}): "
                "go on with those, or choose another folder with --output"
            )
        if "files" in begun:  # which runs of before did not note
            _demand_same(begun["files"], files, folder, recipe)
    if share().first:
        write_atomically(path, json.dumps(note, indent=2).encode())


def _demand_same(begun: dict[str, str], now: dict[str, str], folder: Path, recipe: Recipe) -> None:
    """Raises `ConfigError` naming the first checkpoint that is not the one of before."""
    for field in sorted({field for field, _ in begun.items() ^ now.items()}):
        if field not in now:
            what = "the run began with a checkpoint, and now none is named: name that one"
        elif field not in begun:
            what = f"the run began without, and now {getattr(recipe, field)} is named: leave it out"
        else:
            what = f"{getattr(recipe, field)} has changed since the run began: put the old file back"
        raise ConfigError(f"{field}: {what}, or choose another folder than {folder} with --output")


def begin_with(model: Vocoder, path: Path) -> None:
    """Give `model` the weights of a voice or checkpoint, to be adapted say; what that lacks stays as it is.

    Raises:
        CheckpointError, UnknownVoice: no checkpoint there.
        ConfigError: weights that the model has no place for, or in another shape.
    """
    weights, own = load_checkpoint(voice_path(path)).state_dict(), model.state_dict()
    wrong = [name for name, value in weights.items() if name not in own or own[name].shape != value.shape]
    if wrong:
        raise ConfigError(
            f"begin_with: {path} does not fit the model of this recipe, first at {wrong[0]}: "
            "give the recipe the sizes that the checkpoint was trained with"
        )
    model.load_state_dict(weights, strict=False)


def take_pitch(pitch: PitchNetwork, path: Path) -> None:
    """Give `pitch` what another voice has learned to read.

    Raises:
        CheckpointError, UnknownVoice: no checkpoint there.
        ConfigError: a voice that reads no pitch, or by a network of another size.
    """
    other: Any = load_checkpoint(voice_path(path))
    if not isinstance(getattr(other, "pitch", None), PitchNetwork):
        raise ConfigError(
            f"pitch_from: {path} is a {other.kind} that reads no pitch: name a teacher or student"
        )
    try:
        pitch.load_state_dict(other.pitch.state_dict())
    except RuntimeError:
        raise ConfigError(
            f"pitch_from: {path} has other sizes than model.pitch: give the model those of the voice"
        ) from None


def take_source(source: VoicedSource, path: Path) -> None:
    """Give `source` the pitch reader and the filters of a student.

    Raises:
        CheckpointError, UnknownVoice: no checkpoint there.
        ConfigError: no student, or one of another size.
    """
    student = load_checkpoint(voice_path(path))
    if not isinstance(student, Student):
        raise ConfigError(f"source_from: {path} is a {student.kind}: name a student")
    try:
        source.pitch.load_state_dict(student.pitch.state_dict())
        source.filters.load_state_dict(student.filters.state_dict())
    except RuntimeError:
        raise ConfigError(
            f"source_from: {path} has other sizes than model.source: give the model those of the student"
        ) from None


def origin(path: Path) -> dict[str, Any]:
    """What a run began with, for its record: name, SHA-256, and the time that went into it."""
    file = voice_path(path)
    before = spent(read_info(file).training)._asdict()
    return {"name": file.stem, "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), **before}


WARM_HOPS = 2
"""At the beginning of a segment flows and filters lack their past: no loss counts what they say there."""


def check_frames(segments: SegmentConfig, dialect: str, *, window: int = 0) -> None:
    """Raises `ValueError` where a loss over that many samples finds none after the first `WARM_HOPS`."""
    least = WARM_HOPS + max(1, math.ceil(window / mel_spec(dialect).hop_length))
    for name, frames in (("frames", segments.frames), ("held_out_frames", segments.held_out_frames)):
        if frames is not None and frames < least:
            over = f", for spectra over {window} samples are taken" if window else ""
            raise ValueError(
                f"segments.{name}: {frames} frames are too few{over} after the first {WARM_HOPS}: "
                f"give {least} or more"
            )


def usable_clips(
    recordings: list[Recording],
    config: DataConfig,
    sample_rate: int,
    pitch_range: tuple[float, float] | None = None,
    *,
    progress: bool,
) -> list[Clip]:
    """As `load_clips`; raises `ConfigError` where none would be left to train on."""
    clips = load_clips(recordings, config, sample_rate, pitch_range, progress=progress)
    if len(clips) < 2:
        raise ConfigError(
            f"data: {len(clips)} usable recordings are too few; one is held out, so give two or more"
        )
    return clips


def cut_segments(
    clips: list[Clip], spec: MelSpec, data: DataConfig, config: SegmentConfig, *, left: int, right: int
) -> tuple[Segments, Batch]:
    """Training segments, and a fixed plain batch of the clips that are kept out of training."""
    train, held_out = divide(clips, data, spec.sample_rate)
    frames = config.held_out_frames or config.frames
    plain = config.model_copy(update={"batch": 32, "frames": frames, "gain_db": 0.0, "speed": 0.0})
    balance = data.speaker_balance
    fixed = Segments(held_out, spec, plain, balance=balance, left=left, right=right).batch(0, 0, Share())
    return Segments(train, spec, config, balance=balance, left=left, right=right), fixed


def held_out_speech(
    clips: list[Clip], data: DataConfig, spec: MelSpec, seconds: float
) -> Float[Tensor, "sample"] | None:
    """The beginning of the first clip that is kept out of training; None for no seconds."""
    length = round(seconds * spec.sample_rate)
    if length < spec.min_samples:
        return None
    _, held_out = divide(clips, data, spec.sample_rate)
    return torch.from_numpy(held_out[0].audio[:length].astype(np.float32) / 32767)


def speak(model: Vocoder, recording: Float[Tensor, "sample"]) -> Listening:
    """A recording beside the model's copy of it by way of its mel."""
    copy = model.synthesize(MelFrontend(model.mel_spec)(recording))
    return Listening(recording, copy[: len(recording)].cpu(), model.sample_rate)


CORRECTION = 1
"""Passes that bring what a new voice says nearer to its mel."""


def save_voice(path: Path, model: Vocoder, recipe: Recipe, record: dict[str, Any]) -> Path:
    """The trained model with its record, written by the first process; returns the path."""
    if share().first:
        about = recipe.description
        save_checkpoint(path, model, correction=CORRECTION, description=about, training=record)
    return path


def training_record(
    recipe: Recipe, clips: list[Clip], data_hash: str, sample_rate: int, stages: dict[str, Trainer]
) -> dict[str, Any]:
    """What the checkpoint tells of its training."""
    sources = {"began_with": "begin_with", "pitch_from": "pitch_from", "source_from": "source_from"}
    used = [clip for part in divide(clips, recipe.data, sample_rate) for clip in part]
    named = {word: getattr(recipe, field, None) for word, field in sources.items()}
    return {word: origin(path) for word, path in named.items() if path is not None} | {
        "recipe": recipe.portable(),
        "data_hash": data_hash,
        "recordings": len(used),
        "minutes_of_speech": round(sum(len(clip.audio) for clip in used) / sample_rate / 60, 1),
        "speakers": len({clip.speaker for clip in used}),
        "steps": {name: stage.step for name, stage in stages.items()},
        "cpu_seconds": round(sum(stage.cpu_seconds for stage in stages.values())),
        "gpu_seconds": round(sum(stage.gpu_seconds for stage in stages.values())),
        "data_wait": {name: round(stage.data_wait, 4) for name, stage in stages.items()},
        "curves": {name: stage.curve() for name, stage in stages.items()},
    }
