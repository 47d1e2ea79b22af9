"""A pass of correction: the mel comes nearer, what is right stays, a stream is the whole."""

import pytest
import torch

from vocoder.audio import read
from vocoder.errors import ConfigError
from vocoder.mel import DIALECTS, MelFrontend, MelSpec
from vocoder.mel.correction import LIMIT, MelCorrection
from vocoder.samples import SAMPLES


@pytest.fixture(autouse=True, params=[False, True], ids=["compiled", "tensors"])
def grad(request):
    """Where gradients are on, a round is made of operations on tensors, otherwise of compiled loops."""
    with torch.set_grad_enabled(request.param):
        yield


CORRECTED = {name: spec for name, spec in DIALECTS.items() if name != "r9y9-2018"}
"""A voice of the other's mels speaks three hops late, and is not heard where its frames lie."""
SPECS = pytest.mark.parametrize("spec", CORRECTED.values(), ids=CORRECTED)


def speech(spec: MelSpec, num_frames: int = 60) -> torch.Tensor:
    path = next(iter(SAMPLES.values()))
    audio = read(path, sample_rate=spec.sample_rate)[0]
    return audio[4000 : 4000 + spec.num_samples(num_frames)][None]


def mel_of(audio: torch.Tensor, spec: MelSpec) -> torch.Tensor:
    """A frame for each hop."""
    return MelFrontend(spec)(audio)[..., : audio.shape[1] // spec.hop_length]


def rippled(audio: torch.Tensor) -> torch.Tensor:
    """Its level up and down by 4 dB four times a second, its treble down."""
    time = torch.arange(audio.shape[1]) / 22050
    level = 10 ** (0.2 * torch.sin(2 * torch.pi * 4 * time))
    return level * (audio + 0.5 * torch.nn.functional.pad(audio, (1, 0))[:, :-1])


@SPECS
def test_what_has_its_mel_already_stays_as_it_is(spec: MelSpec) -> None:
    audio = speech(spec)
    out = MelCorrection(spec)(audio, mel_of(audio, spec))
    assert out.shape == audio.shape
    inside = slice(None) if not spec.pre_emphasis else slice(spec.n_fft, -spec.n_fft)
    assert (out - audio)[:, inside].abs().max() < 2e-3 * audio.abs().max()


@SPECS
def test_the_mel_comes_nearer_with_each_pass(spec: MelSpec) -> None:
    audio = speech(spec)
    mel, heard = mel_of(audio, spec), rippled(audio)
    distances = []
    for _ in range(3):
        distances.append((mel_of(heard, spec) - mel).abs().mean())
        heard = MelCorrection(spec)(heard, mel)
    assert distances[1] < 0.5 * distances[0]
    assert distances[2] < 0.8 * distances[1]


@SPECS
@pytest.mark.parametrize("hops", [1, 3, 17])
def test_a_stream_is_the_whole(spec: MelSpec, hops: int) -> None:
    """Also with the frames of the mel far ahead of the audio."""
    audio = speech(spec)
    mel, correction = mel_of(audio, spec), MelCorrection(spec)
    whole = correction(rippled(audio), mel)
    parts, state, pieces = rippled(audio).split(hops * spec.hop_length, dim=1), correction.start(1), []
    fresh = [mel, *[mel[..., :0]] * (len(parts) - 1)]
    for i, (part, frames) in enumerate(zip(parts, fresh, strict=True)):
        out, state = correction.advance(part, frames, state, last=i == len(parts) - 1)
        pieces.append(out)
    assert (torch.cat(pieces, dim=1) - whole).abs().max() < 1e-5


@SPECS
def test_it_waits_for_its_look_ahead_and_no_more(spec: MelSpec) -> None:
    audio, correction = speech(spec), MelCorrection(spec)
    mel, state = mel_of(audio, spec), correction.start(1)
    given = 0
    for i, part in enumerate(audio.split(spec.hop_length, dim=1)):
        out, state = correction.advance(part, mel[..., i : i + 1], state, last=False)
        given += out.shape[1] // spec.hop_length
        assert given >= i + 1 - correction.lookahead_frames
    assert given == mel.shape[2] - correction.lookahead_frames


UNEVEN = DIALECTS["nvidia"].model_copy(update={"n_fft": 1023, "win_length": 901, "hop_length": 241})


@pytest.mark.parametrize("spec", [*CORRECTED.values(), UNEVEN], ids=[*CORRECTED, "uneven"])
@pytest.mark.parametrize("hops", [1, 5, 60])
def test_the_compiled_rounds_are_those_of_tensors(spec: MelSpec, hops: int) -> None:
    audio = torch.cat([speech(spec), rippled(speech(spec))])
    mel, correction = mel_of(audio.flip(0), spec)[..., :-1], MelCorrection(spec)
    states, pieces = [correction.start(2)] * 2, []
    parts = audio.split(hops * spec.hop_length, dim=1)
    for i, part in enumerate(parts):
        frames, last = mel[..., i * hops : (i + 1) * hops], i == len(parts) - 1
        with torch.enable_grad():
            plain, states[0] = correction.advance(part, frames, states[0], last=last)
        with torch.no_grad():
            fast, states[1] = correction.advance(part, frames, states[1], last=last)
        pieces.append((plain, fast))
    plain, fast = (torch.cat(parts, dim=1) for parts in zip(*pieces, strict=True))
    assert plain.shape == audio.shape
    assert (plain - fast).abs().max() < 1e-5 * audio.abs().max()


def test_a_batch_is_its_rows() -> None:
    spec = DIALECTS["nvidia"]
    audio = torch.cat([speech(spec), rippled(speech(spec))])
    mel, correction = mel_of(audio, spec), MelCorrection(spec)
    both = correction(audio.flip(0), mel)
    alone = torch.cat([correction(audio[[1]], mel[[0]]), correction(audio[[0]], mel[[1]])])
    assert torch.allclose(both, alone, atol=1e-6)


def test_no_band_is_changed_by_more_than_the_limit() -> None:
    spec = DIALECTS["nvidia"]
    audio = speech(spec)
    out = MelCorrection(spec)(audio, torch.full((1, spec.num_mels, 60), 9.0))
    ratio = out.square().sum() / audio.square().sum()
    assert 1 < ratio <= torch.tensor(2 * LIMIT).exp() * 1.01


@pytest.mark.parametrize("num_frames", [1, 2, 3])
def test_an_utterance_of_a_few_frames_has_its_length(num_frames: int) -> None:
    spec = DIALECTS["nvidia"]
    audio = 0.1 * torch.randn(2, spec.num_samples(num_frames), generator=torch.Generator().manual_seed(0))
    out = MelCorrection(spec)(audio, torch.zeros(2, spec.num_mels, num_frames))
    assert out.shape == audio.shape
    assert out.isfinite().all()


def test_silence_stays_silent() -> None:
    spec = DIALECTS["nvidia"]
    quiet = torch.full((1, spec.num_mels, 20), spec.floor_value)
    assert not MelCorrection(spec)(torch.zeros(1, spec.num_samples(20)), quiet).any()


def test_an_analysis_that_does_not_reach_over_the_ends_is_refused() -> None:
    for padding in (0, 1024):
        with pytest.raises(ConfigError, match=f"n_fft is 1024, the padding {padding}"):
            MelCorrection(DIALECTS["nvidia"].model_copy(update={"padding": padding}))


def test_a_voice_that_speaks_later_than_its_frames_lie_is_not_corrected() -> None:
    with pytest.raises(ConfigError, match="the padding 768: leave correction at 0"):
        MelCorrection(DIALECTS["r9y9-2018"])
