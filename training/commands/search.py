"""Which settings of a recipe matter."""

from pathlib import Path
from typing import Annotated

import typer


def search(
    config: Annotated[Path, typer.Argument(help="a search, for example configs/search/teacher.yaml")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="key.path=value of all runs, as data.root=FOLDER")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="folder of the page")] = Path("docs/search"),
    runs: Annotated[Path, typer.Option(help="folder of the runs; those begun go on")] = Path("runs/search"),
    jobs: Annotated[int, typer.Option(min=1, help="runs at a time, one thread each")] = 2,
    again: Annotated[
        bool, typer.Option("--again", help="write the page of the record that is there; train nothing")
    ] = False,
) -> None:
    """Train a recipe and variants of it for a short while each; write what matters, question by question.

    The page is written anew after each run, unless that would take runs of an earlier one away: then at the
    end. Run the same command again to go on after a stop, also on another machine: what the page's record or
    the folder of runs has is not repeated.

    Examples:
      vocoder search configs/search/teacher.yaml data.root=recordings
      vocoder search configs/search/teacher.yaml --again
    """
    from training.search.page import worth_a_page, write_again, write_search
    from training.search.plan import SearchConfig, read_plan
    from training.search.record import read_record
    from training.search.runs import run_plan
    from vocoder.commands.console import progress
    from vocoder.config import read_config

    if again:
        asked = read_config(SearchConfig, config)
        typer.echo(f"page: {write_again(asked, read_record(output / f'{asked.name}.json'), output)}")
        return
    plan, results = read_plan(config, overrides or []), []
    record, command = output / f"{plan.config.name}.json", f"vocoder search {config}"
    known = read_record(record).runs if record.exists() else []
    with progress("runs", len(plan.runs)) as advance:
        for result in run_plan(plan, runs, jobs=jobs, known=known):
            results.append(result)
            if worth_a_page(results, known):
                write_search(plan, results, output, command=command)
            advance(1)
    typer.echo(f"page: {write_search(plan, results, output, command=command)}")
