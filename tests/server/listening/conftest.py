"""A small test of two voices on the two clips that ship with the tests."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from server.listening.app import create_app
from server.listening.prepared import prepare_test
from vocoder.evaluation import Clip

CLIPS = [Clip(path.stem, path) for path in sorted((Path(__file__).parents[2] / "data").glob("*.flac"))]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, voice_folder):
    """The test, made once."""
    folder = tmp_path_factory.mktemp("listening")
    with pytest.MonkeyPatch.context() as patch:
        from vocoder.checkpoints import voices as module

        patch.setattr(module, "SHIPPED", voice_folder)
        patch.delenv(module.FOLDERS_VARIABLE, raising=False)
        prepare_test(folder, CLIPS, ["student", "wide"], mid_anchor=True, seed=3)
    return folder


@pytest.fixture
def folder(prepared, tmp_path):
    """A copy that nobody has answered."""
    import shutil

    return Path(shutil.copytree(prepared, tmp_path / "listening"))


@pytest.fixture
def client(folder):
    return TestClient(create_app(folder), raise_server_exceptions=False)
