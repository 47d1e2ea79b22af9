"""Answers in JSON."""

from typing import Any, Self

from pydantic import BaseModel, Field

from vocoder.checkpoints import CheckpointInfo
from vocoder.mel import MelSpec, dialect_of
from vocoder.models import Vocoder


class Voice(BaseModel):
    """A voice that can be asked for."""

    name: str = Field(examples=["student"])
    default: bool = Field(description="spoken with when a request names no voice")
    kind: str = Field(description="family of the model", examples=["student"])
    description: str
    sample_rate: int = Field(description="Hz", examples=[22050])
    dialect: str | None = Field(description="name of the mel analysis, if it has one", examples=["nvidia"])
    mel_spec: MelSpec = Field(description="every parameter of the mel analysis that the voice reads")
    mel_fingerprint: str = Field(description="changes with any of them", examples=["0123456789ab"])
    lookahead_frames: int = Field(description="frames needed beyond those that are spoken", examples=[5])
    temperature: float = Field(description="scale of the noise unless a request gives another")
    parameters: int = Field(description="weights of the model")
    figures: dict[str, Any] = Field(description="what was measured, as the checkpoint records it")
    training: dict[str, Any] = Field(description="how it was trained; in the list, its single values")

    @classmethod
    def of(cls, name: str, voice: Vocoder, info: CheckpointInfo, *, default: bool) -> Self:
        return cls(
            name=name,
            default=default,
            kind=info.kind,
            description=info.description,
            sample_rate=voice.sample_rate,
            dialect=dialect_of(voice.mel_spec),
            mel_spec=voice.mel_spec,
            mel_fingerprint=voice.mel_spec.fingerprint,
            lookahead_frames=voice.lookahead_frames,
            temperature=voice.temperature,
            parameters=voice.num_parameters(),
            figures=info.figures,
            training=info.training,
        )

    def summary(self) -> Self:
        """Without the curves and lists of the training record."""
        single = {key: value for key, value in self.training.items() if not isinstance(value, dict | list)}
        return self.model_copy(update={"training": single})


class VoiceList(BaseModel):
    """The installed voices."""

    default: str | None = Field(description="null where none is installed", examples=["student"])
    voices: list[Voice]
    unavailable: list[str] = Field(
        description="installed, but they cannot be loaded: the server's log says why"
    )


class Health(BaseModel):
    """The process answers."""

    status: str = Field(examples=["ok"])


class Readiness(BaseModel):
    """Requests are served at full speed: these voices are loaded and warm."""

    status: str = Field(examples=["ready"])
    voices: list[str] = Field(examples=[["student"]])


class Index(BaseModel):
    """Where to go on."""

    name: str = Field(examples=["vocoder"])
    version: str = Field(examples=["0.1.0"])
    documentation: str = Field(examples=["/docs"])
    openapi: str = Field(examples=["/openapi.json"])
    voices: str = Field(examples=["/v1/voices"])
    synthesize: str = Field(examples=["/v1/synthesize"])
