"""Two systems over recordings: equal ones do not differ, and the page and the tables say so."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from scipy import stats
from torch import Tensor

from vocoder.errors import InputError
from vocoder.evaluation import Clip
from vocoder.evaluation.parity.page import page_of
from vocoder.evaluation.parity.report import to_json
from vocoder.evaluation.parity.sounds import Voicing
from vocoder.evaluation.parity.survey import Utterance, survey
from vocoder.evaluation.parity.tables import to_tables

DATA = Path(__file__).parents[2] / "data"
MEASURES = ("stft_log_magnitude", "loudness_difference")
VOICES = ("one", "other")


@dataclass(frozen=True)
class Gain:
    """The recording, softer."""

    name: str
    gain: float = 0.8

    def generate(self, audio: Tensor, sample_rate: int) -> tuple[Tensor, int]:
        return self.gain * audio, sample_rate


@dataclass(frozen=True)
class Rough(Gain):
    """As soft, and with noise, more of it in longer recordings."""

    def generate(self, audio: Tensor, sample_rate: int) -> tuple[Tensor, int]:
        noise = torch.randn(len(audio), generator=torch.Generator().manual_seed(0))
        return self.gain * (audio + 1e-12 * len(audio) ** 2 * noise), sample_rate


@dataclass
class Counting:
    """`Voicing`, which counts how often it is asked."""

    name = Voicing.name
    meaning = Voicing.meaning
    classes = Voicing.classes
    asked: int = 0

    def label(
        self, clip: Clip, audio: np.ndarray, sample_rate: int, seconds: np.ndarray
    ) -> np.ndarray | None:
        self.asked += 1
        return Voicing().label(clip, audio, sample_rate, seconds)


CLIPS = [Clip(f"lj/{name}", DATA / f"{name}.flac") for name in ("LJ001-0002", "LJ002-0020")]


def compared(*systems: Gain) -> list[Utterance]:
    return list(survey(CLIPS, systems, [Voicing()], MEASURES))


def spoken_by(count: int, utterances: list[Utterance]) -> list[Utterance]:
    """As if each of so many speakers had said the utterances, no two quite alike."""

    def vary(values: Mapping[str, float], by: float) -> dict[str, float]:
        return {name: value * (1 + by) for name, value in values.items()}

    return [
        replace(
            utterance,
            speaker=str(number),
            values={voice: vary(values, 0.01 * number) for voice, values in utterance.values.items()},
        )
        for number in range(count)
        for utterance in utterances
    ]


def test_a_voice_against_itself_differs_by_exactly_zero() -> None:
    result = to_json(compared(Gain("one"), Gain("other")), VOICES, [Voicing()], "vocoder parity")
    sounds = result["sounds"]["voicing"]["classes"].values()
    paired = [result["measures"][name] for name in MEASURES]
    paired += [sound[figure] for sound in sounds for figure in ("distance", "level")]
    for figure in paired:
        assert figure["difference"] == {"mean": 0.0, "low": 0.0, "high": 0.0, "clips": 2}
        assert figure["verdict"] == "no difference shown"
    assert sum(sound["share"] for sound in sounds) == pytest.approx(1)


def test_the_voice_with_the_wrong_level_is_worse() -> None:
    """On two clips of one speaker, as their difference is the same to 0.1 dB: t of one degree is 12.7."""
    result = to_json(compared(Gain("one", 0.5), Gain("other", 0.8)), VOICES, [Voicing()], "vocoder parity")
    loudness = result["measures"]["loudness_difference"]
    level = result["sounds"]["voicing"]["classes"]["voiced"]["level"]
    for figure in (loudness, level):
        assert figure["difference"]["mean"] == pytest.approx(4.08, abs=0.1)  # 20 log10(0.8 / 0.5)
        assert (figure["speakers"], figure["verdict"]) == (1, "worse")
    assert "worse (over utterances)" in page_of(result)


def test_two_clips_that_differ_by_unlike_amounts_show_nothing() -> None:
    """The mean difference lies within 12.7 standard errors of zero, though both clips have the same sign."""
    heard = compared(Rough("one"), Gain("other"))
    differences = [
        u.values["one"]["stft_log_magnitude"] - u.values["other"]["stft_log_magnitude"] for u in heard
    ]
    assert min(differences) > 0
    figure = to_json(heard, VOICES, [Voicing()], "vocoder parity")["measures"]["stft_log_magnitude"]
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert (figure["difference"]["low"], figure["difference"]["high"]) == pytest.approx(tuple(expected))
    assert figure["verdict"] == "no difference shown"


def test_the_verdict_is_over_speakers_and_the_page_says_of_how_many() -> None:
    heard = spoken_by(6, compared(Rough("one"), Gain("other")))
    result = to_json(heard, VOICES, [Voicing()], "vocoder parity")
    figure = result["measures"]["stft_log_magnitude"]
    assert (figure["difference"]["clips"], figure["speakers"], figure["verdict"]) == (12, 6, "worse")
    page = page_of(result)
    assert "utterances: 12, speakers: 6;" in page
    assert "Student's t over speakers" in page
    assert "(over utterances)" not in page


def test_the_recording_is_divided_once_for_both_voices() -> None:
    """And by the times of each: a voice that comes early is cut elsewhere."""
    counting = Counting()
    (utterance,) = survey(CLIPS[:1], [Gain("one"), Gain("other")], [counting], MEASURES)
    assert counting.asked == 1
    assert utterance.sounds == compared(Gain("one"), Gain("other"))[0].sounds


def test_the_result_is_json_and_the_page_and_tables_are_made_of_it() -> None:
    result = to_json(compared(Gain("one", 0.5), Gain("other")), VOICES, [Voicing()], "vocoder parity a.txt")
    result = json.loads(json.dumps(result, allow_nan=False))
    page = page_of(result)
    assert page.startswith("# One and other, side by side")
    assert "`vocoder parity a.txt`" in page
    assert "worse on loudness by" in page
    console = Console(width=200)
    with console.capture() as capture:
        console.print(*to_tables(result), sep="\n")
    assert "loudness [LU]" in capture.get()
    assert "unvoiced" in capture.get()


def test_a_recording_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound")
    (utterance,) = survey([Clip("broken", broken)], [Gain("one"), Gain("other")], [Voicing()], MEASURES)
    assert utterance.error
    result = to_json([utterance], VOICES, [Voicing()], "vocoder parity")
    assert result["sounds"]["voicing"]["utterances"] == 0
    assert "utterances: 0, speakers: 0;" in page_of(result)


@pytest.mark.parametrize("count", [1, 3])
def test_it_takes_two_voices(count: int) -> None:
    with pytest.raises(InputError, match="two voices"):
        compared(*(Gain(str(number)) for number in range(count)))
