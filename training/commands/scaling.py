"""How held-out figures fall with compute, speech and size."""

from pathlib import Path
from typing import Annotated

import typer


def scaling(
    search: Annotated[Path, typer.Argument(help="record of `vocoder search`")] = Path(
        "docs/search/teacher.json"
    ),
    records: Annotated[
        Path, typer.Option(help="folder with records of voices that are not installed")
    ] = Path("docs/voices"),
    output: Annotated[Path, typer.Option("-o", "--output", help="the page")] = Path("docs/scaling.md"),
) -> None:
    """Fit laws to training records of voices and of a search; write what more compute and speech may bring.

    Examples:
      vocoder scaling docs/search/teacher.json
    """
    from training.scaling.curves import training_records
    from training.scaling.page import write_scaling
    from training.scaling.study import study
    from training.search.record import read_record

    record = read_record(search)
    write_scaling(
        study(record, training_records(records)), record, output, command=f"vocoder scaling {search}"
    )
    typer.echo(f"page: {output}")
