"""The pictures of the page in the README: `make page-pictures` (needs the extra browser, and a Chromium).

A server of its own, every installed voice, the first recording that ships. docs/page.png: the comparison while a
voice is heard; docs/page-dark.png: how the mels differ from the recording's, in the dark.
"""

import io
import shutil
import sys
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from server.local import local_server

FOLDER = Path(__file__).parent
MILLISECONDS = 120_000
HEARD_SECONDS = 2.5
COLOURS = 256


def main() -> None:
    browser_path = shutil.which("chromium")
    with local_server(sys.stderr) as ready, sync_playwright() as playwright:
        url = ready()
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        for name, scheme, view in (("page", "light", "mel"), ("page-dark", "dark", "difference")):
            page = browser.new_page(viewport={"width": 1200, "height": 980}, color_scheme=scheme)
            page.set_default_timeout(MILLISECONDS)
            compare(page, url, view)
            save(page.screenshot(), FOLDER / f"{name}.png")


def compare(page: Page, url: str, view: str) -> None:
    """Every voice made once for the figures of a warm server, then again, and the first of them heard."""
    page.goto(url)
    for _ in range(2):
        page.click(".sample >> nth=0")
        page.wait_for_selector(".take[data-take=Griffin-Lim][data-state=empty]")
        page.click("#make-all")
        page.wait_for_selector(".take[data-take=Griffin-Lim][data-drawn]")
    page.check(f"#view input[value={view}]")
    page.click(".take >> nth=1 >> .play")
    page.evaluate("document.querySelector('#compare').scrollIntoView()")
    time.sleep(HEARD_SECONDS)


def save(png: bytes, path: Path) -> None:
    """With a palette, which shrinks it to a third."""
    Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    main()
