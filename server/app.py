"""The application, made by a function: `create_app(settings)`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from starlette.types import Receive, Send
from starlette.types import Scope as ConnectionScope

from server import problems, tracing
from server.examples import AUDIO_HEADERS
from server.gate import Gate, requires
from server.jobs import make_jobs, running
from server.keys import Scope
from server.metrics import Metrics
from server.middleware import REQUEST_ID, Surroundings
from server.origins import Origins
from server.parameters import refuse_repeated
from server.problems import ProblemDetails
from server.routes import (
    baselines,
    benchmarks,
    health,
    jobs,
    mel,
    metrics,
    page,
    reference,
    resynthesis,
    samples,
    score,
    stream,
    synthesis,
    voices,
)
from server.settings import Settings, load_settings
from server.streams.delays import Delays
from vocoder.inference.engine import Engine
from vocoder.inference.places import Places

_EXPOSED_HEADERS = (REQUEST_ID, "Retry-After", *AUDIO_HEADERS)


class Service(FastAPI):
    """FastAPI, whose document knows that errors are problems, and whose every answer has safe headers."""

    async def __call__(self, scope: ConnectionScope, receive: Receive, send: Send) -> None:
        surroundings = Surroundings(super().__call__, self.state.settings.max_body_bytes)
        await surroundings(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        document["components"]["schemas"].setdefault(
            ProblemDetails.__name__, ProblemDetails.model_json_schema()
        )
        return document


def create_app(settings: Settings | None = None) -> FastAPI:
    """The HTTP service; without `settings`, those of the environment.

    Raises:
        ConfigError: settings that are wrong, or a device that is not there.
    """
    settings = settings or load_settings()
    app = Service(
        title="vocoder",
        summary="Mel-spectrogram in, streamed speech out.",
        version=version("vocoder"),
        lifespan=_lifespan,
        responses={"default": problems.ANY},
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,
        redoc_url=None,
    )
    _add_state(app, settings)
    problems.install(app)
    _add_routes(app)
    app.add_middleware(Origins, settings=settings)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", REQUEST_ID],
            expose_headers=_EXPOSED_HEADERS,
        )
    if settings.tracing:
        tracing.install(app)
    return app


def _add_state(app: FastAPI, settings: Settings) -> None:
    app.state.settings = settings
    app.state.gate = Gate(settings)
    app.state.delays = Delays(
        settings.steady_start, settings.steady_longest, few=settings.steady_few, each=settings.steady_each
    )
    app.state.engine = engine = Engine(settings.engine)
    app.state.arrivals = arrivals = Places(settings.max_streams + settings.max_queue, 0, 0.0, "requests")
    app.state.metrics = Metrics(engine, arrivals)
    app.state.conversations = set()
    app.state.stopping = False
    app.state.jobs = make_jobs(settings)


def _add_routes(app: FastAPI) -> None:
    for open_to_all in (page, samples, health, problems, reference, stream):  # stream asks for keys itself
        app.include_router(open_to_all.router)
    for route in (synthesis, resynthesis, mel, score, baselines, voices):
        app.include_router(route.router, **_guarded(Scope.SYNTHESIS))
    for router in (voices.administration, metrics.router):
        app.include_router(router, **_guarded(Scope.ADMIN))
    if app.state.jobs is not None:
        for router in (jobs.router, benchmarks.router):
            app.include_router(router, **_guarded(Scope.JOBS))
    app.mount("/web", GZipMiddleware(page.Files()))
    app.mount("/docs/files", reference.files)


def _guarded(scope: Scope) -> dict[str, Any]:
    """Options of `include_router`: its routes need a key for `scope`, and take no parameter twice."""
    options = requires(scope)
    return options | {"dependencies": [*options["dependencies"], Depends(refuse_repeated)]}


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Warm the voices while the first questions are answered already; stop the engine at the end."""
    engine: Engine = app.state.engine
    app.state.warming = asyncio.create_task(engine.run_long(engine.voices.load_all))
    with running(app.state.jobs, app.state.settings):
        yield
    await asyncio.to_thread(engine.close)
