import pytest
from pydantic import ValidationError

from vocoder.errors import ConfigError, InputError
from vocoder.mel import DIALECTS, MelSpec, dialect, silence

NVIDIA = dialect("nvidia")
CHANGES = {
    "sample_rate": 24000,
    "n_fft": 1025,
    "win_length": 1000,
    "hop_length": 255,
    "window": "lws",
    "padding": 384,
    "pad_mode": "constant",
    "num_mels": 79,
    "fmin": 1.0,
    "fmax": 7999.0,
    "mel_scale": "htk",
    "mel_norm": "none",
    "power": 2,
    "magnitude_epsilon": 1e-9,
    "log_base": "10",
    "multiplier": 20.0,
    "floor": 1e-10,
    "floor_mode": "add",
    "offset": -20.0,
    "dynamic_range": 80.0,
    "value_range": (-10.0, 0.0),
    "pre_emphasis": 0.97,
}


def test_every_parameter_is_tried():
    assert set(CHANGES) | {"mean", "std"} == set(MelSpec.model_fields)


@pytest.mark.parametrize("name", CHANGES)
def test_every_parameter_changes_the_fingerprint(name):
    changed = MelSpec.model_validate(NVIDIA.model_dump() | {name: CHANGES[name]})
    assert changed.fingerprint != NVIDIA.fingerprint


def test_statistics_change_the_fingerprint():
    one, two = (NVIDIA.with_statistics([mean] * 80, [1.0] * 80) for mean in (0.0, 1.0))
    assert len({NVIDIA.fingerprint, one.fingerprint, two.fingerprint}) == 3


def test_the_fingerprint_is_of_numbers_not_of_their_types():
    copies = [NVIDIA.model_copy(update={"fmin": fmin}) for fmin in (80, 80.0)]
    assert copies[0].fingerprint == copies[1].fingerprint


def test_the_fingerprint_is_what_it_was():
    assert NVIDIA.fingerprint == "035bbb3f2a3c"


@pytest.mark.parametrize("spec", DIALECTS.values(), ids=DIALECTS)
def test_json_keeps_a_spec(spec):
    again = MelSpec.model_validate_json(spec.model_dump_json())
    assert again == spec
    assert again.fingerprint == spec.fingerprint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"win_length": 2048}, "win_length 2048 must be at most n_fft 1024"),
        ({"hop_length": 0}, "hop_length"),
        ({"hop_length": 1025}, "hop_length 1025 must be at most n_fft 1024"),
        ({"padding": 2000}, "padding 2000 must be at most n_fft 1024"),
        ({"fmin": 8000}, "fmin 8000 Hz must be below fmax 8000 Hz"),
        ({"fmax": 12000}, "fmax 12000 Hz must be at most half the sample rate, 11025 Hz"),
        ({"floor": 0}, "floor must be above 0"),
        ({"floor": float("nan")}, "finite"),
        ({"power": 3}, "power"),
        ({"pad_mode": "edge"}, "reflect"),
        ({"log_base": "3"}, "log_base"),
        ({"value_range": (1.0, 1.0)}, "value_range"),
        ({"dynamic_range": 80, "log_base": "none"}, "dynamic_range needs a logarithm"),
        ({"mean": (0.0,) * 80}, "mean and std are given together"),
        ({"mean": (0.0,) * 79, "std": (1.0,) * 79}, "80 bands, got 79 and 79"),
        ({"mean": (0.0,) * 80, "std": (0.0,) * 80}, "every std must be above 0"),
        ({"pre_emphasis": 1.0}, "pre_emphasis"),
        ({"hop": 256}, "hop"),
    ],
)
def test_a_wrong_value_is_refused_by_name(change, message):
    with pytest.raises(ValidationError, match=message):
        MelSpec.model_validate(NVIDIA.model_dump() | change)


def test_a_spec_is_frozen():
    with pytest.raises(ValidationError):
        NVIDIA.fmax = 7600.0


@pytest.mark.parametrize(("mean", "std"), [([0.0] * 79, [1.0] * 79), ([0.0] * 80, [-1.0] * 80)])
def test_wrong_statistics_are_a_config_error(mean, std):
    with pytest.raises(ConfigError, match="with_statistics"):
        NVIDIA.with_statistics(mean, std)


@pytest.mark.parametrize("spec", DIALECTS.values(), ids=DIALECTS)
def test_the_floor_is_the_value_of_silence(spec):
    assert silence(spec, 3).tolist() == [[pytest.approx(spec.floor_value, abs=1e-5)] * 3] * spec.num_mels


def test_statistics_leave_no_single_floor():
    with pytest.raises(InputError, match="differs between bands"):
        _ = NVIDIA.with_statistics([-5.0] * 80, [1.0] * 80).floor_value


def test_a_vocoder_makes_a_hop_for_each_frame():
    assert NVIDIA.num_samples(7) == 7 * 256


@pytest.mark.parametrize(("name", "centre"), [("nvidia", 0), ("hifigan", 128), ("vocos", 0), ("pwg-24k", 0)])
def test_where_frame_0_is_centred(name, centre):
    assert dialect(name).frame_centre == centre
