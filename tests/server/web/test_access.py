"""The page for everybody: by keyboard, by ear, in the dark, on a phone."""

import re

import pytest

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "has_touch": True}


def tab_to(page, selector):
    """Press Tab until `selector` has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never comes to {selector}")


def test_everything_can_be_done_with_the_keyboard(visit):
    here = visit()
    page = here.page
    page.locator(".sample").first.wait_for()
    tab_to(page, ".skip")
    tab_to(page, "#file")
    tab_to(page, ".sample")
    page.keyboard.press("Enter")
    here.wait_for_picture("Recording")
    page.locator("#compare:focus").wait_for()
    tab_to(page, "#make-all")
    page.keyboard.press("Enter")
    tab_to(page, "#view input")
    page.keyboard.press("ArrowRight")
    assert page.locator("#view input[value=difference]").is_checked()
    tab_to(page, '.take[data-take="student"] .play')
    page.keyboard.press("Space")
    page.wait_for_selector('.take[data-take="student"].active')
    tab_to(page, "#listening input")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector('.take[data-take="wide"].active')
    tab_to(page, "#position")
    page.keyboard.press("Home")
    here.wait_for_picture("Griffin-Lim", "difference")


def test_every_control_and_picture_has_a_name(visit):
    from playwright.sync_api import expect

    here = visit()
    here.upload()
    here.page.click("#make-all")
    here.wait_for_picture("Griffin-Lim")
    controls = here.page.locator("button:visible, a:visible, input:visible, [role=img]:visible")
    assert controls.count() > 20
    for control in controls.all():
        expect(control).to_have_accessible_name(re.compile(r"\w"))


def test_news_is_announced(visit):
    here = visit()
    here.upload()
    here.take("student").locator(".play").click()
    here.page.locator("[role=status]", has_text="student is made").wait_for(state="attached")


def test_it_is_dark_where_that_is_preferred(visit):
    light, dark = (visit({"color_scheme": scheme}) for scheme in ("light", "dark"))
    seen = []
    for here in (light, dark):
        here.upload()
        seen.append(here.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert [sum(map(int, re.findall(r"\d+", colour))) > 382 for colour in seen] == [True, False]
    shots = [here.take("Recording").screenshot() for here in (light, dark)]
    assert shots[0] != shots[1]
    light.page.emulate_media(color_scheme="dark")  # and at once when it changes
    light.page.wait_for_timeout(300)
    assert light.take("Recording").locator(".mel canvas").evaluate("c => c.toDataURL()") == dark.take(
        "Recording"
    ).locator(".mel canvas").evaluate("c => c.toDataURL()")


def test_it_fits_a_phone(visit, tmp_path):
    here = visit(PHONE)
    here.upload()
    here.page.click("#make-all")
    here.wait_for_picture("Griffin-Lim")
    assert here.page.evaluate("document.documentElement.scrollWidth") == 360
    for button in here.page.locator("button:visible").all():
        assert button.bounding_box()["height"] >= 44
    here.page.screenshot(path=tmp_path / "phone.png", full_page=True)
    assert (tmp_path / "phone.png").stat().st_size > 50_000


def test_nothing_is_asked_of_another_address(visit):
    here = visit()
    here.upload()
    here.page.click("#make-all")
    here.wait_for_picture("Griffin-Lim")
    assert len(here.asked) > 20
    assert all(
        request.url.startswith(here.url) for request in here.asked if not request.url.startswith("blob:")
    )
