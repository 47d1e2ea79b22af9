"""Errors as `application/problem+json` (RFC 9457): a stable type, and a sentence that says what to do."""

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import JSONResponse, Response

from vocoder.errors import (
    Busy,
    CheckpointError,
    ConfigError,
    InputError,
    MelMismatch,
    NoDensity,
    UnknownVoice,
    VocoderError,
)

MEDIA_TYPE = "application/problem+json"
PREFIX = "/problems/"
RETRY_AFTER_SECONDS = 1
_REFERENCE = {"$ref": "#/components/schemas/ProblemDetails"}
ANY: dict[str, Any] = {"description": "A problem", "content": {MEDIA_TYPE: {"schema": _REFERENCE}}}

router = APIRouter(tags=["problems"])
logger = logging.getLogger(__name__)


class ProblemType(NamedTuple):
    status: int
    title: str


PROBLEMS = {
    "malformed-body": ProblemType(400, "The body is not what its content type says"),
    "malformed-message": ProblemType(400, "This is none of the messages of a stream"),
    "unauthorized": ProblemType(401, "A key is needed here"),
    "forbidden": ProblemType(403, "The key, or the page that asks, may not do this"),
    "not-found": ProblemType(404, "There is nothing at this address"),
    "unknown-voice": ProblemType(404, "No such voice is installed"),
    "unknown-job": ProblemType(404, "There is no such job"),
    "method-not-allowed": ProblemType(405, "This address does not take this method"),
    "not-acceptable": ProblemType(406, "None of the accepted audio formats is made here"),
    "body-timeout": ProblemType(408, "The body did not arrive in time"),
    "idle-timeout": ProblemType(408, "Nothing came over the stream for too long"),
    "job-conflict": ProblemType(409, "What is asked for does not fit the job's state"),
    "body-too-large": ProblemType(413, "The body is over the limit"),
    "mel-too-long": ProblemType(413, "The mel is over the limit"),
    "unsupported-media-type": ProblemType(415, "A body of this content type is not read here"),
    "invalid-parameter": ProblemType(422, "A parameter is missing or wrong"),
    "invalid-audio": ProblemType(422, "This recording cannot be read"),
    "invalid-mel": ProblemType(422, "This mel-spectrogram cannot be spoken"),
    "mel-mismatch": ProblemType(422, "The mel was made by another analysis than the voice's"),
    "no-density": ProblemType(422, "This voice has no figures for the samples of a recording"),
    "rate-limited": ProblemType(429, "More requests than allowed in this time"),
    "internal-error": ProblemType(500, "The server failed"),
    "voice-unavailable": ProblemType(500, "The voice is installed, but cannot be loaded"),
    "busy": ProblemType(503, "As many streams as allowed are under way"),
    "not-ready": ProblemType(503, "The voices are still being loaded"),
    "shutting-down": ProblemType(503, "The server is about to stop"),
}


class ProblemDetails(BaseModel):
    """An error: what went wrong and what to do."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/unknown-voice",
                    "title": "No such voice is installed",
                    "status": 404,
                    "detail": "no voice 'studnet'; installed: student",
                }
            ]
        }
    )

    type: str = Field(description="stable identifier, relative to the server")
    title: str
    status: int
    detail: str = Field(description="what came, what was expected, what to do")


class Problem(Exception):
    """Raised by routes; `name` is a key of `PROBLEMS`."""

    def __init__(self, name: str, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.name, self.detail, self.headers = name, detail, headers

    def content(self) -> dict[str, Any]:
        kind = PROBLEMS[self.name]
        return {"type": PREFIX + self.name, "title": kind.title, "status": kind.status, "detail": self.detail}

    def response(self) -> JSONResponse:
        return JSONResponse(self.content(), PROBLEMS[self.name].status, self.headers, MEDIA_TYPE)


def documented(*names: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these problems."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for name in names:
        kind = PROBLEMS[name]
        entry = by_status.setdefault(
            kind.status, {"content": {MEDIA_TYPE: {"schema": _REFERENCE, "examples": {}}}}
        )
        entry["description"] = "; ".join(filter(None, [entry.get("description"), kind.title]))
        example = Problem(name, "what came, what was expected, what to do")
        entry["content"][MEDIA_TYPE]["examples"][name] = {"value": example.content()}
    return by_status


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem."""
    for kind in (Problem, HTTPException, RequestValidationError, ClientDisconnect, VocoderError, Exception):
        app.add_exception_handler(kind, _answer)


@router.get(PREFIX + "{name}")
async def show_problem(name: str) -> ProblemDetails:
    """What a problem's type means."""
    if name not in PROBLEMS:
        raise Problem("not-found", f"no problem is called {name}; there are {', '.join(PROBLEMS)}")
    return ProblemDetails.model_validate(Problem(name, PROBLEMS[name].title).content())


async def _answer(request: Request, error: Exception) -> Response:
    return problem_of(error, request).response()


def problem_of(error: Exception, request: HTTPConnection) -> Problem:
    """What the client is told of `error`; of our own mistakes it is told nothing, the log has them."""
    match error:
        case Problem():
            return error
        case HTTPException(status_code=405, headers=headers):
            return Problem(
                "method-not-allowed",
                f"{request.url.path} does not take {request.scope['method']}",
                headers=headers,
            )
        case HTTPException(status_code=404):
            return Problem("not-found", f"there is no {request.url.path} here; /docs lists what there is")
        case RequestValidationError():
            return Problem("invalid-parameter", "; ".join(map(_reason, error.errors())))
        case HTTPException(__cause__=Problem() as cause):
            return cause
        case HTTPException() | ClientDisconnect():
            return Problem(
                "malformed-body", f"the request could not be read: {getattr(error, 'detail', 'cut off')}"
            )
        case Busy():
            return Problem("busy", str(error), headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        case CheckpointError():
            logger.error("%s", error)
            return Problem("voice-unavailable", "its checkpoint cannot be used; the server's log says why")
        case UnknownVoice():
            return Problem("unknown-voice", str(error))
        case NoDensity():
            return Problem("no-density", str(error))
        case MelMismatch():
            return Problem("mel-mismatch", str(error))
        case ConfigError():
            return Problem("invalid-parameter", str(error))
        case InputError():
            return Problem("invalid-mel", str(error))
    return Problem(
        "internal-error", "this is a fault of the server, which has logged it; try again, or report it"
    )


def _reason(error: Mapping[str, Any]) -> str:
    place = " ".join(map(str, error["loc"]))
    return f"{place}: {error['msg']}, got {str(error['input'])[:100]!r}"
