"""What the parameters of every route have in common."""

from collections import Counter
from typing import Annotated, Literal

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from server.problems import Problem
from vocoder.inference.denoiser import MAX_STRENGTH
from vocoder.models.base import MAX_TEMPERATURE
from vocoder.models.corrected import MAX_PASSES
from vocoder.noise import MAX_SEED

LISTS = frozenset({"state"})
"""Parameters that may come more than once."""

Name = Annotated[str, Field(min_length=1)]
"""Of a voice or a dialect; none is told by leaving it out, not by an empty one."""


AudioFormat = Literal["wav", "pcm", "flac", "opus", "mp3"]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Temperature = Annotated[float, Field(ge=0, le=MAX_TEMPERATURE)]
Strength = Annotated[float, Field(ge=0, le=MAX_STRENGTH)]
Passes = Annotated[int, Field(ge=0, le=MAX_PASSES)]


class Parameters(BaseModel):
    """Of a query. An unknown parameter is refused, so that a misspelt one is not ignored."""

    model_config = ConfigDict(extra="forbid")


class AudioParameters(Parameters):
    """In what form the audio comes back."""

    format: AudioFormat | None = Field(
        default=None, description="of the audio; goes before the Accept header, without either it is wav"
    )


class MelParameters(Parameters):
    """How to read a body that is a mel."""

    dialect: Name | None = Field(
        default=None, description="analysis that made the mel; by default the one that the voice reads"
    )
    shape: str | None = Field(
        default=None,
        pattern=r"^\d{1,9},\d{1,9}$",
        description="bands,frames of a body of bare float32",
        examples=["80,532"],
    )

    @property
    def sizes(self) -> tuple[int, ...] | None:
        return tuple(map(int, self.shape.split(","))) if self.shape else None


async def refuse_repeated(request: Request) -> None:
    """Refuse (422) a parameter that comes twice: which of the two is meant, nobody knows."""
    for name, count in Counter(name for name, _ in request.query_params.multi_items()).items():
        if count > 1 and name not in LISTS:
            raise Problem("invalid-parameter", f"query {name[:100]}: comes {count} times; send it once")
