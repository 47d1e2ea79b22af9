"""A student from a teacher on two short recordings: stop, resume, save; what does not fit is refused."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from training.data.segments import Batch, Clip, Segments
from training.distributed import Share
from training.jobs.recipes import validate
from training.losses.distillation import Divergence, divergence
from training.losses.phone_classifier import PhoneClassifier, PhoneClassifierConfig, save_classifier
from training.recipes.distillation import (
    DistillationRecipe,
    DistillationTask,
    distil,
    health,
    load_teacher,
    share_conditioning,
)
from vocoder.checkpoints import load, read_info, save_checkpoint
from vocoder.config import parse_config
from vocoder.errors import CheckpointError, ConfigError
from vocoder.mel import DIALECTS
from vocoder.models import Student, StudentConfig, Teacher, TeacherConfig

pytest.importorskip("pyworld", reason="tracking F0 needs the train extra")
CLIPS = Path(__file__).parent.parent / "data"
SMALL = {"hidden": 6, "layers": 2, "lookahead": 1}
LINEAR = {"pitch": SMALL, "filters": SMALL, "num_bands": 8, "num_taps": 64, "noise_cepstrum": 32}
FLOW = {"layers": 2, "residual_channels": 6, "skip_channels": 6}
TIERS = {"group": 16, "layers": 2, "residual_channels": 6, "skip_channels": 6, "head_channels": 4}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings, a teacher and a student of the linear flow alone."""
    root = tmp_path_factory.mktemp("recordings")
    names = [Path(shutil.copy(path, root)).name for path in sorted(CLIPS.glob("*.flac"))]
    (root / "list.txt").write_text("\n".join(names))
    torch.manual_seed(0)
    spec = DIALECTS["nvidia"]
    linear = Student(StudentConfig.model_validate(LINEAR), spec)
    save_checkpoint(root / "linear.safetensors", linear.eval())
    config = {"pitch": SMALL, "conditioning": SMALL, "context_channels": 5, "wavenet": TIERS}
    whitening = {**SMALL, "num_bands": 8, "num_taps": 32, "num_cepstrum": 16}
    teacher = Teacher(TeacherConfig.model_validate(config | {"whitening": whitening}), spec)
    torch.nn.init.normal_(teacher.wavenet.last.weight, std=0.1)
    save_checkpoint(root / "teacher.safetensors", teacher.eval())
    return root


def recipe_of(root: Path, **changes: Any) -> DistillationRecipe:
    values = {
        "name": "tiny",
        "teacher": root / "teacher.safetensors",
        "begin_with": root / "linear.safetensors",
        "model": LINEAR | {"conditioning": SMALL, "context_channels": 5, "flows": [FLOW]},
        "data": {"root": root, "sources": [{"folder": ".", "list": "list.txt"}], "cache": root / "cache"},
        "segments": {"batch": 2, "frames": 12},
        "loss": {"draws": 2, "contrast": 0.3, "power": 0.5},
        "flow": {"steps": 4, "log_every": 1, "evaluate_every": 2, "save_every": 2},
        "listen_seconds": 0.0,
    }
    return parse_config(DistillationRecipe, values | changes, "tiny")


def log_of(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "flow" / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "cpu_seconds"} for line in lines]


def test_a_distilled_voice_names_its_teacher_and_says_how_it_fared(root: Path, tmp_path: Path) -> None:
    recipe = recipe_of(root)
    assert distil(recipe, tmp_path / "run", max_minutes=0.0, progress=False) is None
    path = distil(recipe, tmp_path / "run", progress=False)
    assert path is not None
    log = log_of(tmp_path / "run")
    for term in ("divergence", "entropy", "cross_entropy", "wrong_mel", "power", "spectral", "gradient"):
        assert all(term in line for line in log if "loss" in line)
    health_figures = [line for line in log if "valid_low_band_db" in line]
    assert [line["step"] for line in health_figures] == [2, 4]
    for figure in ("mel_matters", "gradient_divergence", "gradient_power", "gradient_spectral"):
        assert all(f"valid_{figure}" in line for line in health_figures), figure
    info = read_info(path)
    assert info.training["teacher"]["name"] == "teacher"
    mel = torch.linspace(-11, -2, 6).expand(80, 6)
    assert load(path).synthesize(mel).shape == (6 * 256,)


def test_a_student_of_another_shape_and_a_teacher_without_density_are_refused(
    root: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="does not fit the model of this recipe"):
        distil(recipe_of(root, model=LINEAR | {"num_bands": 9}), tmp_path, progress=False)
    with pytest.raises(ConfigError, match="holds a student, which has no density of 16-bit samples"):
        distil(recipe_of(root, teacher=root / "linear.safetensors"), tmp_path, progress=False)


PUBLISHED = {
    "kind": "parallel-wavenet",
    "upsampler": {"form": "linear", "scales": [256]},
    "flows": [FLOW | {"skip_channels": 0}],
}


def test_the_published_student_learns_from_nothing_but_its_teacher(root: Path, tmp_path: Path) -> None:
    path = distil(recipe_of(root, model=PUBLISHED, begin_with=None), tmp_path, progress=False)
    assert path is not None
    assert read_info(path).kind == "parallel-wavenet"
    assert read_info(path).training["teacher"]["conditioning"] == []
    assert load(path).synthesize(torch.linspace(-11, -2, 6).expand(80, 6)).isfinite().all()


def test_what_reads_the_mel_begins_as_the_teachers(root: Path) -> None:
    teacher = load(root / "teacher.safetensors")
    student = Student(recipe_of(root).model, DIALECTS["nvidia"])
    assert share_conditioning(student, teacher) == ["conditioning"]
    for name, weight in student.conditioning.state_dict().items():
        assert torch.equal(weight, teacher.conditioning.state_dict()[name])
    wider = recipe_of(root, model=LINEAR | {"conditioning": SMALL, "context_channels": 7, "flows": [FLOW]})
    assert share_conditioning(Student(wider.model, DIALECTS["nvidia"]), teacher) == []


def test_a_student_that_reads_pitch_must_have_learned_it(root: Path) -> None:
    with pytest.raises(ConfigError, match="begin_with: name a student that has learned to read pitch"):
        recipe_of(root, begin_with=None)


def classifier_of(root: Path, **changes: Any) -> Path:
    stack = {"layers": 2, "channels": 6}
    torch.manual_seed(0)
    classifier = PhoneClassifier(
        PhoneClassifierConfig.model_validate({"near": stack, "far": stack} | changes)
    )
    path = root / "classifier.safetensors"
    save_classifier(path, classifier, {})
    return path


@pytest.mark.parametrize("form", ["features", "style"])
def test_what_a_classifier_hears_is_a_term_of_its_own(root: Path, tmp_path: Path, form: str) -> None:
    """With a weight of 1 and no other term it is the whole loss."""
    classifier = classifier_of(tmp_path)
    before = classifier.read_bytes()
    alone = {"divergence": 0, "spectral": 0, "perceptual": 1, "perceptual_form": form}
    path = distil(
        recipe_of(root, loss=alone, classifier=classifier), tmp_path / "run", max_minutes=0.0, progress=False
    )
    assert path is None
    path = distil(recipe_of(root, loss=alone, classifier=classifier), tmp_path / "run", progress=False)
    assert path is not None
    lines = [line for line in log_of(tmp_path / "run") if "loss" in line]
    assert lines
    assert all(line["perceptual"] == pytest.approx(line["loss"]) for line in lines)
    assert all(line["gradient"] > 0 for line in lines)
    assert any("valid_perceptual" in line for line in log_of(tmp_path / "run"))
    assert classifier.read_bytes() == before
    record = read_info(path).training
    assert record["classifier"]["name"] == "classifier"
    assert "classifier" not in record["recipe"]


def test_the_perceptual_loss_and_its_classifier_come_together(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"classifier: give the checkpoint .* is 0\.5, classifier None"):
        recipe_of(root, loss={"perceptual": 0.5})
    with pytest.raises(ConfigError, match=r"classifier: .* only there"):
        recipe_of(root, classifier=classifier_of(tmp_path))


def test_a_classifier_of_another_rate_or_none_at_all_is_refused(root: Path, tmp_path: Path) -> None:
    loss = {"perceptual": 1}
    other = recipe_of(root, loss=loss, classifier=classifier_of(tmp_path, sample_rate=16_000))
    with pytest.raises(ConfigError, match=r"classifier: .* hears 16000 Hz, the student speaks 22050 Hz"):
        distil(other, tmp_path / "run", progress=False)
    voice = recipe_of(root, loss=loss, classifier=root / "teacher.safetensors")
    with pytest.raises(CheckpointError, match="holds none; vocoder train classifier makes one"):
        distil(voice, tmp_path / "run", progress=False)


@pytest.mark.parametrize("teacher", ["nobody", "/etc/passwd", "../teacher.safetensors"])
def test_a_job_takes_installed_voices_and_no_files(root: Path, teacher: str) -> None:
    values = recipe_of(root).model_dump(mode="json") | {"teacher": teacher, "begin_with": "student"}
    with pytest.raises(ConfigError, match=r"^teacher: "):
        validate("distillation", values, [root])


def test_a_job_of_a_stranger_names_no_classifier(root: Path, tmp_path: Path) -> None:
    recipe = recipe_of(root, loss={"perceptual": 1}, classifier=classifier_of(tmp_path))
    values = recipe.model_dump(mode="json") | {"teacher": "student", "begin_with": "student"}
    with pytest.raises(ConfigError, match=r"^classifier: "):
        validate("distillation", values, [root])
    assert validate("distillation", values, None) is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"segments": {"batch": 2, "frames": 9}}, "segments.frames: 9 frames .* give 10 or more"),
        ({"segments": {"batch": 2, "frames": 2}, "loss": {"spectral": 0}}, "give 3 or more"),
        ({"segments": {"batch": 1, "frames": 12}}, "loss.contrast holds a segment against another's mel"),
        (
            {"loss": {"estimator": "closed-form"}, "model": LINEAR | {"flows": [FLOW], "base": "logistic"}},
            "closed-form is for Gaussians, but model.base is logistic",
        ),
        ({"loss": {"divergence": 0, "spectral": 0, "contrast": 0.3}}, "loss: .* there is nothing to learn"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_before_the_run(
    root: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        recipe_of(root, **changes)


def test_one_segment_a_process_has_no_other_to_be_held_against(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.recipes.distillation.share", lambda: Share(1, 2))
    with pytest.raises(ConfigError, match="two segments or more in each of 2 processes, got 2 in all"):
        distil(recipe_of(root), tmp_path, progress=False)


def test_another_mel_is_judged_by_the_same_estimator(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, used = recipe_of(root, loss={"estimator": "monte-carlo", "contrast": 0.3}), []

    def note(*args: Any, estimator: str, **options: Any) -> Divergence:
        used.append(estimator)
        return divergence(*args, estimator=estimator, **options)

    monkeypatch.setattr("training.recipes.distillation.divergence", note)
    student = Student(recipe.model, DIALECTS["nvidia"])
    teacher = load_teacher(root / "teacher.safetensors")
    left = max(student.left_context, teacher.left_context)
    frames = 12 + left + max(student.lookahead_frames, teacher.lookahead_frames)
    batch = Batch(torch.zeros(2, 12 * 256), torch.randn(2, 80, frames) - 5)
    clip = Clip("one", np.zeros(9999, np.int16))
    segments = Segments([clip], student.mel_spec, recipe.segments, balance=1.0, left=left, right=9)
    task = DistillationTask(student, teacher, segments, batch, recipe.loss, seed=0)
    both = task._terms(batch, torch.Generator().manual_seed(0))
    assert used == ["monte-carlo"] * 2
    assert both["wrong_mel"] != both["divergence"]
    alone = task._terms(batch.map(lambda part: part[:1]), torch.Generator().manual_seed(0))
    assert "wrong_mel" not in alone


def test_silence_has_figures_too() -> None:
    silence, sound = torch.zeros(1, 4096), torch.randn(1, 4096)
    assert all(math.isfinite(value) for value in health(silence, sound, silence).values())
    assert all(math.isfinite(value) for value in health(sound, silence, silence).values())


def test_a_whisper_is_seen_in_the_low_band() -> None:
    torch.manual_seed(0)
    hiss = torch.randn(2, 8192)
    voiced = hiss + 20 * torch.sin(2 * torch.pi * 200 / 22050 * torch.arange(8192))
    figures = health(hiss, voiced, torch.zeros_like(hiss))
    assert figures["low_band_db"] < -15
    assert abs(figures["high_band_db"]) < 0.1
