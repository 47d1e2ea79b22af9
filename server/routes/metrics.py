"""Figures for Prometheus."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from server.metrics import CONTENT_TYPE, Metrics

router = APIRouter(tags=["operation"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Requests, audio, latency and load, in the text format of Prometheus."""
    kept: Metrics = request.app.state.metrics
    engine = request.app.state.engine
    return Response(await engine.run(kept.text), media_type=CONTENT_TYPE)
