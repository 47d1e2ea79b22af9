"""The examples in the docstrings run."""

import doctest
import importlib
import pkgutil

import pytest

import vocoder.distributions
import vocoder.flows
import vocoder.networks

PACKAGES = [vocoder.distributions, vocoder.flows, vocoder.networks]
MODULES = [
    name
    for package in PACKAGES
    for name in (
        package.__name__,
        *(f"{package.__name__}.{module.name}" for module in pkgutil.iter_modules(package.__path__)),
    )
]


def examples_of(name: str) -> list[doctest.DocTest]:
    found = doctest.DocTestFinder().find(importlib.import_module(name), name)
    return [test for test in found if test.examples]


EXAMPLES = [test for name in MODULES for test in examples_of(name)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example(example):
    assert doctest.DocTestRunner().run(example).failed == 0


def test_examples_are_found():
    assert "vocoder.flows.planar.Planar" in {example.name for example in EXAMPLES}
