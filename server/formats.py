"""What comes and goes on the wire: mels in, audio out."""

from collections.abc import Generator, Iterable, Iterator, Sequence

from jaxtyping import Float
from torch import Tensor

from server.problems import Problem
from vocoder.audio import Encoder, read
from vocoder.errors import AudioError, ConfigError, InputError
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
# What recordings come as; what they are is read off their first bytes.
RECORDING_TYPES = (
    "audio/wav",
    "audio/wave",
    "audio/x-wav",
    "audio/vnd.wave",
    "audio/flac",
    "audio/x-flac",
    "audio/ogg",
    "audio/mpeg",
    "audio/aiff",
    "audio/basic",
    "application/octet-stream",
)
MEL_ANSWERS = {kind: media_type for media_type, kind in MEL_TYPES.items() if kind}
# The media type that a format is answered with: its first one.
ANSWERED_TYPES = {audio_format: media_type for media_type, audio_format in reversed(AUDIO_TYPES.items())}
DEFAULT_FORMAT = "wav"
_ANY = ("*/*", "audio/*")
_HEADER_BYTES = {"wav": 44, "pcm": 0}
_BYTES_PER_SAMPLE = 2


def check_media_type(content_type: str | None) -> str:
    """The media type of a mel, without parameters; refused (415) if it is none of `MEL_TYPES`."""
    return _one_of(MEL_TYPES, content_type, "a mel")


def check_audio_type(content_type: str | None) -> str:
    """The media type of a recording; refused (415) if it is none of `RECORDING_TYPES`."""
    return _one_of(RECORDING_TYPES, content_type, "audio")


def _one_of(media_types: Iterable[str], content_type: str | None, what: str) -> str:
    media_type, listed = _bare(content_type or ""), ", ".join(media_types)
    if media_type not in media_types:
        raise Problem(
            "unsupported-media-type",
            f"Content-Type is {media_type[:100] or 'missing'}; send {what} as one of {listed}",
            headers={"Accept": listed},
        )
    return media_type


def read_audio(body: bytes, max_seconds: float, sample_rate: int) -> Float[Tensor, "sample"]:
    """Mono samples of a recording; decoding stops at `max_seconds`, however well it is packed."""
    try:
        audio, _ = read(body, sample_rate=sample_rate, max_seconds=max_seconds)
    except AudioError as error:
        raise Problem("invalid-audio", str(error)) from None
    return audio


def read_body(body: bytes, media_type: str, shape: Sequence[int] | None) -> MelFile:
    """The mel of a request; refused (400) where the bytes are not what they are said to be.

    A shape beside a form that states its own is refused (422): the two could contradict each other.
    """
    if shape and MEL_TYPES[media_type]:
        raise Problem("invalid-parameter", f"query shape: {media_type} states its own shape; leave it out")
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
