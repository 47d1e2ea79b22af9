"""Answers in JSON, each with an example for the OpenAPI document."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from vocoder.checkpoints import CheckpointInfo
from vocoder.inference.voices import Facts
from vocoder.mel import DIALECTS, MelSpec, dialect_of
from vocoder.models import MODELS


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


_NVIDIA = DIALECTS["nvidia"]
_VOICE: dict[str, Any] = {
    "name": "student",
    "default": True,
    "loaded": True,
    "kind": "student",
    "description": "A single speaker",
    "sample_rate": _NVIDIA.sample_rate,
    "dialect": "nvidia",
    "mel_spec": _NVIDIA.model_dump(mode="json"),
    "mel_fingerprint": _NVIDIA.fingerprint,
    "lookahead_frames": 7,
    "temperature": 1.0,
    "correction": 1,
    "parameters": 1_000_000,
    "scores": False,
    "figures": {},
    "training": {},
}
_SAMPLE = {
    "name": "LJ002-0171",
    "text": "The boy declared he saw no one, and accordingly passed through.",
    "seconds": 6.17,
    "url": "/v1/samples/LJ002-0171",
}


class Voice(BaseModel):
    """A voice that can be asked for."""

    model_config = _example(**_VOICE)

    name: str
    default: bool = Field(description="spoken with when a request names no voice")
    loaded: bool = Field(description="in memory and warm; otherwise the next request loads it")
    kind: str = Field(description="family of the model")
    description: str
    sample_rate: int = Field(description="Hz")
    dialect: str | None = Field(description="name of the mel analysis, if it has one")
    mel_spec: MelSpec = Field(description="every parameter of the mel analysis that the voice reads")
    mel_fingerprint: str = Field(description="changes with any of them")
    lookahead_frames: int = Field(description="frames needed beyond those that are spoken")
    temperature: float = Field(description="scale of the noise unless a request gives another")
    correction: int = Field(description="passes towards the mel unless a request gives another number")
    parameters: int = Field(description="weights of the model")
    scores: bool = Field(description="whether /v1/score can ask it")
    figures: dict[str, Any] = Field(description="what was measured, as the checkpoint records it")
    training: dict[str, Any] = Field(description="how it was trained; in the list, its single values")

    @classmethod
    def of(cls, name: str, facts: Facts, info: CheckpointInfo, *, default: bool, loaded: bool) -> Self:
        return cls(
            name=name,
            default=default,
            loaded=loaded,
            kind=info.kind,
            description=info.description,
            sample_rate=facts.mel_spec.sample_rate,
            dialect=dialect_of(facts.mel_spec),
            mel_spec=facts.mel_spec,
            mel_fingerprint=facts.mel_spec.fingerprint,
            lookahead_frames=facts.lookahead_frames,
            temperature=facts.temperature,
            correction=info.correction,
            parameters=facts.parameters,
            scores=MODELS[info.kind][0].likelihood is not None,
            figures=info.figures,
            training=info.training,
        )

    def summary(self) -> Self:
        """Without the curves and lists of the training record."""
        single = {key: value for key, value in self.training.items() if not isinstance(value, dict | list)}
        return self.model_copy(update={"training": single})


class VoiceList(BaseModel):
    """The installed voices."""

    model_config = _example(default="student", voices=[_VOICE], unavailable=[])

    default: str | None = Field(description="null where none is installed")
    voices: list[Voice]
    unavailable: list[str] = Field(
        description="installed, but they cannot be loaded: the server's log says why"
    )


class Sample(BaseModel):
    """A recording that ships with the server, in the public domain."""

    model_config = _example(**_SAMPLE)

    name: str
    text: str = Field(description="what is said")
    seconds: float
    url: str = Field(description="where the recording lies, as FLAC")


class SampleList(BaseModel):
    """Recordings to try voices with."""

    model_config = _example(samples=[_SAMPLE])

    samples: list[Sample]


class Score(BaseModel):
    """Bits that the samples of a recording take under a voice, each given those before it."""

    model_config = _example(
        voice="teacher",
        kind="exact",
        bits_per_sample=7.54,
        samples=1280,
        sample_rate=22050,
        hop_length=256,
        resampled_from=None,
        curve=[4.76, 5.72, 8.91, 10.4, 7.9],
    )

    voice: str
    kind: str = Field(
        description="exact: the probability of the 16-bit samples; mu-law: of their 8-bit classes; density: "
        "a continuous density over a step of 16-bit PCM. Figures of different kinds are not to be compared"
    )
    bits_per_sample: float = Field(description="mean over all samples")
    samples: int = Field(description="of the recording at the voice's rate, that the mel covers")
    sample_rate: int = Field(description="Hz, of the voice")
    hop_length: int = Field(description="samples a point of the curve")
    resampled_from: int | None = Field(description="rate of the file in Hz, where it was another")
    curve: list[float] = Field(description="mean over the samples of each hop; the last may be cut")


class Health(BaseModel):
    """The process answers."""

    model_config = _example(status="ok")

    status: str


class Readiness(BaseModel):
    """Requests are served at full speed: these voices are loaded and warm."""

    model_config = _example(status="ready", voices=["student"])

    status: str
    voices: list[str]


class Limits(BaseModel):
    """What one request may bring; beyond it is refused."""

    max_seconds: float = Field(description="of audio")
    max_frames: int = Field(description="of a mel")
    max_body_bytes: int
    griffin_lim_seconds: float = Field(description="of a mel that Griffin-Lim inverts")


class Index(BaseModel):
    """Where to go on, and what may be sent there."""

    model_config = _example(
        name="vocoder",
        version="0.1.0",
        documentation="/docs",
        openapi="/openapi.json",
        voices="/v1/voices",
        synthesize="/v1/synthesize",
        jobs=None,
        limits={
            "max_seconds": 180.0,
            "max_frames": 16384,
            "max_body_bytes": 8388608,
            "griffin_lim_seconds": 30.0,
        },
    )

    name: str
    version: str
    documentation: str
    openapi: str
    voices: str
    synthesize: str
    jobs: str | None = Field(description="null where the server runs none")
    limits: Limits
