import pytest
import torch

from vocoder.errors import InputError
from vocoder.noise import counters, logistic_noise, normal_noise, philox, uniform_noise


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (0x00000000, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        (0xFFFFFFFF, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    ],
)
def test_philox_known_answers(word: int, expected: list[int]) -> None:
    """The known-answer vectors that Random123 publishes for philox4x32, 10 rounds."""
    assert philox(torch.full((4,), word), torch.full((2,), word)).tolist() == expected


def test_a_draw_depends_on_seed_and_sample_alone() -> None:
    whole = normal_noise([3, 2**40], 0, 1000)
    pieces = [normal_noise([2**40], start, length)[0] for start, length in [(0, 1), (1, 256), (257, 743)]]
    assert torch.equal(torch.cat(pieces), whole[1])


def test_each_row_may_start_at_a_sample_of_its_own() -> None:
    starts, seeds = [0, 257, 2**33 + 6], [1, 2, 1]
    together = normal_noise(seeds, torch.tensor(starts), 101)
    for row, seed, start in zip(together, seeds, starts, strict=True):
        assert torch.equal(row, normal_noise([seed], start, 101)[0])


def test_far_positions_do_not_repeat() -> None:
    assert not torch.equal(uniform_noise([1], 0, 64), uniform_noise([1], 4 * 2**32, 64))


def test_lanes_and_seeds_are_uncorrelated() -> None:
    n = 100_000
    rows = [normal_noise([0], 0, n), normal_noise([1], 0, n), normal_noise([0], 0, n, lane=1)]
    correlation = torch.corrcoef(torch.cat(rows)) - torch.eye(3)
    assert correlation.abs().max() < 5 / n**0.5


def test_moments() -> None:
    n = 400_000
    normal, logistic = normal_noise([7], 0, n)[0], logistic_noise([7], 0, n)[0]
    assert abs(normal.mean()) < 5 / n**0.5
    assert abs(normal.var() - 1) < 5 * (2 / n) ** 0.5
    assert abs(logistic.var() - torch.pi**2 / 3) < 0.06


@pytest.mark.parametrize("seed", [-1, 2**63, True])
def test_bad_seed_is_named(seed: int) -> None:
    with pytest.raises(InputError, match="seed must be an integer"):
        normal_noise([seed], 0, 4)


def test_the_compiled_loop_gives_the_words_of_the_tensors() -> None:
    seeds, start = torch.tensor([0, 5, 2**62 + 7]), torch.tensor([0, 13, 4 * 2**32 - 3])
    for length in (1, 2, 3, 4, 5, 1001):
        loop = counters.philox_uniform(seeds, start, 1, length)
        assert torch.equal(loop, counters.by_tensors(seeds, start, 1, length))
