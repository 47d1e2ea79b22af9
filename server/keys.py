"""API keys: shown once when they are made, kept as hashes, looked up in constant time."""

import hashlib
import hmac
import json
import secrets
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from pydantic import Field

from vocoder.config import Config, parse_config
from vocoder.errors import ConfigError, InputError

PREFIX = "vk"
_NOBODY = hashlib.sha256(secrets.token_bytes()).hexdigest()


class Scope(StrEnum):
    """What a key allows; `admin` allows everything."""

    SYNTHESIS = "synthesis"
    JOBS = "jobs"
    ADMIN = "admin"


class Key(Config):
    """A key as it is kept. The secret is 256 random bits, for which a plain SHA-256 is one way."""

    id: str
    name: str
    scopes: tuple[Scope, ...] = Field(min_length=1)
    created: datetime
    digest: str = Field(description="SHA-256 of the secret, hexadecimal", min_length=64, max_length=64)

    def allows(self, scope: Scope) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes


class _File(Config):
    keys: tuple[Key, ...] = ()


class KeyFile:
    """The keys in a JSON file. A key that is made or revoked counts from the next request on.

    Raises:
        ConfigError: the file cannot be read, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version: int | None = None
        self._keys: dict[str, Key] = {}

    def keys(self) -> dict[str, Key]:
        """The keys by their ids, as the file has them now; none where there is no file."""
        try:
            version = self.path.stat().st_mtime_ns
            if version != self._version:
                file = parse_config(_File, json.loads(self.path.read_text()), str(self.path))
                self._version, self._keys = version, {key.id: key for key in file.keys}
        except FileNotFoundError:
            self._version, self._keys = None, {}
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{self.path} is no file of keys ({error}); make one with vocoder keys create"
            ) from None
        return self._keys

    def find(self, token: str) -> Key | None:
        """The key that `token` is; None if it is none. Takes as long for a wrong secret as for a wrong id."""
        prefix, _, rest = token.partition("_")
        name, _, secret = rest.partition("_")
        key = self.keys().get(name)
        matches = hmac.compare_digest(_digest(secret), key.digest if key else _NOBODY)
        return key if key and matches and prefix == PREFIX else None

    def create(self, name: str, scopes: Iterable[Scope]) -> str:
        """Add a key; the token that is returned is kept nowhere."""
        identity, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        made = Key(
            id=identity, name=name, scopes=tuple(scopes), created=datetime.now(UTC), digest=_digest(secret)
        )
        self._write([*self.keys().values(), made])
        return f"{PREFIX}_{identity}_{secret}"

    def revoke(self, identity: str) -> None:
        """Remove a key; raises `InputError` where there is none of that id."""
        keys = self.keys()
        if identity not in keys:
            raise InputError(f"{self.path} has no key {identity!r}; it has {', '.join(keys) or 'none'}")
        self._write([key for key in keys.values() if key.id != identity])

    def _write(self, keys: list[Key]) -> None:
        """Replace the file whole, readable by its owner alone."""
        text = _File(keys=tuple(keys)).model_dump_json(indent=2)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self.path.parent, delete=False) as file:
                file.write(text + "\n")
            Path(file.name).replace(self.path)
        except OSError as error:
            raise ConfigError(f"cannot write {self.path}: {error.strerror}") from None
        self._version = None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
