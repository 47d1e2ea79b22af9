"""Compiled products of a few rows with a matrix, without the overhead of an operation for each."""

import numpy as np
from torch import Tensor

from vocoder.compiling import compiled

TILE = 64
"""Rows of the matrix that all rows of x meet before the next: they stay in the cache."""


@compiled
def add_products(out: np.ndarray, x: np.ndarray, matrix: np.ndarray) -> None:
    """`out` += `x` @ `matrix`, `[in, out]`: eight rows and four of the matrix at a time, in registers."""
    rows, inner = x.shape
    columns = matrix.shape[1]
    whole = rows - rows % 8
    for start in range(0, inner, TILE):
        stop = min(start + TILE, inner)
        fours = stop - (stop - start) % 4
        for r in range(0, whole, 8):
            o0, o1, o2, o3 = out[r], out[r + 1], out[r + 2], out[r + 3]
            o4, o5, o6, o7 = out[r + 4], out[r + 5], out[r + 6], out[r + 7]
            for k in range(start, fours, 4):
                a, b, c, d = x[r : r + 8, k], x[r : r + 8, k + 1], x[r : r + 8, k + 2], x[r : r + 8, k + 3]
                a0, a1, a2, a3, a4, a5, a6, a7 = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
                b0, b1, b2, b3, b4, b5, b6, b7 = b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]
                c0, c1, c2, c3, c4, c5, c6, c7 = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
                d0, d1, d2, d3, d4, d5, d6, d7 = d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]
                w0, w1, w2, w3 = matrix[k], matrix[k + 1], matrix[k + 2], matrix[k + 3]
                for j in range(columns):
                    p, q, s, t = w0[j], w1[j], w2[j], w3[j]
                    o0[j] += a0 * p + b0 * q + c0 * s + d0 * t
                    o1[j] += a1 * p + b1 * q + c1 * s + d1 * t
                    o2[j] += a2 * p + b2 * q + c2 * s + d2 * t
                    o3[j] += a3 * p + b3 * q + c3 * s + d3 * t
                    o4[j] += a4 * p + b4 * q + c4 * s + d4 * t
                    o5[j] += a5 * p + b5 * q + c5 * s + d5 * t
                    o6[j] += a6 * p + b6 * q + c6 * s + d6 * t
                    o7[j] += a7 * p + b7 * q + c7 * s + d7 * t
            for k in range(fours, stop):
                for i in range(r, r + 8):
                    add_scaled(out[i], x[i, k], matrix[k])
        for r in range(whole, rows):
            for k in range(start, fours, 4):
                e, f, g, h = x[r, k], x[r, k + 1], x[r, k + 2], x[r, k + 3]
                w0, w1, w2, w3 = matrix[k], matrix[k + 1], matrix[k + 2], matrix[k + 3]
                for j in range(columns):
                    out[r, j] += e * w0[j] + f * w1[j] + g * w2[j] + h * w3[j]
            for k in range(fours, stop):
                add_scaled(out[r], x[r, k], matrix[k])


@compiled
def add_scaled(out: np.ndarray, factor: float, row: np.ndarray) -> None:
    """`out` += `factor` · `row`."""
    for j in range(len(row)):
        out[j] += factor * row[j]


def loop_array(weight: Tensor) -> np.ndarray:
    """A weight on the CPU as compiled loops read it: its values, one row after the other."""
    return np.ascontiguousarray(weight.detach().numpy())
