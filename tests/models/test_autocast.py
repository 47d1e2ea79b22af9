"""Under autocast every shipped voice says what it says without, and gives float32."""

import pytest
import torch

from vocoder.audio import read
from vocoder.checkpoints import load
from vocoder.checkpoints.voices import SHIPPED
from vocoder.mel import MelFrontend
from vocoder.samples import DEFAULT_SAMPLE, SAMPLES

VOICES = sorted(path.stem for path in SHIPPED.glob("*.safetensors"))


@pytest.mark.parametrize("name", VOICES)
def test_a_voice_speaks_under_autocast_as_without(name):
    voice = load(name)
    mel = MelFrontend(voice.mel_spec)(read(SAMPLES[DEFAULT_SAMPLE], sample_rate=voice.sample_rate)[0])[
        :, 20:100
    ]
    plain = voice.synthesize(mel, seed=1)
    with torch.autocast("cpu", torch.bfloat16):
        audio = voice.synthesize(mel, seed=1)
        stream = voice.open_stream(seed=1)
        pieces = [*map(stream.push, mel.split(30, dim=1)), stream.finish()]
    assert audio.dtype == torch.float32
    assert (audio - plain).square().sum() < 1e-3 * plain.square().sum()
    torch.testing.assert_close(torch.cat(pieces), audio, atol=2e-3, rtol=0)
