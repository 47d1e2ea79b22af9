import math
import os

import pytest
import torch

from vocoder.audio import resample, write
from vocoder.errors import InputError
from vocoder.evaluation import Clip, GriffinLim, Recording, Score, run
from vocoder.evaluation.report import to_json

MEASURES = ["estoi", "lag"]


@pytest.fixture
def clips(tmp_path, speech, noisy) -> list[Clip]:
    paths = [tmp_path / "a.wav", tmp_path / "b.wav"]
    for path, audio in zip(paths, (speech, noisy), strict=True):
        write(path, audio, 22_050)
    return [Clip(path.stem, path) for path in paths]


def test_every_system_on_every_clip(clips):
    scores = list(run(clips, [Recording(), GriffinLim(iterations=1)], MEASURES))
    assert [(score.clip, score.system) for score in scores] == [
        ("a", "recording"),
        ("a", "griffin-lim"),
        ("b", "recording"),
        ("b", "griffin-lim"),
    ]
    assert all(list(score.values) == MEASURES for score in scores)
    assert scores[0].seconds == pytest.approx(2.1)


def test_another_process_gives_the_same(clips, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    alone = list(run(clips[:1], [Recording()], MEASURES))
    assert list(run(clips[:1], [Recording()], MEASURES, workers=2)) == alone
    assert "OMP_NUM_THREADS" not in os.environ


def test_a_clip_that_cannot_be_read_does_not_stop_the_others(clips):
    clips[0].path.write_bytes(b"no audio")
    broken, whole = run(clips, [Recording()], MEASURES)
    assert isinstance(broken, Score)
    assert "a.wav" in str(broken.error)
    assert not broken.values
    assert whole.error is None


class SilentOn:
    """The recording, and silence where it is the noisy one."""

    name = "mute"

    def __init__(self, noisy):
        self.noisy = noisy

    def generate(self, audio, sample_rate):
        same = torch.allclose(audio, self.noisy, atol=1e-3)
        return (torch.zeros_like(audio) if same else audio), sample_rate


@pytest.mark.eval
def test_a_system_that_is_silent_on_half_the_clips_does_not_keep_its_pesq_unremarked(clips, noisy):
    pytest.importorskip("pesq")
    result = to_json(list(run(clips, [Recording(), SilentOn(noisy)], ["pesq"])))
    assert result["systems"]["mute"]["pesq"]["clips"] == 1
    assert result["systems"]["recording"]["pesq"]["clips"] == 1
    assert result["failures"]["mute"] == {"failed": [], "without": {"pesq": ["b"]}}
    assert result["failures"]["recording"] == {"failed": [], "without": {}}


def test_a_clip_too_short_for_the_mel_is_an_error_of_its_own(clips, speech):
    write(clips[0].path, speech[:100], 22_050)
    broken, _ = run(clips, [GriffinLim(iterations=1)], MEASURES)
    assert "samples are too few" in str(broken.error)


@pytest.mark.parametrize(
    ("systems", "measures", "workers", "message"),
    [
        ([], None, 1, "no system"),
        ([Recording(), Recording()], None, 1, "different names"),
        ([Recording()], ["visqol"], 1, "visqol"),
        ([Recording()], None, 0, "workers must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_run_is_refused_at_once(clips, systems, measures, workers, message):
    with pytest.raises(InputError, match=message):
        run(clips, systems, measures, workers)


def test_no_clip_is_refused_at_once():
    with pytest.raises(InputError, match="no clip"):
        run([], [Recording()])


class Widened:
    """The recording at 22,050 Hz, with noise above what 16 kHz can hold."""

    name = "widened"

    def generate(self, audio, sample_rate):
        wide = resample(audio, sample_rate, 22_050)
        noise = 0.05 * torch.randn(len(wide), generator=torch.Generator().manual_seed(0))
        low = resample(resample(noise, 22_050, 17_000), 17_000, 22_050)
        return wide + noise - low, 22_050


def test_a_band_that_the_recording_cannot_hold_does_not_count(tmp_path, speech):
    path = tmp_path / "narrow.wav"
    write(path, resample(speech, 22_050, 16_000), 16_000)
    measures = ["estoi", "stft_log_magnitude", "upper_band"]
    (score,) = run([Clip("narrow", path)], [Widened()], measures)
    assert score.error is None
    assert score.values["estoi"] == pytest.approx(1.0, abs=1e-3)
    assert score.values["stft_log_magnitude"] < 0.05
    assert math.isnan(score.values["upper_band"])
