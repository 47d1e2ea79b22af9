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


def test_a_voice_that_was_let_go_is_freed(voices):
    import gc
    import weakref

    store = Voices()
    held = weakref.ref(store.get("student"))
    store.unload("student")
    gc.collect()
    assert held() is None
    assert store.facts("student").mel_spec == load("student").mel_spec
    assert store.loaded() == []


def test_a_removed_voice_is_freed(voices):
    store = Voices()
    store.load_all()
    (voices / "wide.safetensors").unlink()
    assert store.loaded() == ["student"]


def test_an_unknown_voice_cannot_be_unloaded(voices):
    with pytest.raises(UnknownVoice):
        Voices().unload("nobody")


def test_while_a_new_version_is_loaded_the_old_one_serves(voices, monkeypatch):
    import threading

    store = Voices()
    before = store.get("student")
    save_checkpoint(voices / "student.safetensors", load("student"))
    entered, gate = threading.Event(), threading.Event()

    def slowly(_):
        entered.set()
        gate.wait(30)

    monkeypatch.setattr(module, "warm", slowly)
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(store.get, "student")
        assert entered.wait(30)
        assert store.get("student") is before
        gate.set()
        assert loading.result() is not before
        assert store.get("student") is loading.result()


def test_a_damaged_new_version_leaves_the_old_one(voices, caplog):
    store = Voices()
    before = store.get("student")
    (voices / "student.safetensors").write_bytes(b"not safetensors")
    assert store.get("student") is before
    assert "stays as it was" in caplog.text


def test_one_voice_does_not_wait_for_another(voices, monkeypatch):
    import threading

    store, entered, gate = Voices(), threading.Event(), threading.Event()

    def slowly(voice):
        if voice.sample_rate == 24000:
            entered.set()
            gate.wait(30)

    monkeypatch.setattr(module, "warm", slowly)
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(store.get, "wide")
        assert entered.wait(30)
        assert store.get("student").sample_rate == 22050
        gate.set()
        assert loading.result().sample_rate == 24000
