"""The same application on a Ray cluster: replicas behind one address, as many as the load asks for.

Every replica is a whole server, with its own voices, places, metrics and counts of requests. Files that the
settings name (keys) and the folders of voices must be on every node.
"""

from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp

from server.app import create_app
from server.settings import Settings, load_settings
from vocoder.errors import ConfigError, MissingExtra

try:
    import ray
    from ray import serve
except ImportError as error:
    raise MissingExtra(f"a cluster needs {error.name}: pip install 'vocoder[ray]'") from None

NAME = "vocoder"
_REPLICAS = {"min_replicas": 1, "max_replicas": 4}


@serve.deployment(name=NAME)
@serve.ingress()
class Replica:
    """One server, ready once its voices are warm."""

    def __init__(self, settings: Settings) -> None:
        self._app = create_app(settings)
        self._app.state.engine.voices.load_all()

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return self._app

    def check_health(self) -> None:
        if not self._app.state.engine.voices.has_default():
            raise RuntimeError("the default voice is missing or broken")


def build(arguments: Mapping[str, Any]) -> serve.Application:
    """The application for `serve deploy`: settings, `min_replicas` and `max_replicas`.

    A replica is added when, on average, those there are have more than half of their places taken.

    Raises:
        ConfigError: an argument that is no setting, or a wrong value.
    """
    replicas = {name: int(arguments.get(name, default)) for name, default in _REPLICAS.items()}
    if not 0 < replicas["min_replicas"] <= replicas["max_replicas"]:
        raise ConfigError(f"replicas: 1 or more, and no more than max_replicas, got {replicas}")
    rest = {name: value for name, value in arguments.items() if name not in _REPLICAS}
    settings = load_settings(overrides=rest)
    return Replica.options(  # type: ignore[attr-defined]
        max_ongoing_requests=settings.max_streams + settings.max_queue,
        autoscaling_config=replicas | {"target_ongoing_requests": max(1, settings.max_streams // 2)},
        graceful_shutdown_timeout_s=float(settings.shutdown_timeout),
        ray_actor_options={
            "num_cpus": settings.workers,
            "num_gpus": 1 if settings.device.startswith("cuda") else 0,
        },
    ).bind(settings)


def start(settings: Settings, address: str, replicas: Mapping[str, int]) -> str:
    """Run on the cluster at `address` ("local": one that is started here); gives the URL once it is warm."""
    try:
        ray.init(address=address, log_to_driver=False)
    except (ConnectionError, ValueError) as error:
        raise ConfigError(f"no cluster at {address!r} ({error}); give ray's address, or local") from None
    serve.start(http_options={"host": settings.host, "port": settings.port})
    serve.run(build({**settings.model_dump(exclude_unset=True), **replicas}), name=NAME)
    return f"http://{settings.host}:{settings.port}"


def stop() -> None:
    """Take the application off the cluster; a cluster that was started here ends."""
    serve.delete(NAME)
    ray.shutdown()
