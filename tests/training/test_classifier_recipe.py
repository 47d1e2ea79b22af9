"""The phone classifier on two short recordings: train, stop, resume exactly; what is left out is told."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from training.data.alignment import PHONES
from training.data.manifests import find_recordings
from training.distributed import Share
from training.jobs.recipes import stages, train, validate
from training.losses.phone_classifier import PhoneClassifier, load_classifier
from training.recipes.classifier import (
    ClassifierRecipe,
    ClassifierTask,
    PhoneSegments,
    load_aligned,
    train_classifier,
)
from vocoder.config import parse_config, read_config
from vocoder.errors import ConfigError

pytest.importorskip("pocketsphinx", reason="aligning phones needs the align extra")
ROOT = Path(__file__).parents[2]
CLIP = ROOT / "tests" / "data" / "LJ001-0002.flac"
SAID = "in being comparatively modern."
SMALL = {"layers": 2, "channels": 8}


def values_of(root: Path, *texts: str, **loop: Any) -> dict[str, Any]:
    """The same recording once for each of the transcripts."""
    root.mkdir(exist_ok=True)
    names = [f"clip{i}" for i in range(len(texts))]
    for name in names:
        (root / f"{name}.flac").write_bytes(CLIP.read_bytes())
    said = [f"{name}|{text}" for name, text in zip(names, texts, strict=True)]
    (root / "metadata.csv").write_text("\n".join(["id|transcript", *said]))
    (root / "list.txt").write_text("\n".join(names))
    data = {"root": root, "sources": [{"folder": ".", "list": "list.txt"}], "cache": root / "cache"}
    flow = {"steps": 4, "log_every": 1, "evaluate_every": 2, "save_every": 2, "tensorboard": False}
    return {
        "name": "tiny",
        "model": {"near": SMALL, "far": SMALL},
        "data": data,
        "segments": {"batch": 2, "frames": 64},
        "flow": flow | loop,
    }


def recipe_of(root: Path, *texts: str, **loop: Any) -> ClassifierRecipe:
    return parse_config(ClassifierRecipe, values_of(root, *(texts or (SAID, SAID)), **loop), "tiny")


def log_of(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "flow" / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "cpu_seconds"} for line in lines]


def record_of(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["training"])


def test_a_run_that_was_killed_is_the_one_that_was_not(tmp_path, monkeypatch):
    recipe = recipe_of(tmp_path / "data")
    path = train_classifier(recipe, tmp_path / "whole", progress=False)
    assert path is not None
    loss = ClassifierTask.loss

    def killed_in_the_fourth_step(task: ClassifierTask, step: int):
        if step == 3:
            raise KeyboardInterrupt
        return loss(task, step)

    with monkeypatch.context() as patch:
        patch.setattr(ClassifierTask, "loss", killed_in_the_fourth_step)
        with pytest.raises(KeyboardInterrupt):
            train_classifier(recipe, tmp_path / "halves", progress=False)
    resumed = train_classifier(recipe, tmp_path / "halves", progress=False)
    assert resumed is not None
    assert log_of(tmp_path / "halves") == log_of(tmp_path / "whole")
    one, other = load_classifier(path).state_dict(), load_classifier(resumed).state_dict()
    for name, expected in one.items():
        assert torch.equal(other[name], expected), name


def test_it_learns_and_says_how_well_it_hears_each_phone(tmp_path):
    recipe = recipe_of(tmp_path / "data", steps=40, evaluate_every=40, optimizer={"lr": 1e-2, "warmup": 2})
    path = train_classifier(recipe, tmp_path / "run", progress=False)
    figures = next(line for line in log_of(tmp_path / "run") if "valid_accuracy" in line)
    assert figures["valid_cross_entropy"] < 0.9 * math.log(len(PHONES))
    named = {key.removeprefix("valid_accuracy_") for key in figures if key.startswith("valid_accuracy_")}
    assert {"spoken", "IH", "N", "M"} <= named
    assert named - {"spoken"} <= set(PHONES)
    record = record_of(path)
    assert record["held_out"]["valid_accuracy_N"] == pytest.approx(figures["valid_accuracy_N"])
    assert (record["aligned"], record["left_out"]) == (2, {})


def test_accuracies_of_phones_add_up_to_that_of_all(tmp_path):
    """Weighted with how often each is there."""
    recipe = recipe_of(tmp_path)
    clips, _ = load_aligned(find_recordings(recipe.data), recipe.data, 22050)
    torch.manual_seed(0)
    classifier = PhoneClassifier(recipe.model)
    segments = PhoneSegments(clips, recipe.segments, 22050, classifier.stride)
    held_out = segments.batch(0, 0)
    figures = ClassifierTask(classifier, segments, held_out, 0).evaluate()
    total = sum(
        figures.get(f"valid_accuracy_{name}", 0.0) * (held_out.phones == i).sum().item()
        for i, name in enumerate(PHONES)
    )
    assert total / held_out.phones.numel() == pytest.approx(figures["valid_accuracy"], abs=1e-5)


def test_processes_share_a_batch_but_not_what_is_held_out(tmp_path):
    recipe = recipe_of(tmp_path)
    clips, _ = load_aligned(find_recordings(recipe.data), recipe.data, 22050)
    segments = PhoneSegments(clips, recipe.segments, 22050, 64)
    whole, second = segments.batch(1, 5, Share()), segments.batch(1, 5, Share(1, 2))
    assert whole.audio.shape[0] == 2
    assert torch.equal(whole.audio[1:], second.audio)
    assert torch.equal(whole.phones[1:], second.phones)


def test_what_is_left_out_is_counted_and_told(tmp_path, capsys):
    recipe = recipe_of(tmp_path / "data", SAID, "in being zzyzx, zzyzx modern", SAID)
    path = train_classifier(recipe, tmp_path / "run", progress=True)
    told = capsys.readouterr().err
    assert "2 of 3 recordings aligned, 1 left out" in told
    assert "clip1: transcript: not in the dictionary: zzyzx\n" in told
    record = record_of(path)
    assert record["aligned"] == 2
    assert record["left_out"] == {"clip1": "transcript: not in the dictionary: zzyzx"}


def test_too_few_that_can_be_aligned_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"0 recordings could be aligned.*zzyzx"):
        train_classifier(recipe_of(tmp_path / "data", "zzyzx", "zzyzx"), tmp_path / "run", progress=False)


def test_recordings_of_a_low_rate_are_left_out(tmp_path):
    values = values_of(tmp_path, SAID)
    values["data"]["min_sample_rate"] = 24_000
    recipe = parse_config(ClassifierRecipe, values, "tiny")
    clips, left_out = load_aligned(find_recordings(recipe.data), recipe.data, 22050)
    assert clips == []
    assert left_out == {"clip0": "22050 Hz, below data.min_sample_rate"}


def test_a_job_trains_it_too(tmp_path):
    config = validate("classifier", values_of(tmp_path / "data", SAID, SAID), None)
    assert stages(config) == {"flow": 4}
    assert train("classifier", config, tmp_path / "run")
    assert load_classifier(tmp_path / "run" / "tiny.safetensors").config == config.model


def test_the_recipe_is_a_valid_one():
    recipe = read_config(ClassifierRecipe, ROOT / "configs" / "recipe" / "classifier.yaml")
    assert recipe.model.sample_rate == 22050
