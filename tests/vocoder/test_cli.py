"""The command `vocoder`: found without being imported, one clean line for what goes wrong."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from typer.testing import CliRunner

import vocoder
from vocoder import cli
from vocoder.errors import InputError, MissingExtra


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(cli.app, list(arguments))


@pytest.fixture
def installed(monkeypatch):
    """Puts entry points in the place of those that are installed."""

    def install(**values):
        points = {name: EntryPoint(name, value, cli.GROUP) for name, value in values.items()}
        monkeypatch.setattr(cli, "commands", lambda: points)

    return install


def test_help_lists_the_commands_without_importing_them():
    script = (
        "import sys\n"
        "from vocoder.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'torch', 'numpy', 'fastapi', 'matplotlib', 'vocoder.commands.synth'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    for name in cli.commands():
        assert f"\n  {name}  " in result.stdout
    assert "cannot be loaded" not in result.stdout


@pytest.mark.parametrize("name", cli.commands())
def test_every_command_explains_itself_with_an_example(run, name):
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"\n    vocoder {name}" in result.stdout or "Commands:" in result.stdout


def test_a_function_and_a_typer_app_are_commands(run, installed):
    installed(voices="vocoder.commands.voices:voices", group="tests_commands:app")
    import types

    import typer

    module = types.ModuleType("tests_commands")
    module.app = typer.Typer()
    module.app.command("one")(lambda: print("one"))
    module.app.command("two")(lambda: print("two"))
    sys.modules["tests_commands"] = module
    assert run("group", "two").stdout == "two\n"
    assert run("voices", "--json").exit_code == 0


@pytest.mark.parametrize("value", ["nowhere.at_all:command", "vocoder.cli:nothing"])
def test_a_broken_command_says_so_and_the_others_work(run, installed, value):
    installed(broken=value, voices="vocoder.commands.voices:voices")
    result = run("broken")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"vocoder: the command 'broken' ({value}) cannot be loaded")
    assert result.stderr.count("\n") == 1
    assert run("--help").exit_code == run("voices", "--help").exit_code == 0


def test_a_folder_that_lies_in_the_way_is_named(tmp_path):
    """A user's own `training` or `server`, where Python looks before it looks at ours."""
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "__init__.py").touch()
    program = [sys.executable, "-m", "vocoder", "prepare", "recordings"]
    result = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 1
    assert f"{tmp_path / 'training'} lies in the way of vocoder's own 'training'" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_misspelt_command_is_told_the_likely_one(run):
    result = run("sinth")
    assert result.exit_code == 2
    assert "Did you mean 'synth'?" in result.stderr


@pytest.mark.parametrize(
    ("error", "status"), [(InputError("wrong file"), 2), (MissingExtra("wrong extra"), 1)]
)
def test_errors_are_one_line_and_a_status(run, monkeypatch, error, status):
    def fail(*_):
        raise error

    monkeypatch.setattr(cli, "_load", fail)
    result = run("voices")
    assert (result.exit_code, result.stderr, result.stdout) == (status, f"vocoder: {error}\n", "")


def test_what_the_system_refuses_is_one_line(run, monkeypatch):
    monkeypatch.setattr(cli, "_load", lambda *_: Path("nowhere/at/all").read_text())
    result = run("voices")
    assert (result.exit_code, result.stderr) == (1, "vocoder: nowhere/at/all: No such file or directory\n")


def test_version(run):
    from importlib.metadata import version

    assert run("--version").stdout == f"vocoder {version('vocoder')}\n"
    assert vocoder.__version__ == version("vocoder")
    assert {"load", "voice_paths", "__version__"} <= set(dir(vocoder))


def test_the_module_is_the_command():
    result = subprocess.run([sys.executable, "-m", "vocoder", "--version"], capture_output=True, timeout=60)
    assert result.returncode == 0
