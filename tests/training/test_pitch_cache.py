"""F0 tracks on disk: computed once, also where several runs begin on the same recordings at once."""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest

from training.data.pitch import pitch_track

pytest.importorskip("pyworld", reason="tracking F0 needs the train extra")
RATE = 22050


def test_runs_may_share_a_cache(tmp_path):
    tone = (0.1 * np.sign(np.sin(2 * np.pi * 150 * np.arange(RATE) / RATE))).astype(np.float32)
    track = partial(pitch_track, tone, RATE, tmp_path, 50.0)
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        tracks = list(pool.map(track, [600.0] * 16))
    assert all(np.array_equal(one.frequency, tracks[0].frequency) for one in tracks)
    assert {path.suffix for path in tmp_path.iterdir()} == {".npy"}
    assert np.median(tracks[0].frequency) == pytest.approx(150, rel=0.01)
