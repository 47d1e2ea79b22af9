"""The page is for browsers, its files come with a strict policy, and nothing else is given out."""

import pytest

from server.routes.page import FOLDER


def test_a_browser_gets_the_page_and_others_the_index(client):
    page = client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    assert page.content == (FOLDER / "index.html").read_bytes()
    assert page.headers["vary"] == "Accept"
    assert client.get("/").headers["content-type"] == "application/json"


def test_the_index_points_to_addresses_that_exist(client):
    index = client.get("/").json()
    for name in ("documentation", "openapi", "voices"):
        assert client.get(index[name]).status_code == 200
    assert client.post(index["synthesize"]).status_code == 415


def test_the_index_points_to_jobs_where_there_are_any(make_client, tmp_path):
    assert make_client().get("/").json()["jobs"] is None
    client = make_client(jobs=tmp_path / "jobs", jobs_slots=0)
    assert client.get(client.get("/").json()["jobs"]).status_code == 200


def test_the_index_says_what_may_be_sent(make_client):
    limits = {"max_seconds": 2.5, "max_frames": 100, "max_body_bytes": 1000}
    assert make_client(**limits).get("/").json()["limits"] == limits | {"griffin_lim_seconds": 30.0}


@pytest.mark.parametrize("path", ["/", "/web/index.html"])
def test_nothing_inline_and_no_other_address_is_allowed(client, path):
    policy = client.get(path, headers={"Accept": "text/html"}).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("path", ["/web/vendor/uPlot.iife.min.js", "/web/styles/base.css", "/web/index.html"])
def test_files_of_the_page_come_compressed(client, path):
    whole = client.get(path, headers={"Accept-Encoding": "identity"})
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert packed.content == whole.content  # unpacked by the client
    assert int(packed.headers["content-length"]) < 0.6 * int(whole.headers["content-length"])
    assert packed.headers["vary"] == "Accept-Encoding"
    assert packed.headers["content-security-policy"] == whole.headers["content-security-policy"]


def test_what_the_browser_has_already_is_not_sent_again(client):
    tag = client.get("/web/index.html").headers["etag"]
    assert client.get("/web/index.html", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize(
    "path", ["/web/../app.py", "/web/%2e%2e/app.py", "/web/..%2fapp.py", "/web/nothing.js"]
)
def test_only_files_of_the_page_are_given_out(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
