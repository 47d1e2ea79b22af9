"""WaveGlow on two short recordings: train, stop, resume as if never stopped, save without norms."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from training.recipes.waveglow import DensityTask, SpectralConfig, WaveGlowRecipe, train_waveglow
from training.trainer import TrainingDiverged
from vocoder.checkpoints import load, read_info, save_checkpoint
from vocoder.config import parse_config, read_config
from vocoder.errors import ConfigError
from vocoder.mel import mel_spec
from vocoder.models import Student, StudentConfig, WaveGlow, WaveGlowConfig, uncorrected

ROOT = Path(__file__).parents[2]
MODEL = {
    "flows": 2,
    "context_channels": 8,
    "wavenet": {"layers": 2, "channels": 8, "skip_channels": 8},
    "whitening": {
        "hidden": 6,
        "layers": 2,
        "lookahead": 1,
        "num_bands": 8,
        "num_taps": 128,
        "num_cepstrum": 16,
    },
}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("recordings")
    names = [Path(shutil.copy(path, root)).name for path in sorted((ROOT / "tests" / "data").glob("*.flac"))]
    (root / "list.txt").write_text("\n".join(names))
    return root


def recipe_of(root: Path, **loop: Any) -> WaveGlowRecipe:
    values = {
        "name": "tiny",
        "model": MODEL,
        "data": {"root": root, "sources": [{"folder": ".", "list": "list.txt"}], "cache": root / "cache"},
        "segments": {"batch": 2, "frames": 8},
        "flow": {"steps": 4, "log_every": 1, "evaluate_every": 2, "save_every": 2, "tensorboard": False}
        | loop,
    }
    return parse_config(WaveGlowRecipe, values, "tiny")


def log_of(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "flow" / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "cpu_seconds"} for line in lines]


def test_a_run_that_was_stopped_is_the_one_that_was_not(recordings, tmp_path, monkeypatch):
    path = train_waveglow(recipe_of(recordings), tmp_path / "whole", progress=False)
    assert path is not None
    loss = DensityTask.loss

    def killed_in_the_third_step(task: DensityTask, step: int):
        if step == 3:
            raise KeyboardInterrupt
        return loss(task, step)

    with monkeypatch.context() as patch:
        patch.setattr(DensityTask, "loss", killed_in_the_third_step)
        with pytest.raises(KeyboardInterrupt):
            train_waveglow(recipe_of(recordings), tmp_path / "halves", progress=False)
    resumed = train_waveglow(recipe_of(recordings), tmp_path / "halves", progress=False)
    assert resumed is not None
    assert log_of(tmp_path / "halves") == log_of(tmp_path / "whole")
    one, other = load(path), load(resumed)
    for (name, expected), found in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(found, expected), name


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_bits_fall_and_the_voice_is_whole(recordings, tmp_path, precision):
    recipe = recipe_of(recordings, steps=12, precision=precision, optimizer={"lr": 5e-3, "warmup": 2})
    path = train_waveglow(recipe, tmp_path, progress=False)
    bits = [line["loss"] for line in log_of(tmp_path) if "loss" in line]
    assert bits[-1] < bits[0]
    info = read_info(path)
    assert (info.kind, info.training["steps"]) == ("waveglow", {"flow": 12})
    assert load(path).synthesize(torch.full((80, 4), -5.0)).isfinite().all()


def test_flow_pp_goes_into_a_vocoder(recordings, tmp_path):
    """Its coupling and its dequantization: the bits fall, the voice saved is without the latter."""
    recipe = recipe_of(recordings, steps=12, optimizer={"lr": 5e-3, "warmup": 2})
    model = recipe.model.model_copy(update={"coupling": "mixture", "components": 2})
    recipe = recipe.model_copy(update={"model": model, "dequantization": "variational"})
    path = train_waveglow(recipe, tmp_path, progress=False)
    bits = [line["loss"] for line in log_of(tmp_path) if "loss" in line]
    assert bits[-1] < bits[0]
    assert load(path).synthesize(torch.full((80, 4), -5.0)).isfinite().all()


@pytest.mark.parametrize(("recipe", "config"), [("waveglow", "voiced"), ("waveglow-likelihood", "cpu")])
def test_the_recipe_trains_the_model_of_the_config(recipe, config):
    model = read_config(WaveGlowRecipe, ROOT / "configs" / "recipe" / f"{recipe}.yaml").model
    assert model == read_config(WaveGlowConfig, ROOT / "configs" / "model" / "waveglow" / f"{config}.yaml")


def test_spectra_of_samples_join_where_they_are_asked_to(recordings, tmp_path):
    recipe = recipe_of(recordings, steps=3, evaluate_every=3)
    segments = recipe.segments.model_copy(update={"frames": 11})
    spectral = SpectralConfig(weight=2.0, begin=1)
    recipe = recipe.model_copy(update={"spectral": spectral, "segments": segments})
    train_waveglow(recipe, tmp_path, progress=False)
    first, second, *_, last = log_of(tmp_path)
    assert "spectral" not in first
    assert second["loss"] == pytest.approx(second["bits"] + 2 * second["spectral"], rel=1e-5)
    assert last["valid_energy_distance"] > 0


def test_divergence_names_the_step_and_its_recordings(recordings, tmp_path, monkeypatch):
    nothing = torch.tensor(float("nan"), requires_grad=True)
    monkeypatch.setattr(DensityTask, "loss", lambda task, step: (nothing, {}))
    names = {path.stem for path in recordings.glob("*.flac")}
    with pytest.raises(TrainingDiverged, match="step 0: the loss is nan on ") as caught:
        train_waveglow(recipe_of(recordings), tmp_path, progress=False)
    assert any(name in str(caught.value) for name in names)


def test_groups_that_lie_across_hops_have_no_spectra(recordings):
    values = recipe_of(recordings).model_dump() | {"spectral": {}}
    values["model"] = values["model"] | {"group_size": 12}
    with pytest.raises(ConfigError, match=r"divide the hop of 256, got 12"):
        parse_config(WaveGlowRecipe, values, "tiny")


@pytest.mark.parametrize(
    ("spectral", "message"),
    [
        ({"alone": True, "weight": 0}, "spectral: weight: with 0 there is nothing to learn"),
        ({"alone": True, "begin": 100}, "spectral: begin: .* nothing else to begin with"),
    ],
)
def test_spectra_that_teach_nothing_alone_are_refused(recordings, spectral, message):
    values = recipe_of(recordings).model_dump() | {"segments": {"frames": 11}, "spectral": spectral}
    with pytest.raises(ConfigError, match=message):
        parse_config(WaveGlowRecipe, values, "tiny")
    parse_config(WaveGlowRecipe, values | {"spectral": spectral | {"alone": False}}, "tiny")


def test_segments_too_short_for_a_spectrum_are_refused(recordings):
    values = recipe_of(recordings).model_dump() | {"spectral": {}}
    with pytest.raises(
        ConfigError, match=r"8 frames are too few, for spectra over 2048 samples .* give 10 or more"
    ):
        parse_config(WaveGlowRecipe, values, "tiny")


def test_a_run_begins_with_the_weights_of_another(recordings, tmp_path):
    path = train_waveglow(recipe_of(recordings), tmp_path / "first", progress=False)
    recipe = recipe_of(recordings, steps=1, optimizer={"lr": 1e-9}, ema=0.0)
    again = train_waveglow(
        recipe.model_copy(update={"begin_with": path}), tmp_path / "second", progress=False
    )
    began_with, first = read_info(again).training["began_with"], read_info(path).training
    assert began_with["name"] == "tiny"
    assert began_with["cpu_seconds"] == first["cpu_seconds"]
    assert len(began_with["sha256"]) == 64
    mel = torch.full((80, 4), -5.0)
    torch.testing.assert_close(load(again).synthesize(mel), load(path).synthesize(mel), rtol=0, atol=1e-4)


READER = {"hidden": 6, "layers": 2, "lookahead": 1}
SOURCE = {"pitch": READER, "filters": READER, "num_bands": 8, "num_taps": 128, "noise_cepstrum": 16}


def voiced(root: Path, **values: Any) -> WaveGlowRecipe:
    recipe = recipe_of(root, steps=3, evaluate_every=3)
    model = recipe.model.model_dump(exclude_unset=True) | {"group_size": 16, "source": SOURCE}
    changes = {"model": model | {"whitening": None}, "segments": {"batch": 2, "frames": 11}, "spectral": {}}
    return parse_config(WaveGlowRecipe, recipe.model_dump() | changes | values, "tiny")


def test_the_source_of_a_student_stays_and_guides_the_couplings(recordings, tmp_path):
    student = Student(StudentConfig.model_validate(SOURCE), mel_spec("nvidia"))
    saved = tmp_path / "student.safetensors"
    save_checkpoint(saved, student)
    path = train_waveglow(voiced(recordings, source_from=saved), tmp_path / "run", progress=False)
    voice: Any = uncorrected(load(path))
    assert voice.guide.weight.any()
    for part in ("pitch", "filters"):
        kept = getattr(voice.source, part).state_dict()
        for name, weight in getattr(student, part).state_dict().items():
            assert torch.equal(kept[name].float(), weight.float()), name
    assert read_info(path).training["source_from"]["name"] == "student"


def test_the_filters_of_a_source_learn_where_they_are_to(recordings, tmp_path):
    student = Student(StudentConfig.model_validate(SOURCE), mel_spec("nvidia"))
    saved = tmp_path / "student.safetensors"
    save_checkpoint(saved, student)
    recipe = voiced(recordings, source_from=saved, adapt_filters=True)
    voice: Any = uncorrected(load(train_waveglow(recipe, tmp_path / "run", progress=False)))
    for name, weight in student.pitch.state_dict().items():
        assert torch.equal(voice.source.pitch.state_dict()[name].float(), weight.float()), name
    moved = voice.source.filters.network.last.weight - student.filters.network.last.weight
    assert moved.any()
    with pytest.raises(ConfigError, match="adapt_filters: the model has no source"):
        parse_config(WaveGlowRecipe, recipe_of(recordings).model_dump() | {"adapt_filters": True}, "tiny")


def test_an_untrained_chain_says_what_the_student_says(recordings):
    """Couplings begin as the identity and 1×1 convolutions as rotations: at temperature 0 nothing is left."""
    student = Student(StudentConfig.model_validate(SOURCE), mel_spec("nvidia")).eval()
    torch.nn.init.normal_(student.filters.network.last.weight, std=0.02)
    voice = WaveGlow(voiced(recordings, source_from=Path("student")).model, mel_spec("nvidia"))
    voice.source.pitch.load_state_dict(student.pitch.state_dict())
    voice.source.filters.load_state_dict(student.filters.state_dict())
    mel = 0.5 * torch.randn(80, 20, generator=torch.Generator().manual_seed(1)) - 4.0
    spoken = voice.eval().synthesize(mel, temperature=0.0)
    torch.testing.assert_close(spoken, student.synthesize(mel, temperature=0.0), rtol=0, atol=1e-5)


def test_a_source_that_does_not_fit_is_refused(recordings, tmp_path):
    saved = tmp_path / "student.safetensors"
    save_checkpoint(saved, Student(StudentConfig(), mel_spec("nvidia")))
    with pytest.raises(ConfigError, match="has other sizes than"):
        train_waveglow(voiced(recordings, source_from=saved), tmp_path / "run", progress=False)
    with pytest.raises(ConfigError, match=r"model.source: name a student"):
        voiced(recordings)
    with pytest.raises(ConfigError, match="source_from: the model has no source"):
        parse_config(WaveGlowRecipe, recipe_of(recordings).model_dump() | {"source_from": saved}, "tiny")
