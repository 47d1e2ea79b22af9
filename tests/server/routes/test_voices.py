"""The list of voices is that of the installed checkpoints, as they are now."""

from vocoder.checkpoints import load
from vocoder.mel import MelSpec


def test_every_installed_voice_is_listed_with_what_it_reads(client):
    answer = client.get("/v1/voices").json()
    assert [voice["name"] for voice in answer["voices"]] == ["student", "wide"]
    for listed in answer["voices"]:
        voice = load(listed["name"])
        assert MelSpec.model_validate(listed["mel_spec"]) == voice.mel_spec
        assert listed["mel_fingerprint"] == voice.mel_spec.fingerprint
        assert listed["kind"] == voice.kind
        assert listed["sample_rate"] == voice.sample_rate
        assert listed["lookahead_frames"] == voice.lookahead_frames
        assert listed["parameters"] == voice.num_parameters()
        assert listed["scores"] == (voice.likelihood is not None)
    assert [voice["dialect"] for voice in answer["voices"]] == ["nvidia", "vocos"]


def test_the_default_is_marked(make_client):
    answer = make_client(default_voice="wide").get("/v1/voices").json()
    assert answer["default"] == "wide"
    assert [voice["name"] for voice in answer["voices"] if voice["default"]] == ["wide"]


def test_figures_and_training_come_from_the_checkpoint(client):
    (summary, _) = client.get("/v1/voices").json()["voices"]
    details = client.get("/v1/voices/student").json()
    assert summary["figures"] == details["figures"]
    assert details["figures"]["held out"]["systems"]["student"]["estoi"]["mean"] == 0.5
    assert summary["training"] == {"steps": 3}
    assert details["training"] == {"steps": 3, "curve": [3.0, 2.0, 1.0]}


def test_a_new_voice_appears_and_speaks_without_a_restart(client, voices, utterance):
    spoken = utterance(20)
    (voices / "student.safetensors").rename(voices / "renamed.safetensors")
    assert [voice["name"] for voice in client.get("/v1/voices").json()["voices"]] == ["renamed", "wide"]
    headers = {"Content-Type": "application/x-npy"}
    response = client.post("/v1/synthesize?voice=renamed", content=spoken.npy, headers=headers)
    assert response.headers["vocoder-voice"] == "renamed"


def test_a_damaged_voice_is_named_and_the_others_are_listed(client, voices):
    (voices / "broken.safetensors").write_bytes(b"not safetensors")
    answer = client.get("/v1/voices").json()
    assert answer["unavailable"] == ["broken"]
    assert len(answer["voices"]) == 2


def test_no_voice_at_all_is_an_empty_list(client, voices):
    for path in voices.iterdir():
        path.unlink()
    assert client.get("/v1/voices").json() == {"default": None, "voices": [], "unavailable": []}


def test_a_voice_is_freed_and_loaded_again(client, wait_until):
    wait_until(lambda: client.get("/readyz").status_code == 200)
    assert client.post("/v1/voices/wide/unload").status_code == 204
    assert client.get("/v1/voices/wide").json()["loaded"] is False
    assert client.get("/readyz").json()["voices"] == ["student"]
    loaded = client.post("/v1/voices/wide/load").json()
    assert (loaded["name"], loaded["loaded"]) == ("wide", True)
    assert client.get("/readyz").json()["voices"] == ["student", "wide"]


def test_a_voice_that_was_freed_speaks_when_it_is_asked_to(client, utterance):
    spoken = utterance(20)
    client.post("/v1/voices/student/unload")
    headers = {"Content-Type": "application/x-npy"}
    assert client.post("/v1/synthesize", content=spoken.npy, headers=headers).status_code == 200


def test_a_rescan_finds_what_is_new_and_lets_go_of_what_is_gone(client, voices, wait_until):
    wait_until(lambda: client.get("/readyz").status_code == 200)
    (voices / "wide.safetensors").rename(voices / "moved.safetensors")
    listed = client.post("/v1/voices/rescan").json()["voices"]
    assert [(voice["name"], voice["loaded"]) for voice in listed] == [("moved", True), ("student", True)]
    assert client.app.state.engine.voices.loaded() == ["moved", "student"]


def test_a_voice_is_swapped_while_it_speaks(serve, voices, utterance):
    """Requests without pause while the checkpoint is replaced: none fails, the last hear the new one."""
    import threading

    import torch

    from vocoder.checkpoints import load, save_checkpoint
    from vocoder.client import Client

    app, url = serve(max_streams=8)
    spoken = utterance(20)
    old = load("student").synthesize(spoken.mel)
    model = load("student")
    with torch.no_grad():
        model.filters.network.last.bias[:16] += 0.5
    new = model.synthesize(spoken.mel)
    assert (old - new).abs().max() > 1e-2
    heard, stop = [], threading.Event()

    def speak():
        with Client(url) as client:
            while not stop.is_set():
                heard.append(client.synthesize(spoken.mel)[0])

    threads = [threading.Thread(target=speak) for _ in range(3)]
    for thread in threads:
        thread.start()
    save_checkpoint(voices / "student.safetensors", model)
    app.state.engine.voices.get("student")
    while len(heard) < 20:
        stop.wait(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    assert all(min((audio - old).abs().max(), (audio - new).abs().max()) < 1e-3 for audio in heard)
    assert (heard[-1] - new).abs().max() < 1e-3
