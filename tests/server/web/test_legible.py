"""The comparison for those who see it otherwise: large text, forced colours, less motion, or not at all."""

import threading

import pytest

from vocoder.models import Student

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "has_touch": True}
LARGE = "document.documentElement.style.fontSize = '200%'"


def test_twice_the_text_fits_a_phone(visit, tmp_path):
    here = visit(PHONE)
    here.upload()
    here.page.evaluate(LARGE)
    here.page.wait_for_timeout(300)
    assert here.page.evaluate("document.documentElement.scrollWidth") == 360
    assert here.page.locator("#position").bounding_box()["width"] > 100


def test_the_slider_is_long_on_a_desktop(visit):
    here = visit()
    here.upload()
    assert here.page.locator("#position").bounding_box()["width"] > 600


def test_forced_colours_show_what_is_chosen(visit):
    here = visit({"forced_colors": "active"})
    here.page.locator(".sample").first.click()
    here.wait_for_picture("Recording")
    colour = "element => getComputedStyle(element).backgroundColor"
    for group in ("#view", "#listening"):
        spans = here.page.locator(f"{group} input + span")
        assert spans.nth(0).evaluate(colour) != spans.nth(1).evaluate(colour)
    for kept in (".playhead", ".scale-bar", ".record-dot"):
        adjust = "element => getComputedStyle(element).forcedColorAdjust"
        assert here.page.locator(kept).first.evaluate(adjust) == "none"
    chosen = here.page.locator(".sample[aria-pressed=true]")
    assert chosen.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_chosen_view_has_a_border(visit, scheme):
    here = visit({"color_scheme": scheme})
    here.upload()
    spans = here.page.locator("#view input + span")
    border = "element => [getComputedStyle(element).borderTopWidth, getComputedStyle(element).borderTopColor]"
    (width, chosen), (_, other) = (spans.nth(i).evaluate(border) for i in range(2))
    assert (width, other) == ("1px", "rgba(0, 0, 0, 0)")
    assert chosen != other


def test_a_picture_has_a_name_before_there_is_anything_in_it(visit):
    here = visit()
    here.upload()
    pictures = here.page.locator(".take [role=img]")
    assert pictures.count() == 8
    assert all(picture.get_attribute("aria-label") for picture in pictures.all())
    assert here.page.get_by_role("img", name="Recording").count() == 2
    assert here.page.locator("#takes").get_by_role("img").count() == 2
    here.take("student").locator(".play").click()
    here.wait_for_picture("student")
    assert here.page.get_by_role("img", name="student").count() == 2


def test_being_made_is_said_until_the_first_audio(visit, monkeypatch):
    here = visit({"reduced_motion": "reduce"})
    here.upload()
    advance, released = Student.advance, threading.Event()

    def held(*arguments, **options):
        released.wait(60)
        return advance(*arguments, **options)

    monkeypatch.setattr(Student, "advance", held)
    try:
        here.take("student").locator(".play").click()
        hint = here.take("student").locator(".take-hint")
        here.page.wait_for_selector('.take[data-take="student"][data-state=making]')
        assert hint.is_visible()
        assert hint.inner_text() == "Being made …"
    finally:
        released.set()
    here.wait_for_picture("student")
    assert hint.is_hidden()
