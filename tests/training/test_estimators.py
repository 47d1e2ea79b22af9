"""The page of estimators: known divergences are known two ways, and what is measured agrees with them."""

import pytest
import torch

from training.estimators import _by_quadrature, _closed_form, measure, page, student, toys


def test_quadrature_agrees_with_the_closed_form():
    own = student()
    gaussian = toys(own)[0].teacher
    torch.testing.assert_close(_by_quadrature(own, gaussian), _closed_form(own, gaussian), rtol=0, atol=1e-3)


def test_neither_is_off_and_strata_scatter_less():
    own = student()
    for toy in toys(own):
        plain, parts = (measure(toy, own, kind, 8, repeats=40) for kind in ("monte-carlo", "stratified"))
        assert abs(plain.bias) < 5 * plain.bias_error
        assert abs(parts.bias) < 5 * parts.bias_error
        assert parts.deviation < plain.deviation
        assert parts.gradient_deviation < plain.gradient_deviation / 2
        assert f"| {toy.name} | 8 |" in page([plain, parts], 40, "here")


def test_with_one_draw_they_are_the_same():
    own = student()
    toy = toys(own)[0]
    plain, parts = (measure(toy, own, kind, 1, repeats=10) for kind in ("monte-carlo", "stratified"))
    assert plain.deviation == pytest.approx(parts.deviation)
