"""What a figure was measured on and with: machine, device, versions, commit, date."""

import json
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from vocoder.evaluation.report import machine, versions

SOURCE = Path(__file__).parents[2]


def stamp(device: torch.device | str = "cpu", packages: Iterable[str] = ()) -> dict[str, Any]:
    """The facts that every JSON of a benchmark begins with; `packages`: more whose versions matter."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(SOURCE),
        "device": device_name(torch.device(device)),
        "machine": machine(),
        "versions": versions() | _installed(packages),
    }


def commit(source: Path) -> str | None:
    """The commit of a checkout, "+" behind it where files of it were changed; None where there is none."""
    if not (source / ".git").exists():
        return None
    try:
        found = subprocess.run(
            ["git", "-C", str(source), "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


def _installed(packages: Iterable[str]) -> dict[str, str]:
    found = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def device_name(device: torch.device) -> str:
    """What the device calls itself."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return str(machine()["processor"])


def write_json(path: Path, document: dict[str, Any]) -> None:
    """The document as a file, its folder made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")


def plain(value: Any) -> Any:
    """Named tuples, and those inside them and inside lists, as JSON has them."""
    if hasattr(value, "_asdict"):
        return {name: plain(item) for name, item in value._asdict().items()}
    return [plain(item) for item in value] if isinstance(value, list) else value
