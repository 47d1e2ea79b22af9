"""How long it takes from a folder of recordings to a served voice: `python -m server.first_voice FOLDER`.

What the README tells a newcomer, in an empty folder: `vocoder pipeline` with configs/recipe/tiny.yaml, then a
server, then a recording's mel spoken by the new voice. Ends in JSON: seconds of each, machine, date.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from server.local import local_server, synthesize
from training.prepare.sources import find_sources
from vocoder.audio import read
from vocoder.checkpoints.voices import FOLDERS_VARIABLE
from vocoder.evaluation.report import machine
from vocoder.mel import MelFrontend, mel_spec
from vocoder.mel.files import encode_mel

CONFIG = Path(__file__).parent.parent / "configs" / "recipe" / "tiny.yaml"
NAME = "first"


def measure(recordings: Path, config: Path, *overrides: str) -> dict[str, Any]:
    """Seconds of the pipeline and of the way to the first whole answer; steps as the pipeline noted them.

    Raises:
        InputError: no recordings.
        CalledProcessError: the pipeline failed; it has said why.
        VocoderError: the server did not become ready, or refused.
    """
    spec = mel_spec("nvidia")
    audio, _ = read(recordings / find_sources(recordings)[0].path, sample_rate=spec.sample_rate)
    with TemporaryDirectory() as folder:
        os.environ[FOLDERS_VARIABLE] = str(Path(folder) / "voices")
        values = (f"recordings={recordings.resolve()}", f"name={NAME}", *overrides)
        begun = time.perf_counter()
        command = [sys.executable, "-m", "vocoder", "pipeline", str(config.resolve()), *values]
        subprocess.run(command, cwd=folder, check=True)
        made = time.perf_counter()
        with local_server(sys.stderr) as ready:
            reply = synthesize(ready(), encode_mel(MelFrontend(spec)(audio), spec, "npy"), voice=NAME)
        served = time.perf_counter()
        steps = json.loads((Path(folder) / "runs" / NAME / "steps.json").read_text())
    return {
        "command": f"python -m server.first_voice {recordings}",
        "minutes_of_speech": steps["prepare"]["result"]["train_minutes"],
        "seconds": {name: step["seconds"] for name, step in steps.items()},
        "pipeline_seconds": round(made - begun, 1),
        "served_seconds": round(served - made, 1),
        "total_seconds": round(served - begun, 1),
        "bytes": len(reply.wav),
        "load": os.getloadavg()[0],
        "machine": machine(),
        "date": datetime.now(UTC).date().isoformat(),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings", type=Path)
    print(json.dumps(measure(parser.parse_args().recordings, CONFIG), indent=2))
