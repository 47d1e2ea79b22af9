"""The player's own manners: no hole and no click where it is switched or moved, by mouse and by keyboard."""

import pytest

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
