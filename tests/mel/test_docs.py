import json
from pathlib import Path

import pytest

from vocoder.evaluation import MEASURES
from vocoder.mel import DIALECTS, MelSpec, obstacles

PAGE = Path(__file__).parents[2] / "docs" / "mel.md"


def row(name: str, spec: MelSpec) -> str:
    logarithm = {"e": "ln", "10": "log10"}[spec.log_base]
    factor = f"{spec.multiplier:g} " if spec.multiplier != 1 else ""
    offset = f" {spec.offset:+g}" if spec.offset else ""
    floor = f"{spec.floor:.0e}".replace("e-0", "e-")
    cells = [
        name,
        str(spec.sample_rate),
        f"{spec.n_fft}/{spec.win_length}/{spec.hop_length}",
        f"{spec.padding} {spec.pad_mode}",
        f"{spec.num_mels}, {spec.fmin:g}–{spec.fmax:g} Hz",
        f"{spec.mel_scale}, {spec.mel_norm}",
        str(spec.power),
        f"{factor}{logarithm} max(x, {floor}){offset}",
        f"{round(spec.floor_value, 2):g}",
        f"`{spec.fingerprint}`",
    ]
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize("name", DIALECTS)
def test_the_page_states_the_dialect_as_it_is(name):
    assert row(name, DIALECTS[name]) in PAGE.read_text().splitlines()


def test_the_page_states_no_other():
    rows = [line for line in PAGE.read_text().splitlines() if line.endswith("` |") and line.startswith("| ")]
    assert len(rows) == len(DIALECTS)


MEASURED = json.loads((PAGE.parent / "mel-dialects.json").read_text())["systems"]


@pytest.mark.parametrize("system", MEASURED)
def test_the_page_states_what_was_measured_of_other_mels(system):
    name = system.removeprefix("student (").removesuffix(")")
    measures = [
        (measure, MEASURES[measure].decimals) for measure in ("pesq", "estoi", "dnsmos", "dnsmos_p808")
    ]
    figures = [f"{MEASURED[system][measure]['mean']:.{decimals}f}" for measure, decimals in measures]
    exact = not obstacles(DIALECTS[name], DIALECTS["nvidia"])
    way = "its own" if name == "nvidia" else "converted" if exact else "estimated"
    assert f"| {' | '.join([name, way, *figures])} |" in PAGE.read_text().splitlines()


def test_every_dialect_that_can_be_spoken_is_measured():
    assert {f"student ({name})" for name in DIALECTS} - set(MEASURED) == {"student (clarinet)"}
