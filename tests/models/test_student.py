"""Laws of the Vocoder contract, on the student."""

import pytest
import torch
from torch import Tensor

from tests.models.meeting import check_streams_meet
from vocoder.checkpoints import load
from vocoder.errors import ConfigError, InputError
from vocoder.mel import DIALECTS
from vocoder.models import Student, StudentConfig
from vocoder.noise import normal_noise


def streamed(student: Student, mel: Tensor, sizes: list[int], seed: int) -> Tensor:
    stream, pieces, position = student.open_stream(seed=seed), [], 0
    for size in sizes:
        pieces.append(stream.push(mel[:, position : position + size]))
        position += size
    return torch.cat([*pieces, stream.finish()])


def test_audio_is_a_tensor_like_any_other() -> None:
    voice = load("student-linear")
    mel = torch.full((80, 30), -5.0)
    stream = voice.open_stream()
    for audio in (voice.synthesize(mel), stream.push(mel), stream.finish()):
        audio /= audio.abs().max()
        gain = torch.ones((), requires_grad=True)
        (audio * gain).sum().backward()
        assert gain.grad is not None


def test_audio_has_one_hop_a_frame(student: Student, mel: Tensor) -> None:
    assert student.synthesize(mel).shape == (40 * 256,)
    assert student.synthesize(mel[:, :1]).shape == (256,)


@pytest.mark.parametrize("sizes", [[40], [1] * 40, [0, 3, 0, 20, 17], [39, 1]])
def test_a_stream_equals_the_whole(student: Student, mel: Tensor, sizes: list[int]) -> None:
    assert torch.allclose(streamed(student, mel, sizes, 5), student.synthesize(mel, seed=5), atol=1e-4)


def test_audio_comes_as_soon_as_the_lookahead_allows(student: Student, mel: Tensor) -> None:
    stream = student.open_stream()
    lengths = [len(stream.push(mel[:, i : i + 1])) for i in range(mel.shape[1])]
    assert lengths == [0] * student.lookahead_frames + [256] * (40 - student.lookahead_frames)


def test_later_frames_change_nothing_before_the_lookahead(student: Student, mel: Tensor) -> None:
    changed = mel.clone()
    changed[:, 30:] += 1.0
    certain = (30 - student.lookahead_frames) * 256
    before, after = student.synthesize(mel), student.synthesize(changed)
    assert torch.allclose(before[:certain], after[:certain], atol=1e-5)
    assert not torch.allclose(before[certain:], after[certain:], atol=1e-2)


def test_a_batch_equals_its_single_requests(student: Student, mel: Tensor) -> None:
    batch = torch.stack([mel, mel.flip(1), mel + 0.3])
    together = student.synthesize(batch, seed=[1, 2, 3])
    for row, item, seed in zip(together, batch, [1, 2, 3], strict=True):
        assert torch.allclose(row, student.synthesize(item, seed=seed), atol=1e-4)


def test_density_inverts_synthesis(student: Student, mel: Tensor) -> None:
    """log p(x) is that of the noise, less the log-determinant, which is the same for every noise."""
    values = []
    for seed in (0, 1):
        audio = student.synthesize(mel, seed=seed, temperature=1.0)
        noise = normal_noise([seed], 0, len(audio))
        base = torch.distributions.Normal(0.0, 1.0).log_prob(noise).sum()
        values.append(student.log_prob(audio[None], mel[None])[0] - base)
    assert torch.allclose(values[0], values[1], atol=0.5)  # of some 10 000 nats


def test_density_of_a_cut_recording_ignores_what_is_missing(student: Student, mel: Tensor) -> None:
    audio = student.synthesize(mel)[None]
    lengths = [len(audio[0]) - cut for cut in (0, 100, 200)]
    scores = [float(student.log_prob(audio[:, :n], mel[None])) for n in lengths]
    assert torch.isfinite(torch.tensor(scores)).all()
    assert abs(scores[0] - scores[2]) < 200 * 20  # nats for the 200 samples that were cut
    with pytest.raises(InputError, match="more than 40 frames cover"):
        student.log_prob(torch.zeros(1, 40 * 256 + 1), mel[None])


def test_temperature_zero_leaves_the_pulses(student: Student, mel: Tensor) -> None:
    a, b = (student.synthesize(mel, seed=s, temperature=0.0) for s in (1, 2))
    assert torch.equal(a, b)


def test_streams_that_began_apart_share_a_batch(student: Student, mel: Tensor) -> None:
    check_streams_meet(student, mel, frames=2)


def cooled(sizes: StudentConfig, voiced: float) -> Student:
    """A student of that size whose voiced sounds have this factor of the temperature."""
    torch.manual_seed(0)
    model = Student(sizes.model_copy(update={"voiced": voiced}), DIALECTS["nvidia"])
    torch.nn.init.normal_(model.filters.network.last.weight, std=0.1)
    return model.eval().requires_grad_(False)


def test_a_stream_with_cooler_voiced_sounds_is_the_whole(student: Student, mel: Tensor) -> None:
    cool = cooled(student.config, 0.25)
    whole = cool.synthesize(mel, seed=5)
    assert not torch.equal(whole, student.synthesize(mel, seed=5))
    assert torch.allclose(streamed(cool, mel, [0, 3, 0, 20, 17], 5), whole, atol=1e-4)


def test_where_every_sound_is_voiced_the_factor_is_a_temperature(student: Student, mel: Tensor) -> None:
    cool, plain = cooled(student.config, 0.5), cooled(student.config, 1.0)
    for model in (cool, plain):
        model.pitch.network.last.bias[-1] = 99.0  # the logit of voice
    certain = cool.synthesize(mel, seed=3)
    assert not torch.equal(certain, plain.synthesize(mel, seed=3))
    torch.testing.assert_close(certain, plain.synthesize(mel, seed=3, temperature=0.5), rtol=0, atol=1e-6)


def test_bad_input_is_named(student: Student, mel: Tensor) -> None:
    with pytest.raises(InputError, match="transpose it"):
        student.synthesize(mel.T)
    with pytest.raises(InputError, match="no frames"):
        student.synthesize(mel[:, :0])
    with pytest.raises(InputError, match="temperature must lie"):
        student.synthesize(mel, temperature=3.0)
    with pytest.raises(InputError, match="one for each of 1 mels, got 2"):
        student.synthesize(mel, seed=[1, 2])
    stream = student.open_stream()
    stream.finish()
    with pytest.raises(InputError, match="finished"):
        stream.push(mel)


def test_a_dialect_that_it_cannot_read_is_refused() -> None:
    with pytest.raises(ConfigError, match="log_base '10'"):
        Student(StudentConfig(), DIALECTS["pwg-22k"])
    with pytest.raises(ConfigError, match="frame_centre"):
        Student(StudentConfig(), DIALECTS["hifigan"])
