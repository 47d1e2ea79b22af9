"""`vocoder evaluate`: voices and baselines over a list of recordings."""

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from jaxtyping import Float
from torch import Tensor

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
def _loaded(voice: str) -> Any:
    """One copy of the voice in each process."""
    from vocoder.checkpoints import load

    return load(voice)


def evaluate(
    manifest: Annotated[
        Path, typer.Argument(help="list of recordings, one path a line, beside the recordings")
    ],
    voice: Annotated[list[str] | None, typer.Option(help="name or checkpoint; repeat for more")] = None,
    baseline: Annotated[
        list[str] | None, typer.Option(help="griffin-lim or recording; repeat for more")
    ] = None,
    measure: Annotated[list[str] | None, typer.Option(help="only this measure; repeat for more")] = None,
    dialect: Annotated[
        str | None, typer.Option(help="mel of griffin-lim [default: the first voice's, or nvidia]")
    ] = None,
    seed: Annotated[int, typer.Option(help="noise of the voices", min=0)] = 0,
    temperature: Annotated[float | None, typer.Option(help="[default: each voice's own]")] = None,
    limit: Annotated[int | None, typer.Option(help="only the first recordings of the list", min=1)] = None,
    workers: Annotated[int | None, typer.Option(help="processes [default: the cores]", min=1)] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="write the JSON result here")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON instead of the table")] = False,
) -> None:
    """Measure voices against recordings: PESQ, ESTOI, DNSMOS, STFT distance, MCD, F0.

    Without --voice and --baseline: every installed voice beside both baselines. Measures whose optional
    package is missing show "–" (pip install 'vocoder[eval]').

    Example: vocoder evaluate recordings/valid.txt --voice student --baseline griffin-lim -o result.json
    """
    from rich.console import Console

    from vocoder.checkpoints import voice_paths
    from vocoder.evaluation import BASELINES, read_manifest, run
    from vocoder.evaluation.report import to_json, to_table

    clips = read_manifest(manifest)[:limit]
    everything = voice is None and baseline is None
    voices = list(voice_paths()) if everything else voice or []
    systems = _systems(voices, list(BASELINES) if everything else baseline or [], dialect, seed, temperature)
    processes = workers or min(os.cpu_count() or 1, MAX_WORKERS)
    scores = _with_progress(run(clips, systems, measure, processes), len(clips) * len(systems))
    result = json.dumps(to_json(scores), indent=2, ensure_ascii=False)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(result + "\n", encoding="utf-8")
    if as_json:
        typer.echo(result)
    else:
        Console().print(to_table(scores, measure))
    failed = [score for score in scores if score.error]
    for score in failed:
        typer.echo(f"{score.system} on {score.clip}: {score.error}", err=True)
    if failed:
        raise typer.Exit(1)


def _systems(
    voices: list[str], baselines: list[str], dialect: str | None, seed: int, temperature: float | None
) -> list[Any]:
    from vocoder.checkpoints import read_info, voice_path
    from vocoder.evaluation import baseline
    from vocoder.mel import mel_spec

    specs = [read_info(voice_path(name)).mel_spec for name in voices]
    spec = mel_spec(dialect) if dialect else (specs or [mel_spec("nvidia")])[0]
    return [
        *(VoiceSystem(name, seed, temperature) for name in voices),
        *(baseline(name, spec) for name in baselines),
    ]


def _with_progress(scores: Any, total: int) -> list[Any]:
    from rich.console import Console
    from rich.progress import track

    return list(track(scores, "Evaluating", total=total, console=Console(stderr=True)))


app = evaluate
