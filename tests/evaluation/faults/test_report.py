"""Rates with intervals: what no event in all clips says, and what it does not."""

import numpy as np
import pytest

from vocoder.evaluation.faults import DETECTORS, Event, Found
from vocoder.evaluation.faults.page import page_of
from vocoder.evaluation.faults.report import most_unseen, rate_rows, summarize, to_json
from vocoder.evaluation.faults.survey import Hearing

SECONDS = (30.0, 60.0, 90.0)
A_MINUTE = sorted(name for name, d in DETECTORS.items() if not d.share_of)
SHARES = sorted(name for name, d in DETECTORS.items() if d.share_of)


def hearings(name, rates, events=()):
    return [
        Hearing(str(i), "voice", seconds, {name: Found(events, rate)})
        for i, (seconds, rate) in enumerate(zip(SECONDS, rates, strict=True))
    ]


def cell(name, heard):
    rows = {row[0]: row[2] for row in rate_rows(to_json(heard, ""))}
    return rows[DETECTORS[name].label]


def test_at_most_as_many_as_one_run_in_forty_would_not_show():
    minutes = 2.5
    assert np.exp(-most_unseen(minutes) * minutes) == pytest.approx(0.025)
    assert most_unseen(1.0) == pytest.approx(3.689, abs=1e-3)


@pytest.mark.parametrize("name", A_MINUTE)
def test_no_event_a_minute_is_bounded_by_all_minutes(name):
    rate = summarize(hearings(name, (0.0, 0.0, 0.0)))[name]
    assert (rate["mean"], rate["low"], rate["events"]) == (0, 0, 0)
    assert rate["high"] == pytest.approx(3.689 / 3, rel=1e-3)
    assert cell(name, hearings(name, (0.0, 0.0, 0.0))) == "0 (0 … 1.2)"


@pytest.mark.parametrize("name", A_MINUTE)
def test_minutes_in_which_nothing_was_sought_do_not_count(name):
    rate = summarize(hearings(name, (0.0, 0.0, np.nan)))[name]
    assert rate["high"] == pytest.approx(3.689 / 1.5, rel=1e-3)


@pytest.mark.parametrize("name", SHARES)
def test_a_share_without_an_event_has_no_interval(name):
    rate = summarize(hearings(name, (0.0, 0.0, np.nan)))[name]
    assert (rate["mean"], rate["low"], rate["high"], rate["clips"]) == (0, None, None, 2)
    assert cell(name, hearings(name, (0.0, 0.0, np.nan))) == "0 of 2 clips"


@pytest.mark.parametrize("name", DETECTORS)
def test_events_have_an_interval_over_clips(name):
    seen = hearings(name, (0.1, 0.2, 0.6), (Event(1.0, 9.0),))
    rate = summarize(seen)[name]
    assert rate["mean"] == pytest.approx(0.3)
    assert rate["low"] < 0.3 < rate["high"]
    assert rate["events"] == 3
    assert " … " in cell(name, seen)


@pytest.mark.parametrize("name", DETECTORS)
def test_without_a_rate_there_is_a_dash(name):
    assert cell(name, hearings(name, (np.nan,) * 3)) == "–"


def test_the_page_says_what_the_control_is(tmp_path):
    page = page_of(to_json(hearings("clicks", (0.0, 0.0, 0.0)), "vocoder faults"), {}, tmp_path)
    assert "7 ms later than its highest, cut 12.3 ms later, 6 dB softer, in white noise 65 dB" in page
