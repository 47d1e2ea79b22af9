import sys

import pytest

from vocoder.errors import InputError, MissingExtra
from vocoder.evaluation.measures import FAMILIES, MEASURES, families_of


def test_names_are_unique():
    assert len(MEASURES) == 1 + sum(len(family.measures) for family in FAMILIES)


def test_each_says_in_words_what_it_is():
    assert all(measure.meaning for measure in MEASURES.values())


def test_by_default_every_family_that_is_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "pesq", None)
    names = [measure.name for family in families_of(None) for measure in family.measures]
    assert "pesq" not in names
    assert "estoi" in names


def test_a_named_measure_that_is_not_installed_is_an_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "pesq", None)
    with pytest.raises(MissingExtra, match=r"PESQ-WB needs.*vocoder\[eval\]"):
        families_of(("pesq",))


def test_an_unknown_name_lists_the_known():
    with pytest.raises(InputError, match=r"'visqol'.*pesq.*estoi"):
        families_of(("estoi", "visqol"))
