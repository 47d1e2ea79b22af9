"""Measure voices against recordings: PESQ, ESTOI, DNSMOS, STFT distance, MCD, F0."""

import math
import os
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from jaxtyping import Float
from torch import Tensor

if TYPE_CHECKING:
    from vocoder.evaluation import Clip, System
    from vocoder.evaluation.html import Ranked
    from vocoder.models import Vocoder

MAX_WORKERS = 8


@dataclass(frozen=True)
class VoiceSystem:
    """A voice behind its own mel front end: recording in, the voice's version of it out."""

    voice: str
    seed: int = 0
    temperature: float | None = None
    correction: int | None = None
    mel: str | None = None
    """The dialect of the mel that it is given, if that is not its own; estimated where need be."""

    @property
    def name(self) -> str:
        own = Path(self.voice).stem
        return f"{own} ({Path(self.mel).stem})" if self.mel else own

    def generate(
        self, audio: Float[Tensor, "sample"], sample_rate: int
    ) -> tuple[Float[Tensor, "generated"], int]:
        """Analyse and synthesize at the voice's rate, clipped to [-1, 1] as any player would."""
        from vocoder.audio import resample
        from vocoder.commands.console import analysis
        from vocoder.inference.fitting import fit_mel
        from vocoder.mel import MelFrontend

        model = loaded(self.voice, self.correction)
        spec = analysis(self.mel) if self.mel else model.mel_spec
        mel = MelFrontend(spec)(resample(audio, sample_rate, spec.sample_rate))
        mel = fit_mel(mel, spec, model.mel_spec, estimate=True)
        generated = model.synthesize(mel, seed=self.seed, temperature=self.temperature)
        return generated.clamp(-1, 1), model.sample_rate


@dataclass(frozen=True)
class ScoringVoice(VoiceSystem):
    """A voice that is also asked for the exact bits it gives each sample of the recording."""

    def bits_per_sample(self, audio: Float[Tensor, "sample"], sample_rate: int) -> float:
        """NaN where the voice has none: a density is another quantity, and not to be compared."""
        from vocoder.inference.scoring import prepare, score

        model = loaded(self.voice, self.correction)
        if model.likelihood != "exact":
            return math.nan
        return score(model, prepare(audio, sample_rate, model.mel_spec)).bits_per_sample


@cache
def loaded(voice: str, correction: int | None = None) -> "Vocoder":
    """One copy of the voice in each process."""
    from vocoder.checkpoints import load

    return load(voice, correction=correction)


def evaluate(
    manifest: Annotated[
        Path, typer.Argument(help="A list of recordings, one path a line, relative to its folder.")
    ],
    voice: Annotated[list[str] | None, typer.Option(help="A name or a checkpoint; repeat for more.")] = None,
    baseline: Annotated[
        list[str] | None, typer.Option(help="griffin-lim, recording or world; repeat for more.")
    ] = None,
    measure: Annotated[list[str] | None, typer.Option(help="Only this measure; repeat for more.")] = None,
    mel: Annotated[
        list[str] | None,
        typer.Option(
            help="Give the voices the mel of this dialect, estimated where it cannot be converted; repeat. "
            "[default: each voice's own]"
        ),
    ] = None,
    dialect: Annotated[
        str | None, typer.Option(help="The mel of griffin-lim; the first voice's, or nvidia, if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the voices' noise.", min=0)] = 0,
    temperature: Annotated[
        float | None, typer.Option(help="Of the voices' noise; each voice's own if not given.")
    ] = None,
    correction: Annotated[
        int | None,
        typer.Option(help="Passes towards the mel; each voice's own if not given.", min=0, max=8),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first recordings of the list.", min=1)] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes, of one thread each; as many as cores if not given.", min=1)
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file for the JSON result.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="A file for the result as one HTML page, with the worst clips.")
    ] = None,
    cases: Annotated[int, typer.Option(help="How many clips of each voice the page shows.", min=0)] = 5,
    order_by: Annotated[
        str | None,
        typer.Option(help="The measure that tells the page's worst clips; their mean rank if not given."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON result, not the table.")] = False,
) -> None:
    """Measure voices against recordings: PESQ, ESTOI, DNSMOS, STFT distance, MCD, F0.

    Each recording is turned into the voice's mel and back. Without --voice and --baseline: every installed
    voice beside both baselines. Measures whose optional package is missing show "–"
    (pip install 'vocoder[eval]').

    Examples:
      vocoder evaluate recordings/valid.txt
      vocoder evaluate recordings/valid.txt --voice student --baseline griffin-lim -o result.json
      vocoder evaluate recordings/valid.txt --voice student --mel hifigan --mel vocos
      vocoder evaluate recordings/valid.txt --voice student --measure estoi --json | jq .systems
      vocoder evaluate recordings/valid.txt --report report.html --cases 3 --order-by pesq
    """
    import json

    from rich.console import Console

    from vocoder.checkpoints import voice_paths
    from vocoder.commands.console import print_json, progress, write_output
    from vocoder.evaluation import BASELINES, read_manifest, run
    from vocoder.evaluation.report import to_json, to_tables

    clips = read_manifest(manifest)[:limit]
    if voice is None and baseline is None:
        voice, baseline = list(voice_paths()), list(BASELINES)
    given: list[str | None] = list(mel) if mel else [None]
    manners = [ScoringVoice("", seed, temperature, correction, name) for name in given]
    systems = _systems(voice or [], baseline or [], dialect, manners)
    if report is not None:
        from vocoder.evaluation.html import check_order

        check_order(order_by, measure)
    processes = workers or min(os.cpu_count() or 1, MAX_WORKERS)
    scores = []
    with progress("evaluating", len(clips) * len(systems)) as advance:
        for score in run(clips, systems, measure, processes):
            scores.append(score)
            advance(1)
    result = to_json(scores)
    if output is not None:
        write_output(str(output), [json.dumps(result, indent=2, ensure_ascii=False).encode()])
    if report is not None:
        worst = _worst(result, systems, cases, order_by)
        page = _page(result, manifest, clips, systems, worst, order_by, processes)
        write_output(str(report), [page.encode()])
    if as_json:
        print_json(result)
    else:
        console = Console()
        for table in to_tables(scores, measure, console.width):
            console.print(table)
    failed = [score for score in scores if score.error]
    for score in failed:
        typer.echo(f"{score.system} on {score.clip}: {score.error}", err=True)
    if failed:
        raise typer.Exit(1)


def _systems(
    voices: list[str], baselines: list[str], dialect: str | None, manners: list[ScoringVoice]
) -> "list[System]":
    """The voices, each in those manners, and the baselines."""
    from vocoder.checkpoints import read_info, voice_path
    from vocoder.commands.console import analysis
    from vocoder.evaluation import baseline
    from vocoder.inference.fitting import Fitting
    from vocoder.mel import mel_spec

    specs = [read_info(voice_path(name)).mel_spec for name in voices]
    spec = analysis(dialect) if dialect else [*specs, mel_spec("nvidia")][0]
    for given in {manner.mel for manner in manners if manner.mel}:
        for own in specs:
            Fitting(analysis(given), own, estimate=True)  # refuses before anything is heard
    return [
        *(replace(manner, voice=name) for name in voices for manner in manners),
        *(baseline(name, spec) for name in baselines),
    ]


def _worst(
    result: dict[str, Any], systems: "list[System]", count: int, order_by: str | None
) -> "dict[str, list[Ranked]]":
    """The clips to show: of each voice, or where there is none of each baseline but the recording itself."""
    from vocoder.evaluation import Recording
    from vocoder.evaluation.html import worst_first

    made = [system for system in systems if system.name != Recording.name]
    voices = [system for system in made if isinstance(system, VoiceSystem)]
    return {system.name: worst_first(result, system.name, order_by)[:count] for system in voices or made}


def _page(
    result: dict[str, Any],
    manifest: Path,
    clips: "list[Clip]",
    systems: "list[System]",
    worst: "dict[str, list[Ranked]]",
    order_by: str | None,
    processes: int,
) -> str:
    """The HTML page; what it shows is synthesized again."""
    import shlex
    import sys

    from vocoder.bench.stamp import stamp
    from vocoder.commands.console import progress
    from vocoder.evaluation.html import Origin, page_of, show

    seen = {system: [ranked.clip for ranked in found] for system, found in worst.items()}
    exhibits = []
    with progress("showing", len({name for names in seen.values() for name in names})) as advance:
        for exhibit in show(clips, systems, seen, processes):
            exhibits.append(exhibit)
            advance(1)
    origin = Origin(str(manifest), shlex.join(["vocoder", *sys.argv[1:]]), stamp()["commit"])
    return page_of(result, origin, worst, exhibits, order_by)


app = evaluate
