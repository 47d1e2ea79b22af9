import io
import struct

import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from vocoder.audio import to_pcm16, wav_header


def test_every_16_bit_integer_is_kept():
    integers = torch.arange(-32768, 32768)
    assert torch.equal(to_pcm16(integers / 32768), integers.to(torch.int16))


@pytest.mark.parametrize(
    ("value", "integer"),
    [
        (1.0, 32767),
        (5.0, 32767),
        (-1.0, -32768),
        (-9.0, -32768),
        (0.4 / 32768, 0),
        (0.6 / 32768, 1),
        (-0.6 / 32768, -1),
    ],
)
def test_values_are_rounded_and_clipped(value, integer):
    assert to_pcm16(torch.tensor([value])).tolist() == [integer]


@given(st.integers(0, 10_000), st.sampled_from([8000, 22050, 48000]), st.sampled_from([1, 2]))
def test_a_header_with_a_length_makes_a_wav_file(num_samples, sample_rate, channels):
    data = wav_header(num_samples, sample_rate, channels=channels) + bytes(2 * channels * num_samples)
    info = soundfile.info(io.BytesIO(data))
    assert (info.frames, info.samplerate, info.channels) == (num_samples, sample_rate, channels)
    assert info.subtype == "PCM_16"


def test_a_header_states_the_true_sizes():
    header = wav_header(100, 22050)
    assert len(header) == 44
    assert struct.unpack("<I", header[4:8]) == (236,)
    assert struct.unpack("<I", header[40:44]) == (200,)


@pytest.mark.parametrize("num_samples", [None, 2**31])
def test_an_unknown_or_impossible_length_is_left_open(num_samples):
    header = wav_header(num_samples, 22050)
    assert header[4:8] == header[40:44] == b"\xff" * 4


def test_a_wav_of_open_length_is_read_to_its_end():
    samples, _ = soundfile.read(io.BytesIO(wav_header(None, 22050) + bytes(2 * 777)))
    assert len(samples) == 777
