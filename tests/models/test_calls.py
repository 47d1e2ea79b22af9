"""What callers give: arrays of any kind, seeds, temperatures; each works, or an error says what to do."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from vocoder.checkpoints import load
from vocoder.errors import InputError
from vocoder.inference.fitting import fit_mel
from vocoder.mel import DIALECTS, MelFrontend, check_plausible

NVIDIA = DIALECTS["nvidia"]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def voice(voices):
    return load("student")


@pytest.fixture(scope="module")
def mel():
    audio = 0.1 * torch.randn(24 * 256, generator=torch.Generator().manual_seed(0))
    return MelFrontend(NVIDIA)(audio)[:, :20]


def read_only(array):
    array.flags.writeable = False
    return array


ARRAYS = {
    "float32": lambda m: m,
    "float64": lambda m: m.astype(np.float64),
    "float16": lambda m: m.astype(np.float16),
    "big-endian": lambda m: m.astype(">f4"),
    "reversed twice": lambda m: np.ascontiguousarray(m[:, ::-1])[:, ::-1],
    "bands of frames": lambda m: np.ascontiguousarray(m.T).T,
    "read-only": lambda m: read_only(m.copy()),
}


@pytest.mark.parametrize("made", ARRAYS.values(), ids=ARRAYS)
def test_a_mel_may_be_an_array_of_any_layout(voice, mel, made):
    array, tolerance = made(mel.numpy()), {"atol": 1e-4, "rtol": 0}
    if array.dtype == np.float16:
        tolerance["atol"] = 0.05
    expected = voice.synthesize(mel, seed=1)
    torch.testing.assert_close(voice.synthesize(array, seed=1), expected, **tolerance)
    stream = voice.open_stream(seed=1)
    streamed = torch.cat([stream.push(array[:, :7]), stream.push(array[:, 7:]), stream.finish()])
    torch.testing.assert_close(streamed, expected, **tolerance)
    check_plausible(array, NVIDIA)
    assert torch.equal(
        fit_mel(array, None, NVIDIA), torch.from_numpy(array.astype(array.dtype.newbyteorder("=")))
    )


def test_audio_may_be_an_array():
    audio = 0.1 * np.random.default_rng(0).standard_normal(8000)
    mel = MelFrontend(NVIDIA)(audio[::-1])
    assert torch.equal(mel, MelFrontend(NVIDIA)(torch.from_numpy(audio[::-1].copy())))


def test_a_batch_fits_as_its_mels(mel):
    decimal = NVIDIA.model_copy(update={"log_base": "10"})
    batch = torch.stack([mel, mel + 0.1]) / math.log(10)
    fitted = fit_mel(batch, decimal, NVIDIA)
    assert torch.equal(fitted, torch.stack([fit_mel(each, decimal, NVIDIA) for each in batch]))


SEED = "seed must be an integer from 0 to 9223372036854775807, got "
REFUSED = {
    "voice.synthesize('mel.npy')": "mel: expected a tensor or an array of floating-point numbers, got str",
    "voice.synthesize([[0.0]])": "mel: expected a tensor or an array of floating-point numbers, got list",
    "voice.synthesize(np.array(['a']))": "got an array of <U1",
    "voice.synthesize(np.zeros((80, 3), complex))": "got an array of complex128",
    "voice.synthesize(np.zeros((80, 3), int))": "expected floating-point values, got torch.int64",
    "voice.synthesize(mel, seed=1.5)": SEED + "1.5",
    "voice.synthesize(mel, seed='7')": SEED + "'7'",
    "voice.synthesize(mel, seed=None)": SEED + "None",
    "voice.synthesize(mel, seed=[[1]])": SEED + "[1]",
    "voice.synthesize(mel, seed=np.array(.5))": SEED + "0.5",
    "voice.open_stream(seed=np.array([1, 2]))": SEED + "array",
    "voice.synthesize(mel, temperature='a')": "temperature must lie between 0 and 2, got 'a'",
    "voice.synthesize(mel, temperature=[1.0])": "temperature must lie between 0 and 2, got [1.0]",
    "voice.synthesize(mel, temperature=np.ones(3))": "temperature must lie between 0 and 2, got array",
    "MelFrontend(voice.mel_spec)(np.zeros(8000, np.int16))": "divide 16-bit integers by 32768",
    "check_plausible(np.zeros((80, 50), int), voice.mel_spec)": "must be floating-point",
}
PROGRAM = """
import json, sys
import numpy as np, torch, vocoder
from vocoder.errors import InputError
from vocoder.mel import MelFrontend, check_plausible
voice, mel, said = vocoder.load(sys.argv[1]), torch.full((80, 5), -6.0), []
for call in json.loads(sys.argv[2]):
    try:
        eval(call)
    except InputError as error:
        said.append(str(error))
print(json.dumps(said))
"""


def test_the_wrong_types_are_refused_by_name(voice_folder):
    """In a process of its own: in this one annotations are checked, and would refuse first."""
    arguments = [str(voice_folder / "student.safetensors"), json.dumps(list(REFUSED))]
    program = [sys.executable, "-c", PROGRAM, *arguments]
    said = json.loads(subprocess.run(program, capture_output=True, check=True, cwd=ROOT).stdout)
    for message, expected in zip(said, REFUSED.values(), strict=True):
        assert expected in message


@pytest.mark.parametrize(
    "seeds", [[1, 2], (1, 2), range(1, 3), np.array([1, 2]), np.array([1, 2], np.uint8), torch.tensor([1, 2])]
)
def test_seeds_may_come_in_any_row(voice, mel, seeds):
    both = voice.synthesize(mel.expand(2, -1, -1), seed=seeds)
    for audio, seed in zip(both, (np.int64(1), torch.tensor(2)), strict=True):
        torch.testing.assert_close(audio, voice.synthesize(mel, seed=seed), atol=1e-4, rtol=0)


@pytest.mark.parametrize("seed", [-1, 2**63, True, [1, 2], np.array([1, 2])])
def test_other_seeds_are_refused(voice, mel, seed):
    with pytest.raises(InputError, match="seed"):
        voice.synthesize(mel, seed=seed)


@pytest.mark.parametrize("temperature", [-0.1, 2.1, math.nan])
def test_other_temperatures_are_refused(voice, mel, temperature):
    with pytest.raises(InputError, match="temperature must lie between 0 and 2, got"):
        voice.synthesize(mel, temperature=temperature)


def test_a_voice_called_speaks(voice, mel):
    assert torch.equal(voice(mel, seed=3, temperature=0.5), voice.synthesize(mel, seed=3, temperature=0.5))


def test_warming_up_changes_nothing_that_is_said(voices, mel):
    cold, warm = load("student"), load("student")
    warm.warm_up()
    assert torch.equal(warm.synthesize(mel, seed=1), cold.synthesize(mel, seed=1))
