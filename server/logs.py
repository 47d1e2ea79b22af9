"""Lines on standard error: text for people, or JSON for machines, each with the id of its request."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from server.middleware import request_id

_EXTRAS = ("method", "route", "status", "seconds", "client")


class _WithRequest(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


class JsonFormatter(logging.Formatter):
    """One object a line; an exception is in it, whole."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": getattr(record, "request_id", "-"),
        }
        entry |= {name: getattr(record, name) for name in _EXTRAS if hasattr(record, name)}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=True)


class TextFormatter(logging.Formatter):
    """One line each; what a stranger sent cannot begin another."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(request_id)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")


def log_config(log_format: str) -> dict[str, Any]:
    """A configuration for `logging.config.dictConfig`: uvicorn's loggers and the project's own."""
    logger = {"handlers": ["stderr"], "level": "INFO", "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request": {"()": _WithRequest}},
        "formatters": {"chosen": {"()": JsonFormatter if log_format == "json" else TextFormatter}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "chosen",
                "filters": ["request"],
                "stream": "ext://sys.stderr",
            }
        },
        "loggers": dict.fromkeys(("server", "vocoder", "training", "uvicorn"), logger),
    }
