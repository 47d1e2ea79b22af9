"""The same questions to the jobs of a folder here, or to a server that runs jobs; answers as JSON values."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol, runtime_checkable
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from training.jobs.records import State
from vocoder.config import parse_config
from vocoder.errors import InputError, VocoderError

_TIMEOUT = 60
_RETRY_SECONDS = 2.0


class ServerFault(VocoderError, RuntimeError):
    """The server could not answer; asked again, it may."""


@runtime_checkable
class Client(Protocol):
    """What the commands ask. Each answers with the JSON of the HTTP interface."""

    def submit(self, request: dict[str, Any], key: str | None) -> dict[str, Any]: ...
    def list(self, *, state: list[str], recipe: str | None, limit: int) -> list[dict[str, Any]]: ...
    def get(self, job: str) -> dict[str, Any]: ...
    def follow(self, job: str, after: int) -> Iterator[dict[str, Any]]: ...
    def cancel(self, job: str) -> dict[str, Any]: ...
    def resume(self, job: str) -> dict[str, Any]: ...
    def publish(self, job: str, request: dict[str, Any]) -> dict[str, Any]: ...
    def log(self, job: str, lines: int) -> str: ...
    def delete(self, job: str) -> None: ...


class LocalClient:
    """The jobs below `root`, whose recordings may lie anywhere."""

    def __init__(self, root: Path) -> None:
        from training.jobs.service import Jobs
        from training.jobs.store import Store

        self.jobs = Jobs(Store(root))

    def submit(self, request: dict[str, Any], key: str | None) -> dict[str, Any]:
        from training.jobs.service import JobRequest

        return _shown(self.jobs.submit(parse_config(JobRequest, request, "job"), key)[0])

    def list(self, *, state: "list[str]", recipe: str | None, limit: int) -> "list[dict[str, Any]]":
        unknown = set(state) - set(State)
        if unknown:
            raise InputError(f"--state {unknown.pop()}: choose from {', '.join(State)}")
        found = self.jobs.store.jobs(states=tuple(map(State, state)), recipe=recipe, limit=limit)
        return [_shown(job) for job in found]

    def get(self, job: str) -> dict[str, Any]:
        return _shown(self.jobs.store.get(job))

    def follow(self, job: str, after: int) -> Iterator[dict[str, Any]]:
        for event in self.jobs.follow(job, after):
            if event is not None:
                yield event.model_dump(mode="json")

    def cancel(self, job: str) -> dict[str, Any]:
        return _shown(self.jobs.store.cancel(job))

    def resume(self, job: str) -> dict[str, Any]:
        return _shown(self.jobs.store.resume(job))

    def publish(self, job: str, request: dict[str, Any]) -> dict[str, Any]:
        name, path = self.jobs.publish(job, **request)
        return {"voice": name, "file": str(path)}

    def log(self, job: str, lines: int) -> str:
        return self.jobs.log(job, lines)

    def delete(self, job: str) -> None:
        self.jobs.delete(job)


class RemoteClient:
    """The jobs of a server; `key` is sent as a bearer token."""

    def __init__(self, url: str, key: str | None = None) -> None:
        if not url.startswith(("http://", "https://")):
            raise InputError(f"expected the address of a server as http://127.0.0.1:8000, got {url!r}")
        self.url, self.key = url.rstrip("/"), key

    def submit(self, request: dict[str, Any], key: str | None) -> dict[str, Any]:
        return self._ask("POST", "", request, {"Idempotency-Key": key} if key else {})

    def list(self, *, state: "list[str]", recipe: str | None, limit: int) -> "list[dict[str, Any]]":
        query = [("state", name) for name in state] + ([("recipe", recipe)] if recipe else [])
        return self._ask("GET", f"?{urlencode([*query, ('limit', limit)])}")["jobs"]

    def get(self, job: str) -> dict[str, Any]:
        return self._ask("GET", f"/{quote(job, safe='')}")

    def follow(self, job: str, after: int) -> Iterator[dict[str, Any]]:
        """Goes on after a broken connection or a server that was started anew, where it was."""
        self.get(job)  # what cannot be asked at all is said at once
        while True:
            headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
            told = after
            with suppress(OSError, HTTPException, ServerFault):
                with self._open("GET", f"/{quote(job, safe='')}/events", None, headers) as response:
                    for event in _events(response):
                        yield event
                        after = event["number"]
                if told == after and State(self.get(job)["state"]).ended:
                    return  # a stream that was cut off ends like one that is over, so all is asked for again
            if told == after:
                time.sleep(_RETRY_SECONDS)

    def cancel(self, job: str) -> dict[str, Any]:
        return self._ask("POST", f"/{quote(job, safe='')}/cancel")

    def resume(self, job: str) -> dict[str, Any]:
        return self._ask("POST", f"/{quote(job, safe='')}/resume")

    def publish(self, job: str, request: dict[str, Any]) -> dict[str, Any]:
        return self._ask("POST", f"/{quote(job, safe='')}/publish", request)

    def log(self, job: str, lines: int) -> str:
        return self._read("GET", f"/{quote(job, safe='')}/logs?lines={lines}").decode()

    def delete(self, job: str) -> None:
        self._read("DELETE", f"/{quote(job, safe='')}")

    def _ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        return json.loads(self._read(method, path, body, headers))

    def _read(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> bytes:
        try:
            with self._open(method, path, body, headers or {}) as response:
                return response.read()
        except OSError as error:
            raise ServerFault(f"{self.url} cannot be asked: {getattr(error, 'reason', error)}") from None

    def _open(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        """Raises `InputError` or `ServerFault` with the server's reason, and `OSError` without one."""
        if self.key:
            headers = headers | {"Authorization": f"Bearer {self.key}"}
        data = None if body is None else json.dumps(body).encode()
        content = {} if body is None else {"Content-Type": "application/json"}
        request = Request(f"{self.url}/v1/jobs{path}", data, headers | content, method=method)
        try:
            return urlopen(request, timeout=_TIMEOUT)
        except HTTPError as error:
            kind = InputError if error.code < 500 else ServerFault
            raise kind(_reason(error)) from None
        except URLError as error:
            raise OSError(error.reason) from None


def _shown(job: Any) -> dict[str, Any]:
    from training.jobs.view import JobView

    return JobView.of(job).model_dump(mode="json")


def _events(lines: Any) -> Iterator[dict[str, Any]]:
    """The data of server-sent events, one line each."""
    for line in lines:
        if line.startswith(b"data:"):
            yield json.loads(line.removeprefix(b"data:"))


def _reason(error: HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the server answered {error.code} {error.reason}"
