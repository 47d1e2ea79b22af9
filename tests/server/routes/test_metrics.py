"""What Prometheus reads."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

NPY = {"Content-Type": "application/x-npy"}


@pytest.fixture
def figures(client):
    def read():
        text = client.get("/metrics").text
        return {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    return read


def test_an_utterance_is_counted(client, utterance, figures):
    spoken = utterance(40)
    for seed in range(2):
        client.post("/v1/synthesize", content=spoken.npy, headers=NPY, params={"seed": seed})
    read = figures()
    assert read["vocoder_requests_total", "/v1/synthesize", "200", "POST"] == 2
    assert read["vocoder_audio_seconds_total", "student"] == pytest.approx(2 * 40 * 256 / 22050)
    assert read["vocoder_first_audio_seconds_count",] == 2
    assert read["vocoder_real_time_factor_count",] == 2
    assert read["vocoder_batch_size_sum",] >= 4
    assert read["vocoder_active_streams",] == 0
    assert read["vocoder_cut_short_total",] == 0
    assert read["process_resident_memory_bytes",] > 1 << 20


def test_problems_are_counted_by_route_and_not_by_address(client, figures):
    for name in ("a", "b"):
        client.get(f"/v1/voices/{name}")
        client.get(f"/{name}")
    read = figures()
    assert read["vocoder_requests_total", "/v1/voices/{name}", "404", "GET"] == 2
    assert read["vocoder_requests_total", "404", "GET", "other"] == 2


def test_each_application_counts_for_itself(make_client):
    first, second = make_client(), make_client()
    first.get("/healthz")
    assert "/healthz" in first.get("/metrics").text
    assert "/healthz" not in second.get("/metrics").text
