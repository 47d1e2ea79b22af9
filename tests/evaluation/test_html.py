"""The page of an evaluation holds all it shows, says what the JSON says, and trusts no name."""

import json
import re
from base64 import b64decode
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from vocoder.audio import read, write
from vocoder.errors import InputError
from vocoder.evaluation import Clip, Recording, Score, run
from vocoder.evaluation.alignment import align
from vocoder.evaluation.html import Origin, check_order, page_of, show, worst_first
from vocoder.evaluation.html.distributions import MAX_DOTS, distributions
from vocoder.evaluation.html.markup import element
from vocoder.evaluation.html.ogg import with_serial
from vocoder.evaluation.html.ranking import mean_ranks
from vocoder.evaluation.html.sound import opus_uri
from vocoder.evaluation.html.spectrogram import DIFFERENCE_COLOURS, draw
from vocoder.evaluation.report import to_json

HOSTILE = "<script>alert(1)</script>.wav"
MEASURES = ["stft_convergence", "stft_log_magnitude", "loudness_difference"]
ORIGIN = Origin("lists/<valid>.txt", "vocoder evaluate 'lists/<valid>.txt'", "0123456789ab")


class Rough:
    """A system that adds noise, more or less of it; it fails on what is shorter than a second."""

    def __init__(self, name, amount):
        self.name, self.amount = name, amount

    def generate(self, audio, sample_rate):
        if len(audio) < sample_rate:
            raise InputError("shorter than <a second>")
        noise = torch.randn(len(audio), generator=torch.Generator().manual_seed(0))
        return (audio + self.amount * noise).clamp(-1, 1), sample_rate


class Page(HTMLParser):
    """What a page consists of: `(tag, attributes)` in order, and the text in between."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.texts = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory, speech, noisy):
    """Clips, one of a hostile name and one too short; systems; the result over them."""
    folder = tmp_path_factory.mktemp("clips")
    audios = {"a": speech, "b": noisy[:30_000], HOSTILE: speech[:35_000], "short": speech[:9_000]}
    clips = [Clip(name, folder / name) for name in audios]
    for clip in clips:
        clip.path.parent.mkdir(parents=True, exist_ok=True)
        write(clip.path, audios[clip.name], 22_050, format="wav")
    systems = [Rough("rough", 0.03), Rough("<i>rougher", 0.1), Recording()]
    return clips, systems, to_json(list(run(clips, systems, MEASURES)))


def make_page(evaluation, order_by="stft_log_magnitude", count=2):
    clips, systems, result = evaluation
    worst = {system.name: worst_first(result, system.name, order_by)[:count] for system in systems[:2]}
    seen = {system: [ranked.clip for ranked in found] for system, found in worst.items()}
    return page_of(result, ORIGIN, worst, show(clips, systems, seen), order_by), seen


@pytest.fixture(scope="module")
def made(evaluation):
    html, seen = make_page(evaluation)
    return html, Page(html), seen


def decoded(uri):
    return b64decode(uri.split(",", 1)[1])


def test_nothing_is_asked_of_anyone(made):
    html, page, _ = made
    assert not re.search(r"https?://|url\(|@import", html)
    addresses = [
        attributes[name] for _, attributes in page.elements for name in ("src", "href") if name in attributes
    ]
    assert addresses
    assert all(address.startswith("data:") for address in addresses)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.elements}
    (policy,) = [m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")


def test_names_are_text_wherever_they_stand(made):
    html, page, _ = made
    assert "<script" not in html
    assert "<i>" not in html
    assert HOSTILE in "".join(page.texts)
    assert any(HOSTILE in attributes["aria-label"] for attributes in page.all("audio"))


def test_every_system_measure_and_fact_is_told(made, evaluation):
    text, result = "".join(made[1].texts), evaluation[2]
    for name in MEASURES:
        assert text.count(result["measures"][name]["label"]) >= 2
        assert result["measures"][name]["meaning"] in text
    facts = [result["date"], result["machine"]["processor"], *ORIGIN, *result["systems"]]
    assert all(fact in text for fact in [*facts, f"torch {result['versions']['torch']}"])
    assert "shorter than <a second>" in text


def test_figures_are_those_of_the_json(made, evaluation):
    html, result = made[0], evaluation[2]
    (summary,) = re.findall(r"<section aria-labelledby=\"figures\">.*?</section>", html, re.DOTALL)
    shown = [float(value) for value in re.findall(r'<data value="([^"]+)"', summary)]
    assert shown == [means[name]["mean"] for name in MEASURES for means in result["systems"].values()]
    (row,) = [row for row in summary.split("<tr>") if "MR-STFT log" in row]
    estimate = result["systems"]["rough"]["stft_log_magnitude"]
    assert f"{estimate['low']:.3f} to {estimate['high']:.3f}".replace("-", "−") in row
    assert "over the 3 of 4 clips that all systems have" in row


def test_the_best_is_marked_and_the_recording_is_no_rival(made):
    (summary,) = re.findall(r"<tbody>.*?</tbody>", made[0].split('id="figures"')[1], re.DOTALL)[:1]
    for row in summary.split("<tr>")[1:3]:
        rough, rougher, recording = re.findall(r"<td.*?</td>", row)
        assert "best" in rough
        assert "best" not in rougher + recording


def test_the_worst_come_first(made, evaluation):
    html, _, seen = made
    values = {
        (clip["system"], clip["clip"]): clip["values"].get("stft_log_magnitude")
        for clip in evaluation[2]["clips"]
    }
    for system, names in seen.items():
        assert len(names) == 2
        assert values[system, names[0]] == max(values[system, clip] for clip in ("a", "b", HOSTILE))
        assert all(values[system, worse] >= values[system, better] for worse, better in pairwise(names))
    articles = re.findall(r'<article><h4>\d+\. <span class="name">(.*?)</span>', html)
    assert articles == [str(element("b", name))[3:-4] for names in seen.values() for name in names]


def test_each_case_is_heard_in_all_versions_at_its_length(made, evaluation):
    _, page, seen = made
    lengths = {clip.name: len(read(clip.path)[0]) / 22_050 for clip in evaluation[0]}
    sounds = page.all("audio")
    assert len(sounds) == 3 * sum(map(len, seen.values()))
    for sound in sounds:
        audio, rate = read(decoded(sound["src"]))
        clip, _ = sound["aria-label"].rsplit(", ", 1)
        assert len(audio) / rate == pytest.approx(lengths[clip], abs=1e-3)
        assert "controls" in sound


def test_each_case_is_seen_in_three_pictures_that_say_what_they_are(made):
    _, page, seen = made
    assert len(page.all("img")) == 3 * sum(map(len, seen.values()))
    assert all(image["alt"] and image["src"].startswith("data:image/webp") for image in page.all("img"))
    assert all(picture["aria-label"] for picture in page.all("svg"))


def test_tables_have_captions_and_headings_with_a_scope(made):
    _, page, _ = made
    assert len(page.all("table")) == len(page.all("caption"))
    assert all(heading["scope"] in ("row", "col") for heading in page.all("th"))


def test_the_same_result_gives_the_same_page(made, evaluation):
    assert make_page(evaluation)[0] == made[0]


def test_no_cases_make_a_page_of_figures_alone(evaluation):
    page = Page(make_page(evaluation, count=0)[0])
    assert not page.all("audio")
    assert page.all("svg")


def test_mean_ranks_ignore_units_and_gaps():
    bad = np.array([[1000.0, 3.0, 2.0], [0.1, 0.2, np.nan]])
    assert mean_ranks(bad).tolist() == [1.5, 1.5, 3.0]


def test_an_order_must_have_been_measured():
    with pytest.raises(InputError, match="add --measure stoi"):
        check_order("stoi", ["estoi"])
    with pytest.raises(InputError, match="visqol"):
        check_order("visqol", None)
    check_order("estoi", ["estoi"])
    check_order(None, ["estoi"])


def test_many_clips_make_few_dots_and_keep_the_extremes():
    scores = [Score(f"clip{i:04}", "rough", 1.0, {"estoi": i / 1000}) for i in range(1000)]
    (figure,) = distributions(json.loads(json.dumps(to_json(scores))))
    assert figure.count("<circle") == MAX_DOTS
    assert "clip0000: 0.000" in figure
    assert "clip0999: 0.999" in figure


def test_one_value_alone_has_an_axis_around_it():
    (figure,) = distributions(to_json([Score("a", "rough", 1.0, {"lag": 0.0})]))
    assert re.findall(r"<text[^>]*>([^<]*)</text>", figure) == ["−0.1", "−0.05", "0", "0.05", "0.1", "rough"]
    (dot,) = re.findall(r'<circle cx="([\d.]+)"', figure)
    assert float(dot) == pytest.approx(170)


def test_a_run_that_failed_is_a_page_that_says_why():
    scores = [Score("a", "rough", 1.0, error="no audio"), Score("b", "rough", 1.0, {"pesq": np.nan})]
    html = page_of(to_json(scores), ORIGIN, {"rough": []}, [])
    assert "no audio" in html
    assert "no PESQ-WB" in html
    assert "Worst clips" not in html


def test_a_serial_number_changes_no_sound(speech):
    data = decoded(opus_uri(speech, 22_050))
    renumbered = with_serial(data, 77)
    assert renumbered != data
    assert torch.equal(read(renumbered)[0], read(data)[0])
    assert with_serial(renumbered) == data


def test_a_difference_is_dark_where_there_is_none_and_told_where_there_is(speech, tmp_path):
    quarter = slice(len(speech) // 4, len(speech) // 2)
    louder = speech.clone()
    louder[quarter] += 0.02 * torch.randn(len(louder[quarter]), generator=torch.Generator().manual_seed(0))
    pictures = draw(align(speech, louder, 22_050))
    (tmp_path / "difference.webp").write_bytes(decoded(pictures.difference))
    image = np.asarray(Image.open(tmp_path / "difference.webp").convert("RGB"), float).mean((0, 2))
    inside = image[len(image) * 3 // 10 : len(image) * 9 // 20].mean()
    assert DIFFERENCE_COLOURS == "berlin"
    assert inside > 3 * image[len(image) * 6 // 10 :].mean()
    assert pictures.seconds == pytest.approx(len(speech) / 22_050, abs=0.03)
    assert pictures.hertz == 11_025
