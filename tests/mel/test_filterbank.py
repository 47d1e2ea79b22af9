import pytest
import torch

from vocoder.mel import MelFrontend, dialect, mel_filterbank, mel_spec
from vocoder.mel.compression import expand
from vocoder.mel.filterbank import frame_energy, loudest_bands


@pytest.mark.parametrize(("name", "tolerance"), [("nvidia", 2e-9), ("vocos", 5e-5)])
def test_the_triangles_are_their_originators(name, tolerance, golden):
    """Vocos' (torchaudio's) are computed in float32, librosa's in float64."""
    filterbank = mel_filterbank(dialect(name)).float()
    torch.testing.assert_close(filterbank, golden[f"{name}_filterbank"], rtol=1e-6, atol=tolerance)


@pytest.mark.parametrize("n_fft", [1023, 1024])
@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_slaney_normalization_gives_each_triangle_area_one(scale, n_fft):
    changes = {"n_fft": n_fft, "win_length": 1000, "mel_scale": scale, "mel_norm": "slaney", "num_mels": 40}
    filterbank = mel_filterbank(mel_spec({"dialect": "nvidia", "padding": 0} | changes))
    areas = filterbank.sum(dim=1) * 22050 / n_fft
    torch.testing.assert_close(areas, torch.ones(40).double(), rtol=0.03, atol=0)


def full_scale_waves() -> list[torch.Tensor]:
    time, generator = torch.arange(8192), torch.Generator().manual_seed(1)
    tones = [torch.sin(frequency * time) for frequency in (0.03, 0.2, 0.9, 1.7)]
    return [*tones, *(tone.sign() for tone in tones), torch.randn(8192, generator=generator).sign()]


@pytest.mark.parametrize("name", ["nvidia", "vocos", "librosa"])
def test_no_waveform_passes_the_limits(name):
    spec = dialect(name)
    linear = expand(MelFrontend(spec)(torch.stack(full_scale_waves())).double(), spec)
    assert (linear <= loudest_bands(spec).unsqueeze(-1)).all()
    assert float(frame_energy(linear, spec).max()) <= 1


@pytest.mark.parametrize("name", ["nvidia", "vocos", "librosa"])
def test_the_limits_are_within_4_db_of_white_noise(name):
    spec = dialect(name)
    linear = expand(MelFrontend(spec)(full_scale_waves()[-1]).double(), spec)
    in_band = (spec.fmax - spec.fmin) / (spec.sample_rate / 2)
    assert float(frame_energy(linear, spec).median()) > 0.4 * in_band
