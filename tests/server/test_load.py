"""The load generator: what it counts as a silence, and one small run of everything."""

import json

import pytest
import torch
from typer.testing import CliRunner

from server.load.batches import measure_batches
from server.load.listening import Listener
from server.load.report import to_markdown
from vocoder.checkpoints import load
from vocoder.cli import app


@pytest.mark.parametrize(
    ("arrivals", "audio", "head_start", "silences"),
    [
        ([0.1, 0.2, 0.3], [0.1, 0.1, 0.1], 0.0, []),
        ([0.1, 0.3, 0.35], [0.1, 0.1, 0.1], 0.0, [0.1]),
        ([0.1, 0.3, 0.35], [0.1, 0.1, 0.1], 0.1, []),
        ([0.1, 0.5, 0.9], [0.1, 0.1, 0.1], 0.0, [0.3, 0.3]),
        ([0.1, 0.9], [1.0, 1.0], 0.0, []),
    ],
)
def test_a_silence_is_when_nothing_is_left_to_play(arrivals, audio, head_start, silences):
    listener = Listener(arrivals=arrivals, audio=audio)
    assert listener.silences(head_start) == pytest.approx(silences)
    assert listener.first == 0.1
    assert not listener.silences(listener.needs + 1e-9)


def test_batches_are_measured_against_their_single_blocks(voices):
    threads = torch.get_num_threads()
    (row,) = measure_batches(load("student"), [8], [2], runs=2)
    assert row.gain == pytest.approx(2 * row.single_ms / row.batch_ms)
    assert torch.get_num_threads() == threads


def test_the_command_measures_a_running_server(serve, tmp_path):
    _, url = serve()
    options = ["--streams", "2", "--seconds", "0.3", "--rounds", "1", "--requests", "2", "--pairs", "1"]
    result = CliRunner().invoke(
        app, ["load", "--url", url, *options, "--no-batches", "-o", str(tmp_path)], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    document = json.loads((tmp_path / "load.json").read_text())
    assert [row["transport"] for row in document["streams"]] == ["http", "ws", "ws-steady"]
    for row in document["streams"]:
        assert row["utterances"] == 2
        assert 0 < row["first_p50"] <= row["first_p95"]
        assert row["times_real_time"] > 0
    (overhead,) = document["overhead"]
    assert overhead["audio_seconds"] == pytest.approx(0.3, abs=0.02)
    (memory,) = document["memory"]
    assert memory["after"] > 1 << 20
    page = (tmp_path / "load.md").read_text()
    assert page == to_markdown(document)
    assert document["date"][:10] in page


def test_another_transport_is_refused():
    result = CliRunner().invoke(app, ["load", "--transport", "tcp"])
    assert result.exit_code == 2
    assert "choose http, ws, ws-steady" in result.output
