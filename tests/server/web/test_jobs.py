"""Jobs on the page, with the real runner: asked for, watched, heard, stopped, resumed, published, deleted."""

import re
from pathlib import Path

import pytest

from server.keys import KeyFile, Scope
from training.prepare.prepare import PrepareConfig, prepare

expect = pytest.importorskip("playwright.sync_api", reason="needs the extra browser").expect
pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]  # they train
RECORDINGS = Path(__file__).parents[2] / "data"
PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "has_touch": True}
# How many sounds have begun, and neither ended nor been stopped; short ones go round.
HEARD = """() => {
  const sounding = new Set();
  const { start, stop } = AudioBufferSourceNode.prototype;
  AudioBufferSourceNode.prototype.start = function (...when) {
    this.loop = true;
    sounding.add(this);
    return start.apply(this, when);
  };
  AudioBufferSourceNode.prototype.stop = function (...when) {
    sounding.delete(this);
    return stop.apply(this, when);
  };
  window.heard = () => sounding.size;
}"""
FLOW = "flow=planar\ndata=two-moons\nsteps={}"
SMALL = """
model.pitch={"hidden": 8, "layers": 2, "lookahead": 1}
model.filters={"hidden": 8, "layers": 2, "lookahead": 1}
model.num_taps=64
model.noise_cepstrum=32
segments={"batch": 2, "frames": 16}
pitch_segments={"batch": 2, "frames": 16}
pitch={"steps": 4, "log_every": 1, "evaluate_every": 2}
filters={"steps": 6, "log_every": 1, "evaluate_every": 2}
"""


@pytest.fixture
def working(visit, tmp_path):
    """The page of a server that runs jobs, on recordings that are prepared."""

    def make(browser=None, **settings):
        config = PrepareConfig.model_validate({"clean": {"max_seconds": 1.5}, "align": False})
        prepare(RECORDINGS, tmp_path / "data" / "clips", config)
        here = visit(
            browser, jobs=tmp_path / "jobs", jobs_data=(tmp_path / "data",), jobs_grace=1.0, **settings
        )
        here.page.locator("#job-new").wait_for()
        return here

    return make


@pytest.fixture
def queued(visit, tmp_path):
    """The page of a server where a job waits: nothing trains."""
    here = visit(jobs=tmp_path / "jobs", jobs_slots=0, jobs_gpus=("0",))
    here.page.locator("#job-new").wait_for()
    ask(here.page, "flow", FLOW.format(3))
    wait_for_state(here.page, "queued")
    return here


def ask(page, recipe, changes, name=None):
    page.click("#job-new")
    page.select_option("[name=recipe]", recipe)
    page.fill("[name=changes]", changes)
    if name:
        page.fill("[name=name]", name)
    page.click("#job-form [type=submit]")


def wait_for_state(page, state):
    page.locator(f".job-state[data-state={state}]").wait_for(timeout=300_000)


def test_without_jobs_there_is_no_section(visit):
    here = visit()
    here.page.locator(".voice").first.wait_for()
    assert here.page.locator("#jobs").is_hidden()
    assert here.page.locator("#to-jobs").is_hidden()


def test_a_job_is_asked_for_watched_cancelled_resumed_and_deleted(working):
    page = working().page
    ask(page, "flow", FLOW.format(400))
    wait_for_state(page, "running")
    page.locator('.job-curve[data-term="./loss"] canvas').wait_for()
    expect(page.locator(".job-progress span")).to_have_text(re.compile(r"step [\d,]+ of 400"))
    page.click(".job-cancel")
    wait_for_state(page, "cancelled")
    reached = page.locator("progress").evaluate("element => element.value")
    assert 0 < reached < 1
    page.click(".job-resume")
    wait_for_state(page, "succeeded")
    assert page.locator("progress").evaluate("element => element.value") == 1
    expect(page.locator(".job .facts")).to_contain_text("2 times")
    expect(page.locator(".job-log pre")).to_contain_text("succeeded")
    label = page.locator('.job-curve[data-term="./loss"] .picture')
    expect(label).to_have_attribute("aria-label", re.compile(r"^loss: [-\d.]+"))
    page.click(".job-delete")
    expect(page.locator(".job")).to_have_count(1)  # it asks first
    page.click(".job-destroy")
    expect(page.locator(".job")).to_have_count(0)
    expect(page.locator("#jobs .none")).to_be_visible()


def test_a_voice_is_trained_heard_and_published(working, voices, wait_until):
    pytest.importorskip("pyworld", reason="tracking F0 needs the train extra")
    here = working()
    page = here.page
    ask(page, "student", SMALL, name="mine")
    page.locator(".sound").nth(3).wait_for(timeout=300_000)
    expect(page.locator(".sound")).to_have_text(["Recording", "Step 2", "Step 4", "Step 6"])
    page.locator(".sound").nth(1).click()
    wait_until(lambda: page.evaluate("sounds.length") == 1)
    expect(page.locator(".sound").nth(1)).to_have_attribute("aria-pressed", "false", timeout=30_000)
    for term in ("pitch/frequency", "pitch/voicing", "filters/loss", "filters/energy_distance"):
        page.locator(f'.job-curve[data-term="{term}"] canvas').wait_for()
    wait_for_state(page, "succeeded")
    expect(page.locator(".job .facts")).to_contain_text("clips (")
    page.click(".job-publish")
    expect(page.locator(".job-done")).to_have_text("mine is installed: it speaks with the others now.")
    expect(page.locator(".voice h3")).to_have_text(["mine", "student", "wide"])
    assert (voices / "mine.safetensors").is_file()
    page.click(".job-publish")
    expect(page.locator(".job-taken")).to_contain_text("a voice 'mine' is installed", ignore_case=True)
    assert [line for line in here.complaints if "409" not in line] == []
    here.complaints.clear()
    page.click(".job-replace")
    expect(page.locator(".job-done")).to_be_visible()
    here.upload()  # and the new voice speaks with the others
    page.click("#make-all")
    here.wait_for_picture("mine")


def test_what_is_wrong_is_said_at_the_form_and_can_be_mended(working):
    here = working(jobs_slots=0, jobs_gpus=("0",))
    page = here.page
    expect(page.locator("[name=dataset] option")).to_have_text(re.compile(r"^clips, [1-9]\d* s$"))
    ask(page, "student", "filters.stepz=3", name="mine")
    expect(page.locator(".job-error")).to_contain_text("filters.stepz is not a known key")
    page.fill("[name=changes]", "no change at all")
    page.click("#job-form [type=submit]")
    expect(page.locator(".job-error")).to_contain_text("write key.path=value")
    expect(page.locator(".job")).to_have_count(0)
    page.fill("[name=changes]", "filters.steps=3")
    page.click("#job-form [type=submit]")
    expect(page.locator(".job")).to_have_count(1)
    expect(page.locator("#job-form")).to_be_hidden()
    assert [line for line in here.complaints if "422" not in line] == []
    here.complaints.clear()


def test_without_prepared_recordings_the_form_says_how_to_make_some(visit, tmp_path):
    page = visit(jobs=tmp_path / "jobs", jobs_slots=0).page
    page.click("#job-new")
    expect(page.locator("#job-none-prepared")).to_be_visible()
    page.select_option("[name=recipe]", "flow")
    expect(page.locator("#job-none-prepared")).to_be_hidden()


def test_a_job_goes_on_where_the_page_was_cut_off(working):
    """The stream of events breaks; the page follows it on, and has every step once."""
    here = working()
    page = here.page
    page.route(re.compile("/events$"), lambda route: route.abort(), times=1)
    ask(page, "flow", FLOW.format(60))
    wait_for_state(page, "succeeded")
    page.locator('.job-curve[data-term="./loss"] canvas').wait_for()
    expect(page.locator(".job-log pre")).to_contain_text("succeeded")
    lines = page.locator(".job-log pre").text_content().splitlines()
    assert len(lines) == len(set(lines))
    assert [line for line in here.complaints if "ERR_FAILED" not in line] == []
    here.complaints.clear()


def test_it_is_all_reached_by_keyboard_and_has_names_on_a_phone(working, tmp_path):
    here = working(PHONE, jobs_slots=0, jobs_gpus=("0",))
    page = here.page
    page.focus("#job-new")
    page.keyboard.press("Enter")
    expect(page.locator("[name=recipe]")).to_be_focused()
    page.select_option("[name=recipe]", "flow")
    page.focus("#job-form [type=submit]")
    page.keyboard.press("Enter")
    page.locator(".job-detail").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    for control in page.locator("#jobs :is(button, select, input, textarea, [role=img]):visible").all():
        expect(control).to_have_accessible_name(re.compile(r"\w"))
    for button in page.locator("#jobs button:visible").all():
        assert button.bounding_box()["height"] >= 44
    page.locator("#jobs").screenshot(path=tmp_path / "phone.png")
    assert (tmp_path / "phone.png").stat().st_size > 10_000


def test_a_double_click_deletes_nothing(queued):
    page = queued.page
    page.click(".job-cancel")
    wait_for_state(page, "cancelled")
    delete = page.locator(".job-delete")
    box = delete.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(2):
        page.mouse.down()
        page.mouse.up()
        page.wait_for_timeout(120)
    expect(page.locator(".job-keep")).to_be_visible()
    page.wait_for_timeout(500)
    expect(page.locator(".job")).to_have_count(1)
    page.click(".job-keep")
    expect(page.locator(".job-sure")).to_be_hidden()
    expect(delete).to_be_focused()


def test_the_question_is_told_and_the_focus_is_kept(queued):
    page = queued.page
    page.focus(".job-cancel")
    page.keyboard.press("Enter")
    wait_for_state(page, "cancelled")
    expect(page.locator(".job-look")).to_be_focused()
    page.focus(".job-delete")
    page.keyboard.press("Enter")
    question = re.compile("^Delete .+ with its checkpoints")
    expect(page.locator("#status")).to_have_text(question)
    expect(page.get_by_role("group", name=question)).to_be_visible()
    expect(page.locator(".job-destroy")).to_have_accessible_name(question)
    expect(page.locator(".job-keep")).to_be_focused()
    page.focus(".job-destroy")
    page.keyboard.press("Enter")
    expect(page.locator(".job")).to_have_count(0)
    expect(page.locator("#jobs-title")).to_be_focused()


@pytest.fixture
def sounding(queued):
    """The page of a job that has two sounds."""
    page, flac = queued.page, next(RECORDINGS.glob("*.flac")).read_bytes()
    samples = [{"stage": "filters", "step": step, "url": f"/v1/sound-{step}"} for step in (None, 2)]
    page.route("**/v1/jobs/*/samples", lambda route: route.fulfill(json={"samples": samples}))
    page.route("**/v1/sound-*", lambda route: route.fulfill(body=flac, content_type="audio/flac"))
    page.evaluate("document.querySelector('.job-look[aria-expanded=true]')?.click()")
    page.click(".job-look")
    page.locator(".sound").nth(1).wait_for()
    return queued


def test_what_is_heard_of_a_job_is_seen_in_forced_colours(sounding):
    page = sounding.page
    page.emulate_media(forced_colors="active")
    page.locator(".sound").first.click()
    expect(page.locator(".sound").first).to_have_attribute("aria-pressed", "true")
    colour = "element => getComputedStyle(element).backgroundColor"
    assert page.locator(".sound").first.evaluate(colour) != page.locator(".sound").nth(1).evaluate(colour)


def test_a_sound_that_has_not_come_is_not_heard(sounding):
    page, sound = sounding.page, sounding.page.locator(".sound").first
    page.route("**/v1/sound-*", lambda route: route.abort())
    sound.click()
    expect(page.locator("#alert")).to_contain_text("does not answer")
    expect(sound).to_have_attribute("aria-pressed", "false")
    page.unroute("**/v1/sound-*")
    page.route("**/v1/sound-*", lambda route: route.fulfill(body="no audio", content_type="audio/flac"))
    sound.click()
    expect(page.locator("#alert")).to_contain_text("cannot be played")
    expect(sound).to_have_attribute("aria-pressed", "false")
    assert [line for line in sounding.complaints if "ERR_FAILED" not in line] == []
    sounding.complaints.clear()


def test_one_is_heard_at_a_time(sounding):
    page, sounds = sounding.page, sounding.page.locator(".sound")
    sounding.upload()
    play = sounding.take("Recording").locator(".play")
    page.evaluate(HEARD)
    play.click()
    expect(page.locator("#play")).to_have_accessible_name("Pause")
    for i in (0, 1, 0):  # the later press counts, while the first sound is still on its way as well
        sounds.nth(i).click()
    assert page.get_attribute("#play", "aria-label") == "Play"
    assert [sound.get_attribute("aria-pressed") for sound in sounds.all()] == ["true", "false"]
    page.wait_for_timeout(500)
    assert page.evaluate("heard()") == 1
    play.click()
    assert sounds.nth(0).get_attribute("aria-pressed") == "false"
    page.wait_for_timeout(200)
    assert page.evaluate("heard()") == 1


def test_nothing_of_a_job_is_heard_while_a_voice_is_recorded(sounding):
    page, sound = sounding.page, sounding.page.locator(".sound").first
    page.evaluate(HEARD)
    sound.click()
    page.wait_for_timeout(300)
    assert page.evaluate("heard()") == 1
    page.click("#record")
    page.wait_for_selector("#record[aria-pressed=true]")
    assert page.evaluate("heard()") == 0
    sound.click(force=True)
    page.wait_for_timeout(300)
    assert page.evaluate("heard()") == 0
    page.click("#record")
    sounding.wait_for_picture("Recording")
    sound.click()
    page.wait_for_timeout(300)
    assert page.evaluate("heard()") == 1


def test_a_list_of_which_nothing_is_heard_says_so(queued):
    page, stale = queued.page, queued.page.locator("#jobs-stale")
    expect(stale).to_be_empty()
    page.route("**/v1/jobs?limit=*", lambda route: route.abort())
    expect(stale).to_have_text(
        re.compile(r"^As of \d+:\d\d.*\. The server does not answer\.$"), timeout=15_000
    )
    page.unroute("**/v1/jobs?limit=*")
    page.click(".job-cancel")  # looks at once
    expect(stale).to_be_empty()
    assert [line for line in queued.complaints if "ERR_FAILED" not in line] == []
    queued.complaints.clear()


def test_a_key_for_speech_alone_sees_no_link_to_jobs(visit, tmp_path):
    token = KeyFile(tmp_path / "keys.json").create("speaker", [Scope.SYNTHESIS])
    here = visit(jobs=tmp_path / "jobs", jobs_slots=0, auth="on", keys_file=tmp_path / "keys.json")
    page = here.page
    page.fill("#key", token)
    with page.expect_response("**/v1/jobs?limit=*") as refused:
        page.keyboard.press("Enter")
    assert refused.value.status == 403
    page.wait_for_timeout(200)
    expect(page.locator("#jobs")).to_be_hidden()
    expect(page.locator("#to-jobs")).to_be_hidden()
    here.complaints.clear()  # 401 and 403
