import io
import sys

import numpy as np
import pytest
import soundfile
import torch

from vocoder.audio import encoder, read, write
from vocoder.errors import AudioError

RATE = 22050


def wav_bytes(samples, rate=RATE, **how) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", **how)
    return file.getvalue()


def test_a_path_bytes_a_file_and_a_pipe_give_the_same(recording, monkeypatch):
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    data = recording.read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    from_path, rate = read(recording)
    assert rate == RATE
    assert from_path.dtype == torch.float32
    for source in (str(recording), data, io.BytesIO(data), Pipe(data), "-"):
        audio, rate = read(source)
        assert rate == RATE
        assert torch.equal(audio, from_path)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff", "a"])
def test_16_bit_files_keep_every_sample(name, speech, tmp_path):
    write(tmp_path / name, speech, RATE)
    assert torch.equal(read(tmp_path / name)[0], speech)
    assert soundfile.info(tmp_path / name).subtype == "PCM_16"


def test_a_float_file_keeps_every_bit(tmp_path):
    audio = torch.rand(1000) * 2 - 1
    write(tmp_path / "a.wav", audio, 48000, subtype="FLOAT")
    again, rate = read(tmp_path / "a.wav")
    assert rate == 48000
    assert torch.equal(again, audio)


@pytest.mark.parametrize("name", ["a.mp3", "a.ogg"])
def test_lossy_files_are_near(name, speech, tmp_path):
    write(tmp_path / name, speech, RATE)
    audio, rate = read(tmp_path / name)
    assert rate == RATE
    assert float(torch.corrcoef(torch.stack([audio[: len(speech)], speech]))[0, 1]) > 0.99


@pytest.mark.parametrize("name", ["a.ogg", "a.flac"])
def test_minutes_are_written(name, tmp_path):
    write(tmp_path / name, torch.zeros(8_000_000), 8000)
    assert soundfile.info(tmp_path / name).frames == 8_000_000


def test_a_file_object_is_written_as_wav(speech):
    file = io.BytesIO()
    write(file, speech, RATE)
    assert torch.equal(read(file.getvalue())[0], speech)


def test_channels_are_averaged():
    left, right = np.full(100, 0.5), np.full(100, -0.25)
    audio, _ = read(wav_bytes(np.stack([left, right], axis=1)))
    assert torch.equal(audio, torch.full((100,), 0.125))


def test_audio_is_resampled_on_request(recording, speech):
    audio, rate = read(recording, sample_rate=24000)
    assert rate == 24000
    assert len(audio) == round(len(speech) * 24000 / RATE)


def test_a_small_overshoot_is_clipped():
    audio, _ = read(wav_bytes(np.array([0.5, 1.3, -1.4]), subtype="FLOAT"))
    assert audio.tolist() == [0.5, 1.0, -1.0]


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([0.0, 9000.0], "reach 9000; scale"),
        ([0.0, np.nan], "NaN"),
        ([np.inf], "infinity"),
        ([], "holds no audio"),
    ],
)
def test_samples_that_are_no_audio_are_refused(samples, message):
    with pytest.raises(AudioError, match=message):
        read(wav_bytes(np.array(samples), subtype="FLOAT"))


@pytest.mark.parametrize("data", [b"", b"RIFF", b"not audio at all" * 99, b"fLaC" + bytes(99)])
def test_bytes_that_are_no_audio_are_refused(data):
    with pytest.raises(AudioError, match=r"cannot be read as audio .*; give WAV, FLAC"):
        read(data)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "missing.wav", tmp_path):
        found = "a folder, not a file" if path.is_dir() else "no such file"
        with pytest.raises(AudioError, match=f"{path}: {found}"):
            read(path)


def test_a_cut_file_gives_what_is_there_or_an_error(recording):
    data = recording.read_bytes()
    try:
        audio, _ = read(data[: len(data) // 2])
    except AudioError:
        return
    assert 0 < len(audio) < 41885


@pytest.mark.parametrize("name", ["wav", "flac"])
def test_no_more_is_decoded_than_is_accepted(name, speech):
    stream = encoder(name, RATE)
    data = stream.encode(speech) + stream.finish()
    seconds = len(speech) / RATE
    assert len(read(data, max_seconds=seconds)[0]) == len(speech)
    with pytest.raises(AudioError, match="longer than the 1 s that are accepted"):
        read(data, max_seconds=1.0)


def test_what_is_not_finite_is_not_written(tmp_path):
    with pytest.raises(AudioError, match="NaN"):
        write(tmp_path / "a.wav", torch.tensor([0.0, torch.nan]), RATE)
    assert not (tmp_path / "a.wav").exists()


@pytest.mark.parametrize(
    ("name", "how"),
    [("a.xyz", {}), ("none/a.wav", {}), ("a.wav", {"subtype": "OPUS"}), ("a.ogg", {"subtype": "OPUS"})],
)
def test_what_cannot_be_written_is_named(name, how, speech, tmp_path):
    with pytest.raises(AudioError, match=r"a\.\w+: cannot be written"):
        write(tmp_path / name, speech, RATE, **how)
