"""The perceptual loss through a classifier of known size: what it compares, where its gradient goes."""

from pathlib import Path

import pytest
import torch

from training.data.alignment import PHONES
from training.losses.perceptual import PerceptualLoss, gram
from training.losses.phone_classifier import (
    PhoneClassifier,
    PhoneClassifierConfig,
    load_classifier,
    save_classifier,
)
from vocoder.errors import CheckpointError

CONFIG = PhoneClassifierConfig.model_validate(
    {
        "group": 8,
        "pool": 2,
        "near": {"layers": 2, "channels": 6},
        "far": {"layers": 2, "channels": 6},
    }
)
FORMS = pytest.mark.parametrize("form", ["features", "style"])


@pytest.fixture(scope="module")
def classifier() -> PhoneClassifier:
    torch.manual_seed(0)
    return PhoneClassifier(CONFIG).eval().requires_grad_(False)


def speech(seed: int, samples: int = 1600) -> torch.Tensor:
    return 0.05 * torch.randn(2, samples, generator=torch.Generator().manual_seed(seed))


def test_a_phone_every_stride(classifier):
    hearing = classifier(speech(0))
    assert hearing.logits.shape == (2, len(PHONES), 1600 // 16)
    assert [f.shape[2] for f in hearing.features] == [200, 200, 100, 100]


@FORMS
def test_a_recording_is_no_distance_from_itself(classifier, form):
    assert PerceptualLoss(classifier, form)(speech(0), speech(0)) == 0
    assert PerceptualLoss(classifier, form)(speech(0), speech(1)) > 0


@FORMS
def test_a_silent_sample_is_about_one_away_from_what_is_heard(form):
    """|0 - φ|² / |φ|² = 1: without biases, silence gives no activation."""
    torch.manual_seed(0)
    classifier = PhoneClassifier(CONFIG).eval().requires_grad_(False)
    for name, weight in classifier.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.zeros_(weight)
    loss = PerceptualLoss(classifier, form)(torch.zeros(2, 1600), speech(1))
    assert loss == pytest.approx(1.0, rel=1e-5)


def test_correlations_do_not_know_when():
    features = torch.randn(2, 5, 40, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(gram(features), gram(features.roll(7, dims=2)))
    torch.testing.assert_close(gram(features)[0, 1, 3], (features[0, 1] * features[0, 3]).mean())


def test_style_forgives_a_shift_that_features_do_not(classifier):
    near, far = speech(3), speech(3).roll(16 * 10, dims=1)
    style, features = (PerceptualLoss(classifier, form)(far, near) for form in ("style", "features"))
    assert style < 0.2 * features


@FORMS
def test_the_gradient_reaches_the_audio_and_moves_no_weight(classifier, form):
    before = {name: value.clone() for name, value in classifier.state_dict().items()}
    audio = speech(4).requires_grad_()
    PerceptualLoss(classifier, form)(audio, speech(5)).backward()
    assert (audio.grad.abs() > 0).float().mean() > 0.99
    assert all(weight.grad is None for weight in classifier.parameters())
    assert all(torch.equal(before[name], value) for name, value in classifier.state_dict().items())


def test_a_classifier_is_kept_whole(classifier, tmp_path):
    save_classifier(tmp_path / "one.safetensors", classifier, {"note": "none"})
    again = load_classifier(tmp_path / "one.safetensors")
    assert torch.equal(again(speech(6)).logits, classifier(speech(6)).logits)
    assert not any(weight.requires_grad for weight in again.parameters())


def test_what_is_no_classifier_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="cannot read"):
        load_classifier(tmp_path / "none.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(b"torn")
    with pytest.raises(CheckpointError, match="cannot read"):
        load_classifier(tmp_path / "torn.safetensors")
    voice = Path(__file__).parents[3] / "vocoder" / "voices" / "student.safetensors"
    with pytest.raises(CheckpointError, match="vocoder train classifier makes one"):
        load_classifier(voice)
