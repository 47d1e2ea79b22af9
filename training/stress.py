"""WaveGlow's numbers on recordings that nobody would train with: `python -m training.stress [steps]`.

Silence, a constant, clipped noise, one sample, noise in the last bit, a square wave at half the sample rate,
noise that stops: the tiny config through the real loop, in float32 and in bf16. The loop stops at the first
loss or gradient that is not finite.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.manifests import DataConfig, Source
from training.data.segments import Clip, SegmentConfig
from training.recipes.run import cut_segments
from training.recipes.waveglow import DensityTask
from training.schedule import OptimizerConfig
from training.trainer import Trainer, TrainerConfig
from vocoder.config import read_config
from vocoder.evaluation.report import machine
from vocoder.mel import mel_spec
from vocoder.models import WaveGlow, WaveGlowConfig

CONFIG = Path(__file__).parent.parent / "configs" / "model" / "waveglow" / "tiny.yaml"
STEPS = 10_000
LENGTH = 44_100
FULL = 32_767


def hostile_clips() -> dict[str, NDArray[np.int16]]:
    """Two seconds each, 16-bit PCM."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=LENGTH)
    stops = np.where(np.arange(LENGTH) % 20_000 < 8_000, 0.1 * noise, 0.0)
    one = np.zeros(LENGTH)
    one[LENGTH // 2] = 1.0
    waves = {
        "silence": np.zeros(LENGTH),
        "constant": np.full(LENGTH, 0.5),
        "clipped": np.clip(100 * noise, -1, 1),
        "one sample": one,
        "last bit": rng.integers(-1, 2, LENGTH) / FULL,
        "alternating": np.where(np.arange(LENGTH) % 2, 1.0, -1.0),
        "stops": np.clip(stops, -1, 1),
    }
    return {name: np.rint(wave * FULL).astype(np.int16) for name, wave in waves.items()}


def stress(steps: int, precision: str) -> dict[str, Any]:
    """Train on all of them; raises `TrainingDiverged` for what is not finite."""
    torch.manual_seed(0)
    spec = mel_spec("nvidia")
    voice = WaveGlow(read_config(WaveGlowConfig, CONFIG), spec, weight_norm=True)
    clips = [Clip(name, audio) for name, audio in hostile_clips().items()]
    data = DataConfig(root=Path(), sources=[Source(folder=".", list="none")])
    around = {"left": voice.left_context, "right": voice.right_context}
    sizes = SegmentConfig(batch=4, frames=8, gain_db=6.0, speed=0.1)
    segments, _ = cut_segments([clips[0], *clips], spec, data, sizes, **around)  # the first is held out
    task = DensityTask(voice, segments, segments.batch(0, 0), 0)
    config = TrainerConfig.model_validate(
        {
            "steps": steps,
            "precision": precision,
            "log_every": 1,
            "evaluate_every": max(1, steps // 10),
            "save_every": steps,
            "tensorboard": False,
            "optimizer": OptimizerConfig(lr=2e-3),
        }
    )
    with TemporaryDirectory() as folder:
        trainer = Trainer(task, config, Path(folder))
        trainer.run(progress=sys.stderr.isatty())
        lines = trainer.log.read()
        trainer.use_average()
        spoken = voice.synthesize(torch.full((spec.num_mels, 100), -11.5), seed=0)
    losses = [line["loss"] for line in lines if "loss" in line]
    return {
        "precision": precision,
        "steps": len(losses),
        "bits_at_first": losses[0],
        "bits_at_last": float(np.median(losses[-100:])),
        "largest_bits": max(losses),
        "largest_gradient_before_clipping": max(line["gradient"] for line in lines if "gradient" in line),
        "silence_speaks_at_most": spoken.abs().max().item(),
    }


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else STEPS
    runs = [stress(steps, precision) for precision in ("float32", "bf16")]
    found = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine(), "runs": runs}
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
