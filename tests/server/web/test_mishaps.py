"""What goes wrong once: a press, or a look, asks again."""

import io
import struct
import wave

import pytest

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
