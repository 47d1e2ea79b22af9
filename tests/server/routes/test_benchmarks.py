"""Benchmarks over HTTP: jobs of the real runner, whose figures can be asked for."""

import pytest

TINY = {"voices": ["student"], "threads": [1], "seconds": [0.2], "streams": [1], "rounds": 1, "runs": 1}


@pytest.fixture
def waiting(make_client, tmp_path):
    """A client of a server that takes jobs and runs none."""
    return make_client(jobs=tmp_path / "jobs", jobs_slots=0)


def test_a_benchmark_is_a_job_whose_figures_can_be_asked_for(
    make_client, tmp_path, voices, monkeypatch, wait_until
):
    monkeypatch.setenv("VOCODER_VOICES", str(voices))  # for the job's own process
    client = make_client(jobs=tmp_path / "jobs", jobs_grace=1.0)
    answer = client.post("/v1/benchmarks", json={"config": TINY})
    assert answer.status_code == 201, answer.text
    place, job = answer.headers["location"], answer.json()
    assert (job["recipe"], job["state"]) == ("bench", "queued")
    assert client.get("/v1/jobs").json()["jobs"][0]["id"] == job["id"]
    wait_until(lambda: client.get(place).json()["job"]["state"] not in ("queued", "running"), seconds=280)
    found = client.get(place).json()
    assert found["job"]["state"] == "succeeded", client.get(f"/v1/jobs/{job['id']}/logs").text
    assert found["job"]["progress"]["step"] == found["job"]["progress"]["steps"] == 2
    assert found["result"]["rows"][0]["samples_per_second"]["p50"] > 0
    assert found["result"]["streams"][0]["streams"] == 1


def test_sent_again_it_is_the_same_job(waiting):
    first, again = (
        waiting.post("/v1/benchmarks", json={"config": TINY}, headers={"Idempotency-Key": "x"})
        for _ in range(2)
    )
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert waiting.get(first.headers["location"]).json()["result"] is None


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"voices": ["nobody"]}, "choose from student, wide"),
        ({"voices": ["/etc/x.safetensors"]}, "choose from student, wide"),
        ({"batch": [0]}, "batch"),
        ({"batch": list(range(1, 17)), "threads": list(range(1, 17))}, "expected 1 to 200"),
        ({"speed": 1}, "speed"),
    ],
)
def test_what_is_wrong_is_refused_by_the_field(waiting, config, said):
    answer = waiting.post("/v1/benchmarks", json={"config": config})
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


def test_another_job_is_no_benchmark(waiting):
    flow = {"recipe": "flow", "config": {"flow": "planar", "data": "two-moons", "steps": 20}}
    job = waiting.post("/v1/jobs", json=flow).json()["id"]
    answer = waiting.get(f"/v1/benchmarks/{job}")
    assert answer.status_code == 404
    assert "no benchmark" in answer.json()["detail"]
