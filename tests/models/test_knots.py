"""Knots are what the networks say of whole frames, whatever the networks' reaches and the stream's chunks."""

import pytest
import torch
from torch import Tensor

from vocoder.mel import DIALECTS
from vocoder.models import Student, StudentConfig
from vocoder.models.frames import normalize, pitch_features
from vocoder.models.knots import KnotReader, Knots

SIZES = [  # layers and lookahead of pitch, filters, conditioning
    [(2, 1), (2, 1), (2, 1)],
    [(2, 0), (3, 0), (1, 0)],
    [(3, 2), (1, 1), (4, 3)],
    [(1, 1), (4, 2), (2, 0)],
]
EVERY = pytest.mark.parametrize("sizes", SIZES, ids=str)
FRAMES = 30


def make(sizes) -> Student:
    torch.manual_seed(0)
    pitch, filters, conditioning = ({"hidden": 8, "layers": n, "lookahead": k} for n, k in sizes)
    config = StudentConfig.model_validate(
        {
            "pitch": pitch,
            "filters": filters,
            "conditioning": conditioning,
            "flows": [{"layers": 2, "residual_channels": 4, "skip_channels": 4}],
            "num_bands": 16,
            "num_taps": 64,
            "noise_cepstrum": 32,
            "context_channels": 5,
        }
    )
    student = Student(config, DIALECTS["nvidia"]).eval().requires_grad_(False)
    torch.nn.init.normal_(student.filters.network.last.weight, std=0.1)
    return student


def mel() -> Tensor:
    return 0.5 * torch.randn(2, 80, FRAMES, generator=torch.Generator().manual_seed(1)) - 4.0


def read(student: Student, chunks: list[int]) -> Knots:
    reader = KnotReader(student.pitch, student.filters, student.conditioning)
    state, knots = reader.start(2), reader.none(2)
    for chunk in mel().split(chunks, dim=2):
        following, state = reader.read(chunk, state)
        knots = knots.join(following)
    return knots


def same(a: Knots, b: Knots) -> None:
    torch.testing.assert_close(a.f0, b.f0)
    torch.testing.assert_close(a.voiced, b.voiced)
    for left, right in zip(a.responses, b.responses, strict=True):
        torch.testing.assert_close(left, right, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(a.told, b.told, atol=1e-5, rtol=1e-4)


@EVERY
def test_the_whole_is_what_each_network_says_of_its_window(sizes):
    student = make(sizes)
    pitch = student.pitch(normalize(mel()))
    heard = student.pitch.network.without_context(mel())
    features = torch.cat([normalize(heard), pitch_features(pitch).float()], dim=1)
    networks = (student.filters.network, student.conditioning)
    left, right = (max(getattr(n, side) for n in networks) for side in ("left_context", "right_context"))
    end = features.shape[2]

    def window(frames: Tensor, network) -> Tensor:
        return frames[..., left - network.left_context : end - right + network.right_context]

    knots = read(student, [FRAMES])
    assert knots.f0.shape[1] == FRAMES - student.left_context - student.right_context
    same(
        knots,
        Knots(
            pitch.frequency[:, left : end - right],
            pitch.voicing.sigmoid()[:, left : end - right],
            student.filters(window(heard, networks[0]), window(features, networks[0])),
            student.conditioning(window(features, networks[1])),
        ),
    )


@EVERY
@pytest.mark.parametrize("chunks", [[1] * FRAMES, [0, 3, 0, 20, 7], [29, 1]], ids=len)
def test_chunks_give_the_knots_of_the_whole(sizes, chunks):
    student = make(sizes)
    same(read(student, chunks), read(student, [FRAMES]))


@EVERY
def test_a_stream_of_the_student_equals_the_whole(sizes):
    student, frames = make(sizes), mel()[0]
    torch.nn.init.normal_(student.conditioners[0].network.head[-1].weight, std=0.1)
    stream = student.open_stream(seed=3)
    pieces = [stream.push(chunk) for chunk in frames.split([1, 1, 5, 0, 16, 7], dim=1)]
    streamed = torch.cat([*pieces, stream.finish()])
    torch.testing.assert_close(streamed, student.synthesize(frames, seed=3), atol=1e-4, rtol=0)
    assert len(streamed) == FRAMES * 256


def test_a_pitch_period_is_right_to_the_sample_under_autocast():
    student = make(SIZES[0]).train()
    plain = read(student, [FRAMES])
    with torch.autocast("cpu", torch.bfloat16):
        same(read(student, [FRAMES]), plain)
