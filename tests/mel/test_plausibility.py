import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from vocoder.audio import resample
from vocoder.errors import InputError, MelMismatch
from vocoder.mel import (
    DIALECTS,
    MelFrontend,
    check_plausible,
    compress,
    dialect,
    expand,
    mel_spec,
    silence,
    surely_plausible,
)

NVIDIA, PWG = dialect("nvidia"), dialect("pwg-22k")
BANDS_80 = [name for name, spec in DIALECTS.items() if spec.num_mels == 80]
ALIKE = [{"nvidia", "hifigan"}, {"pwg-22k", "pwg-24k", "r9y9"}]
AT_TIMES = [{"clarinet", "r9y9-2018"}]  # the one is of the other's square: told apart where it is loud
FLOORS_CUT_SPEECH = {"bigvgan-24k", "bigvgan-44k", "clarinet", "librosa", "r9y9-2018"}
CONFUSIONS = [
    (made, read)
    for made in DIALECTS
    for read in DIALECTS
    if made != read and not any({made, read} <= alike for alike in [*ALIKE, *AT_TIMES])
]


@pytest.fixture(scope="module")
def mels(recordings) -> dict[str, list[Tensor]]:
    """The recordings in every dialect, each at its own rate."""
    return {
        name: [MelFrontend(spec)(resample(audio, 22050, spec.sample_rate)) for audio in recordings]
        for name, spec in DIALECTS.items()
    }


@pytest.fixture(scope="module")
def normalized(mels):
    """A corpus-normalized dialect and its mels."""
    together = torch.cat(mels["pwg-22k"], dim=1)
    spec = PWG.with_statistics(together.mean(dim=1).tolist(), together.std(dim=1).tolist())
    return spec, [compress(expand(mel, PWG), spec) for mel in mels["pwg-22k"]]


def smoothed(mel: Tensor, frames: int, bands: int) -> Tensor:
    """As a regression-trained acoustic model blurs it."""
    kernel = torch.full((1, 1, bands, frames), 1 / (bands * frames))
    margins = (frames // 2, frames // 2, bands // 2, bands // 2)
    return conv2d(pad(mel[None, None], margins, mode="replicate"), kernel)[0, 0]


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialects_own_mels_pass(name, mels):
    for mel in mels[name]:
        check_plausible(mel, dialect(name))
        check_plausible(mel.expand(3, -1, -1), dialect(name))
        check_plausible(mel[:, :1], dialect(name))
        check_plausible(mel.double(), dialect(name))


@pytest.mark.parametrize(("made", "read"), CONFUSIONS, ids=lambda name: name)
def test_another_dialects_mel_is_refused(made, read, mels):
    for mel in mels[made]:
        with pytest.raises(MelMismatch):
            check_plausible(mel, dialect(read))


@pytest.mark.parametrize("alike", ALIKE, ids=lambda names: "+".join(sorted(names)))
def test_dialects_that_differ_in_little_pass_for_each_other(alike, mels):
    """A limit of the check, which docs/mel.md states."""
    for made in alike:
        for read in alike:
            check_plausible(mels[made][0], dialect(read))


@pytest.mark.parametrize("name", BANDS_80)
def test_the_message_names_the_dialect_that_fits(name, mels):
    read = "nvidia" if name not in ("nvidia", "hifigan") else "pwg-22k"
    with pytest.raises(MelMismatch, match=f"declare it as what it fits: .*{name}"):
        check_plausible(mels[name][0], dialect(read))


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("gain", [-20, -40, -60, -80])
def test_quiet_speech_passes(name, gain, recordings):
    spec = dialect(name)
    for audio in recordings:
        quiet = resample(audio, 22050, spec.sample_rate) * 10 ** (gain / 20)
        check_plausible(MelFrontend(spec)(quiet), spec)


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("snr", [30, 10, -10])
def test_noisy_speech_passes(name, snr, recordings):
    spec = dialect(name)
    audio = resample(recordings[0], 22050, spec.sample_rate)
    noise = torch.randn(audio.shape, generator=torch.Generator().manual_seed(0)) * audio.std()
    check_plausible(MelFrontend(spec)((audio + noise * 10 ** (-snr / 20)).clamp(-1, 1)), spec)


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("num_frames", [1, 39, 400])
def test_silence_passes(name, num_frames):
    check_plausible(silence(dialect(name), num_frames), dialect(name))


@pytest.mark.parametrize("name", DIALECTS)
def test_speech_between_digital_silence_passes(name, recordings):
    spec = dialect(name)
    audio = resample(recordings[0], 22050, spec.sample_rate)
    check_plausible(MelFrontend(spec)(torch.cat([torch.zeros(9000), audio, torch.zeros(9000)])), spec)


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("blur", [(3, 1), (5, 3)])
def test_the_smooth_mel_of_an_acoustic_model_passes(name, blur, mels):
    for mel in mels[name]:
        check_plausible(smoothed(mel, *blur), dialect(name))


@pytest.mark.parametrize("name", ["nvidia", "pwg-22k", "vocos"])
def test_an_acoustic_model_may_undershoot_the_floor(name, mels):
    check_plausible(mels[name][0] - 0.5, dialect(name))


@pytest.mark.parametrize("num_frames", [5, 20, 40])
def test_pieces_of_a_mel_pass(num_frames, mels):
    for piece in mels["nvidia"][0].split(num_frames, dim=1):
        check_plausible(piece, NVIDIA)


def test_a_smooth_mel_of_another_unit_is_refused(mels):
    for mel in mels["pwg-22k"]:
        with pytest.raises(MelMismatch, match="as values of a larger unit do"):
            check_plausible(smoothed(mel, 5, 3), NVIDIA)


def test_normalized_mels_pass_as_such_and_nothing_else(normalized):
    spec, normalized_mels = normalized
    for mel in normalized_mels:
        check_plausible(mel, spec)
        for name in BANDS_80:
            with pytest.raises(MelMismatch):
                check_plausible(mel, dialect(name))


@pytest.mark.parametrize("name", ["nvidia", "hifigan", "clarinet"])
def test_an_unnormalized_mel_is_not_a_normalized_one(name, mels, normalized):
    for mel in mels[name]:
        with pytest.raises(MelMismatch):
            check_plausible(mel, normalized[0])


def test_a_floor_of_another_dialect_gives_it_away():
    with pytest.raises(MelMismatch, match="-10 again and again is the silence of pwg-22k, pwg-24k, r9y9"):
        check_plausible(silence(PWG, 2), NVIDIA)


MISTAKES = {
    "integer audio": (
        lambda mel: mel + math.log(32768),
        "dB above full scale; it fits audio of 16-bit integers",
    ),
    "no logarithm": (lambda mel: mel.exp() * 20, "as if no logarithm was taken"),
    "decibels": (
        lambda mel: mel * 20 / math.log(10),
        "dB below its floor; it fits as decibels: multiply it by 0.11513",
    ),
    "power": (lambda mel: 2 * mel, "it fits as logarithms of power: halve it, or state power 2"),
    "scaled to -1..1": (
        lambda mel: 2 * (mel - mel.min()) / (mel.max() - mel.min()) - 1,
        "it looks scaled to -1..1: scale it back to logarithms",
    ),
    "common logarithms": (
        lambda mel: mel / math.log(10),
        "declare it as .*pwg-22k.*; or, .* it fits as common logarithms: multiply it by 2.3026",
    ),
    "no logarithm, and no louder": (
        torch.exp,
        r"it fits without its logarithm: take log\(max\(mel, 1e-05\)\)",
    ),
    "normalized": (lambda mel: (mel - mel.mean()) / mel.std(), "normalized by statistics: give mean and std"),
}


@pytest.mark.parametrize(("mistake", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_likely_mistake_is_named(mistake, message, mels):
    with pytest.raises(MelMismatch, match=message):
        check_plausible(mistake(mels["nvidia"][0]), NVIDIA)


def test_a_mel_scaled_to_0_1_is_named(mels):
    with pytest.raises(MelMismatch, match="give value_range"):
        check_plausible((mels["vocos"][0] + 17) / 25, dialect("vocos"))


def test_a_level_relative_to_the_maximum_is_refused(mels):
    mel = mels["librosa"][0]
    with pytest.raises(MelMismatch, match=r"use ref=1\.0"):
        check_plausible(mel - mel.max(), dialect("librosa"))


@pytest.mark.parametrize(
    ("mel", "message"),
    [
        (torch.zeros(80, 9, dtype=torch.int32), "dtype torch.int32, must be floating-point"),
        (torch.zeros(80), r"shape \(80,\), must be \(80, frames\) or \(batch, 80, frames\)"),
        (torch.zeros(1, 1, 80, 9), "must be"),
        (torch.zeros(80, 0), "empty"),
        (torch.zeros(0, 80, 9), "empty"),
        (torch.zeros(120, 80), r"\(120, 80\) is frames before bands, .*; transpose it"),
        (torch.zeros(2, 120, 80), "transpose it"),
        (
            torch.zeros(100, 9),
            r"shape \(100, 9\), must be \(80, frames\).*; bigvgan-24k, vocos have 100 bands",
        ),
        (torch.zeros(81, 9), r"shape \(81, 9\), must be \(80, frames\)"),
        (torch.full((80, 9), math.nan), "NaN"),
        (torch.full((80, 9), math.inf), "infinity"),
    ],
)
def test_what_has_not_the_form_of_a_mel_is_refused(mel, message):
    with pytest.raises(InputError, match=message):
        check_plausible(mel, NVIDIA)


def test_a_mel_without_logarithm_is_not_negative(mels):
    spec = mel_spec({"dialect": "nvidia", "log_base": "none", "floor": 0.0})
    check_plausible(expand(mels["nvidia"][0], NVIDIA), spec)
    with pytest.raises(MelMismatch):
        check_plausible(mels["nvidia"][0], spec)


@pytest.mark.parametrize("read", DIALECTS)
def test_a_look_at_the_extremes_passes_nothing_that_is_refused(read, mels):
    spec = dialect(read)
    for made in DIALECTS:
        for mel in mels[made]:
            for frames in (*mel.split(8, dim=1), *(1.5 * mel).split(8, dim=1), *(mel + 2).split(8, dim=1)):
                if surely_plausible(frames, spec):
                    check_plausible(frames, spec)


@pytest.mark.parametrize("name", sorted(set(DIALECTS) - FLOORS_CUT_SPEECH))
def test_a_look_at_the_extremes_is_enough_for_most_frames(name, mels):
    chunks = [chunk for mel in mels[name] for chunk in mel.split(8, dim=1)]
    assert sum(surely_plausible(chunk, dialect(name)) for chunk in chunks) > 0.6 * len(chunks)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30, -1e30])
def test_a_look_at_the_extremes_sees_what_is_no_value(value):
    frames = torch.full((80, 8), -5.0)
    assert surely_plausible(frames, NVIDIA)
    frames[40, 3] = value
    assert not surely_plausible(frames, NVIDIA)


def test_a_look_at_the_extremes_judges_no_other_shapes(normalized):
    assert not surely_plausible(torch.full((79, 8), -5.0), NVIDIA)
    assert not surely_plausible(torch.full((80, 0), -5.0), NVIDIA)
    assert not surely_plausible(torch.full((1, 80, 8), -5.0), NVIDIA)
    assert not surely_plausible(torch.full((80, 8), -5), NVIDIA)
    assert not surely_plausible(torch.full((80, 8), -5.0, dtype=torch.bfloat16), NVIDIA)
    assert not surely_plausible(torch.full((80, 8), -5.0, requires_grad=True), NVIDIA)
    assert not surely_plausible(torch.full((80, 300), -5.0), NVIDIA)
    assert not surely_plausible(torch.zeros(80, 8), normalized[0])
