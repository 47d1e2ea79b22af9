"""The loops that are compared say the same; the benchmark's figures hang together."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vocoder.bench.eager_loop import eager_samples
from vocoder.bench.speed import measure_speed
from vocoder.bench.teacher import _told, first_audio, loop_rates, synthesis_rates
from vocoder.checkpoints import load
from vocoder.models import Teacher


@pytest.fixture(scope="module")
def teacher(teacher_file: Path) -> Teacher:
    return load(str(teacher_file))


def test_the_eager_loop_speaks_as_the_compiled_one(teacher: Teacher) -> None:
    noise, uniform, context = _told(teacher, 3)
    sampler = teacher.make_sampler()
    compiled, _ = sampler.sample(noise, uniform, context, sampler.start(1))
    eager = eager_samples(teacher.wavenet, teacher.output, noise, uniform, context, teacher.max_lag)
    assert eager.shape == (1, 3 * 256)
    assert torch.allclose(eager, compiled, atol=1e-4)


def test_the_compiled_loop_is_the_fastest(teacher: Teacher) -> None:
    rates = loop_rates(teacher, frames=1, runs=1)
    assert set(rates.ratios) == {"compiled_to_eager", "compiled_to_stepped"}
    assert min(rates.ratios.values()) > 1


def test_every_setting_is_measured(teacher: Teacher) -> None:
    rows = list(synthesis_rates(teacher, [1], [1, 2], seconds=0.1, runs=1))
    assert [(row.cores, row.streams) for row in rows] == [(1, 1), (1, 2)]
    assert all(row.times_real_time == pytest.approx(row.samples_per_second / 22050) for row in rows)
    assert measure_speed(teacher, threads=1, seconds=0.1, runs=1).samples_per_second > 0


def test_the_first_audio_comes_with_the_frame_that_the_lookahead_asks_for(teacher: Teacher) -> None:
    first = first_audio(teacher, runs=1)
    assert first["frames"] == teacher.lookahead_frames + 1
    assert first["work_ms"] > 0


def test_only_a_teacher_is_measured(voice_folder: Path) -> None:
    command = [sys.executable, "-m", "vocoder", "bench", "teacher"]
    command += ["--voice", str(voice_folder / "student.safetensors")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 2
    assert "of kind student" in result.stderr


def test_the_command_says_what_it_measured(teacher_file: Path) -> None:
    command = [sys.executable, "-m", "vocoder", "bench", "teacher", "--voice", str(teacher_file)]
    options = ["--cores", "1", "--streams", "1", "--seconds", "0.1", "--runs", "1", "--json"]
    said = json.loads(subprocess.run(command + options, capture_output=True, check=True, timeout=240).stdout)
    (row,) = said["rows"]
    assert {"date", "machine", "versions"} < said.keys()
    assert row["loops"]["compiled_to_eager"] > 1
    assert [whole["streams"] for whole in row["synthesis"]] == [1]
