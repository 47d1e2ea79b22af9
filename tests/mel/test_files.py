"""Mels as bytes: every format gives back what was written, and no header is believed."""

import io
import json
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import save

from vocoder.errors import ConfigError, InputError
from vocoder.mel import DIALECTS
from vocoder.mel.files import decode_mel, detect_format, encode_mel

NVIDIA = DIALECTS["nvidia"]
MEL = torch.randn(80, 7, generator=torch.Generator().manual_seed(0))


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


NPY = npy(MEL.numpy())
SAFE = encode_mel(MEL, NVIDIA, "safetensors")


@pytest.mark.parametrize("file_format", ["npy", "safetensors", "json"])
def test_read_gives_what_was_written(file_format):
    data = encode_mel(MEL, NVIDIA, file_format)
    assert torch.equal(decode_mel(data, file_format).mel, MEL)
    assert detect_format(data) == file_format


def test_bare_floats_need_their_shape():
    data = encode_mel(MEL, NVIDIA, "raw")
    assert torch.equal(decode_mel(data, "raw", (80, 7)).mel, MEL)
    with pytest.raises(InputError, match="does not fit"):
        decode_mel(data, "raw")


@pytest.mark.parametrize("file_format", ["safetensors", "json"])
@pytest.mark.parametrize(
    "spec", [NVIDIA, NVIDIA.model_copy(update={"fmin": 33.0}), NVIDIA.with_statistics([1.0] * 80, [2.0] * 80)]
)
def test_the_analysis_travels_with_the_mel(file_format, spec):
    assert decode_mel(encode_mel(MEL, spec, file_format), file_format).spec == spec


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(MEL.numpy()),
        MEL.numpy()[None],
        MEL.numpy().astype(">f4"),
        MEL.numpy().astype("f8"),
    ],
    ids=["fortran", "batch of one", "big-endian", "float64"],
)
def test_arrays_as_numpy_users_have_them(array):
    assert torch.equal(decode_mel(npy(array), "npy").mel, MEL)


def lying_safetensors(shape: list[int]) -> bytes:
    header = json.dumps({"mel": {"dtype": "F32", "shape": shape, "data_offsets": [0, 8]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(8)


BAD = {
    "empty": (b"", "npy"),
    "cut off": (NPY[:-1], "npy"),
    "cut in the header": (NPY[:20], "npy"),
    "shape beyond memory": (NPY.replace(b"(80, 7)", b"(9**9,)"), "npy"),
    "shape larger than the bytes": (NPY.replace(b"(80, 7)", b"(80,70)"), "npy"),
    "negative shape": (NPY.replace(b"(80, 7)", b"(-8,-7)"), "npy"),
    "a pickle": (npy(np.array([[{}]], dtype=object)), "npy"),
    "integers": (npy(np.ones((80, 7), int)), "npy"),
    "no frames": (npy(np.ones((80, 0), np.float32)), "npy"),
    "one axis": (npy(np.ones(80, np.float32)), "npy"),
    "a batch of two": (npy(np.ones((2, 80, 7), np.float32)), "npy"),
    "a header that never ends": (b"\x93NUMPY\x01\x00\xff\xff" + b"-" * 65535, "npy"),
    "safetensors cut off": (SAFE[:-1], "safetensors"),
    "safetensors with a huge header": (b"\xff" * 8 + SAFE[8:], "safetensors"),
    "safetensors that lies": (lying_safetensors([1 << 40, 80]), "safetensors"),
    "safetensors with an empty axis": (lying_safetensors([0, 1 << 60]), "safetensors"),
    "safetensors of integers": (save({"mel": torch.ones(80, 7, dtype=torch.int32)}), "safetensors"),
    "safetensors of two": (save({"a": MEL, "b": MEL.clone()}), "safetensors"),
    "JSON that is none": (b"[", "json"),
    "JSON that is deep": (b"[" * 10**5, "json"),
    "JSON of text": (b'{"mel": [["a"]]}', "json"),
    "JSON with ragged rows": (b'{"mel": [[1, 2], [1]]}', "json"),
    "JSON without rows": (b'{"mel": []}', "json"),
    "JSON with empty rows": (b'{"mel": [[], []]}', "json"),
    "JSON with a key too many": (b'{"mel": [[1]], "melspec": "nvidia"}', "json"),
}


@pytest.mark.parametrize(("data", "file_format"), BAD.values(), ids=BAD.keys())
def test_what_does_not_fit_is_refused_in_one_sentence(data, file_format):
    with pytest.raises(InputError) as error:
        decode_mel(data, file_format)
    assert len(str(error.value)) < 500


def test_an_unknown_analysis_is_refused():
    with pytest.raises(ConfigError, match="nvidia"):
        decode_mel(b'{"mel": [[1.0]], "mel_spec": "nvida"}', "json")


def test_two_statements_of_the_analysis_must_agree():
    file = decode_mel(SAFE, "safetensors")
    assert file.made_by(None) == file.made_by("nvidia") == NVIDIA
    with pytest.raises(ConfigError, match="vocos"):
        file.made_by("vocos")


def test_bytes_that_announce_nothing_are_no_mel():
    assert detect_format(b"RIFF....WAVE") is None
    assert detect_format(b"") is None
