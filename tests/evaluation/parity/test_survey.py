"""Two systems over recordings: equal ones do not differ, and the page and the tables say so."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console
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


def compared(*systems: Gain) -> list[Utterance]:
    clips = [Clip(name, DATA / f"{name}.flac") for name in ("LJ001-0002", "LJ002-0020")]
    return list(survey(clips, systems, [Voicing()], MEASURES))


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
    result = to_json(compared(Gain("one", 0.5), Gain("other", 0.8)), VOICES, [Voicing()], "vocoder parity")
    assert result["measures"]["loudness_difference"]["verdict"] == "worse"
    voiced = result["sounds"]["voicing"]["classes"]["voiced"]
    assert voiced["level"]["verdict"] == voiced["distance"]["verdict"] == "worse"
    assert voiced["level"]["difference"]["mean"] == pytest.approx(4.08, abs=0.1)  # 20 log10(0.8 / 0.5)


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
    assert "utterances: 0;" in page_of(result)


@pytest.mark.parametrize("count", [1, 3])
def test_it_takes_two_voices(count: int) -> None:
    with pytest.raises(InputError, match="two voices"):
        compared(*(Gain(str(number)) for number in range(count)))
