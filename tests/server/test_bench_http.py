"""`vocoder bench http`: the server's audio is the library's, its rate is compared with the engine's."""

import pytest

from server.load.throughput import measure_throughput
from vocoder.commands.bench import app as bench
from vocoder.errors import UnknownVoice


@pytest.mark.parametrize("streams", [1, 3])
def test_the_audio_over_http_is_the_librarys(serve, streams):
    _, url = serve()
    row = measure_throughput(url, "student", streams, seconds=0.5, rounds=2)
    assert row.difference <= 1  # rounding, where blocks differ in size
    assert row.streams == streams
    assert 0 < row.http.p5 <= row.http.p50 <= row.http.p95
    assert 0 < row.library.p5 <= row.library.p50 <= row.library.p95
    assert row.overhead.p5 <= row.overhead.p50 <= row.overhead.p95 < 1


def test_a_voice_that_is_not_installed_is_refused(serve):
    _, url = serve()
    with pytest.raises(UnknownVoice, match="installed"):
        measure_throughput(url, "nobody", 1, seconds=0.5, rounds=1)


def test_the_command_is_one_of_bench():
    assert "http" in {command.name for command in bench.registered_commands}
