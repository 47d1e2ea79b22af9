"""The grid: percentiles are ordered, counts equal those by hand, streams make what was asked for."""

import json
import math

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from vocoder.bench.energy import energy_meter
from vocoder.bench.grid import GridConfig, run_grid
from vocoder.bench.latency import measure_latency, speak_together
from vocoder.bench.memory import peak_bytes
from vocoder.bench.operations import LOOP, count_macs, sample_macs, voice_macs
from vocoder.bench.peaks import measure_peaks
from vocoder.bench.speed import Setting, measure_speed, varied_mel
from vocoder.bench.stamp import commit
from vocoder.bench.timing import median_interval, precision_of, spread, time_in_turns
from vocoder.checkpoints import load
from vocoder.cli import app
from vocoder.config import parse_config
from vocoder.errors import ConfigError, InputError, UnknownVoice
from vocoder.inference.engine import Engine

CPU = torch.device("cpu")


def test_percentiles_lie_between_the_runs_in_order():
    found = spread([3.0, 1.0, 2.0, 5.0, 4.0])
    assert 1.0 < found.p5 < found.p50 == 3.0 < found.p95 < 5.0
    assert found.spread == pytest.approx((found.p95 - found.p5) / 6)
    assert spread([2.0]) == (2.0, 2.0, 2.0, 0.0)
    with pytest.raises(InputError, match="at least one run"):
        spread([])


def test_the_interval_of_a_median_holds_the_true_one_in_nineteen_of_twenty():
    samples = np.random.default_rng(0).exponential(size=(2000, 60))
    intervals = [median_interval(list(row)) for row in samples]
    assert 0.93 < np.mean([low <= math.log(2) <= high for low, high in intervals]) < 0.98
    assert median_interval([3.0, 1.0, 2.0]) == (1.0, 3.0)
    with pytest.raises(InputError, match="at least one run"):
        median_interval([])


def test_work_takes_turns_and_the_first_two_do_not_count():
    called = []
    columns = time_in_turns([lambda: called.append("a"), lambda: called.append("b")], 3, [CPU, CPU])
    assert called == ["a", "b"] * 5
    assert [len(column) for column in columns] == [3, 3]


def test_counts_are_those_by_hand():
    x, conv, linear = torch.randn(2, 3, 50), nn.Conv1d(3, 5, 7), nn.Linear(44, 10)
    with torch.inference_mode():
        counts = count_macs(lambda: linear(conv(x)))
    assert sum(counts.values()) == 2 * 5 * 44 * (3 * 7) + 2 * 5 * 44 * 10
    with torch.inference_mode():
        fourier = count_macs(lambda: torch.fft.irfft(torch.fft.rfft(torch.randn(4, 512)), 512))
    assert fourier["aten._fft_r2c"] == 4 * 5 / 4 * 512 * math.log2(512)
    assert fourier["aten._fft_c2r"] == pytest.approx(fourier["aten._fft_r2c"], rel=0.01)


def test_the_compiled_loop_is_counted_by_its_matrices(teacher_file):
    voice = load(teacher_file)
    network, upper = voice.wavenet, voice.wavenet.upper
    seen, width, head = 2 * (network.group + network.reach), 8, 4
    gates = 3 * upper.kernel_size * width * 2 * width
    mixes = 2 * width * 2 * width + width * width  # the last layer has no residual
    group = seen * width + gates + mixes + width * 2 * head * network.group
    sample = network.head_kernel * 2 * head + network.mix.weight.numel() + network.last_product()[0].numel()
    assert sample_macs(voice) == group / network.group + sample
    mel = varied_mel(voice, 1, 0.2)
    counts = voice_macs(voice, mel)
    assert counts[LOOP] == sample_macs(voice) * 22050
    assert sum(counts.values()) > counts[LOOP]


def test_a_voice_without_a_loop_has_none(voices):
    voice = load("student")
    assert sample_macs(voice) == 0
    one, two = (sum(voice_macs(voice, varied_mel(voice, batch, 1.0)).values()) for batch in (1, 2))
    assert one == pytest.approx(two)


def test_a_setting_is_measured(voices):
    threads = torch.get_num_threads()
    peaks = measure_peaks(CPU, threads=1, precision="float32", runs=1)
    speed = measure_speed(load("student"), Setting(batch=2, seconds=0.3), runs=3, macs=1e6, peaks=peaks)
    rate, first = speed.samples_per_second, speed.first_block_ms
    assert 0 < rate.p5 <= rate.p50 <= rate.p95
    assert 0 < first.p5 <= first.p50 <= first.p95
    assert speed.times_real_time == rate.p50 / 22050
    assert 0 < speed.share_of_peak == pytest.approx(1e6 * speed.times_real_time / peaks.macs_per_second)
    assert peaks.bytes_per_second > 1e8
    assert torch.get_num_threads() == threads
    with pytest.raises(InputError, match="must be positive"):
        measure_speed(load("student"), Setting(batch=0))


def test_memory_that_a_call_holds_is_seen():
    held = peak_bytes(lambda: torch.ones(1 << 25).sum(), CPU)
    assert held is None or held == pytest.approx(1 << 27, rel=0.1)


def test_on_a_cpu_nobody_tells_of_energy():
    assert energy_meter(CPU) is None


def test_a_precision_that_the_device_does_not_have_is_refused():
    with pytest.raises(ConfigError, match="float32, bfloat16"), precision_of("tf32", CPU):
        pass
    with precision_of("bfloat16", CPU):
        assert torch.mm(torch.ones(2, 2), torch.ones(2, 2)).dtype == torch.bfloat16


def test_streams_through_the_engine_speak_whole_utterances(voices):
    voice, engine = load("student"), Engine()
    mels = [varied_mel(voice, 1, seconds)[0] for seconds in (0.5, 1.0)]
    heard = speak_together(engine, voice, mels)
    engine.close()
    assert [sum(one.samples) for one in heard] == [mel.shape[1] * 256 for mel in mels]
    assert all(one.arrivals == sorted(one.arrivals) for one in heard)


def test_latency_is_of_every_utterance(voices):
    row = measure_latency(load("student"), 3, seconds=0.5, rounds=2)
    assert row.utterances == 6
    assert 0 < row.first_ms.p5 <= row.first_ms.p50 <= row.first_ms.p95
    assert row.chunk_ms.p50 > 0
    assert row.times_real_time > 0


def test_from_one_chunk_there_is_none_to_the_next(voices):
    row = measure_latency(load("student"), 1, seconds=0.02, rounds=1)
    assert row.chunk_ms is None
    assert row.first_ms.p50 > 0


def test_every_point_is_in_the_document_and_advances(voices):
    config = GridConfig(
        voices=["student"], threads=[1], batch=[1, 2], seconds=[0.2, 0.4], streams=[2], rounds=1, runs=1
    )
    seen = []
    document = json.loads(json.dumps(run_grid(config, seen.append)))
    assert len(seen) == config.steps == 5
    points = [(row["batch"], row["seconds"]) for row in document["rows"]]
    assert points == [(1, 0.2), (1, 0.4), (2, 0.2), (2, 0.4)]
    assert [row["streams"] for row in document["streams"]] == [2]
    assert {"date", "commit", "device", "machine", "versions", "peaks", "macs"} < document.keys()
    assert sum(document["macs"]["student"].values()) == document["rows"][0]["macs_per_audio_second"]


def test_what_is_not_there_is_refused_before_anything_is_measured(voices):
    with pytest.raises(UnknownVoice, match="installed"):
        run_grid(GridConfig(voices=["student", "nobody"]), print)
    with pytest.raises(ConfigError, match="batch"):
        parse_config(GridConfig, {"batch": [0]}, "bench")


def test_without_a_checkout_there_is_no_commit(tmp_path):
    assert commit(tmp_path) is None


def run(*options):
    return CliRunner().invoke(app, ["bench", *map(str, options)], env={"COLUMNS": "120"})


def test_the_command_ends_with_its_document(voices, tmp_path):
    picture, kept = tmp_path / "speed.png", tmp_path / "speed.json"
    options = ["--voice", "student", "--voice", "wide", "--threads", "1", "--seconds", "0.2", "--runs", "1"]
    result = run(*options, "--streams", "2", "--json", "-o", kept, "--picture", picture)
    assert result.exit_code == 0, (result.output, result.exception)
    document = json.loads(result.stdout)
    assert document == json.loads(kept.read_text())
    assert [row["voice"] for row in document["rows"]] == ["student", "wide"]
    assert "of the peak" in result.stderr
    assert "threads 1, precision float32, batch 1, s 0.2" in result.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_an_option_that_is_wrong_is_named(voices):
    result = run("--batch", "0")
    assert result.exit_code == 2
    assert "batch" in result.output
