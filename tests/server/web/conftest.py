"""Chromium on the page of a real server; without one, or without the extra `browser`, tests are skipped."""

import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

CLIP = Path(__file__).parents[2] / "data" / "LJ001-0002.flac"
ARGUMENTS = (
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)
SYSTEM_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 60
# What is played, as it is scheduled: the samples, their rate, and when they begin.
LISTEN = """
window.sounds = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (when) {
  const samples = Array.from(this.buffer.getChannelData(0), (x) => Math.round(32768 * x));
  sounds.push({ when, rate: this.buffer.sampleRate, samples });
  return start.call(this, when);
};
"""


@pytest.fixture(scope="module")
def chromium():
    """The system's Chromium, or the one that Playwright has installed."""
    api = pytest.importorskip("playwright.sync_api", reason="needs the extra browser")
    path = next(filter(None, map(shutil.which, SYSTEM_BROWSERS)), None)
    with api.sync_playwright() as playwright:
        if path is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("needs a Chromium: apt install chromium, or playwright install chromium")
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS], timeout=2000 * SECONDS)
        yield browser
        browser.close()


class Visit:
    """A page, what it asked for, and what it complained of."""

    def __init__(self, context, url):
        self.url, self.asked, self.complaints = url, [], []
        self.page = context.new_page()
        self.page.set_default_timeout(1000 * SECONDS)
        self.page.add_init_script(LISTEN)
        context.on("request", lambda request: self.asked.append(request))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self._hear(message))
        self.page.goto(url)

    def _hear(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def take(self, name):
        return self.page.locator(f'.take[data-take="{name}"]')

    def upload(self, file=CLIP, drawn="Recording"):
        self.page.set_input_files("#file", file)
        if drawn:
            self.wait_for_picture(drawn)

    def wait_for_picture(self, name, view="mel"):
        self.page.wait_for_selector(f'.take[data-take="{name}"][data-drawn={view}]')

    def colours(self, name):
        """How many colours the mel of a take has."""
        return (
            self.take(name)
            .locator(".mel canvas")
            .evaluate(
                """canvas => new Set(new Uint32Array(
                canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size"""
            )
        )

    def leave(self):
        """The promises of every visit: nothing asked of anybody else, no complaint."""
        foreign = [request.url for request in self.asked if not request.url.startswith((self.url, "blob:"))]
        self.page.context.close()
        assert foreign == []
        assert self.complaints == []


@pytest.fixture
def visit(chromium, serve, wait_until):
    """Opens the page of a warm server with these settings; options for the browser go into `browser`."""
    with ExitStack() as stack:

        def make(browser=None, **settings):
            app, url = serve(**settings)
            wait_until(lambda: hasattr(app.state, "warming") and app.state.warming.done(), SECONDS)
            made = Visit(chromium.new_context(**(browser or {})), f"{url}/")
            made.app = app
            stack.callback(made.leave)
            return made

        yield make
