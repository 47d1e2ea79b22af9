"""Find faults in voices: tones, clicks, buzz, breath, octave errors, drift, seams."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from jaxtyping import Float
from torch import Tensor

from vocoder.commands.evaluate import MAX_WORKERS, VoiceSystem, loaded

if TYPE_CHECKING:
    from vocoder.evaluation import System


@dataclass(frozen=True)
class StreamingVoice(VoiceSystem):
    """A voice that also speaks as a stream, `chunk` frames at a time."""

    chunk: int = 10

    def stream(
        self, audio: Float[Tensor, "sample"], sample_rate: int
    ) -> tuple[Float[Tensor, "generated"], tuple[int, ...]]:
        """The samples of `generate` piece by piece, and where each piece but the first begins."""
        from itertools import accumulate

        import torch

        from vocoder.audio import resample
        from vocoder.mel import MelFrontend

        model = loaded(self.voice, self.correction)
        mel = MelFrontend(model.mel_spec)(resample(audio, sample_rate, model.sample_rate))
        stream = model.open_stream(seed=self.seed, temperature=self.temperature)
        made = [*(stream.push(part) for part in mel.split(self.chunk, dim=-1)), stream.finish()]
        pieces = [piece for piece in made if len(piece)]
        boundaries = tuple(accumulate(len(piece) for piece in pieces[:-1]))
        return torch.cat(pieces).clamp(-1, 1), boundaries


def faults(
    manifest: Annotated[
        Path, typer.Argument(help="A list of recordings, one path a line, relative to its folder.")
    ],
    voice: Annotated[
        list[str] | None,
        typer.Option(help="A name or a checkpoint; repeat for more. [default: every installed voice]"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the voices' noise.", min=0)] = 0,
    temperature: Annotated[
        float | None, typer.Option(help="Of the voices' noise; each voice's own if not given.")
    ] = None,
    correction: Annotated[
        int | None,
        typer.Option(help="Passes towards the mel; each voice's own if not given.", min=0, max=8),
    ] = None,
    chunk: Annotated[int, typer.Option(help="Frames that a stream is given at a time.", min=1)] = 10,
    limit: Annotated[int | None, typer.Option(help="Only the first recordings of the list.", min=1)] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes, of one thread each; as many as cores if not given.", min=1)
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(help="A folder for pictures of the worst clips of each detector, faults marked."),
    ] = None,
    worst: Annotated[int, typer.Option(help="How many clips in the picture of each detector.", min=1)] = 10,
    page: Annotated[
        Path | None, typer.Option(help="A Markdown page of the result, with the pictures.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file for the JSON result.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON result, not the table.")] = False,
) -> None:
    """Find faults in voices: tones, clicks, buzz, breath, octave errors, drift, seams.

    Each detector holds a voice against the recording, and tells when and how strongly. Beside the voices
    stand Griffin-Lim and the recording itself, its phases spread, its beginning cut off and in a little
    noise: what is found there is a false alarm. Octave errors need pyworld (pip install 'vocoder[eval]').

    Examples:
      vocoder faults recordings/valid.txt
      vocoder faults recordings/valid.txt --voice student --pictures out/faults
      vocoder faults recordings/valid.txt --page docs/voice-faults.md --pictures docs/voice-faults
    """
    import json
    import shlex
    import sys

    from rich.console import Console

    from vocoder.checkpoints import voice_paths
    from vocoder.commands.console import print_json, progress, write_output
    from vocoder.evaluation import read_manifest
    from vocoder.evaluation.faults.page import page_of
    from vocoder.evaluation.faults.pictures import draw_worst
    from vocoder.evaluation.faults.report import to_json, to_table
    from vocoder.evaluation.faults.survey import survey

    clips = read_manifest(manifest)[:limit]
    systems = _systems(voice or list(voice_paths()), seed, temperature, correction, chunk)
    hearings = []
    with progress("listening", len(clips) * len(systems)) as advance:
        for hearing in survey(clips, systems, workers or min(os.cpu_count() or 1, MAX_WORKERS)):
            hearings.append(hearing)
            advance(1)
    result = to_json(hearings, shlex.join(["vocoder", *sys.argv[1:]]))
    if output is not None:
        write_output(str(output), [json.dumps(result, indent=1, ensure_ascii=False).encode()])
    drawn = {} if pictures is None else draw_worst(pictures, hearings, clips, systems, worst)
    if page is not None:
        write_output(str(page), [page_of(result, drawn, page.parent).encode()])
    if as_json:
        print_json(result)
    else:
        Console().print(to_table(result))
    failed = [hearing for hearing in hearings if hearing.error]
    for hearing in failed:
        typer.echo(f"{hearing.system} on {hearing.clip}: {hearing.error}", err=True)
    if failed:
        raise typer.Exit(1)


def _systems(
    voices: list[str], seed: int, temperature: float | None, correction: int | None, chunk: int
) -> "list[System]":
    from vocoder.checkpoints import read_info, voice_path
    from vocoder.evaluation import GriffinLim
    from vocoder.evaluation.faults.control import Rerecorded

    spec = read_info(voice_path(voices[0])).mel_spec
    return [
        *(StreamingVoice(name, seed, temperature, correction, chunk=chunk) for name in voices),
        GriffinLim(spec),
        Rerecorded(),
    ]
