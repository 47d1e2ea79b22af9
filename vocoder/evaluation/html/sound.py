"""A sound small enough for a page: Ogg Opus as a data URI."""

import io

import soundfile
from jaxtyping import Float
from torch import Tensor

from vocoder.audio import resample
from vocoder.evaluation.html.data_uri import data_uri
from vocoder.evaluation.html.ogg import with_serial

RATES = (8000, 12000, 16000, 24000, 48000)
KILOBITS = 68
_LEVEL = (256 - KILOBITS) / 250  # libsndfile's scale: 0 is 256 kbit/s, 1 is 6


def opus_uri(audio: Float[Tensor, "sample"], sample_rate: int) -> str:
    """The audio at about 68 kbit/s and the next of Opus' own rates; the same audio gives the same string."""
    rate = next((rate for rate in RATES if rate >= sample_rate), RATES[-1])
    samples = resample(audio, sample_rate, rate).clamp(-1, 1)
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, 1, "OPUS", format="OGG", compression_level=_LEVEL) as opus:
        opus.write(samples.numpy())
    return data_uri("audio/ogg", with_serial(file.getvalue()))
