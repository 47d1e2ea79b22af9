"""Phones beside the clips of a prepared set: aligned once, told where not, read by the classifier."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from training.data.alignment import PHONES, Alignment
from training.data.manifests import DataConfig, find_recordings
from training.data.phones import phones_path, read_phones, write_phones
from training.jobs.datasets import dataset_values
from training.prepare import phones
from training.prepare.prepare import PrepareConfig, prepare
from training.recipes.classifier import load_aligned
from vocoder.audio import read, write
from vocoder.cli import app
from vocoder.errors import InputError

CLIPS = Path(__file__).parents[2] / "data"
SAID = {"LJ001-0002": "in being comparatively modern.", "LJ002-0020": "xqzzy"}
CUT = PrepareConfig.model_validate({"clean": {"max_seconds": 1.2}})
ALIGNER = pytest.mark.skipif(not phones.find_spec("pocketsphinx"), reason="needs the extra align")


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Two that have a text, one of them words that there are not; one that has none."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name, text in SAID.items():
        shutil.copy(CLIPS / f"{name}.flac", folder)
        (folder / f"{name}.txt").write_text(text)
    audio, rate = read(CLIPS / "LJ002-0020.flac")
    write(folder / "silent.wav", audio.flip(0), rate)
    return folder


def contents(folder: Path) -> dict[str, tuple[int, str]]:
    return {path.name: (path.stat().st_ino, path.read_text()) for path in folder.glob("*.phones")}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    alignment = Alignment(np.array([0, 5, 0]), np.array([0.0, 0.11, 0.19]))
    write_phones(tmp_path / "a.phones", alignment, 0.25)
    assert (tmp_path / "a.phones").read_text() == (
        f"0.000\t0.110\tSIL\n0.110\t0.190\t{PHONES[5]}\n0.190\t0.250\tSIL\n"
    )
    again = read_phones(tmp_path / "a.phones")
    assert (again.phones.tolist(), again.begins.tolist()) == ([0, 5, 0], [0.0, 0.11, 0.19])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "no phones"),
        ("0.0\t0.1\tXX\n", "line 1"),
        ("0.0\t0.1\tSIL\n0.2\t0.3\tSIL\n", r"line 2: expected the begin \(0.100"),
        ("0.0\t0.1\tSIL\n0.1\t0.05\tSIL\n", "line 2"),
        ("0.0 0.1 SIL\n", "line 1"),
        ("nan\t0.1\tSIL\n", "line 1"),
    ],
)
def test_what_is_no_alignment_is_refused_by_its_line(tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "a.phones").write_text(text)
    with pytest.raises(InputError, match=line):
        read_phones(tmp_path / "a.phones")


@ALIGNER
def test_phones_lie_beside_the_pieces_of_what_can_be_aligned(recordings: Path, tmp_path: Path) -> None:
    target = tmp_path / "set"
    report = prepare(recordings, target, CUT)
    pieces = sorted(target.glob("recordings_LJ001-0002*.flac"))
    assert len(pieces) > 1
    assert sorted(contents(target)) == [phones_path(piece).name for piece in pieces]
    spoken = [PHONES[i] for piece in pieces for i in read_phones(phones_path(piece)).phones if i]
    assert spoken[:2] == ["IH", "N"]
    assert 20 <= len(spoken) <= 30 + len(pieces)
    for piece in pieces:
        audio, rate = read(piece)
        end = float(phones_path(piece).read_text().splitlines()[-1].split("\t")[1])
        assert end == pytest.approx(len(audio) / rate, abs=1e-3)
    assert (report["aligned"], report["transcripts"]) == (1, 2)
    assert report["not_aligned"] == {"LJ002-0020.flac": "transcript: not in the dictionary: xqzzy"}


@ALIGNER
def test_a_recording_is_aligned_once_and_again_when_its_text_changes(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "set"
    first = prepare(recordings, target, CUT)
    before = contents(target)
    with monkeypatch.context() as patch:

        def nobody(*_: Any, **__: Any) -> None:
            raise AssertionError("it aligned again")

        patch.setattr(phones, "worker_pool", nobody)
        assert prepare(recordings, target, CUT) == first
    assert contents(target) == before
    next(iter(target.glob("*.phones"))).unlink()
    assert prepare(recordings, target, CUT) == first
    assert {name: text for name, (_, text) in contents(target).items()} == {
        name: text for name, (_, text) in before.items()
    }
    (recordings / "LJ002-0020.txt").write_text("xqzzy yzzqx")
    assert "xqzzy, yzzqx" in prepare(recordings, target, CUT)["not_aligned"]["LJ002-0020.flac"]
    (recordings / "LJ001-0002.txt").unlink()
    assert prepare(recordings, target, CUT)["aligned"] == 0
    assert contents(target) == {}


@ALIGNER
def test_it_can_be_left_out(recordings: Path, tmp_path: Path) -> None:
    target = tmp_path / "set"
    prepare(recordings, target, CUT)
    report = prepare(recordings, target, CUT.model_copy(update={"align": False}))
    assert (report["aligned"], report["not_aligned"], contents(target)) == (0, {}, {})


def test_without_the_extra_every_text_is_told_and_the_set_is_made(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(phones, "find_spec", lambda name: None)
        result = CliRunner().invoke(app, ["prepare", str(recordings), "-o", str(tmp_path / "set")])
    assert result.exit_code == 0, result.output
    assert "not aligned: 2 recordings: pocketsphinx is not installed: pip install 'vocoder[align]'" in (
        result.output
    )
    if phones.find_spec("pocketsphinx"):
        assert prepare(recordings, tmp_path / "set", PrepareConfig())["aligned"] == 1


@ALIGNER
def test_the_classifier_reads_them_and_aligns_what_has_none(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "set"
    prepare(recordings, target, CUT)
    for name in ("train.txt", "valid.txt"):
        with (target / "all.txt").open("a") as file:
            file.write((target / name).read_text())
    data = DataConfig.model_validate(dataset_values(str(target), None) | {"cache": tmp_path / "cache"})
    data = data.model_copy(update={"sources": [data.sources[0].model_copy(update={"list": "all.txt"})]})
    found = find_recordings(data)
    clips, left_out = load_aligned(found, data, 22050)
    assert len(clips) == len(contents(target)) > 1
    assert not (tmp_path / "cache").exists()
    assert len(clips) + len(left_out) == len(found)
    whole = PrepareConfig()
    prepare(recordings, tmp_path / "whole", whole.model_copy(update={"align": False}))
    data = data.model_copy(update={"root": tmp_path / "whole"})
    (tmp_path / "whole" / "all.txt").write_text("recordings_LJ001-0002.flac\n")
    ((_, _, alone),), _ = load_aligned(find_recordings(data), data, 22050)
    prepare(recordings, tmp_path / "whole", whole)
    beside = read_phones(tmp_path / "whole" / "recordings_LJ001-0002.phones")
    assert alone.phones.tolist() == beside.phones.tolist()
    assert np.allclose(alone.begins, beside.begins, atol=1e-3)
