"""The loops that are compared say the same; the benchmark's figures hang together."""

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from vocoder.bench.eager_loop import eager_samples
from vocoder.bench.speed import Setting, measure_speed
from vocoder.bench.teacher import draws_and_context, first_audio, loop_rates, synthesis_rates
from vocoder.checkpoints import load
from vocoder.cli import app
from vocoder.models import Teacher


@pytest.fixture(scope="module")
def teacher(teacher_file: Path) -> Teacher:
    return load(str(teacher_file))


def test_the_eager_loop_speaks_as_the_compiled_one(teacher: Teacher) -> None:
    noise, uniform, context = draws_and_context(teacher, 3)
    sampler = teacher.make_sampler()
    compiled, _ = sampler.sample(noise, uniform, context, sampler.start(1))
    floor = teacher.config.density_floor
    eager = eager_samples(teacher.wavenet, teacher.output, noise, uniform, context, teacher.max_lag, floor)
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
    assert measure_speed(teacher, Setting(seconds=0.1), runs=1).samples_per_second.p50 > 0


def test_the_first_audio_comes_with_the_frame_that_the_lookahead_asks_for(teacher: Teacher) -> None:
    first = first_audio(teacher, runs=1)
    assert first["frames"] == teacher.lookahead_frames + 1
    assert first["work_ms"] > 0


def test_only_a_teacher_is_measured(voice_folder: Path) -> None:
    voice = str(voice_folder / "student.safetensors")
    result = CliRunner().invoke(app, ["bench", "teacher", "--voice", voice])
    assert result.exit_code == 2
    assert "of kind student" in result.output


def test_the_command_says_what_it_measured(teacher_file: Path) -> None:
    options = ["--cores", "1", "--streams", "1", "--seconds", "0.1", "--runs", "1", "--json"]
    result = CliRunner().invoke(app, ["bench", "teacher", "--voice", str(teacher_file), *options])
    said = json.loads(result.stdout)
    (row,) = said["rows"]
    assert {"date", "commit", "machine", "versions"} < said.keys()
    assert row["loops"]["compiled_to_eager"] > 1
    assert [whole["streams"] for whole in row["synthesis"]] == [1]
