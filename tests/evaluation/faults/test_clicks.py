import numpy as np
import pytest
from scipy.signal import lfilter

from vocoder.evaluation.faults.clicks import find_clicks, prominence, residual

RATE = 22_050


@pytest.mark.parametrize("amplitude", [0.12, 0.3])
def test_a_click_is_found_at_its_time_and_size(heard, noise, amplitude):
    place = 2 * RATE + 123
    clicked = noise.copy()
    clicked[place] += amplitude
    (event,) = find_clicks(heard(noise, clicked)).events
    assert event.seconds == pytest.approx(place / RATE, abs=0.002)
    around = np.abs(noise[place - 441 : place + 441]).max()
    assert event.strength == pytest.approx(20 * np.log10(amplitude / around), abs=1.5)


def test_a_click_is_found_in_speech(heard, recording):
    """Two thirds of full scale would be heard in a shout; a twentieth is, in speech of this level."""
    place = len(recording) // 2
    clicked = recording.copy()
    clicked[place] += 0.5
    times = [event.seconds for event in find_clicks(heard(recording, clicked)).events]
    assert times == [pytest.approx(place / RATE, abs=0.002)]


def test_what_stands_out_is_found_wherever_it_is(heard, recording):
    """In speech that is otherwise the recording's, the recording excuses nothing."""
    found = 0
    for place in np.random.default_rng(0).integers(RATE // 4, len(recording) - RATE // 4, 20):
        clicked = recording.copy()
        clicked[place] += 0.2
        peaks = prominence(np.abs(residual(clicked, RATE)), RATE)[place - 30 : place + 30]
        own = prominence(np.abs(residual(recording, RATE)), RATE)[place - 221 : place + 221]
        if peaks.max() < 8 or peaks.max() < own.max() + 5:
            continue
        found += 1
        events = find_clicks(heard(recording, clicked)).events
        assert [event.seconds for event in events] == [pytest.approx(place / RATE, abs=0.002)]
    assert found > 10


def test_a_step_is_a_click(heard, vowel):
    wave = vowel(120.0)
    place = RATE
    stepped = wave + 0.3 * (np.arange(len(wave)) >= place)
    (event,) = find_clicks(heard(wave, stepped)).events
    assert event.seconds == pytest.approx(place / RATE, abs=0.002)


def test_the_recordings_own_click_is_no_fault(heard, noise):
    clicked = noise.copy()
    clicked[[RATE, 3 * RATE]] += 0.3
    moved = noise.copy()
    moved[[RATE + 100, 3 * RATE - 100]] += 0.3
    assert find_clicks(heard(clicked, moved)).events == ()


def test_the_burst_of_a_stop_is_no_fault_without_the_smaller_one_after_it(heard, noise):
    released = noise.copy()
    released[2 * RATE + np.array([0, 150])] += np.array([0.3, 0.2])
    simpler = noise.copy()
    simpler[2 * RATE + 40] += 0.3
    assert find_clicks(heard(released, simpler)).events == ()


def test_what_is_twice_as_large_as_the_recordings_burst_is_a_click(heard, noise):
    burst, louder = noise.copy(), noise.copy()
    burst[2 * RATE] += 0.15
    louder[2 * RATE + 40] += 0.6
    assert len(find_clicks(heard(burst, louder)).events) == 1


def test_glottal_pulses_are_no_clicks(vowel):
    """Not even without a recording beside them."""
    assert prominence(np.abs(residual(vowel(80.0), RATE)), RATE)[RATE // 2 : -RATE // 2].max() < 8


def test_rate_is_a_minute(heard, noise):
    clicked = noise.copy()
    clicked[[RATE, 2 * RATE, 3 * RATE]] += 0.3
    assert find_clicks(heard(noise, clicked)).rate == pytest.approx(3 * 60 / 4)


def coloured(seed: int) -> np.ndarray:
    """0.6 s of stationary noise through one to five resonances, cut out of a longer one."""
    random = np.random.default_rng(seed)
    denominator = np.ones(1)
    for _ in range(random.integers(1, 6)):
        radius, angle = random.uniform(0.5, 0.97), random.uniform(0, np.pi)
        denominator = np.convolve(denominator, [1, -2 * radius * np.cos(angle), radius**2])
    noise = lfilter([1.0], denominator, random.standard_normal(RATE))[-RATE * 6 // 10 :]
    return noise * random.uniform(0.01, 0.1) / noise.std()


def test_noise_of_another_colour_has_no_click(heard):
    """Least of all its first sample, which a cut leaves without a past: one pair in 23 had one there."""
    pairs = [(coloured(2 * seed), coloured(2 * seed + 1)) for seed in range(80)]
    assert [find_clicks(heard(*pair)).events for pair in pairs] == [()] * len(pairs)


@pytest.mark.parametrize("edge", [0.032, 0.06])
@pytest.mark.parametrize("end", [False, True])
def test_a_click_near_an_edge_is_found(heard, edge, end):
    recorded, clicked = coloured(0), coloured(1)
    place = len(clicked) - round(edge * RATE) if end else round(edge * RATE)
    clicked[place] += 30 * clicked.std()
    (event,) = find_clicks(heard(recorded, clicked)).events
    assert event.seconds == pytest.approx(place / RATE, abs=0.002)


@pytest.mark.parametrize("place", [0, 200, 600, -600, -200, -1])
def test_within_30_ms_of_an_edge_nothing_is_looked_at(heard, place):
    recorded, clicked = coloured(0), coloured(1)
    clicked[place] += 30 * clicked.std()
    assert find_clicks(heard(recorded, clicked)).events == ()


def test_the_recordings_own_click_near_an_edge_is_no_fault(heard):
    for place in range(100, 1000, 50):
        pair = coloured(0), coloured(1)
        for audio, shift in zip(pair, (0, 200), strict=True):
            audio[[place + shift, -1 - place - shift]] += 30 * audio.std()
        assert find_clicks(heard(*pair)).events == ()
