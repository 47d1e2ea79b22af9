"""The page at /, and the files that it is made of."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

import server
from server.routes import baselines
from server.schemas import Index, Limits
from server.settings import Settings

FOLDER = Path(server.__file__).parent / "web"
POLICY = (
    "default-src 'self'; media-src 'self' blob:; "  # blob: a chosen file, asked for its length
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-cache",  # may be kept, but is asked for again: an update is seen at once
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

router = APIRouter(tags=["page"])


@router.get("/", response_model=Index, responses={200: {"content": {"text/html": {}}}})
async def index(request: Request) -> Any:
    """The page for a browser, which asks for text/html; for all others, where to go on."""
    if "text/html" in request.headers.get("accept", ""):
        return FileResponse(FOLDER / "index.html", headers=HEADERS | {"Vary": "Accept"})
    return Index(
        name=request.app.title,
        version=request.app.version,
        documentation=request.app.url_path_for("docs"),
        openapi=request.app.openapi_url,
        voices=request.app.url_path_for("list_voices"),
        synthesize=request.app.url_path_for("synthesize"),
        jobs=request.app.state.jobs and request.app.url_path_for("list_jobs"),
        limits=_limits(request.app.state.settings),
    )


def _limits(settings: Settings) -> Limits:
    own = settings.model_dump(include={"max_seconds", "max_frames", "max_body_bytes"})
    return Limits(**own, griffin_lim_seconds=baselines.MAX_SECONDS)


class Files(StaticFiles):
    """Scripts, styles and pictures of the page: from this server alone, and nothing inline."""

    def __init__(self, folder: Path = FOLDER) -> None:
        super().__init__(directory=folder)

    def file_response(self, *args: Any, **options: Any) -> Response:
        response = super().file_response(*args, **options)
        response.headers.update(HEADERS)
        return response
