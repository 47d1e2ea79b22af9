"""docs/jobs.md: its commands run, in order, against the real server and its runner; its answers are true."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from server.settings import Settings

PAGE = (Path(__file__).parent.parent.parent / "docs" / "jobs.md").read_text()
BLOCKS = re.findall(r"```(bash|json)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_run_as_written(serve, tmp_path):
    app, url = serve(jobs=tmp_path / "jobs", jobs_grace=0.0)
    answer = ""
    for language, text in BLOCKS:
        if language == "json":
            assert json.loads(answer) == json.loads(text)
            continue
        script = text.replace("http://127.0.0.1:8000", url).replace(
            "vocoder jobs", f"{sys.executable} -m vocoder jobs"
        )
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=250,
            env=os.environ | {"VOCODER_URL": url},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answer = done.stdout
    job = (tmp_path / "job").read_text().strip()
    assert app.state.jobs.store.get(job).state == "succeeded"


def test_the_settings_that_it_names_exist():
    named = set(re.findall(r"\b(jobs(?:_\w+)?)=", PAGE)) | set(re.findall(r"`(jobs_\w+)`", PAGE))
    assert named <= Settings.model_fields.keys()
    assert "jobs_data" in named
