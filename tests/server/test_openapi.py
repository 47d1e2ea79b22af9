"""The OpenAPI document: its examples are what the real server takes and gives."""

import pytest

from server.parameters import LISTS
from server.problems import PROBLEMS

REAL = {"/v1/voices/{name}": "/v1/voices/student", "/problems/{name}": "/problems/busy"}


@pytest.fixture
def document(client):
    return client.get("/openapi.json").json()


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def resolve(document, schema):
    """The schema that a reference points to."""
    if "$ref" not in schema:
        return schema
    found = document
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def outline(value):
    """The keys of a JSON value that are not null, all the way down to what is free to vary."""
    if not isinstance(value, dict):
        return None
    free = ("figures", "training")
    return {key: None if key in free else outline(item) for key, item in value.items() if item is not None}


def test_every_operation_says_what_it_does_and_that_errors_are_problems(document):
    for _, _, operation in operations(document):
        assert operation["description"]
        assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_every_answer_in_json_looks_like_its_example(client, document, wait_until):
    wait_until(lambda: client.get("/readyz").status_code == 200)
    seen = 0
    for method, path, operation in operations(document):
        answers = operation["responses"].get("200", {}).get("content", {})
        if method != "get" or "application/json" not in answers:
            continue
        (example,) = resolve(document, answers["application/json"]["schema"])["examples"]
        assert outline(client.get(REAL.get(path, path)).json()) == outline(example), path
        seen += 1
    assert seen >= 6


def test_the_example_bodies_are_spoken(client, document):
    for method, path, operation in operations(document):
        for media_type, content in operation.get("requestBody", {"content": {}})["content"].items():
            if "example" in content:
                response = client.request(
                    method, path, json=content["example"], headers={"Content-Type": media_type}
                )
                assert response.status_code == 200, response.text
                assert response.headers["content-type"] in operation["responses"]["200"]["content"]


def test_the_headers_of_the_audio_are_documented_and_pages_of_others_may_read_them(make_client):
    client = make_client(cors_origins="https://friend.example")
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/v1/synthesize"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    response = client.post("/v1/synthesize", json=example, headers={"Origin": "https://friend.example"})
    sent = {name for name in response.headers if name.startswith("vocoder-")}
    assert sent == {name.lower() for name in operation["responses"]["200"]["headers"]}
    readable = response.headers["access-control-expose-headers"].lower().split(", ")
    assert sent == {name for name in readable if name.startswith("vocoder-")}
    assert {"x-request-id", "retry-after"} < set(readable)


def test_only_the_lists_of_the_document_may_come_twice(make_client, tmp_path):
    document = make_client(jobs=tmp_path / "jobs").get("/openapi.json").json()
    parameters = [
        each for _, _, operation in operations(document) for each in operation.get("parameters", [])
    ]
    kinds = {each["name"]: str(each["schema"]) for each in parameters if each["in"] == "query"}
    assert {name for name, kind in kinds.items() if "'array'" in kind} == LISTS


def test_every_problem_is_documented_at_its_status(document):
    listed = {}
    for _, _, operation in operations(document):
        for status, response in operation["responses"].items():
            content = response.get("content", {}).get("application/problem+json", {})
            listed |= dict.fromkeys(content.get("examples", {}), status)
    unlisted = {"not-found", "method-not-allowed"}  # everywhere
    unlisted |= {"unknown-job", "job-conflict"}  # where jobs are on: tests/server/routes/test_jobs.py
    unlisted |= {"malformed-message", "idle-timeout"}  # over WebSocket, which the document does not know
    assert listed == {name: str(kind.status) for name, kind in PROBLEMS.items() if name not in unlisted}


def test_every_reference_leads_somewhere(document):
    def walk(value):
        if isinstance(value, dict):
            if "$ref" in value:
                assert resolve(document, value)
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(document)
