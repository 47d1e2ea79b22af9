"""Measure a trained checkpoint on held-out lists and make it a voice."""

from pathlib import Path
from typing import Annotated, Any

import typer


def publish(
    checkpoint: Annotated[Path, typer.Argument(help="A trained checkpoint, or a name.")],
    measure_on: Annotated[
        list[str], typer.Option("--list", help="NAME=MANIFEST of held-out recordings; repeat for more.")
    ],
    folder: Annotated[Path, typer.Option("--to", help="Folder of voices.")] = Path("vocoder/voices"),
    name: Annotated[str | None, typer.Option(help="Of the voice; the checkpoint's, if not given.")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="The voice's own from now on.", min=0, max=2)
    ] = None,
    voiced: Annotated[
        float | None,
        typer.Option(help="Factor of it in voiced sounds; a WaveGlow needs a source for it.", min=0, max=2),
    ] = None,
    voiced_above: Annotated[
        float | None, typer.Option(help="The same above the mel's last band, for a teacher.", min=0, max=2)
    ] = None,
    density_floor: Annotated[
        float | None,
        typer.Option(
            help="A teacher draws nothing where its density is lower: 0.1 takes most clicks.", min=0
        ),
    ] = None,
    bound: Annotated[
        float | None,
        typer.Option(help="What a WaveGlow's flows say is clipped to ± this: 12 takes most clicks.", min=0),
    ] = None,
    air: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="Noise above the mel's last band in voiced sounds and in others, as `vocoder air` finds it.",
            metavar="VOICED UNVOICED",
        ),
    ] = None,
    correction: Annotated[
        int | None,
        typer.Option(help="Passes that bring what it says nearer to the mel, from now on.", min=0, max=8),
    ] = None,
    description: Annotated[
        str | None, typer.Option(help="What the voice is, in a line; the checkpoint's, if not given.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="A .json file: keep the figures there, and no voice.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of a voice of that name.")
    ] = False,
    workers: Annotated[int | None, typer.Option(help="Processes.", min=1)] = None,
) -> None:
    """Measure a checkpoint beside Griffin-Lim and the recordings, and put it among the voices.

    The figures travel inside it.

    Example:
      vocoder publish runs/student/student.safetensors --list ljspeech=data/ljspeech/valid.txt
    """
    from training.publish import publish as measure_and_write
    from vocoder.checkpoints import voice_path
    from vocoder.errors import InputError

    named = dict(item.split("=", 1) for item in measure_on if "=" in item)
    if len(named) < len(measure_on):
        raise InputError(f"--list takes NAME=MANIFEST, each name once; got {', '.join(measure_on)}")
    if record is not None and record.suffix != ".json":
        raise InputError(f"--record takes a file that ends in .json, got {record}")
    if name is not None and Path(name).name != name:
        raise InputError(f"--name is that of the voice, and --to its folder; got the path {name!r}")
    target = record or folder / f"{name or checkpoint.stem}.safetensors"
    if target.exists() and record is None and not replace:
        raise InputError(f"{target} is there already: give another --name, or --replace")
    lists = {key: Path(value) for key, value in named.items()}
    config: dict[str, Any] = {
        "temperature": temperature,
        "voiced": voiced,
        "voiced_above": voiced_above,
        "density_floor": density_floor,
        "bound": bound,
    }
    if air is not None:
        config["air"] = dict(zip(("voiced", "unvoiced"), air, strict=True))
    measure_and_write(
        voice_path(checkpoint),
        target,
        lists,
        correction=correction,
        description=description,
        workers=workers,
        **config,
    )
    typer.echo(f"{target}: measured on {', '.join(lists)}")
