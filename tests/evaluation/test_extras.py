import sys

import pytest

from vocoder.errors import MissingExtra
from vocoder.evaluation.extras import optional


def test_an_installed_module_is_returned():
    assert optional("json", "JSON") is sys.modules["json"]


def test_a_missing_module_names_the_extra():
    with pytest.raises(
        MissingExtra, match=r"Foo needs the module 'no_such_module'.*pip install 'vocoder\[eval\]'"
    ):
        optional("no_such_module", "Foo")


def test_a_module_whose_own_import_fails_names_what_it_lacks(tmp_path, monkeypatch):
    (tmp_path / "lame.py").write_text("import no_such_dependency")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtra, match="'no_such_dependency'"):
        optional("lame", "Foo")
