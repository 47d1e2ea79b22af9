"""A folder becomes a set: lists that recipes read, reasons for what is missing, the same again."""

import json
import shutil
import unicodedata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from training.data.manifests import DataConfig, find_recordings
from training.jobs.datasets import dataset_values
from training.prepare.prepare import PrepareConfig, held_out, prepare
from training.prepare.sources import find_sources
from vocoder.audio import read, write
from vocoder.cli import app
from vocoder.errors import InputError
from vocoder.evaluation import read_manifest

CLIPS = sorted((Path(__file__).parents[2] / "data").glob("*.flac"))
CONFIG = PrepareConfig.model_validate({"clean": {"max_seconds": 1.2}})


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    (folder / "deep").mkdir(parents=True)
    shutil.copy(CLIPS[0], folder / "one recording.flac")
    audio, rate = read(CLIPS[1])
    write(folder / "deep" / "two.wav", audio, rate)
    (folder / "deep" / "two.txt").write_text("what is said")
    shutil.copy(folder / "deep" / "two.wav", folder / "deep" / "zcopy.wav")
    (folder / "broken.wav").write_bytes(b"RIFF no audio")
    write(folder / "slow.wav", audio, 8000)
    return folder


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {p.name: (p.stat().st_ino, p.read_bytes()) for p in folder.iterdir() if p.suffix == ".flac"}


def test_the_lists_are_what_recipes_and_evaluation_read(recordings: Path, tmp_path: Path) -> None:
    report = prepare(recordings, tmp_path / "set", CONFIG)
    data = DataConfig.model_validate(dataset_values(str(tmp_path / "set"), None))
    train = {recording.path.name for recording in find_recordings(data)}
    valid = {clip.path.name for clip in read_manifest(tmp_path / "set" / "valid.txt")}
    assert train.isdisjoint(valid)
    assert train | valid == {path.name for path in (tmp_path / "set").glob("*.flac")}
    assert report["pieces"] == len(train | valid)
    assert {r.speaker for r in find_recordings(data)} <= set(report["speakers"]) == {"recordings", "deep"}


def test_the_report_says_why(recordings: Path, tmp_path: Path) -> None:
    left_out = prepare(recordings, tmp_path / "set", CONFIG)["left_out"]
    assert left_out.keys() == {"broken.wav", "slow.wav", "deep/zcopy.wav"}
    assert "8000 Hz" in left_out["slow.wav"]
    assert left_out["deep/zcopy.wav"] == "the same as deep/two.wav"
    assert json.loads((tmp_path / "set" / "report.json").read_text())["left_out"] == left_out


def test_again_touches_nothing_and_a_new_recording_is_added(recordings: Path, tmp_path: Path) -> None:
    target = tmp_path / "set"
    first = prepare(recordings, target, CONFIG)
    before = state(target)
    assert prepare(recordings, target, CONFIG) == first
    assert state(target) == before
    (recordings / "deep" / "two.wav").unlink()
    report = prepare(recordings, target, CONFIG)
    assert "deep_deep-zcopy.flac" in state(target) or "deep_deep-zcopy-000.flac" in state(target)
    assert not any("two" in name for name in state(target))
    assert "deep/zcopy.wav" not in report["left_out"]


def test_it_goes_on_where_it_was_stopped(recordings: Path, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(stage: str, done: int, total: int) -> None:
        if done == 2:
            raise Stopped

    target = tmp_path / "set"
    with pytest.raises(Stopped):
        prepare(recordings, target, CONFIG, workers=1, advance=stop)
    first = json.loads((target / ".journal.jsonl").read_text().splitlines()[1])
    done = {name: content for name, content in state(target).items() if name in first["pieces"]}
    assert done
    prepare(recordings, target, CONFIG)
    assert state(target).items() >= done.items()


def test_a_set_that_grows_keeps_what_it_held_out() -> None:
    names = [f"clip{i}" for i in range(500)]
    few, many = held_out(names[:200], 0.05), held_out(names, 0.05)
    assert few == many & set(names[:200])
    assert 10 < len(many) < 50
    assert len(held_out(names[:1], 0.05)) == 1


def test_texts_come_from_a_table_or_from_beside(recordings: Path) -> None:
    (recordings / "metadata.csv").write_text("one recording|raw|as spoken\n")
    texts = {Path(source.path).stem: source.text for source in find_sources(recordings)}
    assert texts["one recording"] == "as spoken"
    assert texts["slow"] is None


def test_a_table_that_names_its_columns_is_read_by_them(recordings: Path) -> None:
    (recordings / "metadata.csv").write_text("id|transcript|source\nslow|as spoken|somewhere\nbroken\n")
    texts = {Path(source.path).stem: source.text for source in find_sources(recordings)}
    assert texts["slow"] == "as spoken"
    assert texts["broken"] is None


def test_a_folder_may_be_named_by_any_path(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [source.path for source in find_sources(recordings)]
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert [source.path for source in find_sources(Path("..") / recordings.name)] == names
    hidden = shutil.move(recordings, tmp_path / ".hidden")
    assert [source.path for source in find_sources(Path(hidden))] == names


NAMES = [
    "Анна/первая запись.flac",
    "Анна/вторая.flac",
    "Борис/первая запись.flac",
    "王/一.flac",
    "王/二.flac",
    "हिन्दी/की.flac",
    "हिन्दी/कि.flac",
    "speaker one/a b.flac",
    "speaker-one/a-b.flac",
    "speaker-one/A b.flac",
    "speaker-one/a-b-001.flac",
    "-x/'quoted', $HOME & more_and_more.flac",
    "x/" + "long " * 45 + ".flac",
]


def test_names_of_every_script_stay_apart(tmp_path: Path) -> None:
    audio, rate = read(CLIPS[1])
    for i, name in enumerate(NAMES):
        path = tmp_path / "recordings" / unicodedata.normalize("NFD", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, 0.9**i * audio, rate)
    report = prepare(tmp_path / "recordings", tmp_path / "set", CONFIG)
    assert report["kept"] == len(NAMES)
    assert report["left_out"] == {}
    assert len(report["speakers"]) == 8
    assert {"Анна", "Борис", "王", unicodedata.normalize("NFC", "हिन्दी")} < set(report["speakers"])
    listed = [
        name for part in ("train", "valid") for name in (tmp_path / "set" / f"{part}.txt").read_text().split()
    ]
    assert len(listed) == report["pieces"] == len({name.casefold() for name in listed})
    assert all((tmp_path / "set" / name).is_file() for name in listed)
    assert report["pieces"] >= 2 * len(NAMES)  # each has its own, of as many as it was cut to
    found = find_recordings(
        DataConfig.model_validate({"root": tmp_path, "sources": [{"folder": "set", "list": "train.txt"}]})
    )
    assert {recording.speaker for recording in found} <= set(report["speakers"])


def test_a_text_is_found_however_its_letters_are_composed(tmp_path: Path) -> None:
    write(tmp_path / unicodedata.normalize("NFD", "é.flac"), *read(CLIPS[1]))
    (tmp_path / "metadata.csv").write_text(unicodedata.normalize("NFC", "é|dit"))
    assert [source.text for source in find_sources(tmp_path)] == ["dit"]


def test_hidden_files_and_sets_that_were_prepared_are_no_recordings(recordings: Path) -> None:
    names = [source.path for source in find_sources(recordings)]
    inside = recordings / "data" / "prepared"
    prepare(recordings, inside, CONFIG)
    deep = recordings / ".cache" / "a" / "b" / "c"
    deep.mkdir(parents=True)
    shutil.copy(recordings / names[0], deep)
    assert [source.path for source in find_sources(recordings)] == names
    lists = [(inside / name).read_text() for name in ("train.txt", "valid.txt")]
    prepare(recordings, inside, CONFIG)
    assert [(inside / name).read_text() for name in ("train.txt", "valid.txt")] == lists


def test_a_folder_of_something_else_is_left_alone(recordings: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="holds other files"):
        prepare(recordings, tmp_path / "mine", CONFIG)


def test_the_command_says_what_it_did(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["prepare", "recordings", "-o", "set", "clean.max_seconds=1.2"])
    assert result.exit_code == 0, result.output
    assert "left out: slow.wav" in result.output
    assert "3 of 5 recordings left out" in result.output
