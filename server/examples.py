"""What the OpenAPI document shows of bodies that are not JSON answers."""

from typing import Any

from server.formats import ANSWERED_TYPES, MEL_ANSWERS, RECORDING_TYPES
from vocoder.mel import DIALECTS
from vocoder.mel.files import MelDocument

_BINARY = {"type": "string", "format": "binary"}
_DIALECT = "nvidia"
_SPEC = DIALECTS[_DIALECT]

# A tenth of a second of silence.
SILENCE = {
    "mel": [[round(_SPEC.floor_value, 4)] * 9 for _ in range(_SPEC.num_mels)],
    "mel_spec": _DIALECT,
}

MEL_BODY: dict[str, Any] = {
    "required": True,
    "description": "A mel-spectrogram, bands x frames, in one of four forms.",
    "content": {
        "application/x-npy": {
            "schema": _BINARY
            | {"description": "numpy.save of a floating-point array [mel, frame] or [1, mel, frame]"}
        },
        "application/json": {"schema": MelDocument.model_json_schema(), "example": SILENCE},
        "application/vnd.safetensors": {
            "schema": _BINARY
            | {"description": "one tensor, or one named mel; the metadata may state mel_spec, in JSON"}
        },
        "application/octet-stream": {
            "schema": _BINARY
            | {"description": "little-endian float32, row after row, with shape in the query"}
        },
    },
}


def _header(description: str, kind: str = "integer") -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}}


AUDIO_CONTENT: dict[str, Any] = {media_type: {"schema": _BINARY} for media_type in ANSWERED_TYPES.values()}
AUDIO_LENGTH_HEADERS = {
    "Vocoder-Sample-Rate": _header("Hz"),
    "Vocoder-Frames": _header("frames of the mel"),
    "Vocoder-Samples": _header("samples of the audio: frames times hop length"),
}
# What is said of speech, in the order of `server.speaking`.
AUDIO_HEADERS = {
    "Vocoder-Voice": _header("the voice that speaks", "string"),
    "Vocoder-Seed": _header("the seed that gives these samples again"),
    "Vocoder-Temperature": _header("the scale of the noise", "number"),
    "Vocoder-Correction": _header("passes that brought the audio nearer to its mel"),
    **AUDIO_LENGTH_HEADERS,
}
AUDIO_RESPONSE: dict[str, Any] = {
    "description": "Mono audio, as it is made. The connection breaks off if synthesis fails after its start.",
    "content": AUDIO_CONTENT,
    "headers": AUDIO_HEADERS,
}

AUDIO_BODY: dict[str, Any] = {
    "required": True,
    "description": "A recording: WAV, FLAC, Ogg (Vorbis, Opus), MP3, AIFF or AU, of any rate.",
    "content": {media_type: {"schema": _BINARY} for media_type in RECORDING_TYPES},
}
MEL_RESPONSE: dict[str, Any] = {
    "description": "The mel-spectrogram, bands x frames, float32.",
    "content": {
        media_type: {"schema": MelDocument.model_json_schema() if kind == "json" else _BINARY}
        for kind, media_type in MEL_ANSWERS.items()
    },
}
