"""What voices sound like against their compute is what their records say."""

import pytest

from training.scaling.sound import laws, section, sounds
from vocoder.checkpoints import CheckpointInfo
from vocoder.mel import mel_spec

HOURS = [0.5, 1.0, 2.0, 4.0, 8.0]


def info(kind: str, hours: float, lacking: float, title: str = "the list") -> CheckpointInfo:
    figures = {
        "recording": {"pesq": 4.64, "estoi": 1.0, "dnsmos": 3.3},
        "someone": {"pesq": 4.64 - lacking, "estoi": 1 - lacking / 10, "dnsmos": 3.35},
    }
    systems = {
        name: {key: {"mean": value, "low": value, "high": value} for key, value in values.items()}
        for name, values in figures.items()
    }
    return CheckpointInfo(
        kind=kind,
        mel_spec=mel_spec("nvidia"),
        config={},
        description="one",
        training={"cpu_seconds": 3600 * hours - 60, "began_with": {"cpu_seconds": 60}},
        figures={title: {"clips": 2, "systems": systems}},
    )


@pytest.fixture
def infos() -> dict[str, CheckpointInfo]:
    teachers = {f"teacher-{hours:g}": info("teacher", hours, 0.2 + hours**-0.5) for hours in reversed(HOURS)}
    return teachers | {"student": info("student", 1.0, 0.5), "elsewhere": info("student", 1.0, 0.1, "other")}


def test_voices_of_the_list_stand_by_kind_and_cost(infos):
    found = sounds(infos, "the list")
    assert [sound.name for sound in found] == ["student", *(f"teacher-{hours:g}" for hours in HOURS)]
    assert found[1].cost == 0.5 * 3600
    assert found[1].lacks("pesq") == pytest.approx(0.2 + 0.5**-0.5)


def test_a_law_is_fitted_to_what_is_lacking_where_there_are_points(infos):
    fitted = laws(sounds(infos, "the list"))
    assert [(one.curve.name, one.curve.label) for one in fitted] == [
        ("teacher", "pesq"),
        ("teacher", "estoi"),
    ]
    assert fitted[0].law.floor == pytest.approx(0.2, abs=0.02)
    assert fitted[0].law.exponent == pytest.approx(0.5, abs=0.05)


def test_the_section_has_a_row_a_voice_and_a_forecast_a_law(infos):
    lines = section(infos, "the list")
    assert sum(line.startswith("| teacher-") for line in lines) == len(HOURS)
    assert any(line.startswith("| teacher | PESQ-WB | 5 |") for line in lines)
    assert section(infos, "no such list") == []
