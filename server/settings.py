"""What the operator decides: the address, the device, the limits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from vocoder.checkpoints import DEFAULT_VOICE
from vocoder.config import parse_config, read_mapping
from vocoder.inference.engine import EngineConfig, usable_cores

PREFIX = "VOCODER_"


class Settings(BaseSettings):
    """Each field is a key in YAML, `VOCODER_<FIELD>` in the environment and `--set FIELD=VALUE` to `serve`.

    The command line wins over the environment, and that over the file.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, allow_inf_nan=False)

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="0: any free one")

    device: str = Field(default="cpu", description="a torch device: cpu, cuda, cuda:1")
    workers: int = Field(default_factory=usable_cores, ge=1, description="blocks of audio computed at once")
    threads_per_worker: int = Field(default=1, ge=1, description="torch threads of each")
    default_voice: str = Field(default=DEFAULT_VOICE, description="for requests that name none")

    max_streams: int = Field(default=8, ge=1, description="utterances under way at once")
    patience: float = Field(default=0.5, ge=0, description="seconds a request waits for one of them to end")
    max_body_bytes: int = Field(default=8 << 20, ge=1, description="of a request")
    max_frames: int = Field(default=16384, ge=1, description="of a mel")
    max_seconds: float = Field(default=180.0, gt=0, description="of audio")
    body_timeout: float = Field(default=30.0, gt=0, description="seconds for a request's body to arrive")
    stall_timeout: float = Field(
        default=30.0, gt=0, description="seconds that a client may take nothing of its audio"
    )
    shutdown_timeout: int = Field(default=10, ge=0, description="seconds for streams to end at a stop")
    send_buffer_bytes: int = Field(
        default=64 << 10, ge=4096, description="a connection's, in the kernel: how far work runs ahead"
    )

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
