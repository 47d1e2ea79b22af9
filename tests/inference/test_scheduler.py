"""The scheduler: batches give what single blocks give, the urgent first, one failure alone."""

import threading
import time

import pytest
import torch

from vocoder.checkpoints import load
from vocoder.inference.scheduler import Scheduler
from vocoder.inference.steps import Step
from vocoder.mel import silence


@pytest.fixture
def voice(voices):
    return load("student")


@pytest.fixture
def scheduler():
    made = []

    def make(threads=1, **options):
        made.append(Scheduler(threads, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def step(voice, seed=0, due=0.0, frames=20, then=lambda audio: audio, patience=0.0):
    generator = torch.Generator().manual_seed(seed)
    mel = silence(voice.mel_spec, frames) + torch.rand(80, frames, generator=generator)
    with torch.inference_mode():
        return Step(voice, mel, voice.start([seed], 0.7), last=True, due=due, then=then, patience=patience)


class Holdup:
    """Keeps a thread busy until it is let go, so that other steps gather."""

    def __init__(self, scheduler, voice):
        self.entered, self.gate = threading.Event(), threading.Event()
        scheduler.submit(step(voice, frames=3, then=self._wait))
        assert self.entered.wait(30)

    def _wait(self, _):
        self.entered.set()
        self.gate.wait(30)


def test_a_batch_gives_what_single_blocks_give(scheduler, voice):
    steps, sizes = [step(voice, seed) for seed in range(5)], []
    one = scheduler(max_batch=4)
    one.observe = sizes.append
    held = Holdup(one, voice)
    futures = [one.submit(item) for item in steps]
    held.gate.set()
    for item, future in zip(steps, futures, strict=True):
        alone = voice.synthesize(item.mel, seed=item.state.seeds[0], temperature=0.7)
        torch.testing.assert_close(future.result(30).result, alone, atol=1e-4, rtol=0)
    assert sizes == [1, 4, 1]


def test_streams_at_different_places_share_a_batch(scheduler, voice):
    sizes, steps = [], []
    one = scheduler()
    one.observe = sizes.append
    for seed, past in enumerate((20, 33)):
        item = step(voice, seed, frames=past + 10)
        with torch.inference_mode():
            _, state = voice.advance(item.mel[None, :, :past], item.state, last=False)
        whole = voice.synthesize(item.mel, seed=seed, temperature=0.7)[-10 * 256 :]
        steps.append((Step(voice, item.mel[:, past:], state, True, 0.0, lambda audio: audio), whole))
    held = Holdup(one, voice)
    made = [(one.submit(item), whole) for item, whole in steps]
    held.gate.set()
    for future, whole in made:
        torch.testing.assert_close(future.result(30).result[-10 * 256 :], whole, atol=1e-4, rtol=0)
    assert sizes == [1, 2]


def test_a_batch_has_no_more_frames_than_allowed(scheduler, voice):
    sizes = []
    one = scheduler(max_frames=40)
    one.observe = sizes.append
    held = Holdup(one, voice)
    futures = [one.submit(step(voice, seed)) for seed in range(4)]
    held.gate.set()
    for future in futures:
        future.result(30)
    assert sizes == [1, 2, 2]


def test_only_blocks_that_fit_share_a_batch(scheduler, voice):
    sizes = []
    one = scheduler()
    one.observe = sizes.append
    held = Holdup(one, voice)
    futures = [one.submit(step(voice, frames=frames)) for frames in (20, 21, 20)]
    held.gate.set()
    for future in futures:
        future.result(30)
    assert sorted(sizes) == [1, 1, 2]


def test_the_most_urgent_goes_first(scheduler, voice):
    order = []
    one = scheduler(max_batch=1)
    held = Holdup(one, voice)
    futures = [
        one.submit(step(voice, due=due, then=lambda _, due=due: order.append(due))) for due in (3.0, 1.0, 2.0)
    ]
    held.gate.set()
    for future in futures:
        future.result(30)
    assert order == [1.0, 2.0, 3.0]


def test_a_block_may_wait_for_company(scheduler, voice):
    sizes = []
    one = scheduler(max_batch=2, gather_seconds=30.0)
    one.observe = sizes.append
    first = one.submit(step(voice, 0))
    time.sleep(0.05)
    assert not first.done()
    second = one.submit(step(voice, 1))
    first.result(10), second.result(10)
    assert sizes == [2]


def test_a_block_does_not_wait_for_company_for_ever(scheduler, voice):
    scheduler(max_batch=2, gather_seconds=0.05).submit(step(voice)).result(10)


def test_one_that_fails_spoils_no_other(scheduler, voice):
    def fail(_):
        raise RuntimeError("on the way")

    one = scheduler()
    held = Holdup(one, voice)
    good, bad = one.submit(step(voice, 0)), one.submit(step(voice, 1, then=fail))
    held.gate.set()
    assert good.result(30).result.numel() > 0
    with pytest.raises(RuntimeError, match="on the way"):
        bad.result(30)


def test_a_failing_batch_is_made_one_by_one(scheduler, voice, monkeypatch):
    advance = type(voice).advance

    def only_single(self, mel, state, *, last):
        if len(mel) > 1:
            raise RuntimeError("too many")
        return advance(self, mel, state, last=last)

    monkeypatch.setattr(type(voice), "advance", only_single)
    one = scheduler()
    held = Holdup(one, voice)
    futures = [one.submit(step(voice, seed)) for seed in range(3)]
    held.gate.set()
    assert all(future.result(30).result.numel() for future in futures)


def test_a_cancelled_block_is_not_made(scheduler, voice):
    made = []
    one = scheduler(max_batch=1)
    held = Holdup(one, voice)
    withdrawn = one.submit(step(voice, then=made.append))
    withdrawn.cancel()
    held.gate.set()
    one.submit(step(voice)).result(30)
    assert made == []


def test_closing_drops_what_waits(scheduler, voice):
    one = scheduler()
    held = Holdup(one, voice)
    waiting = one.submit(step(voice))
    threading.Timer(0.05, held.gate.set).start()
    one.close()
    assert waiting.cancelled()
    assert one.submit(step(voice)).cancelled()


def test_a_step_does_not_wait_while_others_gather(scheduler, voice, voices):
    """Whoever waits for company leaves with it; somebody else must then see to the rest."""
    one, other = scheduler(threads=2, gather_seconds=0.3), load("wide")
    gate, done = threading.Event(), []
    long = one.submit(step(voice, then=lambda _: gate.wait(30)))
    time.sleep(0.05)
    with torch.inference_mode():
        state = other.start([0], 0.7)
    mel = silence(other.mel_spec, 20)
    short = one.submit(Step(other, mel, state, last=True, due=1e9, then=done.append))
    short.result(30)
    assert not long.done()
    gate.set()


def test_a_patient_step_waits_for_company_and_keeps_nobody_waiting(scheduler, voice):
    sizes = []
    one = scheduler()
    one.observe = sizes.append
    patient = [one.submit(step(voice, seed, frames=5, patience=30.0)) for seed in range(2)]
    one.submit(step(voice, frames=6, due=1e9)).result(30)
    assert not any(future.done() for future in patient)
    hasty = one.submit(step(voice, 2, frames=5, due=1e9))
    for future in [*patient, hasty]:
        future.result(30)
    assert sizes == [1, 3]


def test_short_batches_are_made_one_at_a_time(scheduler, voice):
    """Those that come meanwhile go together; a long block, or a full batch, goes beside it."""
    sizes = []
    one = scheduler(threads=2, lone_frames=12, max_batch=3)
    one.observe = sizes.append
    held = Holdup(one, voice)
    long = one.submit(step(voice, frames=13))
    assert len(long.result(30).result)
    waiting = [one.submit(step(voice, seed, frames=5)) for seed in range(2)]
    time.sleep(0.1)
    assert one.pending == 2
    full = [one.submit(step(voice, seed, frames=6)) for seed in range(3)]
    for future in full:
        future.result(30)
    assert one.pending == 2
    held.gate.set()
    for future in waiting:
        future.result(30)
    assert sizes == [1, 1, 3, 2]


@pytest.mark.parametrize(
    ("frames", "lone_frames", "sizes"),
    [(20, 12, [2, 2]), (3, 12, [4]), (5, 12, [4]), (20, 0, [4])],
    ids=["long", "short", "short if parted", "not asked to"],
)
def test_a_long_batch_is_parted_among_free_threads(scheduler, voice, frames, lone_frames, sizes):
    made = []
    one = scheduler(threads=2, lone_frames=lone_frames, gather_seconds=0.5)
    one.observe = made.append
    futures = [one.submit(step(voice, seed, frames=frames)) for seed in range(4)]
    for future in futures:
        future.result(30)
    assert made == sizes


def test_a_long_batch_is_whole_where_no_other_thread_is_free(scheduler, voice):
    made = []
    one = scheduler(threads=2, lone_frames=12, gather_seconds=0.5)
    one.observe = made.append
    gate, entered = threading.Event(), threading.Event()
    one.submit(step(voice, frames=30, then=lambda _: entered.set() or gate.wait(30)))
    assert entered.wait(30)
    for future in [one.submit(step(voice, seed, frames=20)) for seed in range(4)]:
        future.result(30)
    gate.set()
    assert made == [1, 4]


def test_a_short_batch_that_fails_or_is_withdrawn_keeps_no_other_waiting(scheduler, voice):
    one = scheduler(threads=2, lone_frames=12)
    held = Holdup(one, voice)
    failing = one.submit(step(voice, frames=5, then=lambda _: 1 / 0))
    withdrawn = one.submit(step(voice, frames=6))
    withdrawn.cancel()
    held.gate.set()
    assert isinstance(failing.exception(30), ZeroDivisionError)
    one.submit(step(voice, frames=5)).result(30)


def test_of_idle_threads_the_one_that_worked_last_goes_on(scheduler, voice):
    one, names = scheduler(threads=3), []
    for _ in range(6):
        while len(one._idle) < 3:
            time.sleep(0.001)
        one.submit(step(voice, then=lambda _: names.append(threading.current_thread().name))).result(30)
    assert len(set(names)) == 1


@pytest.mark.gpu
def test_a_batch_on_a_gpu_is_that_of_single_blocks(scheduler, voices):
    voice = load("student", device="cuda")
    one = scheduler(gather_seconds=0.5, max_batch=3)
    steps = [step(voice, seed) for seed in range(3)]
    for item, future in [(item, one.submit(item)) for item in steps]:
        alone = voice.synthesize(item.mel, seed=item.state.seeds[0], temperature=0.7).cpu()
        torch.testing.assert_close(future.result(60).result, alone, atol=1e-4, rtol=0)
