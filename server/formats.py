"""What comes and goes on the wire: mels in, audio out."""

from collections.abc import Generator, Iterator, Sequence

from torch import Tensor

from server.problems import Problem
from vocoder.audio import Encoder
from vocoder.errors import ConfigError, InputError
from vocoder.mel.files import MelFile, MelFormat, decode_mel, detect_format

# None: bare floats where the query gives their shape, otherwise what the first bytes say.
MEL_TYPES: dict[str, MelFormat | None] = {
    "application/x-npy": "npy",
    "application/json": "json",
    "application/vnd.safetensors": "safetensors",
    "application/octet-stream": None,
}
AUDIO_TYPES = {
    "audio/wav": "wav",
    "audio/wave": "wav",
    "audio/x-wav": "wav",
    "audio/vnd.wave": "wav",
    "audio/pcm": "pcm",
    "audio/flac": "flac",
    "audio/x-flac": "flac",
    "audio/ogg": "opus",
    "audio/mpeg": "mp3",
}
# The media type that a format is answered with: its first one.
ANSWERED_TYPES = {audio_format: media_type for media_type, audio_format in reversed(AUDIO_TYPES.items())}
DEFAULT_FORMAT = "wav"
_ANY = ("*/*", "audio/*")
_HEADER_BYTES = {"wav": 44, "pcm": 0}
_BYTES_PER_SAMPLE = 2


def check_media_type(content_type: str | None) -> str:
    """The media type of a body, without parameters; refused (415) if it is none of `MEL_TYPES`."""
    media_type = _bare(content_type or "")
    if media_type not in MEL_TYPES:
        raise Problem(
            "unsupported-media-type",
            f"Content-Type is {media_type or 'missing'}; send a mel as one of {', '.join(MEL_TYPES)}",
            headers={"Accept": ", ".join(MEL_TYPES)},
        )
    return media_type


def read_body(body: bytes, media_type: str, shape: Sequence[int] | None) -> MelFile:
    """The mel of a request; refused (400) where the bytes are not what they are said to be."""
    kind = MEL_TYPES[media_type] or ("raw" if shape else detect_format(body))
    if kind is None:
        raise Problem("malformed-body", "bare float32 needs its shape in the query, for example shape=80,532")
    try:
        return decode_mel(body, kind, shape)
    except ConfigError:
        raise
    except InputError as error:
        raise Problem("malformed-body", str(error)) from None


def choose_format(accept: str | None) -> str:
    """The audio format that an Accept header likes best, WAV if it likes any; refused (406) if none fits."""
    ranges = [part.partition(";") for part in (accept or "*/*").lower().split(",")]
    liked = sorted(
        ((_quality(options), _bare(name)) for name, _, options in ranges), key=lambda item: -item[0]
    )
    for quality, name in liked:
        if quality > 0 and (name in AUDIO_TYPES or name in _ANY):
            return AUDIO_TYPES.get(name, DEFAULT_FORMAT)
    raise Problem("not-acceptable", f"Accept is {accept!r}; audio is made as {', '.join(AUDIO_TYPES)}")


def content_length(audio_format: str, num_samples: int) -> int | None:
    """Bytes of `num_samples` samples, where the format tells before the end."""
    header = _HEADER_BYTES.get(audio_format)
    return None if header is None else header + _BYTES_PER_SAMPLE * num_samples


def encoded(blocks: Iterator[Tensor], encoder: Encoder) -> Generator[bytes]:
    """Blocks of audio as the bytes that are ready after each."""
    for block in blocks:
        if data := encoder.encode(block):
            yield data
    if data := encoder.finish():
        yield data


def _bare(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()


def _quality(options: str) -> float:
    for option in options.split(";"):
        name, _, value = option.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
