import pytest
import torch

from vocoder.errors import MelMismatch
from vocoder.mel import DIALECTS, MelFrontend, MelSpec, convert, dialect, mel_spec

NVIDIA, PWG = dialect("nvidia"), dialect("pwg-22k")


def changed(spec: MelSpec, **changes) -> MelSpec:
    return MelSpec.model_validate(spec.model_dump() | changes)


STATISTICS = {"mean": [-2.0 - 0.01 * m for m in range(80)], "std": [2.0 + 0.01 * m for m in range(80)]}
EXACT = {
    "log base": (NVIDIA, changed(NVIDIA, log_base="10")),
    "log base 2": (PWG, changed(PWG, log_base="2")),
    "decibels": (NVIDIA, changed(NVIDIA, log_base="10", multiplier=20, offset=-20)),
    "a higher floor": (PWG, changed(PWG, floor=1e-4)),
    "a higher floor of another base": (PWG, changed(PWG, floor=1e-5, log_base="e")),
    "statistics": (PWG, changed(PWG, **STATISTICS)),
    "statistics taken back": (changed(PWG, **STATISTICS), PWG),
    "other statistics": (changed(PWG, **STATISTICS), changed(PWG, mean=(0.0,) * 80, std=(3.0,) * 80)),
    "scaled to [0, 1]": (PWG, changed(PWG, multiplier=20, value_range=(-100, 20))),
    "taken back from a wide [0, 1]": (
        changed(PWG, multiplier=20, value_range=(-200, 100)),
        changed(PWG, floor=1e-9),
    ),
    "a narrower [0, 1]": (changed(PWG, value_range=(-6, 1)), changed(PWG, value_range=(-5, 0.5))),
    "a dynamic range": (PWG, changed(PWG, dynamic_range=2.0)),
    "a smaller dynamic range": (
        changed(PWG, dynamic_range=3.0),
        changed(NVIDIA, **PWG.model_dump(include={"fmin", "fmax", "floor"}), dynamic_range=5.0),
    ),
    "an added floor": (changed(NVIDIA, floor_mode="add"), NVIDIA),
    "linear to logarithmic": (changed(NVIDIA, log_base="none", floor=0), NVIDIA),
}


@pytest.mark.parametrize(("source", "target"), EXACT.values(), ids=EXACT)
def test_an_exact_conversion_is_the_targets_analysis(source, target, recordings):
    audio = torch.cat([recordings[0], torch.zeros(8000), recordings[1]])
    converted = convert(MelFrontend(source)(audio), source, target)
    torch.testing.assert_close(converted, MelFrontend(target)(audio), rtol=0, atol=1e-4)


REFUSED = {
    "a lower floor": (NVIDIA, changed(NVIDIA, floor=1e-7), "below 1e-05 was cut, 1e-07 is needed"),
    "an added floor": (NVIDIA, changed(NVIDIA, floor_mode="add"), "below 1e-05 was cut, 0 is needed"),
    "a narrow [0, 1] taken back": (changed(PWG, value_range=(-10, 0.5)), PWG, r"above 3.16\d* was cut"),
    "a larger dynamic range": (
        changed(PWG, dynamic_range=3.0),
        changed(PWG, dynamic_range=4.0),
        "dynamic_range is 3.0, not 4.0",
    ),
    "a dynamic range below what was cut": (
        changed(PWG, value_range=(-10, 0)),
        changed(PWG, value_range=(-10, 0), dynamic_range=4.0),
        "dynamic_range is None, not 4.0",
    ),
    "power": (NVIDIA, changed(NVIDIA, power=2), "power is 1, not 2"),
    "an epsilon above the floor": (
        changed(NVIDIA, magnitude_epsilon=1e-6),
        NVIDIA,
        "magnitude_epsilon is 1e-06, not 0.0",
    ),
    "pre-emphasis": (NVIDIA, changed(NVIDIA, pre_emphasis=0.97), "pre_emphasis is 0.0, not 0.97"),
    "Vocos": (
        NVIDIA,
        dialect("vocos"),
        "sample_rate is 22050, not 24000; num_mels is 80, not 100; fmax is 8000.0, not 12000.0; "
        "mel_scale is slaney, not htk; mel_norm is slaney, not none",
    ),
}


@pytest.mark.parametrize(("source", "target", "message"), REFUSED.values(), ids=REFUSED)
def test_an_inexact_conversion_names_what_is_in_the_way(source, target, message):
    with pytest.raises(MelMismatch, match=message):
        convert(torch.zeros(source.num_mels, 3), source, target)


def test_the_message_names_the_dialects():
    with pytest.raises(MelMismatch, match="a nvidia mel cannot be converted to r9y9"):
        convert(torch.zeros(80, 3), NVIDIA, dialect("r9y9"))


@pytest.mark.parametrize(("source", "target"), [("hifigan", "nvidia"), ("nvidia", "hifigan")])
def test_frames_centred_elsewhere_are_those_of_audio_begun_elsewhere(source, target, recordings):
    """HiFi-GAN's frames lie half a hop later than NVIDIA's, and its epsilon adds 1.5e-6 at most."""
    source, target = dialect(source), dialect(target)
    audio, later = recordings[0], source.frame_centre - target.frame_centre
    begun = audio[later:] if later > 0 else torch.nn.functional.pad(audio, (-later, 0))
    converted = convert(MelFrontend(source)(audio), source, target)
    expected = MelFrontend(target)(begun)
    inner = slice(4, min(converted.shape[1], expected.shape[1]) - 4)
    converted, expected = converted[:, inner].exp(), expected[:, inner].exp()
    assert abs(later) == 128
    assert converted.shape[1] > 100
    torch.testing.assert_close(converted, expected, atol=2e-6, rtol=1e-3)


def test_the_padding_is_no_obstacle():
    source = changed(NVIDIA, padding=0, pad_mode="constant")
    mel = torch.randn(80, 5)
    assert torch.equal(convert(mel, source, NVIDIA), convert(mel, NVIDIA, changed(NVIDIA, padding=3)))


@pytest.mark.parametrize("spec", DIALECTS.values(), ids=DIALECTS)
def test_a_mel_of_the_target_is_returned_as_it_is(spec):
    mel = torch.randn(2, spec.num_mels, 5)
    assert convert(mel, spec, mel_spec(spec.model_dump())) is mel


def test_a_batch_converts_as_its_items(recordings):
    mels = MelFrontend(PWG)(torch.stack([audio[:20000] for audio in recordings]))
    target = changed(PWG, dynamic_range=2.0)
    assert torch.equal(convert(mels, PWG, target), torch.stack([convert(mel, PWG, target) for mel in mels]))
