"""Voices by name: loaded once, noticed when they change, never a path."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from vocoder.checkpoints import load, save_checkpoint
from vocoder.errors import CheckpointError, ConfigError, UnknownVoice
from vocoder.inference import voices as module
from vocoder.inference.voices import Voices


def test_a_voice_is_loaded_and_warmed_once_however_many_ask(voices, monkeypatch):
    warmed = []
    monkeypatch.setattr(module, "warm", warmed.append)
    store = Voices()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(store.get, ["student"] * 8))
    assert len(warmed) == 1
    assert all(voice is warmed[0] for voice in found)


def test_a_replaced_checkpoint_is_loaded_again(voices):
    store = Voices()
    before = store.get("student")
    model = load("student")
    torch.nn.init.zeros_(next(model.parameters()))
    save_checkpoint(voices / "student.safetensors", model)
    assert next(store.get("student").parameters()).abs().max() == 0
    assert next(before.parameters()).abs().max() > 0


def test_added_and_removed_voices_are_noticed(voices):
    store = Voices()
    (voices / "wide.safetensors").rename(voices / "moved.safetensors")
    assert store.names() == ["moved", "student"]
    with pytest.raises(UnknownVoice, match="moved, student"):
        store.get("wide")


def test_a_name_is_never_a_path(voices):
    with pytest.raises(UnknownVoice):
        Voices().get(str(voices / "student.safetensors"))


def test_the_default_is_the_one_that_was_chosen(voices):
    assert Voices(default="wide").default() == "wide"
    with pytest.raises(ConfigError, match="default_voice 'gone' is not installed; choose from student, wide"):
        Voices(default="gone")


def test_without_a_choice_the_default_falls_back_to_an_installed_voice(voices):
    (voices / "student.safetensors").unlink()
    assert Voices().default() == "wide"
    (voices / "wide.safetensors").unlink()
    with pytest.raises(UnknownVoice, match="VOCODER_VOICES"):
        Voices().default()


def test_a_damaged_voice_does_not_keep_the_others_from_loading(voices, caplog):
    (voices / "broken.safetensors").write_bytes(b"not safetensors")
    store = Voices()
    store.load_all()
    assert store.loaded() == ["student", "wide"]
    assert "broken" in caplog.text
    with pytest.raises(CheckpointError):
        store.get("broken")


def test_a_device_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="quantum"):
        Voices(device="quantum")
