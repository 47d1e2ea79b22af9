"""List the installed voices."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from vocoder.checkpoints import CheckpointInfo

MEASURES = {"pesq": ("PESQ", 2), "estoi": ("ESTOI", 3), "dnsmos": ("DNSMOS", 2)}
"""With heading and decimals."""


def voices(
    name: Annotated[str | None, typer.Argument(help="Only this one, with its description.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything the checkpoints say, as JSON.")] = False,
) -> None:
    """List the installed voices: what mel each reads, and what was measured on each list of recordings.

    With the name of one, all that it says of itself.

    Examples:
      vocoder voices
      vocoder voices student
      vocoder voices --json | jq -r '.[].name'
      VOCODER_VOICES=~/my-voices vocoder voices
    """
    from vocoder.checkpoints import DEFAULT_VOICE, read_info, voice_path, voice_paths
    from vocoder.commands.console import print_json

    paths = voice_paths() if name is None else {name: voice_path(name)}
    infos = {name: read_info(path) for name, path in paths.items()}
    if as_json:
        stated = {name: info.model_dump(mode="json") for name, info in infos.items()}
        places = {name: {"default": name == DEFAULT_VOICE, "path": str(voice_path(name))} for name in infos}
        print_json([{"name": name, **places[name], **stated[name]} for name in infos])
    else:
        _print_table(infos, described=name is not None)


def _print_table(infos: "dict[str, CheckpointInfo]", *, described: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from vocoder.mel import dialect_of

    console = Console()
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for heading in ("voice", "kind", "Hz", "mel", "measured on"):
        table.add_column(heading, no_wrap=heading in ("voice", "kind"))
    for heading, _ in MEASURES.values():
        table.add_column(heading, justify="right")
    for name, info in infos.items():
        spec = info.mel_spec
        first = (name, info.kind, str(spec.sample_rate), dialect_of(spec) or spec.fingerprint)
        for i, row in enumerate(_figures(name, info.figures) or [()]):
            table.add_row(*(first if i == 0 else ("", "", "", "")), *row)
        if described:
            console.print(f"{name}: {info.description}", highlight=False)
    console.print(table)


def _figures(voice: str, figures: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The means of a voice on each list, where `vocoder publish` recorded them."""
    rows = []
    for title, measured in figures.items():
        own = measured.get("systems", {}).get(voice, {})
        if any(measure in own for measure in MEASURES):
            means = {
                measure: f"{own[measure]['mean']:.{decimals}f}" if measure in own else ""
                for measure, (_, decimals) in MEASURES.items()
            }
            rows.append((title, *means.values()))
    return rows
