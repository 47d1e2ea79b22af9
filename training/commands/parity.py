"""Hold one voice against another, on every measure and by sound."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer


def parity(
    manifest: Annotated[
        Path | None, typer.Argument(help="A list of recordings, one path a line, relative to its folder.")
    ] = None,
    voice: Annotated[
        list[str] | None,
        typer.Option(help="A name or a checkpoint; twice: the first is held against the second."),
    ] = None,
    measure: Annotated[list[str] | None, typer.Option(help="Only this measure; repeat for more.")] = None,
    seed: Annotated[int, typer.Option(help="Of the voices' noise.", min=0)] = 0,
    limit: Annotated[int | None, typer.Option(help="Only the first recordings of the list.", min=1)] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes, of one thread each; as many as cores if not given.", min=1)
    ] = None,
    again: Annotated[
        Path | None, typer.Option(help="The JSON of an earlier run, to be told again: nothing is heard anew.")
    ] = None,
    page: Annotated[Path | None, typer.Option(help="A Markdown page of the result.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file for the JSON result.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON result, not the tables.")] = False,
) -> None:
    """Hold one voice against another, on every measure and by sound: where do they differ?

    Both say the same recordings. Of each measure of `vocoder evaluate`, and of the spectrum and the level in
    silence, unvoiced and voiced frames: the mean difference over recordings, its 95 % interval over speakers,
    and whether it shows the first voice to be better or worse. By phone as well for recordings whose folder
    has transcripts (pip install 'vocoder[align]'). The speaker is what stands before the first underscore of
    a recording's name, or else its folder.

    Examples:
      vocoder parity recordings/valid.txt --voice student --voice teacher
      vocoder parity recordings/valid.txt --voice student --voice teacher -o parity.json --page docs/parity.md
      vocoder parity --again parity.json -o parity.json --page docs/parity.md
    """
    import json

    from rich.console import Console

    from vocoder.commands.console import print_json, write_output
    from vocoder.errors import InputError
    from vocoder.evaluation.parity.page import page_of
    from vocoder.evaluation.parity.tables import to_tables

    if again is not None:
        if manifest or voice or measure or limit:
            raise InputError("--again keeps recordings, voices and measures of its run: leave these out")
        result = _told_again(again)
    elif manifest is not None:
        result = _heard(manifest, voice or [], measure, seed, limit, workers)
    else:
        raise InputError("parity needs a list of recordings, or --again with the JSON of an earlier run")
    if output is not None:
        write_output(str(output), [json.dumps(result, indent=1, ensure_ascii=False).encode()])
    if page is not None:
        write_output(str(page), [page_of(result).encode()])
    if as_json:
        print_json(result)
    else:
        Console().print(*to_tables(result), sep="\n")
    failed = [utterance for utterance in result["utterances"] if utterance["error"]]
    for utterance in failed:
        typer.echo(f"{utterance['clip']}: {utterance['error']}", err=True)
    if failed:
        raise typer.Exit(1)


def _heard(
    manifest: Path,
    voices: list[str],
    measures: list[str] | None,
    seed: int,
    limit: int | None,
    workers: int | None,
) -> dict[str, Any]:
    """The result of a run over the list."""
    import shlex
    import sys

    from training.data.phone_classes import PhoneClasses
    from vocoder.commands.console import progress
    from vocoder.commands.evaluate import MAX_WORKERS, ScoringVoice
    from vocoder.evaluation import read_manifest
    from vocoder.evaluation.parity.report import to_json
    from vocoder.evaluation.parity.sounds import Sounds, Voicing
    from vocoder.evaluation.parity.survey import survey

    clips = read_manifest(manifest)[:limit]
    systems = [ScoringVoice(name, seed) for name in voices]
    divisions: list[Sounds] = [Voicing(), PhoneClasses()]
    utterances = []
    with progress("comparing", len(clips)) as advance:
        processes = workers or min(os.cpu_count() or 1, MAX_WORKERS)
        for utterance in survey(clips, systems, divisions, measures, processes):
            utterances.append(utterance)
            advance(1)
    command = shlex.join(["vocoder", *sys.argv[1:]])
    return to_json(utterances, [system.name for system in systems], divisions, command)


def _told_again(path: Path) -> dict[str, Any]:
    """The figures of a run's JSON, estimated anew; date, machine and command stay those of the run."""
    import json

    from vocoder.commands.console import read_input
    from vocoder.errors import InputError
    from vocoder.evaluation.parity.again import again

    content = read_input(str(path))
    try:
        return again(json.loads(content))
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
