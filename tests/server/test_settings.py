"""Settings: defaults, file, environment, options, the later over the earlier; mistakes are named."""

from pathlib import Path

import pytest
import yaml

from server.settings import Settings, load_settings
from vocoder.errors import ConfigError

CONFIGS = Path(__file__).parent.parent.parent / "configs" / "server"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith("VOCODER_")]:
        monkeypatch.delenv(name)


def test_the_order_is_file_environment_options(tmp_path, monkeypatch):
    file = tmp_path / "settings.yaml"
    file.write_text("port: 1\nmax_frames: 1\nmax_seconds: 1\n")
    monkeypatch.setenv("VOCODER_MAX_FRAMES", "2")
    monkeypatch.setenv("VOCODER_MAX_SECONDS", "2")
    settings = load_settings(file, {"max_seconds": "3"})
    assert (settings.port, settings.max_frames, settings.max_seconds) == (1, 2, 3.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot: 1", "prot is not a known key; allowed here: host, port"),
        ("port: x", "port"),
        ("- 1", "mapping"),
    ],
)
def test_a_wrong_file_is_refused_with_the_field(tmp_path, text, message):
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_settings(file)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        load_settings(tmp_path / "none.yaml")


@pytest.mark.parametrize(("name", "value"), [("MAX_STREAMS", "0"), ("PORT", "65536"), ("MAX_SECONDS", "nan")])
def test_a_wrong_variable_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(f"VOCODER_{name}", value)
    with pytest.raises(ConfigError, match=name.lower()):
        load_settings()


def test_the_folders_of_voices_are_no_setting(monkeypatch):
    monkeypatch.setenv("VOCODER_VOICES", "/somewhere")
    assert load_settings().model_dump() == Settings().model_dump()


def test_the_example_file_shows_every_default():
    shown = yaml.safe_load((CONFIGS / "default.yaml").read_text())
    assert shown.keys() == Settings.model_fields.keys() - {"workers"}
    assert load_settings(CONFIGS / "default.yaml").model_dump() == Settings().model_dump()
