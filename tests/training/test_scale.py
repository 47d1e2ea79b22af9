"""The arithmetic of many GPUs, where the answer is known."""

import pytest

from training.scale import SETUPS, Machine, Size, samples_where_it_matters, size, step

MACHINE = Machine(flops=1e12, utilization=0.5, gpus_a_node=8, inside=1e9, between=1e8)
MODEL = Size(parameters=250_000, flops=1e6)  # a megabyte of gradients


def test_one_gpu_exchanges_nothing():
    alone = step(MODEL, 1000, 1, MACHINE)
    assert (alone.compute, alone.exchange) == (3 * 1e6 * 1000 / 5e11, 0)


def test_two_in_a_node_send_everything_once():
    assert step(MODEL, 1000, 2, MACHINE).exchange == pytest.approx(1e6 / 1e9)


def test_between_nodes_each_gpu_sends_its_share():
    assert step(MODEL, 1000, 16, MACHINE).exchange == pytest.approx((2 * 7 / 8) * 1e6 / 1e9 + 1e6 / 8 / 1e8)


def test_where_it_matters_it_is_a_tenth():
    least = samples_where_it_matters(MODEL, 64, MACHINE)
    assert step(MODEL, round(least), 64, MACHINE).share == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize("setup", SETUPS[:2], ids=lambda setup: setup.kind)
def test_a_wavenet_uses_its_weights_about_once_a_sample(setup):
    counted = size(setup)
    assert 1.5 < counted.flops / counted.parameters < 2.5  # a multiplication and an addition
