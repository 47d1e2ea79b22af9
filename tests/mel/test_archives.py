import io

import numpy as np
import pytest
import torch

from vocoder.errors import InputError
from vocoder.mel.archives import decode_archive, is_archive

MEL = torch.randn(80, 7, generator=torch.Generator().manual_seed(0))


class Trap:
    def __reduce__(self):
        return print, ("unpickled",)


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def pt(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


HELD = {
    "npz": npz(anything=MEL.numpy()),
    "npz of several": npz(mel=MEL.numpy(), duration=np.ones(3)),
    "npz of another precision and order": npz(mel=MEL.numpy().astype(">f8")),
    "pt": pt(MEL),
    "pt of a batch": pt(MEL[None]),
    "pt of double precision with gradients": pt(MEL.double().requires_grad_()),
    "pt of several": pt({"mel": MEL, "text": torch.zeros(3)}),
}


@pytest.mark.parametrize("data", HELD.values(), ids=HELD)
def test_the_mel_is_read(data):
    assert is_archive(data)
    file = decode_archive(data)
    assert torch.equal(file.mel, MEL)
    assert file.spec is None


SEVERAL = npz(a=MEL.numpy(), b=MEL.numpy())
REFUSED = {
    "damaged": (HELD["npz"][:-30], "cannot be read as npz or pt"),
    "an object": (pt(Trap()), "cannot be read as npz or pt"),
    "an array of objects": (npz(mel=np.array([{}], dtype=object)), "cannot be read as npz or pt"),
    "several without the name": (SEVERAL, "expected one array, or one named 'mel', got 'a', 'b'"),
    "none": (npz(), "cannot be read as npz or pt"),
    "integers": (npz(mel=np.ones((80, 3), int)), r"bands x frames, got torch.int64 \[80, 3\]"),
    "a batch of two": (pt(MEL.expand(2, -1, -1).clone()), r"got torch.float32 \[2, 80, 7\]"),
    "no frames": (pt(MEL[:, :0].clone()), r"got torch.float32 \[80, 0\]"),
    "no tensor": (pt([1, 2]), "expected a tensor or an array"),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED)
def test_what_holds_no_mel_is_refused_and_nothing_is_run(data, message, capsys):
    with pytest.raises(InputError, match=message):
        decode_archive(data)
    assert "unpickled" not in capsys.readouterr().out
