"""Segments are a function of (seed, step), and their mel is the one the front end gives the whole clip."""

from pathlib import Path

import numpy as np
import pytest
import torch

from training.data.manifests import DataConfig, Source, find_recordings
from training.data.pitch import PitchTrack
from training.data.segments import Clip, SegmentConfig, Segments, _weights
from vocoder.errors import ConfigError
from vocoder.mel import DIALECTS, MelFrontend

SPEC = DIALECTS["nvidia"]
LEFT, RIGHT = 5, 3


@pytest.fixture
def clip() -> Clip:
    rng = np.random.default_rng(0)
    track = PitchTrack(np.linspace(100, 200, 400, dtype=np.float32), np.ones(400, dtype=bool))
    return Clip("a", rng.integers(-9000, 9000, 40_000).astype(np.int16), track)


def segments(clip: Clip, **changes: float) -> Segments:
    config = SegmentConfig.model_validate({"batch": 3, "frames": 16, "gain_db": 0, "speed": 0} | changes)
    return Segments([clip], SPEC, config, balance=0.5, left=LEFT, right=RIGHT)


def test_the_batch_of_a_step_is_always_the_same(clip: Clip) -> None:
    drawn = segments(clip, gain_db=6, speed=0.1)
    a, again, other = drawn.batch(1, 7), drawn.batch(1, 7), drawn.batch(1, 8)
    assert all(torch.equal(x, y) for x, y in zip(a, again, strict=True))
    assert not torch.equal(a.audio, other.audio)


def test_a_clip_is_drawn_as_numpy_draws_it(clip: Clip) -> None:
    """By length and speaker; the draws after it are the same as well."""
    rng = np.random.default_rng(0)
    clips = [
        Clip(f"speaker {i % 7}", np.zeros(length, np.int16), name=str(i))
        for i, length in enumerate(rng.integers(1, 60_000, 501))
    ]
    for balance in (0.0, 0.5, 1.0):
        config = SegmentConfig(batch=50, frames=16)
        drawn = Segments(clips, SPEC, config, balance=balance, left=LEFT, right=RIGHT)
        weights = _weights(clips, balance)
        for step in range(40):
            rng = np.random.default_rng([5, step])
            expected = []
            for _ in range(config.batch):
                chosen = clips[rng.choice(len(clips), p=weights)]
                speed = 1 + config.speed * rng.uniform(-1, 1)
                rng.uniform()
                rng.integers(max(1, len(chosen.audio) - int(config.frames * SPEC.hop_length * speed)))
                expected.append(chosen.name)
            assert drawn.names(5, step) == expected


def test_the_mel_of_a_segment_is_that_of_the_clip(clip: Clip) -> None:
    """Also at its edges: the frames around a segment see the audio around it."""
    batch = segments(clip).batch(0, 0)
    wave = torch.from_numpy(clip.audio.astype(np.float32) / 32767)
    place = int((wave.unfold(0, 64, 1) - batch.audio[0, :64]).abs().sum(1).argmin())
    assert torch.equal(wave[place : place + 16 * 256], batch.audio[0])
    half, begin = SPEC.n_fft // 2, place - LEFT * SPEC.hop_length
    inside = [i for i in range(LEFT + 16 + RIGHT) if half <= begin + 256 * i <= len(wave) - half]
    for i in inside:
        frame = MelFrontend(SPEC).linear(wave[None, begin + 256 * i - half : begin + 256 * i + half])
        assert torch.allclose(frame[0, :, 0].clamp(min=SPEC.floor).log(), batch.mel[0, :, i], atol=1e-4)


def test_speed_changes_the_pitch_with_the_audio(clip: Clip) -> None:
    fast = segments(clip, speed=0.1).batch(0, 0)
    assert fast.audio.shape == (3, 16 * 256)
    assert fast.f0.shape == (3, LEFT + 16 + RIGHT)
    assert 90 * 0.9 <= fast.f0.min() <= fast.f0.max() <= 200 * 1.1 + 1


def test_pitch_is_interpolated_on_a_logarithmic_scale() -> None:
    track = PitchTrack(np.array([100.0, 400.0], dtype=np.float32), np.array([True, False]))
    f0, voiced = track.at(np.array([-1.0, 0.0025, 0.0049, 9.0]))
    assert np.allclose(f0[:2], [100.0, 200.0], rtol=1e-5)
    assert voiced.tolist() == [1.0, 1.0, 0.0, 0.0] or voiced.tolist() == [1.0, 0.0, 0.0, 0.0]


def test_recordings_are_found_and_missing_ones_named(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("anna_1.wav", "ben_1.flac"):
        (folder / name).write_bytes(b"x")
    (folder / "all.txt").write_text("anna_1\nben_1.flac\n")
    config = DataConfig(
        root=tmp_path, sources=[Source(folder="set", list="all.txt")], exclude_speakers=["ben"]
    )
    assert [(r.path.name, r.speaker) for r in find_recordings(config)] == [("anna_1.wav", "anna")]
    (folder / "all.txt").write_text("carla_1\n")
    with pytest.raises(ConfigError, match="lists carla_1, but has no such file"):
        find_recordings(config)
    absent = config.model_copy(update={"sources": [Source(folder="none", list="all.txt")]})
    with pytest.raises(ConfigError, match="data source none: cannot read"):
        find_recordings(absent)


def test_without_a_track_the_audio_is_the_same_and_pitch_is_absent(clip: Clip) -> None:
    tracked = segments(clip, speed=0.1).batch(0, 1)
    batch = segments(clip._replace(pitch=None), speed=0.1).batch(0, 1)
    assert torch.equal(batch.audio, tracked.audio)
    assert torch.equal(batch.mel, tracked.mel)
    assert batch.f0 is batch.voiced is None
    assert batch.to(torch.device("cpu")).f0 is None
