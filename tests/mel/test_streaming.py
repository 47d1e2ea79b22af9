import pytest
import torch

from vocoder.errors import InputError
from vocoder.mel import DIALECTS, MelFrontend, StreamingMel, dialect, mel_spec

SPECS = {
    **{name: spec for name, spec in DIALECTS.items() if spec.dynamic_range is None},
    "pre-emphasis": mel_spec({"dialect": "nvidia", "pre_emphasis": 0.97}),
    "no padding": mel_spec({"dialect": "nvidia", "padding": 0}),
    "frames side by side": mel_spec({"dialect": "nvidia", "hop_length": 1024, "padding": 1024}),
    "zeros around": mel_spec({"dialect": "nvidia", "pad_mode": "constant"}),
    "statistics": dialect("pwg-22k").with_statistics([-3.0] * 80, [2.0] * 80),
}


def streamed(spec, chunks):
    stream = StreamingMel(spec)
    return torch.cat([*(stream.push(chunk) for chunk in chunks), stream.finish()], dim=-1)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("size", [101, 256, 1999, 100_000])
def test_the_chunks_give_the_mel_of_the_whole(spec, size, speech):
    whole = MelFrontend(spec)(speech[:12000])
    torch.testing.assert_close(streamed(spec, speech[:12000].split(size)), whole, rtol=0, atol=2e-6)


def test_one_sample_at_a_time_gives_the_mel_of_the_whole(speech):
    spec, audio = dialect("hifigan"), speech[:2500]
    torch.testing.assert_close(streamed(spec, audio.split(1)), MelFrontend(spec)(audio), rtol=0, atol=2e-6)


def test_empty_chunks_change_nothing(speech):
    spec, audio = dialect("nvidia"), speech[:5000]
    chunks = [audio[:0], audio[:100], audio[:0], audio[100:], audio[:0]]
    torch.testing.assert_close(streamed(spec, chunks), MelFrontend(spec)(audio), rtol=0, atol=2e-6)


def test_a_batch_streams_as_one(recordings):
    spec, batch = dialect("nvidia"), torch.stack([audio[:9000] for audio in recordings])
    torch.testing.assert_close(
        streamed(spec, batch.split(700, 1)), MelFrontend(spec)(batch), rtol=0, atol=2e-6
    )


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_the_shortest_audio_streams(spec):
    audio = torch.full((spec.min_samples,), 0.1)
    torch.testing.assert_close(streamed(spec, audio.split(50)), MelFrontend(spec)(audio), rtol=0, atol=2e-6)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_frame_comes_with_its_last_sample(spec):
    """With reflection, not before the sample that the padding mirrors last."""
    stream, mirrored = StreamingMel(spec), spec.padding + 1 if spec.pad_mode == "reflect" else 1
    needed = max(spec.n_fft - spec.padding, mirrored)
    assert stream.push(torch.zeros(needed - 1)).shape[1] == 0
    assert stream.push(torch.zeros(1)).shape[1] >= 1
    assert stream.push(torch.zeros(spec.hop_length)).shape[1] == 1


def test_two_streams_share_a_front_end(recordings):
    spec, frontend = dialect("nvidia"), MelFrontend(dialect("nvidia"))
    streams = [StreamingMel(spec, frontend) for _ in recordings]
    mels = [[], []]
    for chunks in zip(*(audio[:9000].split(1000) for audio in recordings), strict=True):
        for mel, stream, chunk in zip(mels, streams, chunks, strict=True):
            mel.append(stream.push(chunk))
    for mel, stream, audio in zip(mels, streams, recordings, strict=True):
        whole = torch.cat([*mel, stream.finish()], dim=-1)
        torch.testing.assert_close(whole, frontend(audio[:9000]), rtol=0, atol=2e-6)


def test_too_short_a_stream_is_refused():
    stream = StreamingMel(dialect("nvidia"))
    stream.push(torch.zeros(512))
    with pytest.raises(InputError, match="512 samples are too few"):
        stream.finish()


def test_a_finished_stream_takes_nothing():
    stream = StreamingMel(dialect("nvidia"))
    stream.push(torch.zeros(2000))
    stream.finish()
    with pytest.raises(InputError, match="finished"):
        stream.push(torch.zeros(10))
    with pytest.raises(InputError, match="finished"):
        stream.finish()


def test_a_stream_keeps_its_batch():
    stream = StreamingMel(dialect("nvidia"))
    stream.push(torch.zeros(2, 100))
    with pytest.raises(InputError, match=r"batch \(3,\) in a stream of batch \(2,\)"):
        stream.push(torch.zeros(3, 100))


def test_a_bad_chunk_is_refused_and_leaves_the_stream_as_it_was(speech):
    spec, audio = dialect("nvidia"), speech[:5000]
    stream = StreamingMel(spec)
    first = stream.push(audio[:2000])
    with pytest.raises(InputError, match="NaN"):
        stream.push(torch.full((100,), torch.nan))
    mel = torch.cat([first, stream.push(audio[2000:]), stream.finish()], dim=-1)
    torch.testing.assert_close(mel, MelFrontend(spec)(audio), rtol=0, atol=2e-6)


def test_what_needs_the_whole_utterance_does_not_stream():
    with pytest.raises(InputError, match="cannot be streamed"):
        StreamingMel(dialect("librosa"))
