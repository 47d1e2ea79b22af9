"""How loops that no library has are compiled: without the interpreter's lock, kept on disk, vectorized."""

from functools import partial

import numba

compiled = partial(
    numba.njit,
    cache=True,
    nogil=True,
    fastmath={"reassoc", "contract", "nsz", "arcp"},
    error_model="numpy",  # a division that may raise is not vectorized
)
"""Decorator of a function of arrays and numbers; sums may be reordered, NaN and infinities are kept."""
