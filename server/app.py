"""The application, made by a function: `create_app(settings)`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

from server import problems
from server.problems import ProblemDetails
from server.routes import baselines, health, page, samples, synthesis, voices
from server.settings import Settings, load_settings
from vocoder.inference.engine import Engine


class Service(FastAPI):
    """FastAPI, whose document knows that every error is a problem."""

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
    app = Service(
        title="vocoder",
        summary="Mel-spectrogram in, streamed speech out.",
        version=version("vocoder"),
        lifespan=_lifespan,
        responses={"default": problems.ANY},
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.settings = settings or load_settings()
    app.state.engine = Engine(app.state.settings.engine)
    problems.install(app)
    for route in (page, synthesis, baselines, voices, samples, health, problems):
        app.include_router(route.router)
    app.mount("/web", page.Files())
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Warm the voices while the first questions are answered already; stop the engine at the end."""
    engine: Engine = app.state.engine
    app.state.warming = asyncio.create_task(engine.run(engine.voices.load_all))
    yield
    await asyncio.to_thread(engine.close)
