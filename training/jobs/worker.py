"""The process that trains a job: `python -m training.jobs.worker FOLDER TOKEN`.

It knows the job's folder alone. SIGTERM ends it after the step at hand, with its state saved; started again
it goes on from there. Nothing heavy is imported before the folder is its own.
"""

import os
import sys
import traceback
from pathlib import Path

from training.jobs.attempt import JobFolder, Outcome, Plan, Superseded
from training.jobs.records import JobSpec, State
from vocoder.errors import VocoderError


def work(folder: JobFolder, token: str) -> None:
    """Train under the lock and leave the outcome; none where training was stopped before its last step."""
    with folder.hold(token) as spec:
        print(f"attempt {token}: {spec.recipe} {spec.name}, process {os.getpid()}", flush=True)
        try:
            if not _train(spec, folder):
                print(f"attempt {token}: stopped, its state is saved", flush=True)
                return
            outcome = Outcome(token=token, state=State.SUCCEEDED)
        except VocoderError as error:
            outcome = Outcome(token=token, state=State.FAILED, reason=str(error))
        except Exception as error:
            traceback.print_exc()
            outcome = Outcome(token=token, state=State.FAILED, reason=f"{type(error).__name__}: {error}")
        folder.conclude(outcome)
        print(f"attempt {token}: {outcome.state} {outcome.reason or ''}".rstrip(), flush=True)


def _train(spec: JobSpec, folder: JobFolder) -> bool:
    from training.jobs import recipes

    config = recipes.validate(spec.recipe, spec.config, spec.data_roots)
    if spec.device == "gpu":
        config = recipes.placed(config, "cuda")
    folder.announce(Plan(stages=recipes.stages(config), teacher=_teacher(config)))
    return recipes.train(spec.recipe, config, folder.run)


def _teacher(config: object) -> dict[str, str] | None:
    """Which checkpoint the voice is distilled from, and what that one was trained on."""
    path = getattr(config, "teacher", None)
    if path is None:
        return None
    from vocoder.checkpoints import read_info, voice_path

    file = voice_path(path)
    return {"checkpoint": str(file), "data_hash": str(read_info(file).training.get("data_hash", ""))}


def main() -> None:
    path, token = sys.argv[1:]
    try:
        work(JobFolder(Path(path)), token)
    except Superseded as error:
        print(error, flush=True)


if __name__ == "__main__":
    main()
