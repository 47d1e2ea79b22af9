"""Measure a voice at several temperatures."""

from pathlib import Path
from typing import Annotated

import typer


def temperatures(
    checkpoint: Annotated[Path, typer.Argument(help="A name or a checkpoint.")],
    manifest: Annotated[Path, typer.Argument(help="A list of held-out recordings.")],
    temperature: Annotated[
        list[float], typer.Option("--temperature", "-t", help="Repeat for more.", min=0, max=2)
    ],
    voiced: Annotated[
        list[float] | None,
        typer.Option(
            help="A factor of it in voiced sounds (a WaveGlow needs a source); repeat.",
            min=0,
            max=2,
        ),
    ] = None,
    voiced_above: Annotated[
        list[float] | None,
        typer.Option(help="Another above the mel's last band, for a teacher; repeat.", min=0, max=2),
    ] = None,
    density_floor: Annotated[
        list[float] | None,
        typer.Option(help="A density below which a teacher draws nothing; repeat.", min=0),
    ] = None,
    bound: Annotated[
        list[float] | None,
        typer.Option(help="To which ± a WaveGlow's flows are clipped; repeat.", min=0),
    ] = None,
    correction: Annotated[
        list[int] | None,
        typer.Option(help="Passes that bring it nearer to the mel; repeat for more.", min=0, max=8),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first recordings of the list.", min=1)] = None,
    workers: Annotated[int | None, typer.Option(help="Processes.", min=1)] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A file for the JSON result.")] = None,
) -> None:
    """Measure a voice at several temperatures of its noise and passes of correction, on the same clips.

    Examples:
      vocoder temperatures runs/teacher/teacher.safetensors data/ljspeech/valid.txt -t 0.6 -t 0.8 --voiced 0.9
      vocoder temperatures student data/ljspeech/valid.txt -t 0.65 --correction 0 --correction 2
    """
    import json

    from training.temperatures import measure_temperatures
    from training.voices_page import temperature_table
    from vocoder.checkpoints import voice_path
    from vocoder.commands.console import write_output

    result = measure_temperatures(
        voice_path(checkpoint),
        manifest,
        temperature,
        voiced or [],
        voiced_above=voiced_above or [],
        density_floors=density_floor or [],
        bounds=bound or [],
        corrections=correction or [],
        limit=limit,
        workers=workers,
    )
    if output is not None:
        write_output(str(output), [json.dumps(result, indent=1).encode()])
    typer.echo("\n".join(temperature_table(result)))
