"""The recordings that ship, over HTTP."""

import pytest

from vocoder.audio import read
from vocoder.samples import SAMPLES, TRANSCRIPTS


def test_every_sample_is_listed_and_its_address_gives_its_recording(client):
    listed = client.get("/v1/samples").json()["samples"]
    assert {sample["name"] for sample in listed} == SAMPLES.keys()
    for sample in listed:
        response = client.get(sample["url"])
        assert response.headers["content-type"] == "audio/flac"
        assert response.content == SAMPLES[sample["name"]].read_bytes()
        audio, rate = read(response.content)
        assert sample["seconds"] == pytest.approx(audio.numel() / rate, abs=0.01)


def test_the_transcripts_are_those_of_the_readme():
    readme = (next(iter(SAMPLES.values())).parent / "README.md").read_text()
    rows = {
        row.split("`")[1]: row.split("|")[3].strip() for row in readme.splitlines() if row.startswith("| `")
    }
    assert rows == {SAMPLES[name].name: text for name, text in TRANSCRIPTS.items()}


@pytest.mark.parametrize("name", ["nobody", "__init__", "..%2fREADME.md"])
def test_another_name_is_no_sample(client, name):
    assert client.get(f"/v1/samples/{name}").status_code == 404
