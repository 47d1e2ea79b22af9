"""What the operator decides: the address, the device, the limits."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from vocoder.config import parse_config, read_mapping
from vocoder.inference.engine import EngineConfig

PREFIX = "VOCODER_"


def _listed(value: Any) -> Any:
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def is_loopback(host: str) -> bool:
    """Whether a name or an address is that of this machine alone."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Address(BaseSettings):
    """Where to listen."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="0: any free one")


class Settings(EngineConfig, Address):
    """Each field is a key in YAML, `VOCODER_<FIELD>` in the environment and `--set FIELD=VALUE` to `serve`.

    The command line wins over the environment, and that over the file.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, allow_inf_nan=False)

    max_body_bytes: int = Field(default=8 << 20, ge=1, description="of a request")
    max_frames: int = Field(default=16384, ge=1, description="of a mel")
    max_seconds: float = Field(default=180.0, gt=0, description="of audio")
    body_timeout: float = Field(default=30.0, gt=0, description="seconds for a request's body to arrive")
    stall_timeout: float = Field(
        default=30.0, gt=0, description="seconds that a client may take nothing of its audio"
    )
    idle_timeout: float = Field(
        default=30.0,
        gt=0,
        description="seconds that a /v1/stream may bring nothing while nothing is due to it",
    )
    max_ahead: float = Field(
        default=30.0, gt=0, description="seconds that the audio of a /v1/stream may be ahead of its listener"
    )
    steady_start: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="seconds after the frames it needs at which a steady stream's audio begins, at least; or "
        "more: `steady_each` for each stream past `steady_few`, or what the slowest block took lately",
    )
    steady_few: int = Field(default=4, ge=0, description="streams for which `steady_start` is enough")
    steady_each: float = Field(default=0.02, ge=0, le=1, description="seconds for each further stream")
    steady_longest: float = Field(default=0.15, ge=0, le=1, description="seconds that it waits at most")
    shutdown_timeout: int = Field(default=10, ge=0, description="seconds for streams to end at a stop")
    send_buffer_bytes: int = Field(
        default=64 << 10, ge=4096, description="a connection's, in the kernel: how far work runs ahead"
    )

    auth: Literal["auto", "on", "off"] = Field(
        default="auto", description="whether a key is needed; auto: unless host is this machine alone"
    )
    keys_file: Path | None = Field(default=None, description="keys, as `vocoder keys create` writes them")
    rate_limit: str = Field(default="", description="requests a key, or an address: 600/minute; empty: any")
    trusted_proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=("127.0.0.1", "::1"),
        description="addresses or networks, separated by commas, whose X-Forwarded-For is believed; *: all",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(), description="origins, separated by commas, whose pages may use this server"
    )
    jobs: Path | None = Field(default=None, description="folder of training jobs; none: they are off")
    jobs_data: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(), description="folders, separated by commas, below which jobs may read recordings"
    )
    jobs_slots: int = Field(default=1, ge=0, description="jobs at a time without a GPU")
    jobs_gpus: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(), description="GPUs, as in CUDA_VISIBLE_DEVICES, separated by commas; a job at a time each"
    )
    jobs_ray: str | None = Field(default=None, description="address of a Ray cluster that runs the jobs")
    jobs_grace: float = Field(default=30.0, ge=0, description="seconds for jobs to save at a stop")
    log_format: Literal["text", "json"] = Field(default="text", description="of the lines on standard error")
    tracing: bool = Field(default=False, description="OpenTelemetry traces, sent where OTEL_* variables say")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)

    @property
    def needs_keys(self) -> bool:
        return self.auth == "on" or (self.auth == "auto" and not self.loopback)

    @property
    def engine(self) -> EngineConfig:
        return EngineConfig(**{name: getattr(self, name) for name in EngineConfig.model_fields})


def load_settings(file: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Settings from the defaults, `file` (YAML), the environment and `overrides`, the later over the earlier.

    Raises:
        ConfigError: the file cannot be read, or a key or value is wrong; the message names it.
    """
    values = read_mapping(file) if file else {}

    class WithFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, values)

    return parse_config(
        WithFile, dict(overrides or {}), f"settings ({file or 'no file'}, {PREFIX}* and options)"
    )
