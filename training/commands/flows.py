"""`vocoder flows`: densities that can be looked at, and which direction of a flow is fast."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import print as show

if TYPE_CHECKING:
    from training.density.recipe import DensityConfig, DensityResult

app = typer.Typer(no_args_is_help=True, help="Train flows on small sets and look at what they learn.")


@app.callback()
def _group() -> None:
    """Train flows on small sets and look at what they learn."""


@app.command()
def train(
    flow: Annotated[
        str, typer.Option(help="planar, radial, rnvp, glow, maf-affine, maf, iaf, flowpp, pixelcnn (digits)")
    ],
    data: Annotated[str, typer.Option(help="two-moons, eight-gaussians, checkerboard, spirals, digits")],
    dequantization: Annotated[str, typer.Option(help="of digits: uniform or variational")] = "uniform",
    steps: Annotated[int | None, typer.Option(help="[default: the flow's own]")] = None,
    seed: Annotated[int, typer.Option()] = 0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="folder [default: runs/flows/…]")
    ] = None,
    max_minutes: Annotated[float | None, typer.Option(help="stop (and save) after this long")] = None,
) -> None:
    """Train one flow on one set; write picture.png and result.json.

    Run the same command again to go on after a stop.

    Example: vocoder flows train --flow maf --data two-moons
    """
    from training.density.recipe import DensityConfig, train_density
    from vocoder.config import parse_config

    values = {"flow": flow, "data": data, "dequantization": dequantization, "steps": steps, "seed": seed}
    config = parse_config(DensityConfig, values, "vocoder flows train")
    folder = output or Path("runs/flows") / config.name
    result = train_density(config, folder, max_minutes=max_minutes)
    if result is None:
        show("stopped before the last step: run the same command to go on")
        return
    show(result.describe())
    show(f"picture: {folder / 'picture.png'}")


@app.command()
def gallery(
    output: Annotated[Path, typer.Option("-o", "--output", help="folder of the page")] = Path("docs/flows"),
    runs: Annotated[Path, typer.Option(help="folder of the runs; those begun go on")] = Path("runs/flows"),
    jobs: Annotated[int, typer.Option(min=1, help="runs at a time, one thread each")] = 2,
    steps: Annotated[int | None, typer.Option(help="of every run [default: each flow's own]")] = None,
) -> None:
    """Train every flow on every set; write the tables and the pictures.

    Example: vocoder flows gallery --jobs 2
    """
    import resource
    import time

    from training.density.gallery import gallery_configs
    from training.density.page import Spent, write_page

    configs = gallery_configs(steps)
    resumed = any((runs / config.name).exists() for config in configs)
    begun = time.monotonic()
    results = _train_all(configs, runs, jobs)
    used, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - begun
    spent = Spent(jobs=jobs, wall_seconds=wall, cpu_seconds=used.ru_utime + used.ru_stime, resumed=resumed)
    show(f"page: {write_page(results, runs, output, command='vocoder flows gallery', spent=spent)}")


@app.command()
def digits(
    output: Annotated[Path, typer.Option("-o", "--output", help="folder of the page")] = Path("docs/flows"),
    runs: Annotated[Path, typer.Option(help="folder of the runs; those begun go on")] = Path("runs/flows"),
    jobs: Annotated[int, typer.Option(min=1, help="runs at a time, one thread each")] = 2,
    seeds: Annotated[int, typer.Option(min=1, help="0, 1 … up to this many")] = 3,
    steps: Annotated[int | None, typer.Option(help="of every run [default: each flow's own]")] = None,
) -> None:
    """Train every flow on the digits with several seeds; write digits.md, the order with its spread.

    Example: vocoder flows digits --seeds 3
    """
    from training.density.digits_page import write_digits
    from training.density.gallery import digits_configs

    results = _train_all(digits_configs(seeds, steps), runs, jobs)
    show(f"page: {write_digits(results, output, command=f'vocoder flows digits --seeds {seeds}')}")


def _train_all(configs: "list[DensityConfig]", runs: Path, jobs: int) -> "list[DensityResult]":
    """Their results in their order, with a bar while they come."""
    from rich.console import Console
    from rich.progress import Progress

    from training.density.gallery import train_all

    results = {}
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("flows", total=len(configs))
        for result in train_all(configs, runs, jobs=jobs):
            results[result.config] = result
            progress.console.print(f"{result.config.name}: {result.describe()}")
            progress.advance(bar)
    return [results[config] for config in configs]


@app.command()
def audio(
    recipe: Annotated[Path, typer.Argument(help="of the small WaveGlow, as for vocoder train waveglow")],
    overrides: Annotated[list[str] | None, typer.Argument(help="key.path=value, as data.root=FOLDER")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="folder of the page")] = Path("docs/flows"),
    runs: Annotated[Path, typer.Option(help="folder of the runs; those begun go on")] = Path("runs/flows"),
    jobs: Annotated[int, typer.Option(min=1, help="runs at a time, one thread each")] = 2,
) -> None:
    """Train a small WaveGlow with every coupling, dequantization and attention; write audio.md, the bits.

    Example: vocoder flows audio configs/recipe/flowpp.yaml data.root=recordings
    """
    from training.density.audio import audio_recipes, train_audio
    from training.density.audio_page import write_audio
    from training.recipes.waveglow import WaveGlowRecipe
    from vocoder.commands.console import progress
    from vocoder.config import read_config

    base = read_config(WaveGlowRecipe, recipe, overrides or [])
    recipes, results = audio_recipes(base), []
    with progress("flows", len(recipes)) as advance:
        for result in train_audio(recipes, runs, jobs=jobs):
            results.append(result)
            advance(1)
    show(f"page: {write_audio(results, base, output, command=f'vocoder flows audio {recipe}')}")


@app.command()
def directions(
    output: Annotated[Path, typer.Option("-o", "--output", help="folder")] = Path("docs/flows"),
    runs: Annotated[int, typer.Option(min=1, help="of which the median is taken")] = 5,
) -> None:
    """Time both directions of a MAF and an IAF for vectors of 64 to 4096; write directions.json and .md.

    Example: vocoder flows directions
    """
    from training.density.speed_pages import write_directions
    from vocoder.bench.directions import measure_directions

    show(write_directions(measure_directions(runs=runs), output, command="vocoder flows directions"))


@app.command()
def peers(
    output: Annotated[Path, typer.Option("-o", "--output", help="folder")] = Path("docs/flows"),
    seconds: Annotated[float, typer.Option(min=0.01, help="for each flow, direction and library")] = 1.0,
    limit: Annotated[float, typer.Option(min=0, help="largest ratio allowed, ours by theirs")] = 1.2,
) -> None:
    """Time the flows that nflows, zuko and normflows have too, in turns; write peers.json and .md.

    Needs the extra flow-peers. Ends with status 1 if a flow of ours takes more than `limit` times theirs.

    Example: vocoder flows peers
    """
    from training.density.speed_pages import write_peers
    from vocoder.bench.flow_peers import measure_peers

    times = measure_peers(seconds=seconds)
    show(write_peers(times, output, command="vocoder flows peers"))
    slow = [row for row in times if row.ratio > limit]
    for row in slow:
        show(f"{row.flow}, D={row.size.num_features}, {row.direction}: {row.ratio:.2f} times {row.peer}")
    raise typer.Exit(code=1 if slow else 0)
