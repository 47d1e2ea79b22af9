"""WaveGlow that waits for fewer frames: the whole where it sees enough, closer the more it sees, no seams."""

import pytest
import torch
from torch import Tensor

from tests.models.meeting import check_streams_meet
from vocoder.errors import ConfigError
from vocoder.inference.bounded import BoundedWaveGlow, bounded
from vocoder.inference.stacking import layout, stack, unstack
from vocoder.mel import DIALECTS
from vocoder.models import WaveGlow, WaveGlowConfig

SMALL = {"layers": 3, "channels": 8, "skip_channels": 6}
NETWORK = {"hidden": 6, "layers": 2, "lookahead": 1}
SIZES = {
    "plain": {"flows": 4, "early_every": 2, "wavenet": SMALL},
    "whitened": {
        "group_size": 16,
        "flows": 3,
        "context_channels": 8,
        "conditioning": NETWORK,
        "whitening": {**NETWORK, "num_bands": 16, "num_taps": 64, "num_cepstrum": 32},
        "wavenet": SMALL,
    },
    "voiced": {
        "group_size": 16,
        "flows": 3,
        "voiced": 0.5,
        "air": {"voiced": 0.8, "unvoiced": 0.4},
        "context_channels": 8,
        "source": {
            "pitch": NETWORK,
            "filters": NETWORK,
            "num_bands": 16,
            "num_taps": 64,
            "noise_cepstrum": 32,
        },
        "wavenet": SMALL,
    },
}


@pytest.fixture(scope="module", params=SIZES)
def voice(request: pytest.FixtureRequest) -> WaveGlow:
    torch.manual_seed(0)
    model = WaveGlow(WaveGlowConfig.model_validate(SIZES[request.param]), DIALECTS["nvidia"])
    for step in model.steps:
        torch.nn.init.normal_(step.network.head[-1].weight, std=0.2)
    if model.source is not None:
        torch.nn.init.normal_(model.guide.weight, std=0.1)
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def mel() -> Tensor:
    return 0.5 * torch.randn(80, 37, generator=torch.Generator().manual_seed(1)) - 4.0


def spoken(voice: WaveGlow, mel: Tensor, pieces: int = 5, **options: int) -> Tensor:
    stream = BoundedWaveGlow(voice, **options).open_stream(seed=3)
    return torch.cat([*(stream.push(part) for part in mel.split(pieces, dim=1)), stream.finish()])


@pytest.mark.parametrize("pieces", [1, 7, 37])
def test_with_enough_frames_around_it_is_the_whole(voice, mel, pieces):
    enough = voice.lookahead_frames + 2
    history = enough + voice.left_context + 8  # the recursive filter forgets, but not at once
    audio = spoken(voice, mel, pieces, lookahead=enough, history=history, block=8)
    torch.testing.assert_close(audio, voice.synthesize(mel, seed=3), rtol=0, atol=1e-4)


def test_pulses_do_not_drift_away_from_those_of_the_whole(mel):
    """What a block has guessed of its last frames is corrected once they are known."""
    torch.manual_seed(0)
    voice = WaveGlow(WaveGlowConfig.model_validate(SIZES["voiced"]), DIALECTS["nvidia"]).eval()
    voice.requires_grad_(False)
    long = torch.cat([mel] * 4, dim=1)
    bounded = BoundedWaveGlow(voice, lookahead=1, history=2, block=4)
    state = bounded.start([3], 1.0)
    _, state = bounded.advance(long[None], state, last=False)
    settled = torch.cat([long[:, :1].expand(-1, voice.left_context), long], dim=1)
    frames = int(state.origin) + state.settled
    window = settled[None, :, : frames + voice.left_context + voice.right_context]
    assert frames > 130
    exact = voice.phase_after(window, torch.zeros(1, dtype=torch.float64))
    assert float((state.phase - exact).abs() % 1) < 1e-6


def test_it_comes_nearer_with_every_frame(voice, mel):
    whole = voice.synthesize(mel, seed=3)
    errors = [
        (spoken(voice, mel, lookahead=n, history=12, block=4) - whole).square().mean()
        for n in (1, voice.lookahead_frames + 1)
    ]
    assert errors[1] < 0.2 * errors[0] or errors[0] < 1e-10


def test_audio_comes_with_its_block(voice, mel):
    stream = BoundedWaveGlow(voice, lookahead=2, block=4).open_stream()
    lengths = [len(stream.push(mel[:, i : i + 1])) for i in range(12)]
    assert lengths == [0] * 5 + [4 * 256, 0, 0, 0, 4 * 256, 0, 0]


def test_seams_do_not_click(voice, mel):
    """The step across a seam is not out of the ordinary among the steps from sample to sample."""
    audio = spoken(voice, mel, lookahead=1, history=4, block=4)
    steps = audio.diff().abs()
    seams = torch.arange(4 * 256, len(audio) - 1, 4 * 256) - 1
    assert steps[seams].max() <= steps.quantile(0.999)


@pytest.mark.parametrize("options", [{"lookahead": 0}, {"lookahead": 1, "block": 0}])
def test_less_than_a_frame_is_refused(voice, options):
    with pytest.raises(ConfigError, match="at least one frame"):
        BoundedWaveGlow(voice, **options)


def test_streams_go_into_one_batch(voice, mel):
    slow = BoundedWaveGlow(voice, lookahead=2, block=4)
    states = [slow.start([seed], 1.0) for seed in (3, 4)]
    assert layout(states[0]) == layout(states[1])
    together = stack(states)
    pieces = []
    with torch.inference_mode():
        for part in mel.split(9, dim=1):
            audio, together = slow.advance(part.expand(2, -1, -1), together, last=part.shape[1] < 9)
            pieces.append(audio[1])
            together = stack(unstack(together, 2))
    torch.testing.assert_close(
        torch.cat(pieces), slow.synthesize(mel, seed=4, temperature=1.0), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("frames", [4, 3])
def test_streams_that_began_apart_share_a_batch(voice, frames):
    mel = 0.5 * torch.randn(80, 96, generator=torch.Generator().manual_seed(2)) - 4.0
    check_streams_meet(BoundedWaveGlow(voice, lookahead=2, history=3, block=frames), mel, frames=frames)


def test_one_for_each_lookahead(voice):
    needed = voice.lookahead_frames
    assert bounded(voice, needed) is voice
    if needed > 1:
        one = bounded(voice, needed - 1)
        assert bounded(voice, needed - 1) is one


def test_voices_that_need_all_they_see_are_refused():
    from vocoder.checkpoints import load

    with pytest.raises(ConfigError, match=r"a student needs its \d+ frames, 1 were asked for"):
        bounded(load("student"), 1)
