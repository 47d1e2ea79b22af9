"""What commands share: progress for people, JSON for programs, files and pipes."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from vocoder.errors import InputError, VocoderError

if TYPE_CHECKING:
    from vocoder.mel import MelSpec

PIPE = "-"
_NO_PATH = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError)
Name = TypeVar("Name", bound=str)


@contextmanager
def progress(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error while the block runs, and nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(description, total=total)
        yield lambda amount: bar.advance(task, amount)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def check_one_output(output: str, as_json: bool) -> None:
    """Raise `InputError` if both the result and what is said about it would go to standard output."""
    if output == PIPE and as_json:
        raise InputError("--json and -o - both write to standard output: name a file, or leave out --json")


def choose_by_suffix(output: str, formats: Iterable[Name], default: Name) -> Name:
    """The format that a file's suffix names, `default` for a pipe; raises `InputError` for another suffix."""
    if output == PIPE:
        return default
    suffixes = {f".{name}": name for name in formats}
    suffix = Path(output).suffix.lower()
    if suffix not in suffixes:
        raise InputError(f"output {output}: its suffix must be one of {', '.join(suffixes)}")
    return suffixes[suffix]


def analysis(named: str) -> "MelSpec":
    """A dialect by name, or the analysis that a JSON or YAML file states, as `vocoder.mel.mel_spec` takes it.

    Raises:
        ConfigError: an unknown name, a file that states no analysis.
    """
    from vocoder.config import read_mapping
    from vocoder.mel import mel_spec

    is_file = Path(named).suffix.lower() in (".json", ".yaml", ".yml")
    return mel_spec(read_mapping(named) if is_file else named)


def read_input(source: str) -> bytes:
    """A file, or standard input for "-"; raises `InputError` when it cannot be read."""
    try:
        return sys.stdin.buffer.read() if source == PIPE else Path(source).read_bytes()
    except OSError as error:
        raise InputError(f"{source}: cannot be read ({error.strerror})") from None


def write_output(output: str, chunks: Iterable[bytes]) -> None:
    """Chunks to standard output as they come, or to a file that is either whole or not there."""
    from vocoder.checkpoints.format import write_atomically

    if output == PIPE:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
        return
    data = b"".join(chunks)
    try:
        write_atomically(Path(output), data)
    except OSError as error:
        raise cannot_be_written(output, error) from None


def cannot_be_written(output: str, error: OSError) -> VocoderError:
    """What to raise for an output that the system refuses: `InputError` where its path cannot be."""
    kind = InputError if isinstance(error, _NO_PATH) else VocoderError
    return kind(f"output {output}: cannot be written ({error.strerror})")
