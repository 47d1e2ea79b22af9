"""What is heard: the very samples of the voice, one after the other, and before the last of them is made."""

import threading
from itertools import pairwise

import pytest
import torch

from vocoder.audio import to_pcm16
from vocoder.checkpoints import load
from vocoder.mel.files import decode_mel
from vocoder.models import Student

pytestmark = pytest.mark.browser


@pytest.fixture
def hold_the_end(monkeypatch):
    """From its call on, the last block of utterances is held back until the event that it gives is set."""
    advance, released = Student.advance, threading.Event()

    def held(model, mel, state, *, last):
        if last:
            released.wait(60)
        return advance(model, mel, state, last=last)

    def start():
        monkeypatch.setattr(Student, "advance", held)
        return released

    yield start
    released.set()


def position(page):
    return float(page.locator("#position").input_value())


def test_it_is_heard_before_it_is_made(visit, hold_the_end, wait_until):
    here = visit()
    here.page.locator(".sample").first.click()
    here.wait_for_picture("Recording")
    release = hold_the_end()
    here.take("student").locator(".play").click()
    wait_until(lambda: position(here.page) > 0.2)
    assert here.take("student").get_attribute("data-state") == "making"
    assert here.page.evaluate("sounds.length") >= 1
    release.set()
    here.page.wait_for_selector('.take[data-take="student"][data-state=done]')
    assert position(here.page) > 0.2


def test_the_samples_are_those_of_the_voice_without_a_gap(visit):
    here = visit()
    here.page.locator(".sample").first.click()
    here.wait_for_picture("Recording")
    here.take("student").locator(".play").click()
    here.wait_for_picture("student")
    sounds = here.page.evaluate("sounds")
    (spoken,) = [request for request in here.asked if "/v1/synthesize" in request.url]
    mel = decode_mel(spoken.post_data_buffer, "npy").mel
    expected = to_pcm16(load("student").synthesize(mel, seed=1))
    heard = torch.tensor([sample for sound in sounds for sample in sound["samples"]])
    assert (heard - expected.int()).abs().max() <= 4
    for before, after in pairwise(sounds):
        end = before["when"] + len(before["samples"]) / before["rate"]
        assert after["when"] == pytest.approx(end, abs=1e-6)


def test_switching_takes_keeps_the_place(visit, wait_until):
    here = visit()
    here.page.locator(".sample").first.click()
    here.wait_for_picture("Recording")
    here.take("Recording").locator(".play").click()
    wait_until(lambda: position(here.page) > 0.5)
    here.page.locator('#listening input[value="wide"]').check()
    here.page.wait_for_selector('.take[data-take="wide"].active')
    assert position(here.page) >= 0.5
    here.page.click("#play")
    here.page.wait_for_selector('#play[aria-label="Play"]')
    assert position(here.page) >= 0.5


def test_a_click_into_a_picture_plays_from_there(visit, wait_until):
    here = visit()
    here.upload()
    area = here.take("Recording").locator(".mel .u-over")
    box = area.bounding_box()
    area.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    wait_until(lambda: here.page.evaluate("sounds.length") > 0)
    longest = float(here.page.locator("#position").get_attribute("max"))
    first = here.page.evaluate("sounds[0]")
    assert len(first["samples"]) / first["rate"] == pytest.approx(longest / 2, rel=0.02)


def test_at_its_end_a_take_stops_and_begins_anew(visit):
    here = visit()
    here.upload()
    longest = float(here.page.locator("#position").get_attribute("max"))
    here.page.locator("#position").fill(str(round(longest - 0.4, 2)))
    here.page.click("#play")
    here.page.wait_for_selector('#play[aria-label="Pause"]')
    here.page.wait_for_selector('#play[aria-label="Play"]')
    assert position(here.page) == 0
