"""The viewer of the OpenAPI document, with its files from an installed package and nothing inline."""

from pathlib import Path

import fastapi_offline
from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

FILES = Path(fastapi_offline.__file__).parent / "static"
_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<title>vocoder: HTTP reference</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="docs/files/favicon.png">
<link rel="stylesheet" href="docs/files/swagger-ui.css">
<div id="reference"></div>
<script src="docs/files/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
"""
_START = 'SwaggerUIBundle({url: "openapi.json", dom_id: "#reference", deepLinking: true});\n'

router = APIRouter(include_in_schema=False)
files = StaticFiles(directory=FILES)


@router.get("/docs")
async def docs() -> HTMLResponse:
    """Every route, to click through."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


@router.get("/docs/start.js")
async def start() -> Response:
    return Response(_START, media_type="text/javascript")
