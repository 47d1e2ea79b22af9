from pathlib import Path

import pytest

from vocoder.errors import InputError
from vocoder.evaluation import Clip, read_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "wavs").mkdir()
    for name in ("a.flac", "b.wav", "wavs/c.wav"):
        (tmp_path / name).touch()
    return tmp_path


def test_recordings_are_found_beside_the_list_with_or_without_suffix(folder):
    manifest = folder / "list.txt"
    manifest.write_text("# held out\na\n\nb.wav\nwavs/c|what is said\n")
    assert read_manifest(manifest) == [
        Clip("a", folder / "a.flac"),
        Clip("b.wav", folder / "b.wav"),
        Clip("wavs/c", folder / "wavs" / "c.wav"),
    ]


def test_a_missing_recording_is_named_with_its_line(folder):
    manifest = folder / "list.txt"
    manifest.write_text("a\nz\n")
    with pytest.raises(InputError, match=r"list\.txt:2: .* no recording 'z'"):
        read_manifest(manifest)


def test_an_empty_list_is_refused(folder):
    manifest = folder / "list.txt"
    manifest.write_text("# nothing\n")
    with pytest.raises(InputError, match="names no recording"):
        read_manifest(manifest)


@pytest.mark.parametrize("name", ["missing.txt", "wavs", "binary.txt"])
def test_what_is_no_list_is_refused(folder, name):
    (folder / "binary.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot read the manifest"):
        read_manifest(folder / name)
