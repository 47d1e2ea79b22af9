"""The command: makes the test, serves it on loopback, reports what was said."""

import csv
import json
import subprocess
import sys
from urllib.request import Request, urlopen

import pytest
from typer.testing import CliRunner

from server.listening.definition import Kind, read_test
from server.listening.plan import trials
from server.listening.report import to_csv
from server.listening.store import Store
from vocoder.cli import app

from .conftest import CLIPS

VALUES = {
    "recording": (5, 100),
    "student": (4, 60),
    "wide": (2, 40),
    "anchor-3.5k": (0, 20),
    "anchor-7k": (0, 50),
}


def fill(folder, listeners=3, *, careless=0):
    """Listeners who say what is expected, the last ones the same of everything."""
    test, store = read_test(folder), Store(folder)
    for number in range(listeners + careless):
        listener = store.add(f"l{number}")
        for trial in trials(test, listener.number):
            for condition in trial.conditions:
                value = VALUES[condition][trial.kind is Kind.MUSHRA]
                store.rate(listener, trial, condition, 70 if number >= listeners and value > 5 else value)
            store.complete(listener, trial)


def run(*arguments):
    return CliRunner().invoke(app, ["listen", *map(str, arguments)])


def test_the_report_has_the_lectures_table_and_mushra(folder, tmp_path):
    fill(folder, careless=1)
    told = run("report", folder)
    assert told.exit_code == 0, told.output
    assert "5.00 ± 0.00" in told.output
    assert "left out of MUSHRA: l3: the hidden reference below 90 in 2 of 2 trials" in told.output
    assert "4 listeners, 64 ratings" in told.output
    result = json.loads(run("report", folder, "--json", "--csv", tmp_path / "all.csv").output)
    assert [row["condition"] for row in result["mos"]] == ["recording", "student", "wide"]
    assert [(row["condition"], row["median"]) for row in result["mushra"]] == [
        ("recording", 100),
        ("student", 60),
        ("anchor-7k", 50),
        ("wide", 40),
        ("anchor-3.5k", 20),
    ]
    assert {row["ratings"] for row in result["mushra"]} == {6}  # without the careless one
    rows = list(csv.DictReader((tmp_path / "all.csv").open()))
    assert len(rows) == 64
    assert rows[0].keys() == {"listener", "name", "kind", "trial", "clip", "condition", "value", "time"}


def test_a_name_is_no_formula(folder):
    ratings = [rating._replace(name="=1+1") for rating in said_by_one(folder)]
    assert {row["name"] for row in csv.DictReader(to_csv(ratings).splitlines())} == {"'=1+1"}


def said_by_one(folder):
    fill(folder, listeners=1)
    return Store(folder).ratings()


def test_without_answers_the_report_is_empty(folder):
    assert "0 listeners, 0 ratings" in run("report", folder).output


def test_what_is_wrong_is_one_line(tmp_path):
    assert "choose from mos, mushra" in run(CLIPS[0].path, "--test", "abx").output
    refused = run("report", tmp_path)
    assert (refused.exit_code, refused.output.count("\n")) == (2, 1)


@pytest.mark.parametrize("options", [[], ["serve"]])
def test_it_serves_on_loopback_and_goes_on_after_kill(voices, tmp_path, monkeypatch, options):
    """The answers of a server that is killed are there for the next one."""
    (tmp_path / "list.txt").write_text(f"{CLIPS[0].path}\n")
    monkeypatch.setenv("VOCODER_VOICES", str(voices))
    command = [sys.executable, "-m", "vocoder", "listen", *options, str(tmp_path / "list.txt")]
    command += ["--voice", "student", "--test", "mos", "--to", str(tmp_path / "test"), "--port", "0"]
    me = ""
    for said in ([4, 2], []):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:")
            me = me or ask(url, "POST", "/v1/listeners", {})["token"]
            place = ask(url, "GET", f"/v1/listeners/{me}")
            for value in said:
                (sound,), trial = place["trial"]["sounds"], place["trial"]
                ask(url, "PUT", f"/v1/listeners/{me}/ratings", {"id": sound["id"], "value": value})
                done = {"kind": trial["kind"], "trial": trial["number"]}
                place = ask(url, "POST", f"/v1/listeners/{me}/trials", done)
        finally:
            process.kill()
            process.wait()
    assert place == {"done": 2, "of": 2, "trial": None}
    assert sorted(rating.value for rating in Store(tmp_path / "test").ratings()) == [2, 4]


def ask(url, method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = Request(url + path, data, {"Content-Type": "application/json"}, method=method)
    with urlopen(request, timeout=30) as response:
        text = response.read()
    return json.loads(text) if text else None
