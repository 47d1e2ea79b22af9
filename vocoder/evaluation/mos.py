"""Predicted mean opinion scores: what listeners would say without hearing the reference."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from vocoder.errors import AudioError, InputError
from vocoder.evaluation.extras import optional

DNSMOS_RATE = 16_000


class Opinion(NamedTuple):
    """Predicted opinions, each on the five-point scale, 1 bad to 5 excellent."""

    overall: float
    signal: float
    background: float
    p808: float


def dnsmos(audio: Float[np.ndarray, "sample"], sample_rate: int = DNSMOS_RATE) -> Opinion:
    """DNSMOS of 16 kHz audio in [-1, 1]: P.835 overall, signal, background, and P.808.

    Networks trained on listening tests of noise suppressors (Reddy, Gopal and Cutler 2021, 2022; package
    `speechmos`, whose models it carries, so nothing is fetched). They see 9.01 s at a time: a shorter clip is
    repeated to that length, a longer one is averaged over windows one second apart. The level matters a
    little (compare at equal loudness); samples beyond [-1, 1] are clipped, as a player would.

    Raises:
        MissingExtra: the extra `eval` is not installed.
        InputError: another sample rate.
        AudioError: no audio at all.
    """
    if sample_rate != DNSMOS_RATE:
        raise InputError(f"DNSMOS is defined at 16,000 Hz, the audio came at {sample_rate} Hz: resample it")
    if len(audio) == 0:
        raise AudioError("DNSMOS needs audio: the clip is empty")
    score = _predictor()(np.clip(audio, -1.0, 1.0), DNSMOS_RATE, False)
    return Opinion(*(float(score[f"{key}_mos"]) for key in ("ovrl", "sig", "bak", "p808")))


@cache
def _predictor() -> Any:
    """The package's predictor with its sessions held to one thread: clips are what runs in parallel."""
    package = optional("speechmos.dnsmos", "DNSMOS")
    runtime = optional("onnxruntime", "DNSMOS")
    models = Path(str(package.__file__)).parent / "dnsmos_models"
    paths = str(models / "sig_bak_ovr.onnx"), str(models / "model_v8.onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    predictor = package.DNSMOS(*paths)
    predictor.onnx_sess, predictor.p808_onnx_sess = (
        runtime.InferenceSession(path, options) for path in paths
    )
    return predictor
