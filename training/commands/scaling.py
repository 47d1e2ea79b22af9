"""How held-out figures fall with compute, speech and size."""

from pathlib import Path
from typing import Annotated

import typer


def scaling(
    search: Annotated[Path, typer.Argument(help="record of `vocoder search`")] = Path(
        "docs/search/teacher-long.json"
    ),
    records: Annotated[
        Path, typer.Option(help="folder with records of voices that are not installed")
    ] = Path("docs/voices"),
    measured_on: Annotated[
        str, typer.Option("--list", help="list in those records by which voices are compared")
    ] = "ljspeech",
    output: Annotated[Path, typer.Option("-o", "--output", help="the page")] = Path("docs/scaling.md"),
) -> None:
    """Fit laws to training records of voices and of a search; write what more compute and speech may bring.

    Examples:
      vocoder scaling docs/search/teacher-long.json
    """
    from training.scaling import h200
    from training.scaling.curves import at_quickest_pace, voice_records
    from training.scaling.page import write_scaling
    from training.scaling.sound import section
    from training.scaling.study import study
    from training.search.record import read_record

    record, voices = at_quickest_pace(read_record(search)), voice_records(records)
    found = study(record, {name: info.training for name, info in voices.items()})
    sound = [*h200.section(voices), *section(voices, measured_on)]
    write_scaling(found, record, output, command=f"vocoder scaling {search}", sound=sound)
    typer.echo(f"page: {output}")
