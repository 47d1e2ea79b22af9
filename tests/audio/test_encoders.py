import numpy as np
import pytest
import soundfile
import torch

from vocoder.audio import ENCODERS, encoder, read, to_pcm16
from vocoder.errors import AudioError

RATE = 22050
LOSSLESS = ["wav", "flac"]
FILES = [name for name in ENCODERS if name != "pcm"]


def encoded(name, audio, size, *, announced=True, rate=RATE):
    stream = encoder(name, rate, len(audio) if announced else None)
    return [*(stream.encode(chunk) for chunk in audio.split(size)), stream.finish()]


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("size", [1, 333, 100_000])
def test_a_lossless_stream_is_the_audio(name, announced, size, speech):
    audio = speech[:500] if size == 1 else speech
    again, rate = read(b"".join(encoded(name, audio, size, announced=announced)))
    assert rate == RATE
    assert torch.equal(again, audio)


def test_pcm_is_the_samples_alone(speech):
    data = b"".join(encoded("pcm", speech, 333))
    assert np.array_equal(np.frombuffer(data, "<i2"), to_pcm16(speech).numpy())


@pytest.mark.parametrize("name", LOSSLESS)
def test_an_announced_length_is_in_the_header(name, speech, tmp_path):
    (tmp_path / "a").write_bytes(b"".join(encoded(name, speech, 1000)))
    assert soundfile.info(tmp_path / "a").frames == len(speech)


@pytest.mark.parametrize("name", LOSSLESS)
def test_a_length_may_be_unknown(name, speech):
    assert encoded(name, speech, 1000, announced=False)[0] != encoded(name, speech, 1000)[0]


@pytest.mark.parametrize(("name", "rate", "delay"), [("opus", 24000, 0), ("mp3", RATE, 1681)])
def test_a_lossy_stream_is_near_the_audio(name, rate, delay, speech):
    data = b"".join(encoded(name, speech, 1000))
    expected = read(b"".join(encoded("wav", speech, 1000)), sample_rate=rate)[0]
    again, its_rate = read(data)
    assert its_rate == rate
    assert len(data) < len(speech) / 2
    decoded = again[delay : delay + len(expected)]
    kept = expected[: len(decoded)]
    assert len(decoded) > 0.99 * len(expected)
    assert float(torch.corrcoef(torch.stack([decoded, kept]))[0, 1]) > 0.95


@pytest.mark.parametrize("name", ENCODERS)
def test_bytes_come_while_the_audio_does(name, speech):
    """No more than 0.25 s are held back, the first bytes come with the first 50 ms."""
    pieces = encoded(name, speech, RATE // 20)
    assert pieces[0]
    silent = max(len(run) for run in "".join("x" if piece else "." for piece in pieces).split("x"))
    assert silent < 5


@pytest.mark.parametrize("name", FILES)
def test_what_has_come_can_be_played(name, speech):
    pieces = encoded(name, speech, RATE // 20, announced=False)
    heard, rate = read(b"".join(pieces[: len(pieces) // 2]))
    assert len(heard) / rate > 0.35 * len(speech) / RATE


@pytest.mark.parametrize("name", ENCODERS)
def test_an_empty_stream_ends_well(name):
    stream = encoder(name, RATE)
    assert isinstance(stream.finish(), bytes)


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("rate", [16000, 22050, 24000, 44100, 48000])
def test_the_rates_of_voices_are_carried(name, rate):
    stream = encoder(name, rate)
    audio = 0.1 * torch.sin(torch.arange(rate) * 0.05)
    data = stream.encode(audio) + stream.finish()
    if name != "pcm":
        again, its_rate = read(data)
        assert len(again) / its_rate == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("name", ENCODERS)
def test_two_streams_do_not_mix(name, speech):
    one, two = encoder(name, RATE), encoder(name, RATE)
    pieces = [[], []]
    for chunk in speech.split(1000):
        pieces[0].append(one.encode(chunk))
        pieces[1].append(two.encode(-chunk))
    alone = b"".join(encoded(name, speech, 1000, announced=False))
    mixed = b"".join([*pieces[0], one.finish()])
    assert len(mixed) == len(alone)
    if name != "pcm":
        assert torch.equal(read(mixed)[0], read(alone)[0])


def test_content_types():
    types = {name: encoder(name, RATE).content_type for name in ENCODERS}
    assert types == {
        "wav": "audio/wav",
        "pcm": "audio/pcm;rate=22050;channels=1;bits=16",
        "flac": "audio/flac",
        "opus": "audio/ogg; codecs=opus",
        "mp3": "audio/mpeg",
    }


def test_an_unknown_format_lists_the_known_ones():
    with pytest.raises(AudioError, match="'aac' is unknown; choose one of wav, pcm, flac, opus, mp3"):
        encoder("aac", RATE)


def test_a_rate_that_a_format_lacks_is_refused():
    with pytest.raises(AudioError, match="MP3 has no 96000 Hz"):
        encoder("mp3", 96000)
