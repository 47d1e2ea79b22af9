"""The test over HTTP: blind, kept at once, gone on with after a restart, nothing but the trial at hand."""

import re
from collections import Counter

import pytest
from starlette.testclient import TestClient

from server.listening.app import WEB, create_app
from server.listening.definition import Kind, read_test
from server.listening.plan import trials
from server.listening.session import Session
from server.listening.store import FILE, Store
from vocoder.errors import InputError

TELLING = re.compile(r"student|wide|recording|anchor|LJ0|clip", re.IGNORECASE)


def begin(client, name="me"):
    return f"/v1/listeners/{client.post('/v1/listeners', json={'name': name}).json()['token']}"


def answer(client, me, value_of=lambda kind, i: 3):
    """Rate the trial at hand and go on; returns it."""
    trial = client.get(me).json()["trial"]
    for i, sound in enumerate(trial["sounds"]):
        said = {"id": sound["id"], "value": value_of(trial["kind"], i)}
        assert client.put(f"{me}/ratings", json=said).status_code == 204
    done = client.post(f"{me}/trials", json={"kind": trial["kind"], "trial": trial["number"]})
    assert done.status_code == 200, done.text
    return trial


def test_a_listener_goes_through_and_is_counted(client, folder):
    me = begin(client)
    of = client.get(me).json()["of"]
    planned = trials(read_test(folder), 0)
    assert of == len(planned) == 2 * 3 + 2
    taken = [answer(client, me) for _ in range(of)]
    assert client.get(me).json() == {"done": of, "of": of, "trial": None}
    assert [(t["kind"], len(t["sounds"])) for t in taken] == [("mos", 1)] * 6 + [("mushra", 5)] * 2
    counted = Counter((r.kind, r.clip, r.condition) for r in Store(folder).ratings())
    assert counted == Counter((t.kind, t.clip, c) for t in planned for c in t.conditions)


def test_what_is_said_belongs_to_what_was_heard(client, folder):
    """The names that a listener is given lead to the sound, and to the condition in the answers."""
    me = begin(client)
    test, store = read_test(folder), Store(folder)
    for _ in range(8):
        trial = client.get(me).json()["trial"]
        session = Session(test, folder, store, store.find(me.rpartition("/")[2]))
        for sound in trial["sounds"]:
            condition = session.sounds(session.current)[sound["id"]]
            file = folder / "stimuli" / test.files[session.current.clip][condition]
            assert client.get(f"{me}/sounds/{sound['id']}").content == file.read_bytes()
        answer(client, me, lambda kind, i: i + 1 if kind == "mos" else 10 * i)
    for rating in store.ratings():
        planned = next(t for t in trials(test, 0) if (t.kind, t.number) == (rating.kind, rating.trial))
        place = planned.conditions.index(rating.condition)
        assert rating.value == (place + 1 if rating.kind is Kind.MOS else 10 * place)


def test_nothing_that_is_sent_tells_what_is_heard(client):
    names, sizes, headers = [], set(), set()
    for listener in range(3):
        me = begin(client, f"l{listener}")
        for _ in range(8):
            place = client.get(me)
            assert not TELLING.search(place.text), place.text
            trial = place.json()["trial"]
            shown = [sound["id"] for sound in trial["sounds"]]
            shown += [trial["reference"]] if trial["reference"] else []
            names += shown
            if trial["kind"] == "mushra":
                answers = [client.get(f"{me}/sounds/{name}") for name in shown]
                sizes.add(len({len(each.content) for each in answers}))
                for each in answers:
                    assert not TELLING.search(str(each.headers))
                    headers |= {frozenset(each.headers)}
                    assert each.headers["cache-control"] == "no-store"
            answer(client, me)
    assert len(set(names)) == len(names)  # no sound has one name twice, for anybody
    assert sizes == {1}
    assert len(headers) == 1
    assert not {"etag", "last-modified", "content-disposition"} & set().union(*headers)


def test_only_the_trial_at_hand_is_given_and_taken(client, folder):
    me, other = begin(client), begin(client)
    first = client.get(me).json()["trial"]["sounds"][0]["id"]
    foreign = client.get(other).json()["trial"]["sounds"][0]["id"]
    assert client.get(f"{me}/sounds/{foreign}").status_code == 404
    assert client.put(f"{me}/ratings", json={"id": foreign, "value": 3}).status_code == 422
    answer(client, me)
    assert client.get(f"{me}/sounds/{first}").status_code == 404
    assert client.put(f"{me}/ratings", json={"id": first, "value": 1}).status_code == 422
    assert [rating.value for rating in Store(folder).ratings()] == [3]
    for name in ("../../test.json", "..%2F..%2Ftest.json", "stimuli"):
        assert client.get(f"{me}/sounds/{name}").status_code == 404
    for path in ("/listening/../app.py", "/test.json", "/stimuli"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize("value", [0, 6, -1, 3.5, "good", None])
def test_what_is_off_the_scale_is_refused_with_the_scale(client, value):
    me = begin(client)
    sound = client.get(me).json()["trial"]["sounds"][0]["id"]
    refused = client.put(f"{me}/ratings", json={"id": sound, "value": value})
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    assert "value" in refused.json()["detail"]


def test_a_trial_ends_when_everything_is_rated_and_once(client):
    me = begin(client)
    trial = client.get(me).json()["trial"]
    done = {"kind": trial["kind"], "trial": trial["number"]}
    refused = client.post(f"{me}/trials", json=done)
    assert (refused.status_code, refused.json()["detail"]) == (
        422,
        "trial: 1 of its sounds are not rated yet",
    )
    answer(client, me)
    again = client.post(f"{me}/trials", json=done)  # the answer was lost, and it is sent again
    assert again.json()["done"] == 1
    ahead = client.post(f"{me}/trials", json={"kind": "mushra", "trial": 1})
    assert "not the one at hand" in ahead.json()["detail"]


def test_what_was_said_outlives_the_server(client, folder):
    me = begin(client)
    for _ in range(6):
        answer(client, me)
    sounds = client.get(me).json()["trial"]["sounds"]
    client.put(f"{me}/ratings", json={"id": sounds[2]["id"], "value": 71})
    restarted = TestClient(create_app(folder))
    place = restarted.get(me).json()
    assert place["done"] == 6
    assert [sound["value"] for sound in place["trial"]["sounds"]] == [None, None, 71, None, None]
    assert [sound["id"] for sound in place["trial"]["sounds"]] == [sound["id"] for sound in sounds]
    assert len(Store(folder).ratings()) == 6  # what is not done does not count yet


def test_a_rating_can_be_changed_until_the_trial_is_done(client, folder):
    me = begin(client)
    sound = client.get(me).json()["trial"]["sounds"][0]["id"]
    for value in (1, 5):
        client.put(f"{me}/ratings", json={"id": sound, "value": value})
    answer(client, me, lambda kind, i: 5)
    assert [rating.value for rating in Store(folder).ratings()] == [5]


def test_strangers_are_told_to_begin_and_headers_are_safe(client, folder):
    unknown = client.get("/v1/listeners/nobody")
    assert (unknown.status_code, "begin again" in unknown.json()["detail"]) == (404, True)
    page = client.get("/")
    assert page.content == (WEB / "index.html").read_bytes()
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    for path in ("/", "/v1/test", "/listening/main.js", "/web/styles/base.css"):
        headers = client.get(path).headers
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
    assert client.post("/v1/listeners", content=b"x" * 20_000).status_code == 413
    assert client.post("/v1/listeners", json={"name": "x" * 81}).status_code == 422
    assert (folder / FILE).is_file()


def test_a_folder_without_a_test_says_how_to_begin_one(tmp_path):
    with pytest.raises(InputError, match="begin one with vocoder listen"):
        create_app(tmp_path)
