"""Ray Serve on one node: two replicas behind one address, the same API, the samples of the library."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from vocoder.checkpoints.voices import FOLDERS_VARIABLE

pytest.importorskip("ray.serve", reason="needs the ray extra")

FILE = Path(__file__).parent.parent.parent / "deploy" / "ray" / "serve.yaml"


@pytest.fixture(scope="module")
def url(voice_folder, tmp_path_factory):
    """The address of two replicas, started by the command."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("ray") / "log"
    options = ["--cluster", "local", "--min-replicas", "2", "--max-replicas", "2", "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "vocoder", "serve", *options, "--set", "workers=1"],
        env=os.environ | {FOLDERS_VARIABLE: str(voice_folder), "RAY_USAGE_STATS_ENABLED": "0"},
        stdout=subprocess.PIPE,
        stderr=log.open("w"),
        text=True,
    )
    address = next((line.strip() for line in process.stdout if line.startswith("http")), None)
    assert address, log.read_text()
    yield address
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def test_the_samples_are_those_of_the_library(url, utterance):
    from vocoder.audio import to_pcm16
    from vocoder.client import Client

    with Client(url) as client:
        for seed in range(4):
            spoken = utterance(40, seed=seed)
            audio, _ = client.synthesize(spoken.mel, seed=seed)
            assert (to_pcm16(audio).int() - spoken.samples(seed=seed).int()).abs().max() <= 4


def test_a_stream_both_ways(url, utterance):
    import asyncio

    import torch

    from vocoder.audio import to_pcm16
    from vocoder.client import AsyncClient

    spoken = utterance(40)

    async def speak():
        async with AsyncClient(url) as client, client.converse(seed=3) as conversation:
            for piece in spoken.mel.split(8, dim=1):
                await conversation.push(piece)
            await conversation.finish()
            return torch.cat([samples async for samples in conversation.listen()])

    made = to_pcm16(asyncio.run(speak()))
    assert (made.int() - spoken.samples(seed=3).int()).abs().max() <= 4


def test_the_work_is_shared_among_the_replicas(url):
    """Each replica has its own figures: requests one after the other see those of more than one process."""
    from server.local import get_text

    seen = {
        re.search(r"^process_start_time_seconds (\S+)$", get_text(url, "/metrics"), re.MULTILINE)[1]
        for _ in range(30)
    }
    assert len(seen) == 2


def test_errors_are_problems_here_too(url):
    from http.client import HTTPConnection
    from urllib.parse import urlsplit

    address = urlsplit(url)
    connection = HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("GET", "/v1/voices/nobody")
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["type"]) == (404, "/problems/unknown-voice")


def test_the_file_for_serve_deploy_builds_the_application(voices):
    from server.cluster import build

    (application,) = yaml.safe_load(FILE.read_text())["applications"]
    assert application["import_path"] == "server.cluster:build"
    assert build(application["args"])
