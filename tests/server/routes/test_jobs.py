"""Jobs over HTTP: the real application and its runner, over jobs that train flows of seconds."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from training.jobs.attempt import JobFolder
from training.jobs.recipes import RECIPES
from training.jobs.view import EXAMPLE, JobView
from training.run_log import Listening, RunLog
from vocoder.audio import read
from vocoder.checkpoints import voice_paths

CLIP = Path(__file__).parents[2] / "data" / "LJ001-0002.flac"
PERCEPTUAL = {
    "classifier": "student",
    "loss": {"perceptual": 1.0},
    "teacher": "student",
    "begin_with": "student",
}
FLOW = {"recipe": "flow", "config": {"flow": "planar", "data": "two-moons", "steps": 20}}


@pytest.fixture
def data(tmp_path):
    """A root with a prepared set, and recordings outside of it."""
    for folder in (tmp_path / "roots" / "mine", tmp_path / "secret"):
        folder.mkdir(parents=True)
        shutil.copy(CLIP, folder / "me_clip.flac")
        (folder / "train.txt").write_text("me_clip.flac\n")
    return tmp_path / "roots"


@pytest.fixture
def jobs(make_client, data, tmp_path):
    """A client of a server that takes jobs and runs none."""
    return make_client(jobs=tmp_path / "jobs", jobs_data=(data,), jobs_slots=0)


@pytest.fixture
def working(make_client, data, tmp_path):
    """A client of a server that runs them."""
    return make_client(jobs=tmp_path / "jobs", jobs_data=(data,), jobs_grace=1.0)


def submit(client, request=FLOW, **headers):
    answer = client.post("/v1/jobs", json=request, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["id"]


def problem(answer):
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.json()["type"], answer.json()["detail"]


def events(client, job, after=0):
    text = client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": str(after)}).text
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]


def test_without_a_folder_there_are_no_jobs(client):
    assert client.get("/v1/jobs").status_code == 404


def test_a_job_is_queued_and_shown(jobs):
    answer = jobs.post("/v1/jobs", json=FLOW | {"metadata": {"ticket": "42"}})
    assert answer.status_code == 201
    shown = jobs.get(answer.headers["Location"]).json()
    assert (shown["state"], shown["recipe"], shown["metadata"]) == ("queued", "flow", {"ticket": "42"})
    assert shown == answer.json()


def test_the_same_key_gives_the_same_job(jobs):
    first = submit(jobs, **{"Idempotency-Key": "one"})
    again = jobs.post("/v1/jobs", json=FLOW, headers={"Idempotency-Key": "one"})
    assert (again.status_code, again.json()["id"]) == (200, first)
    other = jobs.post("/v1/jobs", json=FLOW | {"priority": 3}, headers={"Idempotency-Key": "one"})
    assert (other.status_code, problem(other)[0]) == (409, "/problems/job-conflict")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"recipe": "violin"}, "recipe"),
        ({"config": {"flow": "planar", "data": "two-moons", "steps": 0}}, "steps"),
        ({"config": {"flow": "planar", "data": "three-moons"}}, "three-moons"),
        ({"colour": "red"}, "colour"),
        ({"recipe": "student", "dataset": "mine", "config": {"filters": {"stepz": 1}}}, "filters.stepz"),
        ({"recipe": "student", "dataset": "mine", "config": {"name": "../../mine"}}, "name"),
        ({"recipe": "student", "dataset": "yours", "config": {}}, "dataset"),
        ({"recipe": "student", "config": {"name": "mine"}}, "dataset: the recipe student learns from"),
        ({"recipe": "student", "config": {"data": None}}, "data"),
        ({"dataset": "mine"}, "does not go with a dataset"),
        ({"recipe": "student", "dataset": "a\0b", "config": {}}, "dataset"),
        ({"recipe": "student", "dataset": "x" * 5000, "config": {}}, "dataset"),
        ({"deadline": "9999-12-31T23:59:59-12:00"}, "more than ten years away"),
        ({"recipe": "distillation", "dataset": "mine", "config": PERCEPTUAL}, "classifier: it is a file"),
    ],
)
def test_what_is_wrong_is_refused_at_once_with_its_field(jobs, change, named):
    answer = jobs.post("/v1/jobs", json=FLOW | change)
    assert answer.status_code == 422
    assert named in problem(answer)[1]
    assert jobs.get("/v1/jobs").json()["jobs"] == []


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [("absent.txt", None, "cannot read"), ("binary.txt", b"\xff\xfe\0", "no list")],
)
def test_a_list_that_cannot_be_read_is_refused(jobs, data, name, content, named):
    if content is not None:
        (data / "mine" / name).write_bytes(content)
    sources = {"root": str(data / "mine"), "sources": [{"folder": ".", "list": name}]}
    answer = jobs.post("/v1/jobs", json={"recipe": "student", "config": {"data": sources}})
    assert answer.status_code == 422
    assert named in problem(answer)[1]


def test_an_event_beyond_all_numbers_is_refused(jobs):
    job = submit(jobs)
    answer = jobs.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": str(10**20)})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "dataset", ["../secret", "mine/../../secret", "link", "mine/link", "/etc", "{secret}"]
)
def test_recordings_are_read_below_the_roots_alone(jobs, data, dataset):
    secret = data.parent / "secret"
    (data / "link").symlink_to(secret)
    (data / "mine" / "link").symlink_to(secret)
    wanted = {"recipe": "student", "dataset": dataset.format(secret=secret), "config": {}}
    answer = jobs.post("/v1/jobs", json=wanted)
    assert (answer.status_code, "dataset" in problem(answer)[1]) == (422, True)


def test_no_list_and_no_config_leads_out_of_the_roots(jobs, data):
    (data / "mine" / "train.txt").write_text("../../secret/me_clip.flac\n")
    through_list = {"recipe": "student", "dataset": "mine", "config": {}}
    sources = [{"folder": "../../secret", "list": "train.txt"}]
    through_config = {
        "recipe": "student",
        "config": {"data": {"root": str(data / "mine"), "sources": sources}},
    }
    for wanted in (through_list, through_config):
        answer = jobs.post("/v1/jobs", json=wanted)
        assert answer.status_code == 422
        assert "lies below none of" in problem(answer)[1]


def test_a_prepared_set_is_found_by_its_name(jobs, data):
    job = submit(jobs, {"recipe": "student", "dataset": "mine", "config": {"name": "mine"}})
    shown = jobs.get(f"/v1/jobs/{job}").json()
    assert shown["config"]["data"]["root"] == str(data / "mine")
    assert (shown["name"], shown["config"]["filters"]["steps"]) == ("mine", 5000)


def test_pages_lead_from_one_to_the_next(jobs):
    ids = [submit(jobs) for _ in range(3)]
    first = jobs.get("/v1/jobs", params={"limit": 2, "recipe": "flow", "state": "queued"}).json()
    second = jobs.get("/v1/jobs", params={"limit": 2, "after": first["next"]}).json()
    assert [job["id"] for page in (first, second) for job in page["jobs"]] == ids[::-1]
    assert second["next"] is None
    assert jobs.get("/v1/jobs", params={"state": "succeeded"}).json()["jobs"] == []


def test_what_does_not_fit_the_state_is_a_conflict(jobs):
    job = submit(jobs)
    for method, path in (("POST", "/resume"), ("POST", "/publish"), ("DELETE", "")):
        answer = jobs.request(method, f"/v1/jobs/{job}{path}", json={})
        assert (answer.status_code, problem(answer)[0]) == (409, "/problems/job-conflict")
    assert jobs.post(f"/v1/jobs/{job}/cancel").json()["state"] == "cancelled"
    assert jobs.post(f"/v1/jobs/{job}/resume").json()["state"] == "queued"
    jobs.post(f"/v1/jobs/{job}/cancel")
    assert jobs.delete(f"/v1/jobs/{job}").status_code == 204
    answer = jobs.get(f"/v1/jobs/{job}")
    assert (answer.status_code, problem(answer)[0]) == (404, "/problems/unknown-job")


@pytest.mark.timeout(900)  # it trains
def test_a_job_is_followed_to_its_end_and_from_any_event_on(working):
    job = submit(working)
    told = events(working, job)
    assert [event["data"]["state"] for event in told if event["kind"] == "state"] == [
        "queued",
        "running",
        "succeeded",
    ]
    assert [e["data"]["step"] for e in told if e["kind"] == "metrics" and "loss" in e["data"]] == [10, 20]
    middle = told[len(told) // 2]["number"]
    assert events(working, job, middle) == [event for event in told if event["number"] > middle]
    shown = working.get(f"/v1/jobs/{job}").json()
    assert (shown["progress"]["fraction"], shown["attempts"]) == (1.0, 1)
    assert "succeeded" in working.get(f"/v1/jobs/{job}/logs").text
    saved = working.get(f"/v1/jobs/{job}/checkpoints").json()["checkpoints"]
    assert [(c["name"], c["kind"], c["step"]) for c in saved] == [("state.safetensors", "state", 20)]


def test_a_failure_says_why(working, data, wait_until):
    job = submit(working, FLOW | {"config": FLOW["config"] | {"steps": 10**9}})  # keeps the one place
    broken = submit(working, {"recipe": "student", "dataset": "mine", "config": {"name": "mine"}})
    (data / "mine" / "me_clip.flac").unlink()
    working.post(f"/v1/jobs/{job}/cancel")
    wait_until(lambda: working.get(f"/v1/jobs/{broken}").json()["state"] == "failed", 120)
    assert "has no such file" in working.get(f"/v1/jobs/{broken}").json()["reason"]


def test_a_voice_is_published_and_served_without_a_restart(jobs, voices, tmp_path):
    job = submit(jobs)
    run = JobFolder(tmp_path / "jobs" / job).run
    run.mkdir(parents=True)
    shutil.copy(voices / "student.safetensors", run / "fresh.safetensors")
    answer = jobs.post(f"/v1/jobs/{job}/publish", json={})
    assert answer.json() == {"voice": "fresh", "location": "/v1/voices/fresh"}
    assert jobs.get("/v1/voices/fresh").json()["name"] == "fresh"
    again = jobs.post(f"/v1/jobs/{job}/publish", json={})
    assert problem(again)[0] == "/problems/job-conflict"
    assert jobs.post(f"/v1/jobs/{job}/publish", json={"replace": True}).status_code == 200
    outside = jobs.post(f"/v1/jobs/{job}/publish", json={"name": "../outside"})
    assert (outside.status_code, "name" in problem(outside)[1]) == (422, True)
    assert "outside" not in voice_paths()
    assert [path.name for path in run.iterdir()] == ["fresh.safetensors"]


def test_what_can_be_asked_for_is_listed(jobs, data):
    (data / "deep" / "yours").mkdir(parents=True)
    (data / "deep" / "yours" / "train.txt").write_text("a\n")
    (data / "deep" / "yours" / "report.json").write_text('{"minutes": 3.5, "transcripts": 2}')
    options = jobs.get("/v1/jobs/options").json()
    assert options["datasets"] == [
        {"name": "deep/yours", "minutes": 3.5, "texts": 2},
        {"name": "mine", "minutes": None, "texts": 0},
    ]
    assert options["devices"] == []
    recipes = {recipe.pop("name"): recipe for recipe in options["recipes"]}
    assert recipes.keys() == RECIPES.keys()
    assert {name for name, recipe in recipes.items() if not recipe["takes_dataset"]} == {"bench", "flow"}
    voiceless = {name for name, recipe in recipes.items() if not recipe["makes_voice"]}
    assert voiceless == {"bench", "classifier", "flow"}
    assert recipes["student"]["config"]["filters"]["steps"] == 5000
    for name in ("student", "flow"):  # a preset can be asked for as it is
        request = {"recipe": name, "config": recipes[name]["config"]}
        submit(jobs, request | ({"dataset": "mine"} if recipes[name]["takes_dataset"] else {}))


def test_what_a_job_makes_is_heard_as_it_goes(jobs, tmp_path):
    job = submit(jobs)
    assert jobs.get(f"/v1/jobs/{job}/samples").json() == {"samples": []}
    run = JobFolder(tmp_path / "jobs" / job).run
    recording = torch.zeros(2205)
    for stage, steps in (("later", (1000,)), ("filters", (250, 1000))):
        (run / stage).mkdir(parents=True)
        log = RunLog(run / stage, tensorboard=False)
        for step in steps:
            log.hear(step, Listening(recording, torch.full((2205,), step / 2048), 22050))
    (run / "filters" / "samples" / ".torn").write_bytes(b"")
    (run / "filters" / "samples" / "secret.flac").write_bytes(b"")
    listed = jobs.get(f"/v1/jobs/{job}/samples").json()["samples"]
    told = [(sample["stage"], sample["step"]) for sample in listed]
    assert [step for stage, step in told if stage == "filters"] == [None, 250, 1000]
    assert sorted(told[3:] if told[0][0] == "filters" else told[:2], key=str) == [
        ("later", 1000),
        ("later", None),
    ]
    for sample in listed:
        audio, rate = read(jobs.get(sample["url"]).content)
        assert (rate, len(audio)) == (22050, 2205)
        assert audio[0] == pytest.approx((sample["step"] or 0) / 2048, abs=1e-4)
    for name in ("secret", "filters-secret", "filters-00000500", "..%2F..%2Fstore", "filters%2F..%2Fa"):
        assert jobs.get(f"/v1/jobs/{job}/samples/{name}").status_code == 404
    RunLog(run / "filters", tensorboard=False).go_on_from(500)
    assert len(jobs.get(f"/v1/jobs/{job}/samples").json()["samples"]) == len(listed) - 1


def test_the_document_shows_every_route_and_its_problems(jobs):
    document = jobs.get("/openapi.json").json()
    routes = {path: methods for path, methods in document["paths"].items() if path.startswith("/v1/jobs")}
    assert len(routes) == 11
    named = set()
    for methods in routes.values():
        for operation in methods.values():
            assert operation["description"]
            for response in operation["responses"].values():
                content = response.get("content", {}).get("application/problem+json", {})
                named |= content.get("examples", {}).keys()
    assert {"unknown-job", "job-conflict", "invalid-parameter"} <= named


def test_the_example_in_the_document_is_a_job_and_its_request_is_taken(jobs, data):
    assert JobView.model_validate(EXAMPLE).model_dump(mode="json").keys() == EXAMPLE.keys()
    operation = jobs.get("/openapi.json").json()["paths"]["/v1/jobs"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    assert jobs.post("/v1/jobs", json=example).status_code == 201
