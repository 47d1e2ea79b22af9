import re

import pytest
import torch
from PIL import Image

from vocoder.errors import InputError
from vocoder.evaluation import ScoredClip, plot_comparison, plot_scores, plot_spectrogram_pair
from vocoder.mel import DIALECTS, MelFrontend

FRONTEND = MelFrontend(DIALECTS["nvidia"])


def test_comparison_grows_with_each_version(tmp_path, speech, noisy):
    plot_comparison(tmp_path / "one.png", {"target": speech}, 22_050, FRONTEND)
    plot_comparison(tmp_path / "two.png", {"target": speech, "voice": noisy[:40_000]}, 22_050, FRONTEND)
    one, two = (Image.open(tmp_path / f"{name}.png") for name in ("one", "two"))
    assert one.width == two.width > 1000
    assert two.height > 1.7 * one.height


def test_colours_are_shared(tmp_path, speech):
    quiet = speech / 1000
    plot_comparison(tmp_path / "pair.png", {"target": speech, "quiet": quiet}, 22_050, FRONTEND)
    plot_comparison(tmp_path / "alone.png", {"quiet": quiet}, 22_050, FRONTEND)
    shared, alone = (Image.open(tmp_path / f"{name}.png").convert("RGB") for name in ("pair", "alone"))
    brightest = [
        max(sum(p) for _, p in image.getcolors(1 << 24) if max(p) - min(p) > 40)
        for image in (
            shared.crop((100, int(shared.height * 0.7), int(shared.width * 0.85), int(shared.height * 0.9))),
            alone.crop((100, int(alone.height * 0.5), int(alone.width * 0.85), int(alone.height * 0.8))),
        )
    ]
    assert brightest[0] < brightest[1]


def test_spectrogram_pair_is_written(tmp_path, speech, noisy):
    plot_spectrogram_pair(tmp_path / "pair.png", speech, noisy, 22_050, "LJ001-0001")
    assert Image.open(tmp_path / "pair.png").width > 1000


def test_another_rate_than_the_mels_is_refused(tmp_path, speech):
    with pytest.raises(InputError, match="16000 Hz"):
        plot_comparison(tmp_path / "x.png", {"target": speech}, 16_000, FRONTEND)


def test_nothing_to_plot_is_refused(tmp_path):
    with pytest.raises(InputError, match="no audio"):
        plot_comparison(tmp_path / "x.png", {}, 22_050, FRONTEND)


@pytest.fixture
def scored(speech):
    curve = torch.linspace(4, 9, 1 + len(speech) // 256)
    return ScoredClip(speech, FRONTEND(speech), curve, curve.mean().item())


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_scores_of_several_clips_are_drawn_one_under_the_other(tmp_path, scored, suffix):
    heights = []
    for count in (1, 2):
        path = tmp_path / f"{count}.{suffix}"
        plot_scores(path, {str(i): scored for i in range(count)}, FRONTEND.spec, "bits / sample (exact)")
        heights.append(_height(path))
    assert heights[1] > 1.8 * heights[0]


def _height(path):
    if path.suffix == ".svg":
        return float(re.search(r'height="([\d.]+)pt"', path.read_text())[1])
    return Image.open(path).height


def test_no_score_to_plot_is_refused(tmp_path):
    with pytest.raises(InputError, match="no score"):
        plot_scores(tmp_path / "x.png", {}, FRONTEND.spec, "bits / sample")
