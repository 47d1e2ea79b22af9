"""The picture of a run: a panel a curve, in rows; none for what never was anything but 0."""

from pathlib import Path

from matplotlib.image import imread

from training.plots import plot_curves


def picture(folder: Path, *names: str, **zero: float) -> tuple[int, int]:
    lines = [{"cpu_seconds": t, **{f"valid_{n}": t + 1.0 for n in names}, **zero} for t in (1.0, 2.0)]
    plot_curves({"flow": lines}, folder / "curves.png")
    height, width, _ = imread(folder / "curves.png").shape
    return height, width


def test_panels_stand_in_rows(tmp_path):
    few, many = picture(tmp_path, "a", "b", "c", "d"), picture(tmp_path, *"abcdefghi")
    assert many == (3 * few[0], few[1])


def test_what_is_always_0_has_no_panel(tmp_path):
    assert picture(tmp_path, "a", valid_power=0.0) == picture(tmp_path, "a")


def test_without_curves_there_is_no_picture(tmp_path):
    plot_curves({"flow": []}, tmp_path / "curves.png")
    plot_curves({"flow": [{"cpu_seconds": 1.0, "valid_power": 0.0}]}, tmp_path / "curves.png")
    assert not list(tmp_path.iterdir())
