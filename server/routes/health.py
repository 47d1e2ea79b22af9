"""Is it alive, is it ready."""

from fastapi import APIRouter, Request

from server.problems import Problem, documented
from server.schemas import Health, Readiness

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get("/readyz", responses=documented("not-ready", "shutting-down"))
async def readyz(request: Request) -> Readiness:
    """The default voice is loaded and warm, and every other that can be; 503 until then, and at a stop."""
    if request.app.state.stopping:
        raise Problem("shutting-down", "the server stops; ask another one")
    if not request.app.state.warming.done():
        raise Problem(
            "not-ready", "the voices are being loaded; ask again in a second", headers={"Retry-After": "1"}
        )
    voices = request.app.state.engine.voices.loaded()
    if not request.app.state.engine.voices.has_default():
        raise Problem("not-ready", "the default voice is missing or broken; the server's log says why")
    return Readiness(status="ready", voices=voices)
