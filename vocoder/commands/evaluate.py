"""Measure voices against recordings: PESQ, ESTOI, DNSMOS, STFT distance, MCD, F0."""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from jaxtyping import Float
from torch import Tensor

if TYPE_CHECKING:
    from vocoder.evaluation import System
    from vocoder.models import Vocoder

MAX_WORKERS = 8


@dataclass(frozen=True)
class VoiceSystem:
    """A voice behind its own mel front end: recording in, the voice's version of it out."""

    voice: str
    seed: int = 0
    temperature: float | None = None

    @property
    def name(self) -> str:
        return Path(self.voice).stem

    def generate(
        self, audio: Float[Tensor, "sample"], sample_rate: int
    ) -> tuple[Float[Tensor, "generated"], int]:
        """Analyse and synthesize at the voice's rate, clipped to [-1, 1] as any player would."""
        from vocoder.audio import resample
        from vocoder.mel import MelFrontend

        model = _loaded(self.voice)
        mel = MelFrontend(model.mel_spec)(resample(audio, sample_rate, model.sample_rate))
        generated = model.synthesize(mel, seed=self.seed, temperature=self.temperature)
        return generated.clamp(-1, 1), model.sample_rate


@cache
def _loaded(voice: str) -> "Vocoder":
    """One copy of the voice in each process."""
    from vocoder.checkpoints import load

    return load(voice)


def evaluate(
    manifest: Annotated[
        Path, typer.Argument(help="A list of recordings, one path a line, relative to its folder.")
    ],
    voice: Annotated[list[str] | None, typer.Option(help="A name or a checkpoint; repeat for more.")] = None,
    baseline: Annotated[
        list[str] | None, typer.Option(help="griffin-lim or recording; repeat for both.")
    ] = None,
    measure: Annotated[list[str] | None, typer.Option(help="Only this measure; repeat for more.")] = None,
    dialect: Annotated[
        str | None, typer.Option(help="The mel of griffin-lim; the first voice's, or nvidia, if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the voices' noise.", min=0)] = 0,
    temperature: Annotated[
        float | None, typer.Option(help="Of the voices' noise; each voice's own if not given.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first recordings of the list.", min=1)] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes, of one thread each; as many as cores if not given.", min=1)
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file for the JSON result.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON result, not the table.")] = False,
) -> None:
    """Measure voices against recordings: PESQ, ESTOI, DNSMOS, STFT distance, MCD, F0.

    Each recording is turned into the voice's mel and back. Without --voice and --baseline: every installed
    voice beside both baselines. Measures whose optional package is missing show "–"
    (pip install 'vocoder[eval]').

    Examples:
      vocoder evaluate recordings/valid.txt
      vocoder evaluate recordings/valid.txt --voice student --baseline griffin-lim -o result.json
      vocoder evaluate recordings/valid.txt --voice student --measure estoi --json | jq .systems
    """
    import json

    from rich.console import Console

    from vocoder.checkpoints import voice_paths
    from vocoder.commands.console import print_json, progress, write_output
    from vocoder.evaluation import BASELINES, read_manifest, run
    from vocoder.evaluation.report import to_json, to_table

    clips = read_manifest(manifest)[:limit]
    if voice is None and baseline is None:
        voice, baseline = list(voice_paths()), list(BASELINES)
    systems = _systems(voice or [], baseline or [], dialect, seed, temperature)
    processes = workers or min(os.cpu_count() or 1, MAX_WORKERS)
    scores = []
    with progress("evaluating", len(clips) * len(systems)) as advance:
        for score in run(clips, systems, measure, processes):
            scores.append(score)
            advance(1)
    result = to_json(scores)
    if output is not None:
        write_output(str(output), [json.dumps(result, indent=2, ensure_ascii=False).encode()])
    if as_json:
        print_json(result)
    else:
        Console().print(to_table(scores, measure))
    failed = [score for score in scores if score.error]
    for score in failed:
        typer.echo(f"{score.system} on {score.clip}: {score.error}", err=True)
    if failed:
        raise typer.Exit(1)


def _systems(
    voices: list[str], baselines: list[str], dialect: str | None, seed: int, temperature: float | None
) -> "list[System]":
    from vocoder.checkpoints import read_info, voice_path
    from vocoder.evaluation import baseline
    from vocoder.mel import mel_spec

    specs = [read_info(voice_path(name)).mel_spec for name in voices]
    spec = mel_spec(dialect) if dialect else [*specs, mel_spec("nvidia")][0]
    return [
        *(VoiceSystem(name, seed, temperature) for name in voices),
        *(baseline(name, spec) for name in baselines),
    ]


app = evaluate
