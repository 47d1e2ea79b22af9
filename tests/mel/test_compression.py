import pytest
import torch

from vocoder.mel import DIALECTS, MelFrontend, compress, dialect, expand, mel_spec

SPECS = {
    **DIALECTS,
    "added floor": mel_spec({"dialect": "nvidia", "floor_mode": "add"}),
    "no logarithm": mel_spec({"dialect": "nvidia", "log_base": "none", "floor": 0.0, "multiplier": 3.0}),
    "statistics": dialect("pwg-22k").with_statistics([-3.0 + 0.01 * m for m in range(80)], [2.0] * 80),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_expand_takes_back_what_was_not_clipped(spec):
    linear = torch.linspace(0.01, 5, spec.num_mels * 7, dtype=torch.float64).reshape(1, spec.num_mels, 7)
    torch.testing.assert_close(expand(compress(linear, spec), spec), linear, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_compress_after_expand_changes_no_mel(spec, speech):
    mel = MelFrontend(spec)(speech)
    torch.testing.assert_close(compress(expand(mel, spec), spec), mel, rtol=1e-5, atol=1e-4)


def test_dynamic_range_is_of_each_utterance():
    spec = dialect("librosa")
    linear = torch.full((2, 128, 5), 1e-10)
    linear[0, 0, 0], linear[1, 0, 0] = 1.0, 1e-4
    lowest = compress(linear, spec).amin(dim=(1, 2))
    torch.testing.assert_close(lowest, torch.tensor([-80.0, -100.0]))
