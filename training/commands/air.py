"""Find how much air a voice wants."""

from pathlib import Path
from typing import Annotated

import typer


def air(
    checkpoint: Annotated[Path, typer.Argument(help="A name or a checkpoint.")],
    manifest: Annotated[
        Path, typer.Argument(help="A list of recordings, 22,050 Hz or more, that nothing is reported on.")
    ],
    level: Annotated[
        list[float] | None, typer.Option(help="To try, in voiced sounds and others; repeat.", min=0, max=4)
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first recordings of the list.", min=1)] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A file for the JSON result.")] = None,
) -> None:
    """Find how much noise above the mel's last band makes a voice as loud there as recordings are.

    From 8 to 10 kHz, in voiced sounds and in others. `vocoder publish --air` puts it into the voice.

    Examples:
      vocoder air student data/ljspeech/train.txt --limit 12
      vocoder air runs/mine/mine.safetensors recordings/mine/train.txt --level 0.5 --level 1 -o air.json
    """
    import json

    from training.air_levels import LEVELS, advice, air_table, measure_air
    from vocoder.checkpoints import voice_path
    from vocoder.commands.console import write_output

    result = measure_air(voice_path(checkpoint), manifest, level or LEVELS, limit=limit)
    if output is not None:
        write_output(str(output), [json.dumps(result, indent=1).encode()])
    typer.echo("\n".join(air_table(result)))
    typer.echo("\n".join(["", *advice(result)]))
