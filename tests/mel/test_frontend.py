from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from scipy import signal
from torch import Tensor

from vocoder.errors import InputError
from vocoder.mel import DIALECTS, MelFrontend, MelSpec, dialect, mel_spec
from vocoder.mel.filterbank import mel_window

SPEECH, SYNTHETIC = 1e-3, 1e-4


@dataclass
class Case:
    """One mel of another program, and what to ask of the front end to get it."""

    mel: str
    wave: str
    tolerance: float = SYNTHETIC
    changes: dict[str, Any] = field(default_factory=dict)

    def spec(self, golden: dict[str, Tensor]) -> MelSpec:
        name = self.mel.split("_")[0]
        spec = mel_spec({"dialect": name} | self.changes)
        if not self.mel.endswith("_normalized"):
            return spec
        return spec.with_statistics(golden[f"{name}_mean"].tolist(), golden[f"{name}_std"].tolist())


CASES = [
    *(Case(f"nvidia_{wave}", f"wave_22050_{wave}") for wave in ("chirp", "quiet", "silence", "loud", "hops")),
    Case("nvidia_speech", "wave_22050_speech", SPEECH),
    Case(
        "nvidia_alt0",
        "wave_alt0",
        changes={"sample_rate": 16000, "n_fft": 800, "win_length": 800, "hop_length": 200, "padding": 400},
    ),
    Case(
        "nvidia_alt1",
        "wave_alt1",
        changes={
            "sample_rate": 24000,
            "n_fft": 2048,
            "win_length": 1200,
            "hop_length": 300,
            "padding": 1024,
            "fmin": 80,
            "fmax": 7600,
        },
    ),
    *(Case(f"hifigan_{wave}", f"wave_22050_{wave}") for wave in ("chirp", "quiet", "silence")),
    Case("hifigan_speech", "wave_22050_speech", SPEECH),
    Case("hifigan_fmax_chirp", "wave_22050_chirp", changes={"fmax": 11025}),
    Case(
        "hifigan_24k_chirp",
        "wave_24000_chirp",
        changes={"sample_rate": 24000, "hop_length": 240, "padding": 392, "num_mels": 100, "fmax": 12000},
    ),
    *(Case(f"bigvgan-24k_{wave}", f"wave_24000_{wave}") for wave in ("chirp", "silence")),
    Case("bigvgan-24k_speech", "wave_24000_speech", SPEECH),
    *(Case(f"bigvgan-44k_{wave}", f"wave_22050_{wave}") for wave in ("chirp", "silence")),
    Case("bigvgan-44k_speech", "wave_22050_speech", SPEECH),
    *(Case(f"pwg-22k_{wave}", f"wave_22050_{wave}") for wave in ("quiet", "silence")),
    Case("pwg-22k_speech", "wave_22050_speech", SPEECH),
    Case("pwg-22k_chirp_e", "wave_22050_chirp", changes={"log_base": "e"}),
    Case("pwg-22k_chirp_2", "wave_22050_chirp", changes={"log_base": "2"}),
    Case("pwg-24k_speech", "wave_24000_speech", SPEECH),
    Case("pwg-24k_hops_normalized", "wave_24000_hops"),
    Case("pwg-24k_silence_normalized", "wave_24000_silence"),
    *(Case(f"vocos_{wave}", f"wave_24000_{wave}") for wave in ("hops", "silence")),
    Case("vocos_speech", "wave_24000_speech", SPEECH),
    Case("vocos_same_chirp", "wave_24000_chirp", changes={"padding": 384}),
    Case("librosa_chirp", "wave_22050_chirp"),
    Case(
        "librosa_80_chirp",
        "wave_22050_chirp",
        changes={
            "n_fft": 1024,
            "win_length": 1024,
            "hop_length": 256,
            "padding": 512,
            "num_mels": 80,
            "fmin": 125,
            "fmax": 7600,
        },
    ),
    Case("r9y9_speech", "wave_22050_speech", SPEECH),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.mel)
def test_the_mel_is_its_originators(case, golden):
    mel = MelFrontend(case.spec(golden))(golden[case.wave])
    torch.testing.assert_close(mel, golden[case.mel], rtol=0, atol=case.tolerance)


@pytest.mark.parametrize("name", ["speech", "hops"])
def test_clarinet_scales_the_audio_first(name, golden):
    wave = golden[f"wave_22050_{name}"]
    mel = MelFrontend(dialect("clarinet"))(wave / wave.abs().max() * 0.999)
    torch.testing.assert_close(mel, golden[f"clarinet_{name}"], rtol=0, atol=SYNTHETIC)


def test_r9y9_filters_the_audio_first(golden):
    highpass = signal.firwin(255, [70 / 11025], pass_zero=False)
    wave = torch.from_numpy(signal.lfilter(highpass, 1, golden["wave_22050_chirp"].double().numpy())).float()
    mel = MelFrontend(dialect("r9y9"))(wave)
    torch.testing.assert_close(mel, golden["r9y9_highpassed_chirp"], rtol=0, atol=SYNTHETIC)


@pytest.mark.parametrize("name", ["speech", "chirp", "quiet", "silence"])
def test_lws_makes_a_frame_more_of_the_last_part_of_a_hop(name, golden):
    wave, upstream = golden[f"wave_22050_{name}"], golden[f"r9y9-2018_{name}"]
    mel = MelFrontend(dialect("r9y9-2018"))(wave)
    assert upstream.shape[1] - mel.shape[1] == int(len(wave) % 256 > 0)
    torch.testing.assert_close(mel, upstream[:, : mel.shape[1]], rtol=0, atol=1e-5)


@pytest.mark.parametrize("hop", [200, 256, 300])
def test_an_lws_window_applied_twice_gives_the_signal_back(hop):
    window = mel_window(mel_spec({"dialect": "r9y9-2018", "hop_length": hop})).square()
    sums = torch.zeros(20 * hop + 1024, dtype=torch.float64)
    for frame in range(20):
        sums[frame * hop : frame * hop + 1024] += window
    torch.testing.assert_close(sums[1024 : 20 * hop], torch.ones_like(sums[1024 : 20 * hop]))


@pytest.mark.parametrize("spec", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("extra", [0, 1, 255, 256, 257, 300])
def test_the_number_of_frames_is_as_announced(spec, extra):
    length = 3000 + extra
    assert MelFrontend(spec)(torch.zeros(length)).shape == (spec.num_mels, spec.num_frames(length))


def test_hifigan_gives_a_frame_for_each_whole_hop():
    assert [dialect("hifigan").num_frames(length) for length in (1023, 1024, 1279, 1280)] == [3, 4, 4, 5]


@pytest.mark.parametrize("name", ["nvidia", "hifigan", "vocos", "pwg-24k"])
def test_a_click_is_loudest_in_the_frame_centred_on_it(name):
    spec = dialect(name)
    click = torch.zeros(20 * spec.hop_length)
    click[spec.frame_centre + 9 * spec.hop_length] = 0.5
    assert int(MelFrontend(spec)(click).sum(dim=0).argmax()) == 9


@pytest.mark.parametrize("spec", DIALECTS.values(), ids=DIALECTS)
def test_a_batch_is_its_items(spec, recordings):
    batch = torch.stack([audio[:20000] for audio in recordings])
    frontend = MelFrontend(spec)
    torch.testing.assert_close(
        frontend(batch), torch.stack([frontend(audio) for audio in batch]), atol=1e-5, rtol=0
    )


def test_pre_emphasis_is_a_filter_before_the_analysis(speech):
    emphasized = torch.from_numpy(signal.lfilter([1, -0.97], [1], speech.numpy())).float()
    filtering = MelFrontend(mel_spec({"dialect": "nvidia", "pre_emphasis": 0.97}))
    torch.testing.assert_close(
        filtering(speech), MelFrontend(dialect("nvidia"))(emphasized), atol=1e-3, rtol=0
    )


@pytest.mark.parametrize("spec", DIALECTS.values(), ids=DIALECTS)
def test_the_gradient_points_uphill(spec, speech):
    audio = speech[8000:14000].clone().requires_grad_()
    frontend = MelFrontend(spec)
    before = frontend(audio).mean()
    (gradient,) = torch.autograd.grad(before, audio)
    step = 1e-4 * gradient / gradient.norm()
    with torch.no_grad():
        rise = frontend(audio + step).mean() - frontend(audio - step).mean()
    assert float(rise) == pytest.approx(2e-4 * float(gradient.norm()), rel=0.1)


@pytest.mark.parametrize("spec", DIALECTS.values(), ids=DIALECTS)
def test_the_gradient_of_silence_is_finite(spec):
    audio = torch.zeros(6000, requires_grad=True)
    MelFrontend(spec)(audio).sum().backward()
    assert torch.isfinite(audio.grad).all()


def test_half_precision_audio_and_autocast_are_analysed_in_float32(speech):
    frontend = MelFrontend(dialect("nvidia"))
    whole = frontend(speech.half().float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(frontend(speech.half()), whole)


def test_a_front_end_adds_nothing_to_a_checkpoint():
    assert not MelFrontend(dialect("nvidia")).state_dict()


@pytest.mark.parametrize("spec", DIALECTS.values(), ids=DIALECTS)
def test_the_shortest_audio_gives_a_frame_and_a_shorter_one_an_error(spec):
    frontend = MelFrontend(spec)
    assert frontend(torch.zeros(spec.min_samples)).shape[1] >= 1
    with pytest.raises(InputError, match=f"give at least {spec.min_samples}"):
        frontend(torch.zeros(spec.min_samples - 1))


@pytest.mark.parametrize(
    ("value", "message"), [(float("nan"), "NaN"), (float("inf"), "infinity"), (20000.0, "divide 16-bit")]
)
def test_what_is_no_waveform_is_refused(value, message):
    audio = torch.zeros(5000)
    audio[17] = value
    with pytest.raises(InputError, match=message):
        MelFrontend(dialect("nvidia"))(audio)


@pytest.mark.gpu
def test_a_gpu_gives_the_mel_of_the_cpu(speech):
    frontend = MelFrontend(dialect("nvidia"))
    there = frontend.cuda()(speech.cuda()).cpu()
    torch.testing.assert_close(there, MelFrontend(dialect("nvidia"))(speech), rtol=0, atol=SPEECH)
