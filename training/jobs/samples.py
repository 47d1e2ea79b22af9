"""What a job lets be heard as it goes: a held-out recording, and what the model makes of it step by step."""

from pathlib import Path

from pydantic import Field

from training.run_log import RECORDING, SAMPLES
from vocoder.config import Config

SUFFIX = ".flac"


class Sample(Config):
    """A sound of one stage of a job."""

    name: str = Field(description="where it is asked for")
    stage: str
    step: int | None = Field(description="whose weights speak; null: the recording")


def find_samples(run: Path) -> list[Sample]:
    """The sounds below a run's folder, stage by stage: the recording, then the model from step to step."""
    found = []
    for path in run.rglob(f"{SAMPLES}/*{SUFFIX}"):
        stage = path.parent.parent.relative_to(run).as_posix()
        step = int(path.stem) if path.stem.isdecimal() else None
        if not path.name.startswith(".") and (step is not None or path.stem == RECORDING):
            name = path.stem if stage == "." else f"{stage}-{path.stem}"
            found.append((path.stat().st_mtime, Sample(name=name, stage=stage, step=step)))
    begun = {sample.stage: 0.0 for _, sample in found}
    for time, sample in found:
        if sample.step is not None:
            begun[sample.stage] = min(begun[sample.stage] or time, time)
    return sorted(
        (sample for _, sample in found),
        key=lambda sample: (begun[sample.stage], sample.stage, -1 if sample.step is None else sample.step),
    )


def sample_file(run: Path, name: str) -> Path | None:
    """The file of a sample by its name; None if there is none."""
    for sample in find_samples(run):
        if sample.name == name:
            stem = RECORDING if sample.step is None else f"{sample.step:08d}"
            return run / sample.stage / SAMPLES / f"{stem}{SUFFIX}"
    return None
