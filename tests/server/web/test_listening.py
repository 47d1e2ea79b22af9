"""A rater in Chromium takes the whole listening test: by mouse, by keyboard, on a phone, with a break."""

import re
import threading
from pathlib import Path

import pytest
import uvicorn

from server.listen import bind, url_of
from server.listening.app import create_app
from server.listening.definition import Kind, read_test
from server.listening.prepared import prepare_test
from server.listening.session import Session
from server.listening.store import Store
from server.settings import Settings
from vocoder.evaluation import Clip

expect = pytest.importorskip("playwright.sync_api", reason="needs the extra browser").expect
pytestmark = pytest.mark.browser
CLIPS = [Clip(path.stem, path) for path in sorted((Path(__file__).parents[2] / "data").glob("*.flac"))]
PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "has_touch": True}
MUSHRA = pytest.mark.parametrize("folder", [(Kind.MUSHRA,)], indirect=True)
OPINION = {"recording": (5, 100), "student": (3, 60), "wide": (2, 40), "anchor-3.5k": (1, 10)}


@pytest.fixture
def folder(voices, tmp_path, request):
    kinds = getattr(request, "param", (Kind.MOS, Kind.MUSHRA))
    prepare_test(tmp_path / "test", CLIPS, ["student", "wide"], title="Two voices", kinds=kinds)
    return tmp_path / "test"


@pytest.fixture
def url(folder):
    config = uvicorn.Config(create_app(folder), access_log=False, log_config=None)
    server = uvicorn.Server(config)
    with bind(Settings(port=0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield url_of(listener)
        server.should_exit = True
        thread.join()


class Rater:
    """Someone at the page who knows what is behind the names: the answers are checked against that."""

    def __init__(self, chromium, url, folder, **options):
        self.page, self.folder, self.complaints = chromium.new_page(**options), folder, []
        self.page.set_default_timeout(60_000)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console", lambda message: message.type == "error" and self.complaints.append(message.text)
        )
        self.page.goto(url)

    def begin(self, name="rater"):
        self.page.fill("#name", name)
        self.page.click("[type=submit]")

    def opinions(self):
        """What this rater thinks of the sounds of the trial at hand, in the order shown."""
        store = Store(self.folder)
        token = self.page.evaluate("localStorage.getItem('vocoder-listener')")
        session = Session(read_test(self.folder), self.folder, store, store.find(token))
        trial = session.current
        return [OPINION[condition][trial.kind is Kind.MUSHRA] for condition in trial.conditions]

    def wait(self, kind, number):
        ready = ".play-one:enabled" if kind == "mos" else ".reference:enabled"
        self.page.locator(f'#view[data-trial="{kind} {number}"] {ready}').first.wait_for()

    def take_mos(self, number, keyboard=False):
        self.wait("mos", number)
        (opinion,) = self.opinions()
        expect(self.page.locator(".grades input").first).to_be_disabled()  # before it was heard to its end
        self.page.keyboard.press(" ") if keyboard else self.page.click(".play-one")
        expect(self.page.locator(".grades input").first).to_be_enabled(timeout=30_000)
        if keyboard:
            self.page.keyboard.press(str(opinion))
            self.page.keyboard.press("Enter")
        else:
            self.page.click(f'.grades label:has([value="{opinion}"])')
            self.page.click(".next")

    def take_mushra(self, number, keyboard=False):
        self.wait("mushra", number)
        for i, opinion in enumerate(self.opinions()):
            slider = self.page.locator(".signal input").nth(i)
            expect(self.page.locator(".next")).to_be_disabled()
            if keyboard:
                self.page.keyboard.press("abcdefghijkl"[i])
                expect(slider).to_be_focused()
                for _ in range(opinion // 10):
                    self.page.keyboard.press("PageUp")
            else:
                self.page.locator(".signal button").nth(i).click()
                slider.fill(str(opinion))
            expect(self.page.locator(".signal output").nth(i)).to_have_text(str(opinion))
            expect(self.page.locator(".signal button").nth(i)).to_have_attribute("aria-pressed", "true")
        if keyboard:
            self.page.keyboard.press("r")
            expect(self.page.locator(".reference")).to_have_attribute("aria-pressed", "true")
            self.page.keyboard.press(" ")
            expect(self.page.locator(".reference")).to_have_attribute("aria-pressed", "false")
            self.page.keyboard.press("Enter")
        else:
            self.page.click(".next")

    def stored(self):
        """The marks of the trial at hand that the server has, in the order shown."""
        token = self.page.evaluate("localStorage.getItem('vocoder-listener')")
        ask = "token => fetch(`v1/listeners/${token}`).then((answer) => answer.json())"
        return [sound["value"] for sound in self.page.evaluate(ask, token)["trial"]["sounds"]]

    def leave(self):
        self.page.close()
        assert self.complaints == []


@pytest.mark.parametrize("keyboard", [False, True])
def test_a_rater_takes_the_whole_test(chromium, url, folder, keyboard):
    rater = Rater(chromium, url, folder)
    expect(rater.page).to_have_title("Two voices")
    expect(rater.page.locator("#plan")).to_have_text("There are 6 single sounds, then 2 comparisons.")
    rater.begin()
    for number in range(6):
        rater.take_mos(number, keyboard)
    for number in range(2):
        rater.take_mushra(number, keyboard)
    expect(rater.page.locator("h1")).to_have_text("Thank you")
    rater.page.reload()
    expect(rater.page.locator("h1")).to_have_text("Thank you")
    ratings = Store(folder).ratings()
    assert len(ratings) == 6 + 8
    assert {(r.condition, r.kind, r.value) for r in ratings} == {
        (condition, kind, value)
        for condition, values in OPINION.items()
        for kind, value in zip((Kind.MOS, Kind.MUSHRA), values, strict=True)
        if kind is Kind.MUSHRA or condition != "anchor-3.5k"
    }
    rater.leave()


def test_after_a_break_it_goes_on_where_it_was(chromium, url, folder):
    rater = Rater(chromium, url, folder)
    rater.begin()
    for number in range(6):
        rater.take_mos(number)
    rater.wait("mushra", 0)
    rater.page.locator(".signal button").nth(1).click()
    rater.page.locator(".signal input").nth(1).fill("33")
    expect(rater.page.locator(".signal.rated")).to_have_count(1)
    rater.page.wait_for_timeout(500)
    rater.page.reload()
    expect(rater.page.locator("#plan")).to_have_text("You have done 6 of 8.")
    expect(rater.page.locator("[type=submit]")).to_have_text("Go on")
    rater.page.click("[type=submit]")
    rater.wait("mushra", 0)
    expect(rater.page.locator(".signal output")).to_have_text(["–", "33", "–", "–"])
    rater.leave()


def test_without_the_server_nothing_is_lost(chromium, url, folder):
    rater = Rater(chromium, url, folder)
    rater.begin()
    rater.wait("mos", 0)
    rater.page.click(".play-one")
    expect(rater.page.locator(".grades input").first).to_be_enabled(timeout=30_000)
    rater.page.route(re.compile("/ratings$"), lambda route: route.abort())
    rater.page.keyboard.press("2")
    expect(rater.page.locator("#alert")).to_contain_text("does not answer")
    rater.page.unroute(re.compile("/ratings$"))
    rater.page.click(".next")
    rater.wait("mos", 1)
    assert [rating.value for rating in Store(folder).ratings()] == [2]
    assert [line for line in rater.complaints if "ERR_FAILED" not in line] == []
    rater.complaints.clear()
    rater.leave()


def test_it_fits_a_phone_and_everything_has_a_name(chromium, url, folder):
    rater = Rater(chromium, url, folder, **PHONE)
    rater.begin()
    for number in range(6):
        assert rater.page.evaluate("document.documentElement.scrollWidth") == 360
        rater.take_mos(number)
    rater.wait("mushra", 0)
    assert rater.page.evaluate("document.documentElement.scrollWidth") == 360
    for control in rater.page.locator("button:visible, input:visible").all():
        expect(control).to_have_accessible_name(re.compile(r"\w"))
        assert control.bounding_box()["height"] >= 44
    rater.leave()


def swipe(page, slider):
    """Scroll with a finger that begins on the slider, near its left end."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    x, y = box["x"] + 0.17 * box["width"], box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 11):
        points = [{"x": x, "y": y - 10 * step}]
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(300)  # a mark would be on its way by then


@MUSHRA
def test_a_finger_that_scrolls_gives_no_mark(chromium, url, folder):
    rater = Rater(chromium, url, folder, **PHONE | {"viewport": {"width": 360, "height": 400}})
    rater.begin()
    rater.wait("mushra", 0)
    sliders, marks = rater.page.locator(".signal input"), rater.page.locator(".signal output")
    rater.page.evaluate(
        "window.cancelled = 0; addEventListener('pointercancel', () => (window.cancelled += 1))"
    )
    for i in (0, 1):
        rater.page.locator(".signal button").nth(i).tap()
    with rater.page.expect_response(re.compile("/ratings$")):
        sliders.nth(0).fill("50")
    for i in range(3):  # with a mark, heard without one, never heard
        swipe(rater.page, sliders.nth(i))
    expect(marks).to_have_text(["50", "–", "–", "–"])
    assert rater.page.evaluate("cancelled") >= 2
    assert rater.stored() == [50, None, None, None]
    with rater.page.expect_response(re.compile("/ratings$")):
        sliders.nth(1).tap()
    expect(marks.nth(1)).to_have_text(re.compile(r"\d+"))
    assert None not in rater.stored()[:2]
    rater.leave()


@MUSHRA
def test_a_press_that_began_elsewhere_gives_no_mark(chromium, url, folder):
    rater = Rater(chromium, url, folder)
    rater.begin()
    rater.wait("mushra", 0)
    page, mark = rater.page, rater.page.locator(".signal output").first
    page.locator(".signal button").first.click()
    box = page.locator(".signal input").first.bounding_box()
    start, middle = (box["x"] + 2, box["y"] + box["height"] / 2), page.locator("h1").bounding_box()
    page.mouse.move(middle["x"] + 5, middle["y"] + 5)
    page.mouse.down()
    page.mouse.move(*start, steps=5)
    page.mouse.up()
    page.mouse.click(*start, button="right")
    page.locator(".reference").focus()
    page.keyboard.down("Home")
    page.locator(".signal input").first.focus()
    page.keyboard.up("Home")
    page.wait_for_timeout(300)  # a mark would be on its way by then
    expect(mark).to_have_text("–")
    assert rater.stored() == [None] * 4
    page.keyboard.press("Home")
    expect(mark).to_have_text("0")
    rater.leave()


@MUSHRA
def test_a_press_at_the_lowest_end_gives_mark_0(chromium, url, folder):
    rater = Rater(chromium, url, folder)
    rater.begin()
    rater.wait("mushra", 0)
    rater.page.locator(".signal button").first.click()
    box = rater.page.locator(".signal input").first.bounding_box()
    with rater.page.expect_response(re.compile("/ratings$")):
        rater.page.mouse.click(box["x"] + 2, box["y"] + box["height"] / 2)
    expect(rater.page.locator(".signal output").first).to_have_text("0")
    rater.leave()


@MUSHRA
def test_no_mark_before_its_sound_was_heard(chromium, url, folder):
    rater = Rater(chromium, url, folder)
    rater.begin()
    rater.wait("mushra", 0)
    sliders = rater.page.locator(".signal input")
    expect(sliders.nth(2)).to_be_disabled()
    rater.page.keyboard.press("c")
    expect(sliders.nth(2)).to_be_focused()
    expect(sliders.nth(1)).to_be_disabled()
    rater.leave()


@pytest.mark.parametrize("folder", [(Kind.MOS,), (Kind.MUSHRA,)], indirect=True)
def test_a_sound_that_does_not_load_is_asked_for_again(chromium, url, folder):
    rater = Rater(chromium, url, folder)
    rater.page.route(re.compile("/sounds/"), lambda route: route.abort())
    rater.begin()
    again = rater.page.locator(".again")
    expect(again).to_be_focused()
    expect(rater.page.locator("#alert")).to_contain_text("does not answer")
    for button in rater.page.locator("#view button:visible:not(.again)").all():
        expect(button).to_be_disabled()
    rater.page.unroute(re.compile("/sounds/"))
    again.click()
    ready = rater.page.locator(".play-one, .reference")
    expect(ready).to_be_focused()
    expect(again).to_be_hidden()
    expect(rater.page.locator("#alert")).to_be_hidden()
    ready.click()
    expect(ready).to_have_attribute("aria-pressed", "true")
    assert [line for line in rater.complaints if "ERR_FAILED" not in line] == []
    rater.complaints.clear()
    rater.leave()


@MUSHRA
def test_space_stops_whatever_has_the_focus(chromium, url, folder):
    rater = Rater(chromium, url, folder)
    rater.begin()
    rater.wait("mushra", 0)
    for button in (rater.page.locator(".reference"), rater.page.locator(".signal button").first):
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        rater.page.locator(".signal button").first.focus()
        rater.page.keyboard.down(" ")
        rater.page.keyboard.down(" ")  # held: it comes again
        rater.page.keyboard.up(" ")
        expect(rater.page.locator("#view [aria-pressed=true]")).to_have_count(0)
    rater.leave()


def test_the_volume_button_says_what_it_does(chromium, url, folder):
    rater = Rater(chromium, url, folder)
    volume = rater.page.locator("#volume")
    rater.page.route("**/v1/volume", lambda route: route.abort(), times=1)
    volume.click()
    expect(rater.page.locator("#alert")).to_be_visible()
    volume.click()
    expect(volume).to_have_text("Stop")
    volume.click()
    expect(volume).to_have_text("Play, to set the volume")
    assert [line for line in rater.complaints if "ERR_FAILED" not in line] == []
    rater.complaints.clear()
    rater.leave()


@MUSHRA
def test_the_names_of_the_scale_stay_apart_on_a_phone(chromium, url, folder):
    rater = Rater(chromium, url, folder, **PHONE)
    rater.begin()
    rater.wait("mushra", 0)
    boxes = rater.page.locator(".scale-names span").evaluate_all(
        """names => names.map((name) => {
          const range = document.createRange();
          range.selectNodeContents(name);
          const { left, right, top, bottom } = range.getBoundingClientRect();
          return [left, right, top, bottom];
        })"""
    )
    for i, (_, right, top, bottom) in enumerate(boxes):
        for left, _, upper, lower in boxes[i + 1 :]:
            assert right + 3 < left or bottom <= upper or lower <= top
    assert 0 <= boxes[0][0] < boxes[-1][1] <= 360
    rater.leave()


@MUSHRA
def test_what_sounds_is_seen_in_forced_colours(chromium, url, folder):
    rater = Rater(chromium, url, folder, forced_colors="active")
    rater.begin()
    rater.wait("mushra", 0)
    rater.page.click(".reference")
    sounding, silent = (
        rater.page.locator(selector).first.evaluate("button => getComputedStyle(button).backgroundColor")
        for selector in (".reference[aria-pressed=true]", ".signal button")
    )
    assert sounding != silent
    rater.leave()
