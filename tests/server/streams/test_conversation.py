"""WS /v1/stream: the very samples of the offline call, as soon as they are certain; orderly ends."""

import time

import numpy as np
import pytest
import torch
from websockets.exceptions import ConnectionClosed

from server.streams.inbox import Inbox
from vocoder.audio import read, to_pcm16
from vocoder.checkpoints import load, save_checkpoint
from vocoder.inference.bounded import BoundedWaveGlow
from vocoder.inference.fitting import fit_mel
from vocoder.inference.scheduler import Scheduler
from vocoder.mel import DIALECTS, MelFrontend
from vocoder.models import WaveGlow, WaveGlowConfig


def close(left, right, lsb=4):
    return left.shape == right.shape and (left.int() - right.int()).abs().max() <= lsb


def closing(caller):
    """The close code, once all that came before it is heard."""
    try:
        while True:
            caller.hear()
    except ConnectionClosed as ended:
        return ended.rcvd.code if ended.rcvd else None


@pytest.fixture
def url(serve):
    return serve()[1]


def test_the_start_is_answered_with_what_the_client_must_know(url, call):
    caller = call(url, voice="wide", seed=3, temperature=0.5)
    assert caller.said == [
        {
            "type": "started",
            "voice": "wide",
            "num_mels": 100,
            "hop_length": 256,
            "sample_rate": 24000,
            "lookahead_frames": load("wide").lookahead_frames,
            "format": "pcm",
            "seed": 3,
            "temperature": 0.5,
            "correction": 0,
        }
    ]


@pytest.mark.parametrize("sizes", [[60], [1] * 60, [1, 7, 40, 12]])
def test_the_samples_are_those_of_the_library_however_the_frames_come(url, call, utterance, sizes):
    spoken = utterance(60)
    caller = call(url, seed=7, temperature=0.5)
    for piece in spoken.mel.split(sizes, dim=1):
        caller.push(piece)
    caller.say("finish")
    assert caller.until("finished") == {"type": "finished", "frames": 60, "samples": 60 * 256}
    assert closing(caller) == 1000
    assert close(caller.samples, spoken.samples(seed=7, temperature=0.5))


def test_a_stream_is_corrected_as_often_as_asked(url, call, utterance):
    spoken = utterance(60)
    voice = load("student", correction=1)
    caller = call(url, seed=7, correction=1)
    assert (caller.said[0]["correction"], caller.said[0]["lookahead_frames"]) == (1, voice.lookahead_frames)
    for piece in spoken.mel.split(7, dim=1):
        caller.push(piece)
    caller.say("finish")
    caller.until("finished")
    assert close(caller.samples, to_pcm16(voice.synthesize(spoken.mel, seed=7)))


def test_audio_comes_as_soon_as_the_look_ahead_allows(url, call, utterance):
    spoken = utterance(40)
    lookahead = load("student").lookahead_frames
    caller = call(url)
    for frame in range(lookahead + 1):
        caller.push(spoken.mel[:, frame : frame + 1])
    assert isinstance(caller.hear(), bytes)
    assert caller.samples.numel() == 256


def test_a_steady_stream_begins_when_later_blocks_would_come(serve, call, utterance):
    spoken, needed = utterance(60), load("student").lookahead_frames + 1
    caller = call(serve(steady_start=0.8)[1], seed=7, steady=True)
    began = time.monotonic()
    caller.push(spoken.mel[:, :needed])
    caller.push(spoken.mel[:, needed : needed + 1])  # the next frames are no reason to begin
    caller.hear()
    assert time.monotonic() - began >= 0.8
    caller.push(spoken.mel[:, needed + 1 :])
    caller.hear()
    caller.say("finish")
    caller.until("finished")
    assert close(caller.samples, spoken.samples(seed=7))


@pytest.mark.parametrize(("few", "patience"), [(1, 0.2), (2, 0.0)], ids=["held longer", "begun early"])
def test_blocks_wait_for_company_half_of_what_their_stream_was_held_beyond_the_start(
    serve, call, utterance, monkeypatch, few, patience
):
    waited, submit = [], Scheduler.submit
    monkeypatch.setattr(
        Scheduler, "submit", lambda self, step: waited.append(step.patience) or submit(self, step)
    )
    spoken, needed = utterance(40), load("student").lookahead_frames + 1
    times = {"steady_start": 0.3, "steady_few": few, "steady_each": 0.4, "steady_longest": 1.0}
    _, url = serve(**times)
    call(url)  # another that holds a place
    caller = call(url, seed=7, steady=True)
    caller.push(spoken.mel[:, :needed])
    caller.hear()
    caller.push(spoken.mel[:, needed : needed + 8])
    caller.hear()
    caller.say("finish")
    caller.until("finished")
    first, *later, last = waited
    assert first == last == 0.0
    assert later
    assert all(patience <= each < patience + 0.1 for each in later)


def test_a_waveglow_waits_for_no_more_frames_than_asked(voices, serve, call, utterance):
    torch.manual_seed(0)
    sizes = {"flows": 2, "wavenet": {"layers": 6, "channels": 8, "skip_channels": 8}}
    glow = WaveGlow(WaveGlowConfig.model_validate(sizes), DIALECTS["nvidia"])
    for step in glow.steps:
        torch.nn.init.normal_(step.network.head[-1].weight, std=0.05)
    save_checkpoint(voices / "glow.safetensors", glow)
    spoken = utterance(40)
    caller = call(serve()[1], voice="glow", seed=5, lookahead=1)
    assert caller.said[0]["lookahead_frames"] == 1 + 15
    for frame in range(40):
        caller.push(spoken.mel[:, frame : frame + 1])
    caller.say("finish")
    caller.until("finished")
    bounded = BoundedWaveGlow(load("glow"), lookahead=1)
    assert close(caller.samples, to_pcm16(bounded.synthesize(spoken.mel, seed=5)))


def test_a_flush_speaks_the_rest_and_another_utterance_may_begin(url, call, utterance):
    first, second = utterance(20, seed=1), utterance(30, seed=2)
    caller = call(url, seed=5)
    for spoken in (first, second):
        caller.push(spoken.mel)
        caller.say("flush")
        flushed = caller.until("flushed")
        assert flushed["frames"] == spoken.mel.shape[1]
        assert close(caller.samples, spoken.samples(seed=5))
        caller.audio, caller.said = b"", []
    caller.say("finish")
    assert caller.until("finished")["frames"] == 0
    assert closing(caller) == 1000
    assert not caller.audio


def test_a_cancel_drops_the_rest_and_another_utterance_may_begin(serve, call, utterance):
    _, url = serve(max_seconds=1000)
    long, short = utterance(6000), utterance(20, seed=1)
    caller = call(url, seed=5)
    caller.push(long.mel)
    caller.hear()
    caller.say("cancel")
    cancelled = caller.until("cancelled")
    assert cancelled["samples"] < 6000 * 256 / 2
    caller.audio = b""
    caller.push(short.mel)
    caller.say("finish")
    caller.until("finished")
    assert close(caller.samples, short.samples(seed=5))


@pytest.mark.parametrize("audio_format", ["wav", "flac", "opus", "mp3"])
def test_every_format_is_a_file_of_its_own(url, call, utterance, audio_format):
    spoken = utterance(60)
    caller = call(url, format=audio_format)
    caller.push(spoken.mel)
    caller.say("finish")
    caller.until("finished")
    audio, rate = read(caller.audio)
    assert audio.numel() / rate == pytest.approx(60 * 256 / 22050, abs=0.15)
    if audio_format in ("wav", "flac"):
        assert close(to_pcm16(audio), spoken.samples())


def test_frames_of_a_dialect_that_cannot_be_converted_are_refused_before_they_come(url, call):
    caller = call(url, dialect="vocos")
    assert "num_mels is 100, not 80" in caller.said[-1]["problem"]["detail"]
    assert closing(caller) == 1007


def test_frames_of_another_dialect_are_converted_where_that_is_exact(url, call, utterance):
    spoken = utterance(40)
    caller = call(url, dialect="hifigan")
    caller.push(spoken.mel)
    caller.say("finish")
    caller.until("finished")
    assert close(caller.samples, spoken.samples())


def test_frames_that_cannot_be_converted_are_estimated_as_they_come(url, call):
    vocos, voice = DIALECTS["vocos"], load("student")
    generator = torch.Generator().manual_seed(0)
    mels = MelFrontend(vocos)(0.1 * torch.randn(2, 9000, generator=generator))
    caller = call(url, dialect="vocos", estimate=True)
    assert caller.said[-1]["num_mels"] == 100
    for mel, command, answer in zip(mels, ("flush", "finish"), ("flushed", "finished"), strict=True):
        caller.audio = b""
        for piece in mel.split(7, dim=1):
            caller.push(piece)
        caller.say(command)
        fitted = fit_mel(mel, vocos, voice.mel_spec, estimate=True)
        assert caller.until(answer)["frames"] == fitted.shape[1]
        assert close(caller.samples, to_pcm16(voice.synthesize(fitted)))


def test_conversations_side_by_side_are_kept_apart(serve, call, utterance):
    _, url = serve(max_streams=32)
    spoken = [utterance(24 + i, seed=i) for i in range(32)]
    callers = [call(url, seed=i) for i in range(32)]
    for start in range(0, 56, 8):
        for caller, one in zip(callers, spoken, strict=True):
            if start < one.mel.shape[1]:
                caller.push(one.mel[:, start : start + 8])
    for caller in callers:
        caller.say("finish")
    for i, (caller, one) in enumerate(zip(callers, spoken, strict=True)):
        caller.until("finished")
        assert close(caller.samples, one.samples(seed=i))


MISTAKES = {
    "no JSON": ("hello", "malformed-message", 1007),
    "frames before the start": (b"1234", "malformed-message", 1007),
    "another type": ('{"type": "go"}', "malformed-message", 1007),
    "an unknown member": ('{"type": "start", "sead": 1}', "malformed-message", 1007),
    "a negative seed": ('{"type": "start", "seed": -1}', "malformed-message", 1007),
    "an unknown voice": ('{"type": "start", "voice": "nobody"}', "unknown-voice", 1008),
    "a look-ahead that it cannot do with": (
        '{"type": "start", "voice": "student", "lookahead": 1}',
        "invalid-parameter",
        1007,
    ),
    "an unknown dialect": ('{"type": "start", "dialect": "nvida"}', "invalid-parameter", 1007),
}


@pytest.mark.parametrize(("text", "name", "code"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_wrong_start_is_answered_with_a_remedy(url, call, text, name, code):
    caller = call(url, start=False)
    caller.socket.send(text)
    problem = caller.until("error")["problem"]
    assert problem["type"] == f"/problems/{name}"
    assert len(problem["detail"]) > 20
    assert closing(caller) == code


LATER = {
    "no whole frames": (b"12345", "malformed-message", 1007),
    "no bytes": (b"", "malformed-message", 1007),
    "another command": ('{"type": "stop"}', "malformed-message", 1007),
    "NaN": (np.full(80, np.nan, "<f4").tobytes(), "invalid-mel", 1007),
    "values of another analysis": (np.full(80, 50, "<f4").tobytes(), "mel-mismatch", 1007),
}


@pytest.mark.parametrize(("data", "name", "code"), LATER.values(), ids=LATER.keys())
def test_a_wrong_message_is_answered_with_a_remedy(url, call, data, name, code):
    caller = call(url)
    caller.socket.send(data)
    assert caller.until("error")["problem"]["type"] == f"/problems/{name}"
    assert closing(caller) == code


def test_an_utterance_over_the_limit_is_refused(serve, call):
    _, url = serve(max_frames=30)
    caller = call(url)
    for _ in range(2):
        caller.push(torch.full((80, 20), -11.0))
    assert caller.until("error")["problem"]["type"] == "/problems/mel-too-long"
    assert closing(caller) == 1009


def test_the_limit_is_that_of_one_utterance(serve, call):
    _, url = serve(max_frames=30)
    caller = call(url)
    for _ in range(3):
        caller.push(torch.full((80, 20), -11.0))
        caller.say("flush")
        caller.until("flushed")
        caller.said = []


def test_a_full_house_asks_to_come_back(serve, call):
    _, url = serve(max_streams=1, patience=0.05)
    first = call(url)
    assert first.said[-1]["type"] == "started"
    second = call(url)
    assert second.said[-1]["problem"]["type"] == "/problems/busy"
    assert closing(second) == 1013


def test_an_idle_client_gives_its_place_up(serve, call, wait_until):
    app, url = serve(idle_timeout=0.2)
    caller = call(url)
    assert caller.until("error")["problem"]["type"] == "/problems/idle-timeout"
    assert closing(caller) == 1008
    wait_until(lambda: app.state.engine.active_streams == 0)


def test_one_who_falls_silent_in_an_utterance_gives_its_place_up_too(serve, call, wait_until, utterance):
    app, url = serve(idle_timeout=0.3)
    caller = call(url)
    caller.push(utterance(3).mel)
    assert caller.until("error")["problem"]["type"] == "/problems/idle-timeout"
    assert closing(caller) == 1008
    wait_until(lambda: app.state.engine.active_streams == 0)


def test_one_to_whom_audio_is_due_is_not_idle(serve, call, utterance):
    spoken = utterance(120)  # 1.4 s, of which 0.2 may be ahead
    caller = call(serve(idle_timeout=0.3, max_ahead=0.2)[1], seed=5)
    caller.push(spoken.mel[:, :100])
    while len(caller.audio) < 2 * 256 * 80:
        caller.hear()
    caller.push(spoken.mel[:, 100:])
    caller.say("finish")
    caller.until("finished")
    assert close(caller.samples, spoken.samples(seed=5))


def test_one_who_sends_far_ahead_is_held_and_loses_nothing(serve, call, utterance, monkeypatch):
    most, put = [0], Inbox.put

    def counted(inbox, item):
        put(inbox, item)
        most[0] = max(most[0], inbox._frames)

    monkeypatch.setattr(Inbox, "put", counted)
    spoken = utterance(400)
    caller = call(serve(max_frames=400)[1], seed=5)
    for _ in range(6):
        caller.push(spoken.mel)
        caller.say("flush")
    for _ in range(6):
        caller.audio, caller.said = b"", []
        assert caller.until("flushed")["frames"] == 400
        assert close(caller.samples, spoken.samples(seed=5))
    assert most[0] <= 2 * 400, "what may wait, and what was read then"


def test_every_cancel_is_answered_once(url, call, utterance):
    spoken = utterance(20)
    caller = call(url, seed=5)
    caller.say("cancel")
    caller.until("cancelled")
    caller.push(spoken.mel)
    caller.say("flush")
    caller.until("flushed")
    for _ in range(3):
        caller.say("cancel")
    caller.push(spoken.mel)
    caller.said, caller.audio = [], b""
    caller.say("finish")
    caller.until("finished")
    assert [said["type"] for said in caller.said] == ["cancelled"] * 3 + ["finished"]
    assert close(caller.samples, spoken.samples(seed=5))


def test_one_who_says_nothing_is_not_waited_for(serve, call):
    _, url = serve(body_timeout=0.2)
    caller = call(url, start=False)
    assert caller.until("error")["problem"]["type"] == "/problems/idle-timeout"


def test_a_page_of_another_server_may_not_connect(serve, call):
    _, url = serve(cors_origins="https://friend.example")
    stranger = call(url, origin="https://stranger.example")
    assert stranger.said[-1]["problem"]["type"] == "/problems/forbidden"
    for origin in (url, "https://friend.example"):
        assert call(url, origin=origin).said[-1]["type"] == "started"


def test_a_listener_is_not_sent_more_than_the_cap_ahead(serve, call, utterance):
    _, url = serve(max_ahead=2.0)
    caller = call(url)
    caller.push(utterance(2000).mel)
    caller.say("finish")
    began = time.monotonic()
    while time.monotonic() < began + 1.5:
        caller.hear()
    largest_block = 128 * 256
    assert caller.samples.numel() <= (2.0 + time.monotonic() - began) * 22050 + 2 * largest_block
