"""Shape annotations are checked at run time here, and only here.

Compiled kernels (`*_kernels.py`) are left alone: numba reads the functions as they are written.
"""

from pathlib import Path

from jaxtyping import install_import_hook

ROOT = Path(__file__).parent.parent


def modules_with_shapes() -> list[str]:
    files = [file for package in ("vocoder", "training") for file in (ROOT / package).rglob("*.py")]
    return [
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in files
        if file.stem != "__init__" and not file.stem.endswith("_kernels")
    ]


install_import_hook(modules_with_shapes(), "beartype.beartype")
