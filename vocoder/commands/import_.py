"""Bring the checkpoint of another project into this one's format."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Bring the checkpoint of another project into this one's format.

    Files are read as weights alone: whatever else they hold, nothing of it is run.
    """


@app.command()
def waveglow(
    file: Annotated[Path, typer.Argument(help="A .pt or .safetensors file.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The voice, a .safetensors file.")],
    dialect: Annotated[str, typer.Option(help="Analysis that made the mels of its training.")] = "nvidia",
    sigma: Annotated[float, typer.Option(help="Of the noise in its training.", min=1e-3)] = 1.0,
    temperature: Annotated[float, typer.Option(help="Sigma of the noise in synthesis.", min=0, max=2)] = 0.6,
    alternate: Annotated[
        bool, typer.Option("--alternate", help="Couplings keep the halves in turn, as in glow_old.py.")
    ] = False,
    description: Annotated[str, typer.Option(help="What the voice is.")] = "",
) -> None:
    """NVIDIA's WaveGlow, from its own repository or from DeepLearningExamples.

    State dicts with or without weight norm, {'model': ...} and {'state_dict': ...} files, parallel training's
    prefixes and the older layouts of layers are all read.

    Example:
      vocoder import waveglow waveglow_256channels.pt -o voice.safetensors
    """
    from vocoder.checkpoints import save_checkpoint
    from vocoder.checkpoints.importers import import_waveglow
    from vocoder.mel import mel_spec

    model = import_waveglow(
        file, mel_spec(dialect), sigma=sigma, temperature=temperature, alternate=alternate
    )
    save_checkpoint(output, model, description=description, training={"imported": file.name})
    size = model.num_parameters() / 1e6
    typer.echo(f"{output}: {size:.1f} M parameters, {model.lookahead_frames} frames of look-ahead")


@app.command()
def wavenet(
    file: Annotated[Path, typer.Argument(help="A .pth or .safetensors file.", show_default=False)],
    config: Annotated[Path, typer.Option("--config", help="Its hyper-parameters, a JSON file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The voice, a .safetensors file.")],
    statistics: Annotated[
        Path | None, typer.Option(help="Mean and scale of its mels, an .npz file: what meanvar.joblib holds.")
    ] = None,
    speaker: Annotated[int | None, typer.Option(help="Which of its speakers.", min=0)] = None,
    description: Annotated[str, typer.Option(help="What the voice is.")] = "",
) -> None:
    """The WaveNet of r9y9's wavenet_vocoder: mixture of logistics, Gaussian, or 256 mu-law classes.

    Both layouts are read, that of 2019 and that of 2018 (v0.1.1 and before), which its weights tell apart.
    That of 2019 has mels normalised by statistics of the corpus. Where joblib is at hand, write them out with
      s = joblib.load("meanvar.joblib"); numpy.savez("meanvar.npz", mean=s.mean_, scale=s.scale_)

    Example:
      vocoder import wavenet model.pth --config hparams.json --statistics meanvar.npz -o voice.safetensors
    """
    from vocoder.checkpoints import save_checkpoint
    from vocoder.checkpoints.importers import import_wavenet
    from vocoder.checkpoints.importers.wavenet import read_statistics

    read = read_statistics(statistics) if statistics else None
    model = import_wavenet(file, config, statistics=read, speaker=speaker)
    save_checkpoint(output, model, description=description, training={"imported": file.name})
    if read is None and model.mel_spec.value_range is None:
        typer.echo("no --statistics: the voice takes mels as they are, so normalise them yourself", err=True)
    size = model.num_parameters() / 1e6
    typer.echo(f"{output}: {size:.1f} M parameters, {model.lookahead_frames} frames of look-ahead")
