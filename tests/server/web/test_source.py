"""The ways in: the microphone, a file, a clip; what is chosen last counts, and what goes wrong is seen."""

import struct

import pytest

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
# A microphone that is allowed late, and its tracks; what was decoded.
WATCH = """
window.tracks = [];
window.decoded = 0;
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  await new Promise((resolve) => setTimeout(resolve, 300));
  const stream = await ask(wanted);
  tracks.push(...stream.getTracks());
  return stream;
};
const decode = OfflineAudioContext.prototype.decodeAudioData;
OfflineAudioContext.prototype.decodeAudioData = function (data) {
  decoded++;
  return decode.call(this, data);
};
"""
LIVE = "tracks.filter((track) => track.readyState === 'live').length"


@pytest.fixture
def watched(visit):
    def make(*arguments, **settings):
        here = visit(*arguments, **settings)
        here.page.add_init_script(WATCH)
        here.page.reload()
        here.page.locator(".sample").first.wait_for()
        return here

    return make


def silence(path, seconds, rate=8000):
    """A WAV file of so many seconds, which takes no place on the disk."""
    size = 2 * seconds * rate
    with path.open("wb") as file:
        header = (b"RIFF", 36 + size, b"WAVEfmt ", 16, 1, 1, rate, 2 * rate, 2, 16, b"data", size)
        file.write(struct.pack("<4sI8sIHHIIHH4sI", *header))
        file.truncate(44 + size)
    return path


def wait_for_alert(page, words):
    page.locator("#alert:visible", has_text=words).wait_for()


def test_record_pressed_twice_opens_the_microphone_once(watched):
    page = watched().page
    page.click("#record")
    page.wait_for_timeout(100)
    page.click("#record")
    page.wait_for_selector("#record[aria-pressed=true]")
    page.wait_for_timeout(400)
    assert page.evaluate("tracks.length") == 1
    page.dblclick("#record")
    page.wait_for_selector("#compare:visible")
    page.wait_for_timeout(400)
    assert page.get_attribute("#record", "aria-pressed") == "false"
    assert page.evaluate("tracks.length") == 1
    assert page.evaluate(LIVE) == 0


def test_a_microphone_that_cannot_be_listened_to_is_let_go(watched):
    page = watched().page
    page.evaluate(
        "() => { AudioWorklet.prototype.addModule = () => Promise.reject(new Error('on purpose')); }"
    )
    page.click("#record")
    wait_for_alert(page, "cannot be listened to")
    assert page.evaluate("tracks.length") == 1
    assert page.evaluate(LIVE) == 0


@pytest.mark.parametrize("limits", [{"max_seconds": 1.0}, {"max_body_bytes": 49000}, {"max_frames": 95}])
def test_a_recording_stops_at_the_limit_and_is_kept(watched, limits):
    here = watched(**limits)
    here.page.click("#record")
    here.page.locator("#record-time", has_text="0 s of 1 s").wait_for()
    here.wait_for_picture("Recording")
    assert here.page.get_attribute("#record", "aria-pressed") == "false"
    assert here.page.evaluate(LIVE) == 0
    assert here.page.locator("#alert").is_hidden()
    assert 0.9 < float(here.page.get_attribute("#position", "max")) <= 1.05


def test_while_a_voice_is_recorded_nothing_is_heard_or_chosen(watched):
    here = watched()
    page = here.page
    here.upload()
    here.take("Recording").locator(".play").click()
    page.wait_for_selector('#play[aria-label="Pause"]')
    page.click("#record")
    page.wait_for_selector("#record[aria-pressed=true]")
    assert page.get_attribute("#play", "aria-label") == "Play"
    assert page.locator("#file").is_disabled()
    page.locator(".sample").first.click(force=True)
    assert page.locator(".sample[aria-pressed=true]").count() == 0
    for button in ("#play", '.take[data-take="Recording"] .play'):
        page.locator(button).click(force=True)
    page.locator(".take .mel .u-over").first.click(force=True)
    page.locator("#position").focus()
    assert page.evaluate("document.activeElement.id") != "position"
    assert page.get_attribute("#play", "aria-label") == "Play"
    page.evaluate("""() => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(["no audio"], "dropped.wav"));
        dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
    }""")
    page.wait_for_timeout(200)
    assert page.locator("#alert").is_hidden()
    page.click("#record")
    page.locator("#compare-title", has_text="Your voice").wait_for()
    assert page.locator("#file").is_enabled()
    page.locator(".sample").first.click()
    page.wait_for_selector(".sample[aria-pressed=true]")


def test_what_is_read_is_said_at_once_and_the_later_choice_counts(watched):
    here = watched()
    page = here.page
    first, second = page.locator(".sample").nth(0), page.locator(".sample").nth(1)
    held = []
    page.route("**/v1/mel*", lambda route: held.append(route) or (held[1:] and route.continue_()))
    first.click()
    page.wait_for_selector("#main[aria-busy=true]")
    assert first.get_attribute("aria-pressed") == "true"
    name = first.locator(".sample-facts").inner_text().split(" · ")[0]
    assert page.locator("#reading").inner_text() == f"Reading {name} …"
    while not held:
        page.wait_for_timeout(50)
    second.click()
    here.wait_for_picture("Recording")
    page.wait_for_selector("#main[aria-busy=false]")
    title = page.locator("#compare-title").inner_text()
    here.take("Recording").locator(".play").click()
    held[0].continue_()
    page.wait_for_timeout(500)
    assert page.locator("#compare-title").inner_text() == title != name
    assert page.get_attribute("#play", "aria-label") == "Pause"
    assert second.get_attribute("aria-pressed") == "true"


def test_a_file_that_is_chosen_before_the_scripts_are_there_counts(visit):
    here = visit()
    page, held = here.page, []
    page.route("**/main.js", lambda route: held.append(route))
    page.reload(wait_until="commit")
    here.upload(drawn=None)
    while not held:
        page.wait_for_timeout(50)
    held[0].continue_()
    here.wait_for_picture("Recording")


@pytest.mark.parametrize(
    ("seconds", "decoded", "words"),
    [(200, 1, "3 min 20 s, longer than the 3 min"), (3 * 3600 + 300, 0, "3 h 5 min, longer than the 3 min")],
)
def test_what_is_too_long_is_refused_in_minutes_before_it_is_sent(watched, tmp_path, seconds, decoded, words):
    here = watched(max_body_bytes=10 << 20, max_frames=20000)
    here.upload(silence(tmp_path / "long.wav", seconds), drawn=None)
    wait_for_alert(here.page, words)
    assert here.page.evaluate("decoded") == decoded
    assert not any("/v1/mel" in request.url for request in here.asked)
    assert here.page.locator("#reading").is_hidden()


def test_an_error_is_seen_wherever_one_is_until_something_succeeds(watched):
    here = watched(PHONE)
    page = here.page
    here.upload()
    page.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
    bad = {"name": "bad.wav", "mimeType": "audio/wav", "buffer": b"no audio"}
    places = ("0", "document.querySelector('#takes').offsetTop", "document.body.scrollHeight")
    for place in places:
        page.evaluate(f"scrollTo(0, {place})")
        here.upload(bad, drawn=None)
        wait_for_alert(page, "cannot be read")
        alert = page.locator("#alert").bounding_box()
        player = page.locator("#transport").bounding_box()
        assert alert["y"] >= 0
        assert alert["y"] + alert["height"] <= player["y"]
        for control in page.locator(".masthead a:visible, .drop-buttons .button, #takes .play").all():
            control.click(trial=True)
        page.click("#alert-close")
    here.upload(bad, drawn=None)
    wait_for_alert(page, "cannot be read")
    page.wait_for_timeout(200)
    here.take("student").locator(".play").click()
    page.locator("#alert").wait_for(state="hidden")


def test_without_a_key_the_next_choice_asks_again(visit, tmp_path):
    from server.keys import KeyFile, Scope

    file = tmp_path / "keys.json"
    token = KeyFile(file).create("page", [Scope.SYNTHESIS])
    here = visit(auth="on", keys_file=file)
    page = here.page
    for _ in range(3):
        page.wait_for_selector("#key-dialog[open]")
        page.keyboard.press("Escape")
        page.wait_for_selector("#key-dialog", state="hidden")
        wait_for_alert(page, "asks for a key")
        here.upload(drawn=None)
    page.fill("#key", token)
    page.press("#key", "Enter")
    here.wait_for_picture("Recording")
    assert page.locator("#alert").is_hidden()
    assert all("401" in line for line in here.complaints)
    here.complaints.clear()
