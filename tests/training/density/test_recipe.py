"""A run ends in figures, a picture and a page; it can be stopped; what does not fit is named."""

import json
from pathlib import Path

import pytest

from training.density.digits_page import write_digits
from training.density.page import Spent, write_page
from training.density.recipe import DensityConfig, DensityResult, train_density
from training.density.speed_pages import write_directions
from vocoder.bench.directions import measure_directions
from vocoder.errors import ConfigError, InputError


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def results(runs: Path) -> list[DensityResult]:
    configs = [
        DensityConfig(flow="maf", data="checkerboard", steps=2),
        DensityConfig(flow="rnvp", data="digits", steps=1),
    ]
    return [train_density(config, runs / config.name, progress=False) for config in configs]


def test_figures_are_written(runs: Path, results: list[DensityResult]) -> None:
    points, images = results
    written = json.loads((runs / "checkerboard-maf" / "result.json").read_text())
    assert written["nats"] == points.nats
    assert points.nats - points.entropy_nats == pytest.approx(points.excess_nats, abs=1e-4)
    assert 1 < images.bits_per_dim < 10


def test_a_finished_run_is_measured_again_not_trained(runs: Path, results: list[DensityResult]) -> None:
    assert train_density(results[0].config, runs / "checkerboard-maf", progress=False) == results[0]


def test_a_stopped_run_says_so(tmp_path: Path) -> None:
    config = DensityConfig(flow="maf", data="two-moons", steps=3)
    assert train_density(config, tmp_path, progress=False, max_minutes=1e-9) is None


def test_the_page_names_figures_and_pictures(
    runs: Path, results: list[DensityResult], tmp_path: Path
) -> None:
    points, images = results
    text = write_page(
        results, runs, tmp_path, command="train them", spent=Spent(2, 60.0, 120.0, resumed=False)
    ).read_text()
    assert "`train them`" in text
    assert "2 CPU-minutes in all, in 1 minutes" in text
    assert f"| maf | {points.num_parameters:,} | {points.nats:.3f} (+{points.excess_nats:.3f}) |" in text
    assert f"| rnvp | uniform | {images.bits_per_dim:.3f} |" in text
    for result in results:
        assert f"({result.config.name}.png)" in text
        assert (tmp_path / f"{result.config.name}.png").stat().st_size < 50_000


def test_time_of_a_resumed_gallery_is_not_stated() -> None:
    assert "minutes" not in Spent(2, 60.0, 120.0, resumed=True).describe()


def test_the_order_of_the_digits_is_stated_seed_by_seed(tmp_path: Path) -> None:
    def result(flow: str, kind: str, seed: int, bits: float) -> DensityResult:
        config = DensityConfig(flow=flow, data="digits", dequantization=kind, seed=seed)
        return DensityResult(config, num_parameters=1, steps=1, cpu_seconds=1.0, bits_per_dim=bits)

    results = [
        result(flow, kind, seed, bits + 0.01 * seed)
        for flow, kind, bits in [
            ("glow", "uniform", 2.0),
            ("rnvp", "uniform", 2.1),
            ("glow", "variational", 1.9),
        ]
        for seed in range(2)
    ]
    text = write_digits(results, tmp_path, command="train them").read_text()
    assert "| rnvp | uniform | 2.105 ± 0.007 | 2.100 | 2.110 |" in text
    assert "| rnvp uniform → glow uniform | 0.100 ± 0.000 | 0.100 | 0.100 |" in text
    assert "| glow uniform → glow variational | 0.100 ± 0.000 | 0.100 | 0.100 |" in text


def test_directions_are_opposite(tmp_path: Path) -> None:
    times = measure_directions([64], batch=2, hidden=64, runs=3)
    maf, iaf = times
    assert maf.to_data_ms > 3 * maf.to_noise_ms
    assert iaf.to_noise_ms > 3 * iaf.to_data_ms
    write_directions(times, tmp_path, command="time them")
    assert json.loads((tmp_path / "directions.json").read_text())["rows"][0]["flow"] == "MAF"
    assert "| MAF | 64 |" in (tmp_path / "directions.md").read_text()


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(InputError, match="must be positive"):
        measure_directions([0])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"flow": "maf", "data": "digits"}, "'maf' is not trained on digits; choose rnvp"),
        ({"flow": "magic", "data": "spirals"}, "'magic' is not trained on spirals; choose planar"),
        ({"flow": "maf", "data": "moons"}, "choose two-moons"),
        ({"flow": "maf", "data": "spirals", "dequantization": "variational"}, "continuous"),
    ],
)
def test_what_does_not_fit_is_named(values: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        train_density(DensityConfig(**values), tmp_path)
