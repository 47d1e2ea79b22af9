"""What goes wrong once: a press, or a look, asks again."""

import pytest

pytestmark = pytest.mark.browser


def forget(here):
    """Drop the browser's own complaints, which are on purpose."""
    assert all("Failed to load resource" in line for line in here.complaints)
    here.complaints.clear()


def test_the_icons_stay_without_a_server(visit):
    here = visit()
    here.upload()
    here.page.context.set_offline(True)
    here.take("Recording").locator(".play").click()
    here.page.wait_for_selector('#play[aria-label="Pause"]')
    for icon in here.page.locator(".play use").all():
        assert icon.evaluate("use => use.getBBox().width") > 0
    forget(here)
