"""Models of a listener who compares with the reference: PESQ and (E)STOI.

All want the two signals aligned in time and of one length, the reference first.
"""

import warnings

import numpy as np
from jaxtyping import Float

from vocoder.errors import AudioError, InputError
from vocoder.evaluation.extras import optional

PESQ_RATE = 16_000


def pesq_wb(
    reference: Float[np.ndarray, "sample"],
    generated: Float[np.ndarray, "sample"],
    sample_rate: int = PESQ_RATE,
) -> float:
    """Wide-band PESQ (ITU-T P.862.2) as MOS-LQO, 1.02 to 4.64, higher is better; 16 kHz audio only.

    It levels both signals itself. It judges telephone degradations: among vocoders it favours those that
    keep the phase-free spectrum, Griffin-Lim above WaveNet, so it is never read alone. Package `pesq`.

    Raises:
        MissingExtra: the extra `eval` is not installed.
        InputError: another sample rate.
        AudioError: too short (under a quarter of a second), or no speech is found.
    """
    if sample_rate != PESQ_RATE:
        raise InputError(f"PESQ-WB is defined at 16,000 Hz, the audio came at {sample_rate} Hz: resample it")
    pesq = optional("pesq", "PESQ")
    _refuse_silence("PESQ", reference=reference, generated=generated)
    try:
        return float(pesq.pesq(PESQ_RATE, reference, generated, "wb"))
    except pesq.PesqError as error:
        raise AudioError(
            f"PESQ has no score for {len(reference) / PESQ_RATE:.2f} s of audio: {error}"
        ) from error


def stoi(
    reference: Float[np.ndarray, "sample"],
    generated: Float[np.ndarray, "sample"],
    sample_rate: int,
    *,
    extended: bool = False,
) -> float:
    """Short-time objective intelligibility, about 0 to 1, higher is better; any rate (works at 10 kHz).

    The mean correlation of one-third-octave envelopes over 384 ms (Taal et al. 2011); `extended` gives ESTOI
    (Jensen and Taal 2016), which normalises rows and columns and so hears modulated maskers. By `pystoi`.

    Raises:
        AudioError: fewer than 30 frames (about 0.4 s) remain when silence is taken out.
    """
    import pystoi

    name = "ESTOI" if extended else "STOI"
    _refuse_silence(name, reference=reference)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Not enough STFT frames", RuntimeWarning)
        try:
            return float(pystoi.stoi(reference, generated, sample_rate, extended=extended))
        except (RuntimeWarning, np.exceptions.AxisError) as cause:  # the latter without a single frame
            raise AudioError(
                f"{name} needs at least 0.4 s of speech after silence is taken out, "
                f"and the clip of {len(reference) / sample_rate:.2f} s has less: use a longer clip"
            ) from cause


def _refuse_silence(measure: str, **signals: np.ndarray) -> None:
    for name, audio in signals.items():
        if not np.any(audio):
            raise AudioError(f"{measure} is undefined for silence: the {name} audio is all zeros or empty")
