import pytest
import torch

from vocoder.errors import InputError, MelMismatch
from vocoder.inference.fitting import Fitting, fit_mel
from vocoder.mel import DIALECTS, MelFrontend, convert, estimate

NVIDIA, PWG, VOCOS = (DIALECTS[name] for name in ("nvidia", "pwg-22k", "vocos"))


def noise_mel(spec, num_frames):
    audio = 0.1 * torch.randn((num_frames + 4) * spec.hop_length, generator=torch.Generator().manual_seed(0))
    return MelFrontend(spec)(audio)[:, :num_frames]


def test_a_mel_is_converted_where_that_is_exact():
    decimal = NVIDIA.model_copy(update={"log_base": "10"})
    mel = noise_mel(NVIDIA, 20)
    torch.testing.assert_close(fit_mel(noise_mel(decimal, 20), decimal, NVIDIA), mel, atol=1e-5, rtol=0)
    assert torch.equal(fit_mel(mel, None, NVIDIA), mel)


def test_a_mel_of_another_analysis_is_refused():
    with pytest.raises(MelMismatch, match="fmin"):
        fit_mel(noise_mel(DIALECTS["pwg-22k"], 20), DIALECTS["pwg-22k"], NVIDIA)


@pytest.mark.parametrize("mel", [torch.zeros(20, 80), torch.zeros(80, 0), torch.full((80, 20), float("nan"))])
def test_what_is_no_mel_is_refused(mel):
    with pytest.raises(InputError):
        fit_mel(mel, None, NVIDIA)


@pytest.mark.parametrize("source", [PWG, VOCOS], ids=["pwg-22k", "vocos"])
def test_what_cannot_be_converted_is_estimated_if_that_is_asked_for(source):
    mel = noise_mel(source, 50)
    assert torch.equal(fit_mel(mel, source, NVIDIA, estimate=True), estimate(mel, source, NVIDIA))


def test_what_can_be_converted_is_never_estimated():
    mel = noise_mel(DIALECTS["hifigan"], 50)
    converted = convert(mel, DIALECTS["hifigan"], NVIDIA)
    assert torch.equal(fit_mel(mel, DIALECTS["hifigan"], NVIDIA, estimate=True), converted)


@pytest.mark.parametrize("source", [NVIDIA, PWG, VOCOS], ids=["nvidia", "pwg-22k", "vocos"])
def test_frames_fit_alike_as_they_come(source):
    mel = noise_mel(source, 50)
    fitting = Fitting(source, NVIDIA, estimate=True)
    pieces = [fitting.push(piece) for piece in mel.split([1, 20, 29], dim=1)]
    fitted = torch.cat([*pieces, fitting.finish()], dim=1)
    torch.testing.assert_close(fitted, fit_mel(mel, source, NVIDIA, estimate=True), atol=1e-4, rtol=0)


def test_an_estimate_is_of_plausible_mels_alone():
    with pytest.raises(MelMismatch, match="not those of vocos"):
        fit_mel(noise_mel(VOCOS, 50) * 20, VOCOS, NVIDIA, estimate=True)
