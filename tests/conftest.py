"""Shape annotations are checked at run time here, and only here."""

from jaxtyping import install_import_hook

install_import_hook(["vocoder", "training"], "beartype.beartype")
