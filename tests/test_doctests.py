"""Every example in a docstring of the program is true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import calc

MODULES = ["calc"] + [
    m.name for m in pkgutil.walk_packages(calc.__path__, "calc.") if "__main__" not in m.name
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
