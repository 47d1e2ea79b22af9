"""What goes wrong once: a press, or a look, asks again."""

import io
import struct
import wave

import pytest

from server.keys import KeyFile, Scope
from server.routes import baselines

pytestmark = pytest.mark.browser


def forget(here):
    """Drop the browser's own complaints, which are on purpose."""
    assert all("Failed to load resource" in line for line in here.complaints)
    here.complaints.clear()


def test_a_failed_take_is_played_with_one_press(visit, wait_until):
    here = visit()
    here.upload()
    here.page.route("**/v1/synthesize*", lambda route: route.abort())
    here.take("student").locator(".play").click()
    here.take("student").locator(".take-error").wait_for()
    here.page.unroute("**/v1/synthesize*")
    here.take("student").locator(".play").click()
    wait_until(lambda: float(here.page.locator("#position").input_value()) > 0.1)
    assert here.take("student").locator(".take-error").is_hidden()
    forget(here)


@pytest.mark.parametrize("look", ["play", "view"])
def test_a_picture_that_did_not_come_is_asked_for_again(visit, look):
    here = visit()
    here.upload()
    here.page.route("**/v1/mel*", lambda route: route.abort())
    here.take("student").locator(".play").click()
    here.page.wait_for_selector("#alert:not([hidden])")
    here.page.wait_for_selector('#play[aria-label="Play"]')
    here.page.unroute("**/v1/mel*")
    if look == "play":
        here.take("student").locator(".play").click()
        here.wait_for_picture("student")
    else:
        here.page.check("#view input[value=difference]")
        here.wait_for_picture("student", "difference")
    assert "Mel distance" in here.take("student").locator(".figures").inner_text()
    forget(here)


def test_the_icons_stay_without_a_server(visit):
    here = visit()
    here.upload()
    here.page.context.set_offline(True)
    here.take("Recording").locator(".play").click()
    here.page.wait_for_selector('#play[aria-label="Pause"]')
    for icon in here.page.locator(".play use").all():
        assert icon.get_attribute("href").startswith("#")
        assert icon.evaluate("use => use.getBBox().width") > 0
    forget(here)


def test_griffin_lim_is_left_out_of_what_is_too_long_for_it(visit):
    here = visit()
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setparams((1, 2, 22050, 0, "NONE", ""))
        wav.writeframes(struct.pack("<h", 100) * 31 * 22050)
    here.upload({"name": "long.wav", "mimeType": "audio/wav", "buffer": file.getvalue()})
    assert here.take("student").count() == 1
    assert here.take("Griffin-Lim").count() == 0
    assert "less than 30 s" in here.page.locator("#left-out").inner_text()
    here.upload()
    here.take("Griffin-Lim").wait_for()
    assert here.page.locator("#left-out").is_hidden()


def test_how_much_griffin_lim_speaks_the_server_says(visit, monkeypatch):
    monkeypatch.setattr(baselines, "MAX_SECONDS", 1.5)
    here = visit()
    here.upload()
    assert here.take("Griffin-Lim").count() == 0
    assert "less than 1.5 s" in here.page.locator("#left-out").inner_text()


def test_without_a_key_at_first_all_comes_with_one(visit, tmp_path):
    keys = tmp_path / "keys.json"
    token = KeyFile(keys).create("page", [Scope.SYNTHESIS, Scope.JOBS])
    here = visit(auth="on", keys_file=keys, jobs=tmp_path / "jobs", jobs_slots=0)
    page = here.page
    page.locator("#key-dialog button", has_text="Not now").click()
    page.locator("#voices-awaited", has_text="have not come").wait_for()
    page.wait_for_timeout(3000)
    assert page.locator("#key-dialog").is_hidden()  # nobody is asked again without a press
    page.click("#voices-awaited button")
    page.fill("#key", token)
    page.keyboard.press("Enter")
    page.locator("#jobs").wait_for()
    page.locator(".voice").first.wait_for()
    for awaited in ("#voices-awaited", "#alert"):
        page.locator(awaited).wait_for(state="hidden")
    forget(here)


@pytest.mark.parametrize("pressed", [True, False])
@pytest.mark.parametrize(
    ("address", "awaited", "came"),
    [
        ("**/v1/samples", "#samples-awaited", ".sample"),
        ("**/v1/voices", "#voices-awaited", ".voice"),
        ("**/", None, "#version:has-text('.')"),
        ("**/v1/jobs?limit=*", None, "#jobs"),
    ],
)
def test_what_has_not_come_is_asked_for_again(visit, tmp_path, address, awaited, came, pressed):
    here = visit(jobs=tmp_path / "jobs", jobs_slots=0)
    page = here.page
    page.route(
        address,
        lambda route: (
            route.continue_() if route.request.is_navigation_request() else route.fulfill(status=503)
        ),
    )
    page.reload()
    page.locator("#alert", has_text="The server failed").wait_for()
    assert page.locator(came).count() == 0 or page.locator(came).is_hidden()
    if awaited:
        page.locator(awaited, has_text="have not come").wait_for()
    page.unroute(address)
    if pressed and awaited:
        page.click(f"{awaited} button")
    page.locator(came).first.wait_for()
    page.locator("#alert").wait_for(state="hidden")
    if awaited:
        assert page.locator(awaited).is_hidden()
    forget(here)


def test_a_clip_that_has_not_come_is_not_the_chosen_one(visit):
    here = visit()
    page, clips = here.page, here.page.locator(".sample")
    chosen = page.locator(".sample[aria-pressed=true]")
    for shown in (0, 1):
        page.route("**/v1/samples/*", lambda route: route.abort())
        clips.nth(1).click()
        page.wait_for_selector("#alert:not([hidden])")
        assert chosen.count() == shown
        page.click("#alert-close")
        page.unroute("**/v1/samples/*")
        clips.first.click()
        here.wait_for_picture("Recording")
        page.wait_for_selector("#main[aria-busy=false]")
    assert clips.first.get_attribute("aria-pressed") == "true"
    forget(here)
