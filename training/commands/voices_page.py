"""Write the page of the installed voices."""

from pathlib import Path
from typing import Annotated

import typer


def voices_page(
    output: Annotated[Path, typer.Option("-o", "--output", help="A Markdown file.")] = Path("docs/voices.md"),
) -> None:
    """Write the page of the installed voices, all of it from what their checkpoints record.

    Example:
      vocoder voices-page -o docs/voices.md
    """
    from training.voices_page import write_page

    write_page(output)
    typer.echo(str(output))
