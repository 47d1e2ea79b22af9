"""What is said over WS /v1/stream: JSON messages both ways, and frames as bytes."""

import json
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from server.parameters import AudioFormat, Name, Passes, Seed, Strength, Temperature
from server.problems import PROBLEMS, Problem

_FLOAT_BYTES = 4
_STATUS_CODES = {400: 1007, 413: 1009, 422: 1007, 429: 1013, 500: 1011, 503: 1013}
_PROBLEM_CODES = {"shutting-down": 1012, "busy": 1013}
_POLICY_VIOLATION = 1008


class Start(BaseModel):
    """The first message: who speaks, and how."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["start"]
    voice: Name | None = None
    dialect: Name | None = None
    estimate: bool = Field(default=False, description="of frames that cannot be converted exactly")
    format: AudioFormat = "pcm"
    seed: Seed = Field(default=0, strict=True)
    temperature: Temperature | None = None
    denoise: Strength = 0.0
    correction: Passes | None = None
    lookahead: int | None = Field(
        default=None, ge=1, description="frames waited for, fewer than it could see"
    )
    steady: bool = Field(
        default=False,
        description="the first audio waits for as long as a later block may take, so that none is late",
    )
    api_key: str | None = Field(default=None, description="for browsers, which cannot send the header")


class Command(BaseModel):
    """flush: speak the rest; the utterance ends here and another may begin. finish: the same, then the end.

    cancel: drop what has not been spoken; another utterance may begin.
    """

    model_config = ConfigDict(extra="forbid")

    type: Literal["flush", "finish", "cancel"]


M = TypeVar("M", bound=BaseModel)


def parse(model: type[M], text: str | None, remedy: str) -> M:
    """A message from the client; raises `Problem`, whose detail ends with the remedy."""
    try:
        return model.model_validate_json(text or "")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise Problem(
            "malformed-message", f"{place + ': ' if place else ''}{first['msg']}; {remedy}"
        ) from None


def read_frames(data: bytes, num_mels: int) -> Float[Tensor, "mel frame"]:
    """Little-endian float32, frame after frame; raises `Problem` unless they are whole frames."""
    size = _FLOAT_BYTES * num_mels
    if not data or len(data) % size:
        raise Problem(
            "malformed-message",
            f"{len(data)} bytes are not whole frames of {num_mels} bands as float32: "
            f"send multiples of {size} bytes, frame after frame",
        )
    frames = np.frombuffer(data, "<f4").reshape(-1, num_mels)
    return torch.from_numpy(np.array(frames.T, np.float32, order="C"))


def error_message(problem: Problem) -> str:
    return message("error", problem=problem.content())


def close_code(problem: Problem) -> int:
    """1007 wrong data, 1008 not allowed, 1009 too much, 1011 our fault, 1012 restart, 1013 come again."""
    by_status = _STATUS_CODES.get(PROBLEMS[problem.name].status, _POLICY_VIOLATION)
    return _PROBLEM_CODES.get(problem.name, by_status)


def message(kind: str, **members: Any) -> str:
    return json.dumps({"type": kind} | members)
