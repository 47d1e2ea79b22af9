"""From a recording to its comparison: pictures, figures, files, scores, and errors in words."""

import io
import struct

import pytest

from server.keys import KeyFile, Scope
from vocoder.audio import read

pytestmark = pytest.mark.browser


def test_an_upload_is_spoken_by_every_system_and_drawn(visit):
    here = visit()
    here.upload()
    here.page.click("#make-all")
    for name in ("student", "wide", "Griffin-Lim"):
        here.wait_for_picture(name)
        figures = here.take(name).locator(".figures").inner_text()
        assert "First audio" in figures
        assert "× real time" in figures
        assert "Mel distance" in figures
    for name in ("Recording", "student", "wide", "Griffin-Lim"):
        assert here.colours(name) > 50


def test_the_difference_view_shows_other_pictures(visit):
    here = visit()
    here.upload()
    here.page.click("#make-all")
    here.wait_for_picture("Griffin-Lim")
    canvas = here.take("Griffin-Lim").locator(".mel canvas")
    before = canvas.evaluate("canvas => canvas.toDataURL()")
    here.page.check("#view input[value=difference]")
    here.wait_for_picture("Griffin-Lim", "difference")
    assert canvas.evaluate("canvas => canvas.toDataURL()") != before
    label = here.take("Griffin-Lim").locator(".mel").get_attribute("aria-label")
    assert label == "Difference of the mels of Griffin-Lim and the recording"


def test_a_clip_that_ships_can_be_chosen(visit):
    here = visit()
    clip = here.page.locator(".sample").first
    clip.click()
    here.wait_for_picture("Recording")
    assert here.page.locator("#compare-title").inner_text() in clip.inner_text()
    assert clip.get_attribute("aria-pressed") == "true"


def test_a_voice_can_be_recorded(visit):
    here = visit()
    here.page.click("#record")
    here.page.wait_for_selector("#record[aria-pressed=true]")
    here.page.wait_for_timeout(1500)
    here.page.click("#record")
    here.wait_for_picture("Recording")
    assert here.page.locator("#compare-title").inner_text() == "Your voice"


def test_a_take_can_be_downloaded(visit):
    here = visit()
    here.upload()
    here.take("student").locator(".play").click()
    here.wait_for_picture("student")
    with here.page.expect_download() as download:
        here.take("student").locator(".download").click()
    assert download.value.suggested_filename == "student.wav"
    audio, rate = read(download.value.path())
    assert rate == 22050
    assert audio.numel() % 256 == 0
    assert audio.abs().max() > 0


@pytest.mark.usefixtures("teacher_voice")
def test_the_score_is_shown_as_a_curve(visit):
    here = visit()
    here.upload()
    row = here.page.locator('.score-row[data-voice="teacher"]')
    with here.page.expect_response("**/v1/score?*") as answer:
        row.locator("button").press("Enter")
    row.locator(".curve canvas").wait_for()
    row.locator(".curve:focus").wait_for()
    assert row.locator(".bits").inner_text() == f"{round(answer.value.json()['bits_per_sample'], 2):g}"


def test_the_voices_are_listed_with_their_figures(visit, voices):
    (voices / "broken.safetensors").write_bytes(b"damaged")
    here = visit()
    cards = here.page.locator(".voice")
    cards.first.wait_for()
    assert cards.locator("h3").all_inner_texts() == ["student", "wide"]
    assert "0.500" in cards.first.inner_text()
    assert "broken" in here.page.locator("#voice-cards > p").inner_text()


def test_voices_that_did_not_come_are_asked_for_again(visit):
    here = visit()
    here.page.route("**/v1/voices", lambda route: route.abort())
    here.page.reload()
    here.page.wait_for_selector("#alert:not([hidden])")
    here.page.unroute("**/v1/voices")
    here.upload()
    assert here.page.locator("#alert").is_hidden()
    assert here.page.locator(".voice h3").all_inner_texts() == ["student", "wide"]
    assert all("Failed to load resource" in line for line in here.complaints)
    here.complaints.clear()


def test_a_voice_that_has_come_since_is_among_the_next_takes(visit, voices):
    here = visit()
    here.upload()
    (voices / "wide.safetensors").rename(voices / "newcomer.safetensors")
    here.upload()
    here.take("newcomer").wait_for()
    assert here.page.locator(".voice h3").all_inner_texts() == ["newcomer", "student"]


def silence(seconds, rate=22050):
    size = 2 * int(seconds * rate)
    header = struct.pack(
        "<4sI8sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVEfmt ", 16, 1, 1, rate, 2 * rate, 2, 16, b"data", size
    )
    return io.BytesIO(header + bytes(size)).getvalue()


@pytest.mark.parametrize(
    ("body", "settings", "words"),
    [
        (b"no audio at all", {}, "Choose a WAV"),
        (silence(0.01), {}, "too few"),
        (silence(3.0), {"max_seconds": 2.0}, "longer than the 2 s"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(visit, body, settings, words):
    here = visit(**settings)
    here.upload({"name": "mine.wav", "mimeType": "audio/wav", "buffer": body}, drawn=None)
    here.page.wait_for_selector("#alert:not([hidden])")
    assert words in here.page.locator("#alert").inner_text()
    assert here.page.locator("#compare").is_hidden()
    assert all("Failed to load resource" in line for line in here.complaints)
    here.complaints.clear()
    if not settings:
        here.upload()
        assert here.page.locator("#alert").is_hidden()


def test_a_voice_that_fails_says_so_beside_the_others(visit, monkeypatch):
    from vocoder.models import Student

    here = visit()
    here.upload()

    def fail(*arguments, **options):
        raise RuntimeError("on purpose")

    monkeypatch.setattr(Student, "advance", fail)
    here.take("student").locator(".play").click()
    here.take("student").locator(".take-error").wait_for()
    assert "The server failed" in here.take("student").locator(".take-error").inner_text()
    here.complaints.clear()
    here.take("Griffin-Lim").locator(".play").click()
    here.wait_for_picture("Griffin-Lim")


def test_a_server_that_asks_for_a_key_is_given_one(visit, tmp_path):
    file = tmp_path / "keys.json"
    token = KeyFile(file).create("page", [Scope.SYNTHESIS])
    here = visit(auth="on", keys_file=file)
    here.page.fill("#key", "vk_wrong_wrong")
    here.page.press("#key", "Enter")
    here.page.locator("#key-detail", has_text="unknown").wait_for()
    here.page.fill("#key", token)
    here.page.press("#key", "Enter")
    here.page.locator(".voice").first.wait_for()
    assert all("401" in line for line in here.complaints)
    here.complaints.clear()
    here.upload()
