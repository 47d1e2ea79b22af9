"""The log of a run: lines of JSON, and TensorBoard where it is installed."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from vocoder.audio import write
from vocoder.checkpoints.format import write_atomically

SAMPLES, RECORDING = "samples", "recording"


class Listening(NamedTuple):
    """A held-out recording, and what the model makes of its mel."""

    recording: Float[Tensor, "sample"]
    sample: Float[Tensor, "generated"]
    sample_rate: int


class RunLog:
    """`metrics.jsonl` in the run's folder, `samples/` as it goes, events for TensorBoard in `tensorboard/`.

    Without that package (the `train` extra has it) the events are left out.
    """

    def __init__(self, folder: Path, *, tensorboard: bool) -> None:
        self.path = folder / "metrics.jsonl"
        self.samples = folder / SAMPLES
        self._events, self._tensorboard, self._step = folder / "tensorboard", tensorboard, 0

    def write(self, step: int, cpu_seconds: float, terms: dict[str, float]) -> None:
        line = {"step": step, "cpu_seconds": round(cpu_seconds, 1), **terms}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        if self.writer is not None:
            for name, value in terms.items():
                self.writer.add_scalar(_tag(name), value, step)

    def read(self) -> list[dict[str, Any]]:
        """The lines so far; one that a crash cut off is left out."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines() if line.endswith("}")]

    def go_on_from(self, step: int) -> None:
        """Drop what was written after `step`: it comes again."""
        self._step = step
        kept = [line for line in self.read() if line["step"] <= step]
        write_atomically(self.path, "".join(json.dumps(line) + "\n" for line in kept).encode())
        for path in self.samples.glob("*.flac"):
            if path.stem.isdecimal() and int(path.stem) > step:
                path.unlink()

    def hear(self, step: int, heard: Listening) -> None:
        """A sample beside the recording: files in `samples/`, and for TensorBoard."""
        self.samples.mkdir(exist_ok=True)
        for name, audio in ((RECORDING, heard.recording), (f"{step:08d}", heard.sample)):
            temporary = self.samples / f".{name}"
            write(temporary, audio.cpu().clamp(-1, 1), heard.sample_rate, format="flac")
            temporary.replace(self.samples / f"{name}.flac")
        if self.writer is None:
            return
        for name, audio in (("recording", heard.recording), ("sample", heard.sample)):
            self.writer.add_audio(name, audio.clamp(-1, 1)[None], step, heard.sample_rate)
        self.writer.add_image("spectrograms", _spectrograms(heard), step, dataformats="HWC")

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()

    @cached_property
    def writer(self) -> Any:
        """TensorBoard's, or None where it is not installed or not wanted."""
        if not self._tensorboard:
            return None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return None
        return SummaryWriter(str(self._events), purge_step=self._step + 1)


def _tag(name: str) -> str:
    """Held-out figures apart from the terms of the loss."""
    return f"held out/{name.removeprefix('valid_')}" if name.startswith("valid_") else f"training/{name}"


def _spectrograms(heard: Listening) -> NDArray[np.uint8]:
    """Recording and sample side by side, `[height, width, 3]`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from vocoder.evaluation.plots import draw_spectrogram_pair

    figure = draw_spectrogram_pair(heard.recording, heard.sample, heard.sample_rate, "held out")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
