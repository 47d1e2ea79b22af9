from pathlib import Path

import pytest
from pydantic import Field

from vocoder.config import Config, read_config
from vocoder.errors import ConfigError


class Inner(Config):
    lr: float = Field(default=0.1, gt=0)


class Outer(Config):
    name: str
    inner: Inner = Inner()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text("name: a\ninner: {lr: 0.5}\n")
    return path


def test_overrides_win(file: Path) -> None:
    assert read_config(Outer, file, ["inner.lr=2e-3", "name=b"]) == Outer(name="b", inner=Inner(lr=2e-3))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("inner.rate=1", "inner.rate is not a known key; allowed here: lr"),
        ("inner.lr=-1", r"inner.lr: .*greater than 0 \(got -1\)"),
        ("name.x=1", "name is a value, not a group"),
        ("nonsense", "expected key.path=value"),
        ("name=[", "is not a YAML value"),
    ],
)
def test_a_wrong_override_is_named(file: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_config(Outer, file, [override])


def test_missing_file_and_missing_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        read_config(Outer, tmp_path / "absent.yaml")
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(ConfigError, match="name is missing"):
        read_config(Outer, tmp_path / "empty.yaml")
