"""WaveGlow beside NVIDIA's own code: the same weights, noise and mel, in turns, on one thread."""

import importlib.util
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vocoder.checkpoints.importers.waveglow import convert_waveglow
from vocoder.checkpoints.importers.weights import fold_weight_norm
from vocoder.errors import InputError
from vocoder.mel import dialect
from vocoder.models import WaveGlow, WaveGlowConfig

SIGMA = 0.6
SPREAD = 0.01  # of the last layers' random weights: couplings that do something, and audio that stays finite


class Comparison(NamedTuple):
    """CPU seconds of one thread, medians of `runs` turns, for `seconds` of audio."""

    seconds: float
    runs: int
    parameters: int
    upstream: float
    here: float
    ratio: float  # median over the turns of upstream / here
    difference: float  # largest between the two audios, of which `largest` is the largest sample
    largest: float


def compare(
    glow_py: str | Path, config: WaveGlowConfig, *, seconds: float = 5.0, runs: int = 5
) -> Comparison:
    """Time both on random weights of the sizes in `config` and a random mel.

    Args:
        glow_py: the file of that name in a checkout of https://github.com/NVIDIA/waveglow; it is run.

    Raises:
        InputError: no such file, or one without WaveGlow; sizes that upstream cannot have.
    """
    spec = dialect("nvidia")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of functions that have become old since their code was written
        upstream = _make_upstream(glow_py, config, spec.num_mels)
    weights = fold_weight_norm({name: value.detach() for name, value in upstream.state_dict().items()})
    own = {"temperature": SIGMA}
    voice = convert_waveglow(weights, spec, own, source=str(glow_py)).eval()
    mel = torch.randn(1, spec.num_mels, max(1, round(seconds * spec.frame_rate))) - 5.0
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode(), _noise_on_the_cpu():
            difference, largest = _disagreement(upstream, voice, mel)
            turns = [
                (
                    _cpu_seconds(lambda: upstream.infer(mel, sigma=SIGMA)),
                    _cpu_seconds(lambda: voice.synthesize(mel)),
                )
                for _ in range(runs)
            ]
    finally:
        torch.set_num_threads(threads)
    theirs, ours = zip(*turns, strict=True)
    return Comparison(
        seconds=spec.num_samples(mel.shape[2]) / spec.sample_rate,
        runs=runs,
        parameters=voice.num_parameters(),
        upstream=statistics.median(theirs),
        here=statistics.median(ours),
        ratio=statistics.median(a / b for a, b in turns),
        difference=difference,
        largest=largest,
    )


def _make_upstream(glow_py: str | Path, config: WaveGlowConfig, num_mels: int) -> Any:
    """Their model with its norms removed, as their inference.py runs it."""
    if config.wavenet.skip_channels != config.wavenet.channels or config.context_channels or config.alternate:
        raise InputError(
            "NVIDIA's code has as many skip as residual channels, couplings that do not alternate, and a mel "
            "upsampled to samples: choose a config with these, such as configs/model/waveglow/universal.yaml"
        )
    module = _load_module(Path(glow_py))
    model = module.WaveGlow(
        n_mel_channels=num_mels,
        n_flows=config.flows,
        n_group=config.group_size,
        n_early_every=config.early_every,
        n_early_size=config.early_size,
        WN_config={
            "n_layers": config.wavenet.layers,
            "n_channels": config.wavenet.channels,
            "kernel_size": config.wavenet.kernel_size,
        },
    )
    for wn in model.WN:
        torch.nn.init.normal_(wn.end.weight, std=SPREAD)
    return module.WaveGlow.remove_weightnorm(model).eval()


def _load_module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("upstream_glow", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise InputError(f"{path}: expected glow.py of a checkout of https://github.com/NVIDIA/waveglow")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "WaveGlow"):
        raise InputError(f"{path} defines no WaveGlow: expected glow.py of NVIDIA's repository")
    return module


def _disagreement(upstream: Any, voice: WaveGlow, mel: Tensor) -> tuple[float, float]:
    """The largest difference between the audios of the same noise, and the largest sample."""
    config, groups = voice.config, voice.upsampler.num_groups(mel.shape[2])
    torch.manual_seed(0)
    theirs = upstream.infer(mel, sigma=SIGMA)
    torch.manual_seed(0)
    left = [
        config.channels(config.flows - 1),
        *(n for n in (s.num_early for s in reversed(voice.steps)) if n),
    ]
    drawn = [torch.empty(1, channels, groups).normal_() for channels in left]  # in the order of their code
    noise = SIGMA * torch.cat(drawn[::-1], dim=1).transpose(1, 2).flatten(1)
    ours = voice.to_audio(noise, mel)
    return float((theirs - ours).abs().max()), float(theirs.abs().max())


def _cpu_seconds(work: Callable[[], object]) -> float:
    begun = time.thread_time()
    work()
    return time.thread_time() - begun


@contextmanager
def _noise_on_the_cpu() -> Iterator[None]:
    """Their code asks for its noise on a GPU by name."""
    cuda: Any = torch.cuda
    there, cuda.FloatTensor = cuda.FloatTensor, torch.Tensor
    try:
        yield
    finally:
        cuda.FloatTensor = there
