"""Keys: shown once, kept as hashes, made and revoked while a server runs."""

import stat

import pytest
from typer.testing import CliRunner

from server.keys import KeyFile, Scope
from vocoder.cli import app
from vocoder.errors import ConfigError, InputError


@pytest.fixture
def file(tmp_path):
    return KeyFile(tmp_path / "keys.json")


def test_a_key_is_found_again(file):
    token = file.create("the phone app", [Scope.SYNTHESIS])
    key = file.find(token)
    assert (key.name, key.scopes) == ("the phone app", (Scope.SYNTHESIS,))


def test_the_secret_is_kept_nowhere(file):
    token = file.create("", [Scope.SYNTHESIS])
    assert token.split("_", 2)[2] not in file.path.read_text()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_a_key_allows_its_scopes_and_an_administrators_all(file):
    key, admin = (file.find(file.create("", [scope])) for scope in (Scope.JOBS, Scope.ADMIN))
    assert [scope for scope in Scope if key.allows(scope)] == [Scope.JOBS]
    assert all(admin.allows(scope) for scope in Scope)


def test_what_is_no_key_is_not_found(file):
    token = file.create("", [Scope.SYNTHESIS])
    identity = token.split("_")[1]
    for wrong in (
        "",
        "vk",
        token[:-1],
        token + "x",
        token.replace("vk", "xx"),
        f"vk_{identity}_",
        "vk_00000000_x",
        "é",
    ):
        assert file.find(wrong) is None


def test_a_revoked_key_is_refused_by_whoever_has_the_file_open(file):
    token, other = file.create("", [Scope.SYNTHESIS]), KeyFile(file.path)
    assert other.find(token)
    file.revoke(token.split("_")[1])
    assert other.find(token) is None
    with pytest.raises(InputError, match="has no key"):
        file.revoke("00000000")


@pytest.mark.parametrize("text", ["{", "[]", '{"keys": [{"id": 1}]}'])
def test_a_file_of_something_else_is_refused(file, text):
    file.path.write_text(text)
    with pytest.raises(ConfigError):
        file.find("vk_1_2")


def test_the_command_makes_lists_and_revokes(tmp_path):
    path, run = tmp_path / "keys.json", CliRunner().invoke
    made = run(
        app, ["keys", "create", "--scope", "synthesis", "--scope", "jobs", "--name", "me", "-f", str(path)]
    )
    key = KeyFile(path).find(made.stdout.strip())
    assert key.scopes == (Scope.SYNTHESIS, Scope.JOBS)
    listed = run(app, ["keys", "list", "-f", str(path)]).stdout
    assert key.id in listed
    assert "synthesis,jobs" in listed
    assert key.digest not in listed
    assert run(app, ["keys", "revoke", key.id, "-f", str(path)]).exit_code == 0
    assert not KeyFile(path).keys()


def test_where_there_is_no_file_or_no_key_the_list_says_so(tmp_path):
    path, run = tmp_path / "keys.json", CliRunner().invoke
    missing = run(app, ["keys", "list", "-f", str(path)])
    assert missing.exit_code == 2
    assert f"there is no file {path}: make a key with vocoder keys create" in missing.stderr
    KeyFile(path).create("", [Scope.JOBS])
    (identity,) = KeyFile(path).keys()
    KeyFile(path).revoke(identity)
    empty = run(app, ["keys", "list", "-f", str(path)])
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert "no keys in" in empty.stderr


def test_an_unknown_scope_is_refused(tmp_path):
    result = CliRunner().invoke(app, ["keys", "create", "--scope", "all", "-f", str(tmp_path / "keys.json")])
    assert result.exit_code == 2
    assert "choose from synthesis, jobs, admin" in result.output
