"""The race of flows: fair turns, a clear word where a peer is missing, a page."""

import json
import sys
import time
from pathlib import Path

import pytest

from training.density.speed_pages import write_peers
from vocoder.bench.flow_peers import PeerTime, Size, measure_peers, race
from vocoder.errors import InputError, MissingExtra


def test_a_call_that_takes_longer_is_measured_longer() -> None:
    times = race({"ours": lambda: time.sleep(0.002), "theirs": lambda: time.sleep(0.001)}, seconds=0.05)
    assert 1.2 < times["ours"] / times["theirs"] < 2.8


def test_a_missing_peer_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nflows.transforms", None)
    with pytest.raises(MissingExtra, match=r"nflows.*vocoder\[flow-peers\]"):
        measure_peers(seconds=0.01)


@pytest.mark.parametrize(
    ("size", "seconds"), [(Size(3, 8, 8), 1.0), (Size(4, 1, 8), 1.0), (Size(4, 8, 8), 0.0)]
)
def test_sizes_that_do_not_fit_are_refused(size: Size, seconds: float) -> None:
    with pytest.raises(InputError, match="features even"):
        measure_peers([size], seconds=seconds)


def test_all_shared_flows_are_timed() -> None:
    for peer in ("nflows", "zuko", "normflows"):
        pytest.importorskip(peer)
    times = measure_peers([Size(4, 8, 16)], seconds=0.01)
    assert {row.peer for row in times} == {"nflows", "zuko", "normflows"}
    assert all(row.ours_us > 0 and row.peer_us > 0 for row in times)


def test_the_page_states_the_largest_ratio(tmp_path: Path) -> None:
    times = [
        PeerTime("MAF", Size(16, 64, 256), "to_noise", "numpy", 100.0, 200.0),
        PeerTime("actnorm", Size(16, 64, 256), "to_data", "numpy", 90.0, 100.0),
    ]
    text = write_peers(times, tmp_path, command="race them").read_text()
    assert "The largest ratio is 0.90 (actnorm, to_data, numpy)." in text
    assert "| MAF | 16 | to_noise | 100 | 200 | numpy | 0.50 |" in text
    assert json.loads((tmp_path / "peers.json").read_text())["rows"][0]["peer_us"] == 200.0
