"""NVIDIA's checkpoints: whatever the file, the model does what theirs does; what is no weights is refused."""

import lzma
import pickle
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from vocoder.checkpoints import load_checkpoint, save_checkpoint
from vocoder.checkpoints.importers import import_waveglow
from vocoder.errors import CheckpointError
from vocoder.mel import MelSpec, mel_spec
from vocoder.models import WaveGlow

GOLDEN = Path(__file__).parents[2] / "golden" / "waveglow"
TOLERANCE = 1e-4


class Case(NamedTuple):
    file: str
    io: str
    num_mels: int
    prefix: str = "c0"


CASES = [
    Case("a_12flows.wn.safetensors", "a_12flows", 6),
    Case("a_12flows.wn.safetensors", "a_12flows", 6, "c1"),
    Case("b_mel80_denoiser.wn.safetensors.xz", "b_mel80_denoiser", 80),
    Case("c_group12_oddlen.nown.safetensors", "c_group12_oddlen", 5),
    Case("c_group12_oddlen.waveglow_1234.pt", "c_group12_oddlen", 5),
]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}-{case.prefix}")


def spec(num_mels: int) -> MelSpec:
    return mel_spec({"dialect": "nvidia", "num_mels": num_mels})


def golden(case: Case) -> Callable[[str], Tensor]:
    arrays = np.load(GOLDEN / f"{case.io}.io.npz")
    return lambda name: torch.from_numpy(arrays[f"{case.prefix}_{name}"])


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], WaveGlow]:
    models: dict[str, WaveGlow] = {}

    def get(case: Case) -> WaveGlow:
        if case.file not in models:
            path = GOLDEN / case.file
            if path.suffix == ".xz":
                unpacked = tmp_path_factory.mktemp("unpacked") / path.stem
                unpacked.write_bytes(lzma.decompress(path.read_bytes()))
                path = unpacked
            models[case.file] = import_waveglow(path, spec(case.num_mels))
        return models[case.file]

    return get


@every_case
def test_noise_and_loss_are_upstreams(case: Case, imported: Callable[[Case], WaveGlow]) -> None:
    model, read = imported(case), golden(case)
    z, log_det = model.to_noise(read("audio"), read("mel"))
    grouped = z.unflatten(1, (-1, model.config.group_size)).transpose(1, 2)
    assert (grouped - read("z")).abs().max() < TOLERANCE
    loss = (z.square().sum() / 2 - log_det.sum()) / z.numel()  # upstream's, which leaves out the constant
    assert abs(loss - read("loss_sigma1.0")) < TOLERANCE


@every_case
def test_audio_is_upstreams(case: Case, imported: Callable[[Case], WaveGlow]) -> None:
    model, read = imported(case), golden(case)
    draws = [read("noise0"), read("noise1")]
    if model.config.flows > 4:
        draws.append(read("noise2"))
    noise = torch.cat(draws[::-1], dim=1).transpose(1, 2).flatten(1)  # drawn last, nearest to the data
    audio = model.to_audio(float(read("infer_sigma")) * noise, read("mel"))
    assert (audio - read("infer_audio")).abs().max() < TOLERANCE
    assert (model.to_audio(0 * noise, read("mel")) - read("infer_audio_sigma0")).abs().max() < TOLERANCE


@every_case
def test_a_recording_comes_back(case: Case, imported: Callable[[Case], WaveGlow]) -> None:
    model, read = imported(case), golden(case)
    noise, _ = model.to_noise(read("audio"), read("mel"))
    back = model.to_audio(noise, read("mel"))
    assert (back - read("audio")[:, : back.shape[1]]).abs().max() < TOLERANCE


@every_case
def test_gradients_are_upstreams(case: Case, imported: Callable[[Case], WaveGlow]) -> None:
    model, read = imported(case), golden(case)
    sigma = {"a_12flowsc0": 0.6, "a_12flowsc1": 1.0, "b_mel80_denoiserc0": 0.7, "c_group12_oddlenc0": 0.8}
    deviation = sigma[case.io + case.prefix]
    audio, mel = read("audio").requires_grad_(), read("mel").requires_grad_()
    z, log_det = model.to_noise(audio, mel)
    ((z.square().sum() / (2 * deviation**2) - log_det.sum()) / z.numel()).backward()
    assert audio.grad is not None
    assert mel.grad is not None
    torch.testing.assert_close(audio.grad, read(f"grad_audio_sigma{deviation}"), atol=1e-5, rtol=1e-3)
    torch.testing.assert_close(mel.grad, read(f"grad_mel_sigma{deviation}"), atol=1e-5, rtol=1e-3)


@pytest.fixture(scope="session")
def plain() -> dict[str, Tensor]:
    """A state dict of the newest layout, without weight norm."""
    return load_file(GOLDEN / "c_group12_oddlen.nown.safetensors")


def split_layers(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The layout of the first versions: a conditioning layer a layer, residual and skip layers apart."""
    split: dict[str, Tensor] = {}
    for name, value in weights.items():
        wn, _, rest = name.partition(".cond_layer.")
        if rest:
            for i, part in enumerate(value.chunk(2)):  # of two layers
                split[f"{wn}.cond_layers.{i}.{rest}"] = part.clone()
        elif "res_skip_layers" in name:
            parts = value.chunk(2) if len(value) == 16 else (None, value)
            for kind, part in zip(("res", "skip"), parts, strict=True):
                if part is not None:
                    split[name.replace("res_skip_layers", f"{kind}_layers")] = part.clone()
        else:
            split[name] = value
    return split


def with_new_weight_norm(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Pairs under the names that torch.nn.utils.parametrizations gives them."""
    paired = dict(weights)
    for name in [name for name in weights if "layer" in name and name.endswith(".weight")]:
        stem, value = name.removesuffix("weight") + "parametrizations.weight.original", paired.pop(name)
        paired[stem + "0"] = value.flatten(1).norm(dim=1)[:, None, None]
        paired[stem + "1"] = 3 * value
    return paired


def with_stale_weights(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Pairs, and beside them the plain weights of before training."""
    paired = dict(weights)
    for name in [name for name in weights if "in_layers" in name and name.endswith(".weight")]:
        paired[name + "_g"] = weights[name].flatten(1).norm(dim=1)[:, None, None]
        paired[name + "_v"] = weights[name]
        paired[name] = torch.ones_like(weights[name])
    return paired


FORMS: dict[str, Callable[[dict[str, Tensor]], Any]] = {
    "split layers": split_layers,
    "state_dict": lambda weights: {"state_dict": weights, "epoch": 3, "config": {"n_group": 12}},
    "parallel": lambda weights: {"model": {f"module.{name}": value for name, value in weights.items()}},
    "parametrizations": with_new_weight_norm,
    "stale": with_stale_weights,
    "half": lambda weights: {"model": {k: v.half().float() for k, v in weights.items()}},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_holds_the_same_model(form: str, plain: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save(FORMS[form](plain), tmp_path / "form.pt")
    expected = import_waveglow(GOLDEN / "c_group12_oddlen.nown.safetensors", spec(5)).state_dict()
    found = import_waveglow(tmp_path / "form.pt", spec(5)).state_dict()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-3 if form == "half" else 1e-6, rtol=1e-3)


def test_alternating_halves_are_another_map(plain: dict[str, Tensor], tmp_path: Path) -> None:
    """As in glow_old.py: in flow 1 the last half stays."""
    save_file(plain, tmp_path / "old.safetensors")
    old = import_waveglow(tmp_path / "old.safetensors", spec(5), alternate=True)
    x = torch.randn(1, 12, 20)
    moved, _ = old.steps[1].coupling.to_noise(x, torch.randn(1, 60, 20))
    assert torch.equal(moved[:, 6:], x[:, 6:])
    assert not torch.equal(moved[:, :6], x[:, :6])


def test_an_imported_voice_is_saved_and_loaded(tmp_path: Path) -> None:
    model = import_waveglow(GOLDEN / "c_group12_oddlen.waveglow_1234.pt", spec(5), sigma=0.7, temperature=0.9)
    save_checkpoint(tmp_path / "voice.safetensors", model)
    back = load_checkpoint(tmp_path / "voice.safetensors")
    assert back.config == model.config
    assert back.temperature == 0.9
    mel = torch.randn(5, 7) - 4
    assert torch.equal(back.synthesize(mel), model.synthesize(mel))


class Spy:
    """Stands for whatever else a pickle may hold."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("ran"),))


def whole_module(weights: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> torch.nn.Module:
    """As NVIDIA's script saves it: an object of a class that whoever reads it does not have."""
    glow = types.ModuleType("glow")
    monkeypatch.setitem(sys.modules, "glow", glow)
    part_of = type("Part", (torch.nn.Module,), {"__module__": "glow"})
    glow.__dict__["Part"] = part_of
    root = part_of()
    for name, value in weights.items():
        *path, leaf = name.split(".")
        place = root
        for part in path:
            if part not in place._modules:
                place.add_module(part, part_of())
            place = place._modules[part]
        place.register_parameter(leaf, torch.nn.Parameter(value))
    return root


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_pickled_module_is_read_and_nothing_in_it_is_run(
    plain: dict[str, Tensor], zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patched:
        content = {"model": whole_module(plain, patched), "optimizer": {"state": Spy()}, "iteration": 1}
        torch.save(content, "whole.pt", _use_new_zipfile_serialization=zipped)
        torch.save(content["model"], "bare.pt", _use_new_zipfile_serialization=zipped)
    expected = import_waveglow(GOLDEN / "c_group12_oddlen.nown.safetensors", spec(5)).state_dict()
    for name in ("whole.pt", "bare.pt"):
        found = import_waveglow(tmp_path / name, spec(5)).state_dict()
        assert all(torch.equal(found[key], value) for key, value in expected.items())
    assert not Path("ran").exists()


def test_objects_that_are_no_modules_are_refused_and_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"model": Spy(), "iteration": 1}, tmp_path / "whole.pt")
    with pytest.raises(CheckpointError, match="holds no weights"):
        import_waveglow(tmp_path / "whole.pt", spec(5))
    (tmp_path / "old.pt").write_bytes(pickle.dumps(Spy()))
    with pytest.raises(CheckpointError, match=r"old\.pt"):
        import_waveglow(tmp_path / "old.pt", spec(5))
    assert not Path("ran").exists()


@pytest.mark.parametrize("content", [b"", b"RIFF1234WAVEfmt ", b"a text", b"\x89PNG\r\n\x1a\n", b"ID3\x04"])
def test_files_of_other_kinds_are_refused_in_a_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"x\.pt cannot be read as a file of torch\.save: .+"):
        import_waveglow(tmp_path / "x.pt", spec(5))


def test_other_files_are_named(plain: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    with pytest.raises(CheckpointError, match="no file at"):
        import_waveglow(path, spec(5))
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError, match=r"x\.pt"):
        import_waveglow(path, spec(5))
    torch.save({"iteration": 3}, path)
    with pytest.raises(CheckpointError, match="no weights: expected names and tensors"):
        import_waveglow(path, spec(5))
    torch.save({"encoder.weight": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match=r"no WaveGlow: it lacks convinv\.0\.conv\.weight"):
        import_waveglow(path, spec(5))
    torch.save({k: v for k, v in plain.items() if k != "WN.1.end.bias"}, path)
    with pytest.raises(CheckpointError, match=r"lacks WN\.1\.end\.bias"):
        import_waveglow(path, spec(5))
    torch.save(plain | {"WN.9.start.bias": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match=r"WN\.9\.start\.bias belong to no part"):
        import_waveglow(path, spec(5))
    torch.save(plain | {"WN.1.end.bias": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match=r"WN\.1\.end\.bias has shape \[3\]"):
        import_waveglow(path, spec(5))


def without(name: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda weights: {key: value for key, value in weights.items() if key != name}


def flat(name: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda weights: weights | {name: weights[name].flatten(1)}


TORN: dict[str, tuple[Callable[[dict[str, Tensor]], Any], str]] = {
    "a gap between layers": (
        lambda weights: without("WN.1.cond_layers.0.weight")(split_layers(weights)),
        r"lacks WN\.1\.cond_layers\.0\.weight",
    ),
    "a gap between skip layers": (
        lambda weights: without("WN.0.skip_layers.0.bias")(split_layers(weights)),
        r"lacks WN\.0\.skip_layers\.0\.bias",
    ),
    "layers of other mels": (
        lambda weights: flat("WN.0.cond_layers.1.weight")(split_layers(weights)),
        r"do not fit together: WN\.0\.cond_layers\.0\.weight \[.*\], WN\.0\.cond_layers\.1\.weight \[",
    ),
    "a length without its direction": (
        lambda weights: without("WN.0.in_layers.1.weight_v")(with_stale_weights(weights)),
        r"torn\.pt: WN\.0\.in_layers\.1\.weight_g has no WN\.0\.in_layers\.1\.weight_v beside it",
    ),
    "another's length": (
        lambda weights: with_stale_weights(weights) | {"WN.0.in_layers.1.weight_g": torch.ones(3, 1, 1)},
        r"WN\.0\.in_layers\.1\.weight_g has shape \[3, 1, 1\], where .*weight_v asks for",
    ),
    "two axes": (flat("upsample.weight"), r"upsample\.weight has shape .* has three axes"),
    "no axis": (
        lambda weights: weights | {"convinv.0.conv.weight": torch.tensor(1.0)},
        r"convinv\.0\.conv\.weight has shape \[\]",
    ),
    "a name that is none": (
        lambda weights: weights | {"WN.(.start.bias": torch.zeros(1)},
        r"WN\.\(\.start\.bias belong to no part",
    ),
}


@pytest.mark.parametrize("tear", TORN)
def test_weights_that_are_not_whole_are_refused_by_name(
    tear: str, plain: dict[str, Tensor], tmp_path: Path
) -> None:
    change, message = TORN[tear]
    torch.save(change(plain), tmp_path / "torn.pt")
    with pytest.raises(CheckpointError, match=message):
        import_waveglow(tmp_path / "torn.pt", spec(5))


def test_a_mel_of_other_bands_is_refused() -> None:
    with pytest.raises(CheckpointError, match="has 80 bands every 256 samples, but the checkpoint reads 5"):
        import_waveglow(GOLDEN / "c_group12_oddlen.nown.safetensors", spec(80))
