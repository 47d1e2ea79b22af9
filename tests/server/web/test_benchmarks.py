"""A benchmark on the page: asked for like any job, its figures shown as a table."""

import pytest

pytest.importorskip("playwright.sync_api", reason="needs the extra browser")
pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


def test_a_benchmark_shows_its_figures(visit, tmp_path):
    page = visit(None, jobs=tmp_path / "jobs", jobs_grace=1.0).page
    page.locator("#job-new").wait_for()
    page.click("#job-new")
    page.select_option("[name=recipe]", "bench")
    page.fill("[name=changes]", 'voices=["student"]\nthreads=[1]\nseconds=[0.2, 0.4]\nstreams=[]\nruns=1')
    page.click("#job-form [type=submit]")
    page.locator(".job-state[data-state=succeeded]").wait_for(timeout=300_000)
    rows = page.locator(".job-speeds tbody tr")
    rows.first.wait_for()
    assert rows.count() == 2
    assert "student" in rows.first.inner_text()
    assert page.locator(".job-publish").is_hidden()
