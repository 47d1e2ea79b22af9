"""The player's own manners: no hole and no click where it is switched or moved, by mouse and by keyboard."""

import re
from itertools import pairwise

import pytest
import torch

pytestmark = pytest.mark.browser
# In how many seconds sounds begin and end, and what they go through.
WATCH = """() => {
    window.begins = [];
    window.ends = [];
    window.into = [];
    const { start, stop, connect } = AudioBufferSourceNode.prototype;
    AudioBufferSourceNode.prototype.start = function (when) {
        begins.push(when - this.context.currentTime);
        return start.call(this, when);
    };
    AudioBufferSourceNode.prototype.stop = function (when = this.context.currentTime) {
        ends.push(when - this.context.currentTime);
        return stop.call(this, when);
    };
    AudioBufferSourceNode.prototype.connect = function (to) {
        into.push(to.constructor.name);
        return connect.call(this, to);
    };
}"""


# A voice whose sound is a constant, of which the end comes when it is let go: and what the loudspeaker gets.
LATE_VOICE = """async () => {
    const [first, whole] = [1.4 * 22050, 1.8 * 22050].map(Math.round);
    const pcm = (samples) => new Uint8Array(new Int16Array(samples).fill(16384).buffer);
    const answer = window.fetch;
    window.fetch = (url, options) => {
        if (!String(url).includes("v1/synthesize")) return answer(url, options);
        const body = new ReadableStream({
            start(stream) {
                stream.enqueue(pcm(first));
                window.letGo = () => { stream.enqueue(pcm(whole - first)); stream.close(); };
            },
        });
        return Promise.resolve(new Response(body, { headers: { "Vocoder-Samples": String(whole) } }));
    };
    window.heard = [];
    const taps = new WeakMap();
    const { connect } = AudioNode.prototype;
    AudioNode.prototype.connect = function (to, ...rest) {
        const { context } = this;
        if (to === context.destination) {
            if (!taps.has(context)) {
                const tap = new GainNode(context);
                const silence = new ConstantSourceNode(context, { offset: 0 }); // is heard, too
                connect.call(silence, tap);
                silence.start();
                taps.set(context, tap);
                context.audioWorklet.addModule("web/scripts/capture.js").then(() => {
                    const capture = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
                    capture.port.onmessage = ({ data }) => heard.push(...data);
                    connect.call(tap, capture);
                });
            }
            connect.call(this, taps.get(context));
        }
        return connect.call(this, to, ...rest);
    };
}"""


def position(page):
    return float(page.locator("#position").input_value())


@pytest.fixture
def playing(visit, wait_until):
    """A page on which the recording is heard, and what its player does is watched."""
    here = visit()
    here.page.locator(".sample").first.click()
    here.wait_for_picture("Recording")
    here.take("student").locator(".play").click()
    here.wait_for_picture("student")
    here.page.evaluate(WATCH)
    here.take("Recording").locator(".play").click()
    wait_until(lambda: position(here.page) > 0.1)
    return here


def test_voices_are_switched_without_a_hole_or_a_click(playing):
    page = playing.page
    page.evaluate("begins.length = ends.length = 0")
    page.locator('#listening input[value="student"]').check()
    page.wait_for_selector('.take[data-take="student"].active')
    (begin,), (end,) = page.evaluate("[begins, ends]")
    assert 0 < begin < end < 0.03
    assert set(page.evaluate("into")) == {"GainNode"}


def test_the_place_never_goes_back_while_a_sound_begins(visit, wait_until):
    here = visit()
    page = here.page
    here.upload()
    page.locator("#position").fill("1")
    page.evaluate(
        """() => {
        window.places = [];
        const slider = document.querySelector("#position");
        const look = () => places.push(Number(slider.value)) && requestAnimationFrame(look);
        look();
    }"""
    )
    here.take("student").locator(".play").click()
    wait_until(lambda: position(page) > 1.2)
    places = page.evaluate("places")
    assert places == sorted(places)


def test_that_a_place_is_not_made_yet_is_told(visit):
    here = visit()
    here.upload()
    here.page.evaluate(LATE_VOICE)
    here.page.locator("#position").fill("1.6")
    here.take("student").locator(".play").click()
    here.page.locator("#waits", has_text="Playback waits for more of student.").wait_for()
    here.page.evaluate("letGo()")
    here.page.locator("#waits").wait_for(state="hidden")


def test_moving_the_slider_begins_anew_once_it_rests(playing, wait_until):
    page = playing.page
    page.evaluate("begins.length = 0")
    slider = page.locator("#position").bounding_box()
    middle = slider["y"] + slider["height"] / 2
    page.mouse.move(slider["x"] + 0.2 * slider["width"], middle)
    page.mouse.down()
    page.mouse.move(slider["x"] + 0.5 * slider["width"], middle, steps=40)
    page.mouse.up()
    wait_until(lambda: page.evaluate("begins.length") > 0)
    page.wait_for_timeout(200)
    assert page.evaluate("begins.length") <= 3
    longest = float(page.locator("#position").get_attribute("max"))
    assert position(page) > 0.45 * longest


def test_an_arrow_moves_half_a_second(visit):
    here = visit()
    here.upload()
    slider = here.page.locator("#position")
    slider.focus()
    for key, place in [("ArrowRight", 0.5), ("ArrowUp", 1), ("ArrowLeft", 0.5), ("ArrowDown", 0)]:
        here.page.keyboard.press(key)
        assert position(here.page) == pytest.approx(place, abs=0.01)


def test_the_player_is_a_few_tabs_from_the_comparison(visit):
    here = visit()
    here.upload()
    here.page.locator("#compare:focus").wait_for()
    for _ in range(5):
        here.page.keyboard.press("Tab")
    assert here.page.evaluate("document.activeElement.id") == "position"


def test_the_place_is_told_seldom_while_it_plays(playing, wait_until):
    page = playing.page
    assert page.locator("output, [aria-live] #clock, #clock[aria-live]").count() == 0
    page.evaluate(
        """() => {
        window.told = 0;
        const seen = new MutationObserver(() => told++);
        seen.observe(document.querySelector("#position"), { attributeFilter: ["aria-valuetext"] });
    }"""
    )
    before = position(page)
    wait_until(lambda: position(page) > before + 0.6)
    assert page.evaluate("told") <= 1


def test_a_voice_that_is_late_fades_and_that_it_was_waited_for_is_told(visit):
    here = visit()
    page = here.page
    here.upload()
    page.evaluate(LATE_VOICE)
    here.take("student").locator(".play").click()
    page.locator("#waits", has_text="Playback waits for more of student.").wait_for()
    assert position(page) == pytest.approx(1.4, abs=0.02)
    page.wait_for_timeout(300)
    page.evaluate("letGo()")
    page.locator(
        "#waits", has_text=re.compile(r"^Playback waited [01]\.\d s for more of student\.$")
    ).wait_for()
    page.wait_for_selector('#play[aria-label="Play"]')
    heard = torch.tensor(page.evaluate("heard"))  # but what came before the tap was there
    loud = (heard > 0.25).nonzero().flatten().tolist()
    pauses = [(before, after) for before, after in pairwise(loud) if after > before + 1]
    assert len(pauses) == 1
    assert pauses[0][1] - pauses[0][0] > 0.2 * 22050
    assert heard.max() == pytest.approx(0.5, abs=0.01)
    until_the_end = heard[: loud[-1] + 1]
    assert until_the_end.diff().abs().max() < 0.05  # of 0.5: each way takes its milliseconds
    here.take("Recording").locator(".play").click()
    page.locator("#waits").wait_for(state="hidden")
