"""`vocoder serve`: options that do not fit each other are refused before anything starts."""

import pytest
from typer.testing import CliRunner

from vocoder.cli import app


@pytest.mark.parametrize("option", ["--min-replicas", "--max-replicas"])
def test_replicas_without_a_cluster_are_refused(option):
    result = CliRunner().invoke(app, ["serve", "--port", "0", "--set", "workers=0", option, "3"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{option} is of a cluster: add --cluster" in result.stderr
