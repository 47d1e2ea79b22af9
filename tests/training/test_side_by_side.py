"""What one of several runs raises ends them all: those that run may save, those that wait never begin."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import signal, sys, time
from pathlib import Path
from training.side_by_side import side_by_side

def work(folder, number):
    # The first fails when the second has begun, which saves on SIGTERM, as training does; the others do not.
    if number == 0:
        while not (folder / "1.begun").exists():
            time.sleep(0.01)
        raise ValueError("the first")
    caught = []
    if number == 1:
        signal.signal(signal.SIGTERM, lambda *_: caught.append(1))
    (folder / f"{number}.begun").touch()
    for _ in range(100):
        time.sleep(0.05)
        if caught:
            time.sleep(0.3)
            (folder / f"{number}.saved").touch()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            return
    (folder / f"{number}.done").touch()

def quick(number):
    return number

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    print(sorted(side_by_side(quick, [(number,) for number in range(5)], 2)))
    try:
        list(side_by_side(work, [(folder, number) for number in range(6)], 2))
    except ValueError as error:
        print(error, sorted(path.name for path in folder.glob("*.saved")))
"""


@pytest.mark.timeout(240)
def test_what_one_raises_ends_them_all(tmp_path: Path) -> None:
    script, folder = tmp_path / "script.py", tmp_path / "runs"
    script.write_text(SCRIPT)
    folder.mkdir()
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), str(folder)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert ended.stdout == "[0, 1, 2, 3, 4]\nthe first ['1.saved']\n", ended.stderr
    assert ended.returncode == 0
    time.sleep(1)
    assert {path.name for path in folder.iterdir()} == {"1.begun", "1.saved"}
