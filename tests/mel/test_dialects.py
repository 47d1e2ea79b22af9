import doctest

import pytest

from vocoder.errors import ConfigError
from vocoder.mel import ALIASES, DIALECTS, MelSpec, dialect, dialect_of, dialects, mel_spec


@pytest.mark.parametrize("spec", DIALECTS.values(), ids=DIALECTS)
def test_a_dialect_keeps_the_rules_of_a_spec(spec):
    assert MelSpec.model_validate(spec.model_dump()) == spec


def test_no_two_dialects_are_the_same():
    assert len({spec.fingerprint for spec in DIALECTS.values()}) == len(DIALECTS)


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_is_its_dialect(alias):
    assert dialect(alias) is DIALECTS[ALIASES[alias]]


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"'waveglov' is unknown.*nvidia.*hifigan.*tacotron2"):
        dialect("waveglov")


def test_statistics_do_not_hide_the_dialect():
    assert dialect_of(dialect("pwg-24k").with_statistics([0.0] * 80, [1.0] * 80)) == "pwg-24k"


def test_an_own_spec_has_no_dialect():
    assert dialect_of(mel_spec({"dialect": "nvidia", "hop_length": 200})) is None


def test_a_spec_is_read_from_a_name_a_mapping_or_both():
    spec = dialect("hifigan")
    assert (
        mel_spec(spec)
        == mel_spec("hifigan")
        == mel_spec(spec.model_dump())
        == mel_spec({"dialect": "hifigan"})
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"dialect": "nvidia", "hop": 256}, "hop: not a parameter of a mel; they are sample_rate, n_fft"),
        ({"dialect": "nvidia", "fmax": "high"}, "fmax: .*'high'"),
        ({"dialect": "nvidia", "fmax": 20000}, "fmax 20000 Hz must be at most half the sample rate"),
        ({"sample_rate": 22050}, "n_fft: Field required"),
        ({"dialect": "unknown"}, "unknown"),
    ],
)
def test_a_wrong_mapping_is_a_config_error(value, message):
    with pytest.raises(ConfigError, match=message):
        mel_spec(value)


def test_the_example_runs():
    assert doctest.testmod(dialects) == (0, 1)
