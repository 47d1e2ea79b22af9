"""List the installed voices."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from vocoder.checkpoints import CheckpointInfo


def voices(
    as_json: Annotated[bool, typer.Option("--json", help="Everything the checkpoints say, as JSON.")] = False,
) -> None:
    """List the installed voices: what mel each reads, and what was measured.

    Examples:
      vocoder voices
      vocoder voices --json | jq -r '.[].name'
      VOCODER_VOICES=~/my-voices vocoder voices
    """
    from vocoder.checkpoints import DEFAULT_VOICE, read_info, voice_path, voice_paths
    from vocoder.commands.console import print_json

    infos = {name: read_info(path) for name, path in voice_paths().items()}
    if as_json:
        stated = {name: info.model_dump(mode="json") for name, info in infos.items()}
        places = {name: {"default": name == DEFAULT_VOICE, "path": str(voice_path(name))} for name in infos}
        print_json([{"name": name, **places[name], **stated[name]} for name in infos])
    else:
        _print_table(infos)


def _print_table(infos: "dict[str, CheckpointInfo]") -> None:
    from rich.console import Console
    from rich.table import Table

    from vocoder.mel import dialect_of

    table = Table()
    for heading in ("voice", "kind", "Hz", "mel", "figures", "description"):
        table.add_column(heading)
    for name, info in infos.items():
        spec = info.mel_spec
        mel = dialect_of(spec) or spec.fingerprint
        table.add_row(
            name, info.kind, str(spec.sample_rate), mel, _summary(name, info.figures), info.description
        )
    Console().print(table)


def _summary(voice: str, figures: dict[str, Any]) -> str:
    """PESQ-WB and ESTOI of a voice on each list, where `vocoder publish` recorded them."""
    parts = []
    for title, measured in figures.items():
        own = measured.get("systems", {}).get(voice, {})
        means = [f"{name.upper()} {own[name]['mean']:.3g}" for name in ("pesq", "estoi") if name in own]
        parts += [f"{title}: {', '.join(means)}"] if means else []
    return "; ".join(parts)
