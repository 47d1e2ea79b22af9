"""The mel-spectrograms that public acoustic models and vocoders speak, by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from vocoder.errors import ConfigError
from vocoder.mel.spec import MelSpec, reasons

_NVIDIA = MelSpec(
    sample_rate=22050,
    n_fft=1024,
    win_length=1024,
    hop_length=256,
    padding=512,
    num_mels=80,
    fmin=0,
    fmax=8000,
    floor=1e-5,
)
_PWG_22K = _NVIDIA.model_copy(update={"fmin": 80.0, "fmax": 7600.0, "log_base": "10", "floor": 1e-10})
_HIFIGAN = _NVIDIA.model_copy(update={"padding": 384, "magnitude_epsilon": 1e-9})
_CLARINET = _NVIDIA.model_copy(
    update={
        "pad_mode": "constant",
        "fmin": 125.0,
        "fmax": 7600.0,
        "power": 2,
        "log_base": "10",
        "multiplier": 20.0,
        "floor": 1e-4,
        "offset": -20.0,
        "value_range": (-100.0, 0.0),
    }
)

_BY_NAME = {
    # Tacotron 2 and WaveGlow, https://github.com/NVIDIA/tacotron2 layers.py
    "nvidia": _NVIDIA,
    # HiFi-GAN, and BigVGAN at 22.05 kHz to 8 kHz, https://github.com/jik876/hifi-gan meldataset.py
    "hifigan": _HIFIGAN,
    # https://github.com/NVIDIA/BigVGAN meldataset.py
    "bigvgan-24k": _HIFIGAN.model_copy(update={"sample_rate": 24000, "num_mels": 100, "fmax": 12000.0}),
    "bigvgan-44k": _HIFIGAN.model_copy(
        update={
            "sample_rate": 44100,
            "n_fft": 2048,
            "win_length": 2048,
            "hop_length": 512,
            "padding": 768,
            "num_mels": 128,
            "fmax": 22050.0,
        }
    ),
    # ParallelWaveGAN and ESPnet, before the corpus statistics, https://github.com/kan-bayashi/ParallelWaveGAN
    "pwg-22k": _PWG_22K,
    "pwg-24k": _PWG_22K.model_copy(
        update={"sample_rate": 24000, "n_fft": 2048, "win_length": 1200, "hop_length": 300, "padding": 1024}
    ),
    # https://github.com/gemelo-ai/vocos feature_extractors.py, padding "center"
    "vocos": _NVIDIA.model_copy(
        update={
            "sample_rate": 24000,
            "num_mels": 100,
            "fmax": 12000.0,
            "mel_scale": "htk",
            "mel_norm": "none",
            "floor": 1e-7,
        }
    ),
    # librosa.power_to_db(librosa.feature.melspectrogram(y)) with every default
    "librosa": MelSpec(
        sample_rate=22050,
        n_fft=2048,
        win_length=2048,
        hop_length=512,
        padding=1024,
        pad_mode="constant",
        num_mels=128,
        fmin=0,
        fmax=11025,
        power=2,
        log_base="10",
        multiplier=10,
        floor=1e-10,
        dynamic_range=80,
    ),
    # https://github.com/r9y9/wavenet_vocoder, before the corpus statistics
    "r9y9": _PWG_22K.model_copy(update={"fmin": 125.0}),
    # The same before 2019 (its tags up to v0.1.1), audio.py: by lws, which pads by a frame less a hop
    "r9y9-2018": _CLARINET.model_copy(update={"padding": 768, "window": "lws", "power": 1, "floor": 1e-5}),
    # https://github.com/ksw0306/ClariNet preprocessing.py
    "clarinet": _CLARINET,
}

DIALECTS: Mapping[str, MelSpec] = MappingProxyType(_BY_NAME)
ALIASES: Mapping[str, str] = MappingProxyType({"tacotron2": "nvidia", "waveglow": "nvidia"})


def dialect(name: str) -> MelSpec:
    """The spec of a dialect or of an alias.

    Raises:
        ConfigError: an unknown name; the message lists the known ones.
    """
    try:
        return DIALECTS[ALIASES.get(name, name)]
    except KeyError:
        known = ", ".join([*DIALECTS, *ALIASES])
        raise ConfigError(
            f"mel dialect {name!r} is unknown; choose one of {known}, or give every parameter"
        ) from None


def dialect_of(spec: MelSpec) -> str | None:
    """The name under which `spec` is known, statistics aside, or None."""
    bare = spec.model_copy(update={"mean": None, "std": None})
    return next((name for name, known in DIALECTS.items() if known == bare), None)


def mel_spec(value: str | Mapping[str, Any] | MelSpec) -> MelSpec:
    """A spec from a configuration or a request: a name, or all parameters, or `dialect` and what differs.

    >>> mel_spec({"dialect": "nvidia", "sample_rate": 24000}).hop_length
    256

    Raises:
        ConfigError: an unknown dialect or key, or a value out of its range; the message names it.
    """
    if isinstance(value, MelSpec):
        return value
    if isinstance(value, str):
        return dialect(value)
    given = dict(value)
    base = dialect(given.pop("dialect")).model_dump() if "dialect" in given else {}
    try:
        return MelSpec.model_validate(base | given)
    except ValidationError as error:
        raise ConfigError(f"mel spec: {reasons(error)}") from None
