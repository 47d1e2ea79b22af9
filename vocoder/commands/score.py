"""Bits a sample of recordings under a voice."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from vocoder.evaluation import ScoredClip
    from vocoder.models import Vocoder

MAX_PICTURED = 12
PCM_BITS = 16
PICTURES = ("png", "svg", "pdf")


def score(
    audio: Annotated[
        list[str], typer.Argument(metavar="AUDIO...", help="Recordings, or - for one on stdin.")
    ],
    voice: Annotated[
        str | None,
        typer.Option(help="A name or a checkpoint. [default: the first installed with exact figures]"),
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="A picture: waveform, mel and bits over time.")
    ] = None,
    device: Annotated[str, typer.Option(help="A torch device.")] = "cpu",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with the curve over time, not the table.")
    ] = False,
) -> None:
    """Bits a sample of recordings under a voice: how well it foresees each sample from those before it.

    Fewer are better, and 16 are what PCM takes: a voice that needs more has not learned to foresee
    recordings. A teacher's are the exact probability of the 16-bit samples; those of other kinds come from a
    continuous density, and the two are not to be compared. A recording is resampled to the voice's rate. The
    curve is the mean over each hop.

    Examples:
      vocoder score speech.flac
      vocoder score recordings/*.wav --voice teacher --json | jq '.files[].bits_per_sample'
      vocoder score speech.wav -o speech.svg
    """
    from vocoder.checkpoints import load, read_info, voice_paths
    from vocoder.commands.console import choose_by_suffix, print_json, progress
    from vocoder.errors import InputError
    from vocoder.inference.scoring import choose_voice

    if output is not None:
        choose_by_suffix(output, PICTURES, "png")
        if len(audio) > MAX_PICTURED:
            raise InputError(f"a picture holds {MAX_PICTURED} recordings, got {len(audio)}: leave out -o")
    if output is not None:
        with _writable(output):
            Path(output).parent.mkdir(parents=True, exist_ok=True)
    if missing := [source for source in audio if source != "-" and not Path(source).is_file()]:
        raise InputError(f"no such file: {', '.join(missing)}")
    name = voice or choose_voice({name: read_info(path).kind for name, path in voice_paths().items()})
    model = load(name, device=device)
    rows, clips = [], {}
    with progress("scoring", len(audio)) as advance:
        for source in audio:
            row, clip = _score(model, source)
            rows.append(row)
            if output is not None:
                clips[source] = clip
            advance(1)
    if as_json:
        print_json({"voice": name, **_unit(model), "files": rows})
    else:
        _print_table(rows, name, model)
    if output is not None:
        _draw(output, clips, model)


def _score(model: "Vocoder", source: str) -> "tuple[dict[str, Any], ScoredClip]":
    """What is said of one recording, and what is drawn of it."""
    from vocoder.audio import read
    from vocoder.evaluation import ScoredClip
    from vocoder.inference.scoring import prepare, score

    samples, rate = read(source)
    recording = prepare(samples, rate, model.mel_spec)
    likelihood = score(model, recording)
    row = {
        "file": source,
        "seconds": likelihood.bits.numel() / model.sample_rate,
        "resampled_from": None if rate == model.sample_rate else rate,
        "bits_per_sample": likelihood.bits_per_sample,
        "note": _note(likelihood.bits_per_sample, rate, model.sample_rate),
        "curve": [round(bits, 4) for bits in likelihood.curve.tolist()],
    }
    return row, ScoredClip(recording.audio, recording.mel, likelihood.curve, likelihood.bits_per_sample)


def _note(bits: float, rate: int, sample_rate: int) -> str:
    resampled = [f"resampled from {rate} Hz to {sample_rate} Hz"] if rate != sample_rate else []
    unlearned = [f"more than the {PCM_BITS} of PCM: this voice does not foresee recordings"]
    return "; ".join(resampled + unlearned * (bits > PCM_BITS))


def _unit(model: "Vocoder") -> dict[str, Any]:
    """What the figures are."""
    from vocoder.inference.scoring import KINDS

    return {
        "kind": model.likelihood,
        "figure": f"bits per sample, {KINDS[str(model.likelihood)]}",
        "sample_rate": model.sample_rate,
        "hop_length": model.mel_spec.hop_length,
    }


def _draw(output: str, clips: "dict[str, ScoredClip]", model: "Vocoder") -> None:
    from vocoder.evaluation import plot_scores

    named = {Path(source).name: clip for source, clip in clips.items()}
    pictured = named if len(named) == len(clips) else clips
    with _writable(output):
        plot_scores(Path(output), pictured, model.mel_spec, f"bits / sample ({model.likelihood})")


@contextmanager
def _writable(output: str) -> Iterator[None]:
    from vocoder.commands.console import cannot_be_written

    try:
        yield
    except OSError as error:
        raise cannot_be_written(output, error) from None


def _print_table(rows: list[dict[str, Any]], name: str, model: "Vocoder") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{name}: {_unit(model)['figure']}", show_footer=len(rows) > 1)
    seconds = sum(row["seconds"] for row in rows)
    mean = sum(row["bits_per_sample"] * row["seconds"] for row in rows) / seconds
    table.add_column("recording", footer="all")
    table.add_column("seconds", justify="right", footer=f"{seconds:.2f}")
    table.add_column("bits / sample", justify="right", footer=f"{mean:.3f}")
    table.add_column("note")
    for row in rows:
        table.add_row(row["file"], f"{row['seconds']:.2f}", f"{row['bits_per_sample']:.3f}", row["note"])
    Console().print(table)
