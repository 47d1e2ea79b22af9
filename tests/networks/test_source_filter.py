"""The signal processing inside the conditioners, against facts known from elsewhere."""

import math

import numpy as np
import pytest
import torch

from vocoder.errors import ConfigError
from vocoder.networks.excitation import pulse_train
from vocoder.networks.frame_network import FrameNetwork
from vocoder.networks.pitch import PitchNetwork
from vocoder.networks.spectral_filter import (
    SpectralEnvelope,
    causal_fold,
    interpolation_matrix,
    minimum_phase,
)

ZERO_PHASE = torch.zeros(1, dtype=torch.float64)


def test_bands_that_hear_nothing_are_named() -> None:
    filterbank = torch.eye(5, 9)
    filterbank[2] = 0
    with pytest.raises(ConfigError, match=r"mel bands 2 of 5 .* larger n_fft"):
        SpectralEnvelope(filterbank, torch.linspace(0, 8000, 4), 384.0, 16000)


def test_minimum_phase_recovers_a_minimum_phase_filter() -> None:
    taps = torch.tensor([1.0, -0.5, 0.2, -0.1])  # all zeros inside the unit circle
    magnitude = torch.fft.rfft(taps, 1024).abs().log()
    assert torch.allclose(
        minimum_phase(magnitude, 8, causal_fold(1024)), torch.nn.functional.pad(taps, (0, 4)), atol=1e-6
    )


def test_first_tap_is_the_geometric_mean_of_the_magnitude() -> None:
    torch.manual_seed(0)
    log_magnitude = torch.randn(3, 513)
    spectrum = torch.cat([log_magnitude, log_magnitude[:, 1:-1]], dim=1)
    assert torch.allclose(
        minimum_phase(log_magnitude, 1, causal_fold(1024))[:, 0], spectrum.mean(1).exp(), rtol=1e-4
    )


def test_a_smoothed_response_is_minimum_phase_although_it_is_cut() -> None:
    """A comb of harmonics 60 dB deep, smoothed beyond 96 samples: every zero of the 512 taps lies inside."""
    bins = torch.arange(513)
    comb = 3.5 * torch.cos(2 * torch.pi * bins / 8) + 3.0 * torch.cos(2 * torch.pi * bins / 300)
    taps = minimum_phase(comb, 512, causal_fold(1024, 96))
    assert np.abs(np.roots(taps.double().numpy())).max() < 1
    assert np.abs(np.roots(minimum_phase(comb, 512, causal_fold(1024)).double().numpy())).max() > 1


def test_a_steady_pitch_gives_the_sum_of_its_cosines() -> None:
    f0, rate, hop = 150.0, 8000, 80
    pulses, _ = pulse_train(torch.full((1, 11), f0), ZERO_PHASE, hop, rate)
    t = torch.arange(800, dtype=torch.float64) / rate
    harmonics = torch.arange(1, math.floor(0.5 * rate / f0) + 1)
    top = 0.5 * rate / f0 - len(harmonics)
    expected = torch.cos(2 * torch.pi * f0 * harmonics[:, None] * t).sum(0)
    expected += top * torch.cos(2 * torch.pi * f0 * (len(harmonics) + 1) * t)
    assert torch.allclose(pulses[0].double(), expected * math.sqrt(4 * f0 / rate), atol=1e-3)


def test_pulses_have_unit_power_and_go_on_across_chunks() -> None:
    frequency = torch.linspace(90, 380, 87)[None]
    whole, end = pulse_train(frequency, ZERO_PHASE, 256, 22050)
    first, phase = pulse_train(frequency[:, :31], ZERO_PHASE, 256, 22050)
    second, last = pulse_train(frequency[:, 30:], phase, 256, 22050)
    assert torch.allclose(torch.cat([first, second], 1), whole, atol=1e-4)
    assert torch.allclose(last, end)
    assert abs(whole.var().item() - 1) < 0.05


def test_pitch_decoding_inverts_its_targets() -> None:
    network = PitchNetwork(8, hidden=4, layers=1, lookahead=0)
    f0 = torch.tensor([[60.0, 123.4, 207.7, 512.0]])
    decoded = network.decode(network.targets(f0).log())
    assert (1200 * (decoded / f0).log2().abs()).max() < 0.5


@pytest.mark.parametrize("lookahead", [0, 2, 9])
def test_frame_network_reaches_as_far_as_it_says(lookahead: int) -> None:
    torch.manual_seed(0)
    network = FrameNetwork(3, 2, hidden=6, layers=4, lookahead=lookahead).double()
    frames = torch.randn(1, 3, 25, dtype=torch.float64, requires_grad=True)
    output = network(frames)
    assert output.shape[-1] == 25 - network.left_context - network.right_context
    (gradient,) = torch.autograd.grad(output[..., 3].sum(), frames)
    touched = gradient.abs().sum(dim=(0, 1)).nonzero()[:, 0]
    assert (touched.min().item(), touched.max().item()) == (
        3,
        3 + network.left_context + network.right_context,
    )


def test_interpolation_is_linear_between_knots_and_constant_beyond() -> None:
    matrix = interpolation_matrix(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0.0, 1.5, 3.0, 9.0]))
    assert torch.allclose(matrix @ torch.tensor([10.0, 20.0, 40.0]), torch.tensor([10.0, 15.0, 30.0, 40.0]))


def test_compiled_pulses_are_those_of_tensors() -> None:
    generator = torch.Generator().manual_seed(0)
    frequency = 60 + 500 * torch.rand(3, 40, generator=generator)
    phase = torch.rand(3, generator=generator, dtype=torch.float64) - 0.5
    drift = torch.rand(3, 40, generator=generator)
    on_samples = torch.full((3, 40), 22050 / 64), torch.zeros(3, dtype=torch.float64), None
    for f0, begin, drifting in ((frequency, phase, None), (frequency, phase, drift), on_samples):
        with torch.enable_grad():
            plain, end = pulse_train(f0, begin, 256, 22050, drifting)
        with torch.no_grad():
            compiled, compiled_end = pulse_train(f0, begin, 256, 22050, drifting)
        torch.testing.assert_close(compiled, plain, atol=2e-4 * float(plain.abs().max()), rtol=0)
        torch.testing.assert_close(compiled_end, end, atol=1e-9, rtol=0)
    with torch.no_grad():
        assert pulse_train(frequency[:, :1], phase, 256, 22050)[0].shape == (3, 0)


@pytest.mark.parametrize("lookahead", [0, 2, 4])
@pytest.mark.parametrize("chunks", [[25], [1] * 25, [0, 3, 0, 14, 8]], ids=len)
def test_frame_network_streams_the_outputs_of_the_whole(lookahead: int, chunks: list[int]) -> None:
    torch.manual_seed(0)
    network = FrameNetwork(3, 2, hidden=6, layers=4, lookahead=lookahead).double()
    frames = torch.randn(2, 3, 25, dtype=torch.float64)
    state, pieces = network.start(2), []
    for chunk in frames.split(chunks, dim=2):
        piece, state = network.stream(chunk, state)
        pieces.append(piece)
    torch.testing.assert_close(torch.cat(pieces, dim=2), network(frames))
    assert state.held.shape == (2, 8, 6)
    assert state.seen == 8


def test_frame_network_is_the_stack_of_convolutions_that_its_weights_name() -> None:
    torch.manual_seed(0)
    network = FrameNetwork(3, 2, hidden=6, layers=3, lookahead=1).double()
    frames = torch.randn(2, 3, 12, dtype=torch.float64)
    hidden = network.first(frames)
    for block in network.blocks:
        scale, shift = block.norm.scale[:, 0], block.norm.shift[:, 0]
        normal = torch.nn.functional.layer_norm(hidden.mT, (6,), scale, shift).mT
        inner = hidden[..., 2 - block.right : hidden.shape[2] - block.right]
        hidden = inner + block.mix(torch.nn.functional.glu(block.time(normal), dim=1))
    torch.testing.assert_close(network(frames), network.last(hidden))


def test_frame_network_speaks_with_the_weights_it_has_now() -> None:
    torch.manual_seed(0)
    network = FrameNetwork(3, 2, hidden=6, layers=3, lookahead=1)
    frames = torch.randn(1, 3, 12)
    with torch.no_grad():
        network(frames)  # whatever it keeps, it keeps now
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
        kept = network(frames)
    output = network(frames)
    torch.testing.assert_close(kept, output.detach())
    output.sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())
