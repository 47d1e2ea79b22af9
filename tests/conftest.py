"""Shape annotations are checked at run time here, and only here.

Compiled kernels (`*_kernels.py`) are left alone: numba reads the functions as they are written.
"""

import time
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

ROOT = Path(__file__).parent.parent


def modules_with_shapes() -> list[str]:
    files = [file for package in ("vocoder", "training") for file in (ROOT / package).rglob("*.py")]
    return [
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in files
        if file.stem != "__init__" and not file.stem.endswith("_kernels")
    ]


install_import_hook(modules_with_shapes(), "beartype.beartype")


def pytest_runtest_setup(item: pytest.Item) -> None:
    import torch

    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("no CUDA device")


FIGURES = {"held out": {"clips": 1, "systems": {"student": {"estoi": {"mean": 0.5}}}}}


@pytest.fixture(scope="session")
def voice_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two untrained voices of a few thousand weights: "student" reads nvidia mels, "wide" vocos' at 24 kHz.

    They whisper: the phase of pitch pulses adds up rounding, and would hide what a test of samples looks for.
    """
    import torch

    from vocoder.checkpoints import save_checkpoint
    from vocoder.mel import DIALECTS
    from vocoder.models.student import FrameNetworkConfig, Student, StudentConfig
    from vocoder.networks.spectral_filter import LOG_GAIN_LIMIT

    folder = tmp_path_factory.mktemp("voices")
    network = FrameNetworkConfig(hidden=8, layers=2, lookahead=1)
    config = StudentConfig(pitch=network, filters=network, num_bands=16, num_taps=32)
    for name, dialect in (("student", "nvidia"), ("wide", "vocos")):
        torch.manual_seed(0)
        model = Student(config, DIALECTS[dialect])
        torch.nn.init.constant_(model.filters.network.last.bias[config.num_bands :], -LOG_GAIN_LIMIT)
        training = {"steps": 3, "curve": [3.0, 2.0, 1.0]}
        save_checkpoint(folder / f"{name}.safetensors", model, training=training, figures=FIGURES)
    return folder


@pytest.fixture
def voices(voice_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only installed voices, in a folder that the test may change."""
    import shutil

    from vocoder.checkpoints import voices as module

    folder = shutil.copytree(voice_folder, tmp_path / "voices")
    monkeypatch.setattr(module, "SHIPPED", folder)
    monkeypatch.delenv(module.FOLDERS_VARIABLE, raising=False)
    return folder


@pytest.fixture(scope="session")
def teacher_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a small teacher with random weights everywhere, also where training begins at 0."""
    import torch

    from vocoder.checkpoints import save_checkpoint
    from vocoder.mel import DIALECTS
    from vocoder.models import Teacher, TeacherConfig

    network = {"hidden": 8, "layers": 2, "lookahead": 1}
    wavenet = {"layers": 3, "residual_channels": 8, "skip_channels": 8, "head_channels": 4}
    values = {
        "whitening": network | {"num_bands": 8, "num_taps": 64, "num_cepstrum": 32},
        "pitch": network,
        "conditioning": network,
        "context_channels": 8,
        "wavenet": wavenet,
        "output": {"components": 2},
    }
    torch.manual_seed(0)
    model = Teacher(TeacherConfig.model_validate(values), DIALECTS["nvidia"])
    torch.nn.init.normal_(model.wavenet.last.weight, std=0.3)
    torch.nn.init.normal_(model.wavenet.upper.head[-1].weight, std=0.3)
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    save_checkpoint(path, model, description="a small one")
    return path


@pytest.fixture
def teacher_voice(voices: Path, teacher_file: Path) -> Path:
    """The small teacher, installed beside the others as "teacher"."""
    import shutil

    return Path(shutil.copy(teacher_file, voices))


@pytest.fixture
def wait_until():
    def wait(condition, seconds=20.0):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.01)

    return wait
