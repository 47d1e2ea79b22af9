"""The test over HTTP: a page, and what it asks. One process, one test."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from fastapi.routing import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from server import problems
from server.listening.definition import RECORDING, Kind, ListeningTest, read_test
from server.listening.plan import trials
from server.listening.session import Session
from server.listening.stimuli import FOLDER
from server.listening.store import Store
from server.middleware import Surroundings
from server.problems import Problem
from server.routes import page
from vocoder.errors import ConfigError, InputError

WEB = Path(__file__).parent / "web"
MAX_BODY_BYTES = 16 << 10
_UNSEEN = {"Cache-Control": "no-store"}  # and no tag: the same sound under two names must not be known again

router = APIRouter()


class Newcomer(BaseModel):
    """Someone who begins."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="", max_length=80)


class Said(BaseModel):
    """What is said of a sound."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(max_length=64)
    value: int


class Completed(BaseModel):
    """A trial that is done."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    trial: int


class _Service(FastAPI):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Surroundings(super().__call__, MAX_BODY_BYTES)(scope, receive, send)


def create_app(folder: Path) -> FastAPI:
    """The test of a folder, as `prepare_test` made it.

    Raises:
        InputError: there is none.
    """
    app = _Service(title="vocoder: listening test", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.folder, app.state.test, app.state.store = folder, read_test(folder), Store(folder)
    problems.install(app)
    app.include_router(problems.router)
    app.include_router(router)
    app.mount("/web", page.Files())
    app.mount("/listening", page.Files(WEB))
    return app


def the_session(request: Request, token: str) -> Session:
    state = request.app.state
    listener = state.store.find(token)
    if listener is None:
        raise Problem("not-found", "this listener is not known here: begin again")
    return Session(state.test, state.folder, state.store, listener)


TheSession = Annotated[Session, Depends(the_session)]


@router.get("/")
async def index() -> FileResponse:
    return FileResponse(WEB / "index.html", headers=page.HEADERS)


@router.get("/v1/test")
def about(request: Request) -> dict[str, Any]:
    """What a listener may know beforehand."""
    test: ListeningTest = request.app.state.test
    counts = [trial.kind for trial in trials(test, 0)]
    return {
        "title": test.title,
        "sample_rate": test.sample_rate,
        "trials": {kind: counts.count(kind) for kind in test.kinds},
    }


@router.get("/v1/volume")
def volume(request: Request) -> Response:
    """A recording as loud as everything else, to set the volume by."""
    test: ListeningTest = request.app.state.test
    return _sound(request.app.state.folder / FOLDER / test.files[test.clips[0]][RECORDING])


@router.post("/v1/listeners", status_code=201)
def begin(request: Request, newcomer: Newcomer) -> dict[str, str]:
    """Take part; the token is how this listener goes on later."""
    return {"token": request.app.state.store.add(newcomer.name.strip()).token}


@router.get("/v1/listeners/{token}")
def show(session: TheSession) -> dict[str, Any]:
    """The trial at hand, its sounds by names that tell nothing, what was said of them so far."""
    trial = session.current
    progress = {"done": session.done, "of": len(session.trials)}
    if trial is None:
        return progress | {"trial": None}
    values = session.values(trial)
    of_kind = [each for each in session.trials if each.kind is trial.kind]
    return progress | {
        "trial": {
            "kind": trial.kind,
            "number": trial.number,
            "of": len(of_kind),
            "reference": session.reference(trial),
            "sounds": [{"id": name, "value": values.get(name)} for name in session.sounds(trial)],
        }
    }


@router.get("/v1/listeners/{token}/sounds/{name}")
def hear(session: TheSession, name: str) -> Response:
    """A sound of the trial at hand."""
    path = session.file(name)
    if path is None:
        raise Problem("not-found", f"{name[:40]} is no sound of the trial at hand: load the page again")
    return _sound(path)


@router.put("/v1/listeners/{token}/ratings", status_code=204)
def rate(session: TheSession, said: Said) -> None:
    """Keep a rating: it is on the disk when this is answered."""
    _or_problem(session.rate, said.id, said.value)


@router.post("/v1/listeners/{token}/trials")
def complete(session: TheSession, completed: Completed) -> dict[str, Any]:
    """The trial is done; answers with the next one."""
    _or_problem(session.complete, completed.kind, completed.trial)
    return show(session)


def _or_problem(work: Any, *values: Any) -> None:
    try:
        work(*values)
    except InputError as error:
        raise ConfigError(str(error)) from None  # a parameter that does not fit


def _sound(path: Path) -> Response:
    return Response(path.read_bytes(), media_type="audio/wav", headers=_UNSEEN)
