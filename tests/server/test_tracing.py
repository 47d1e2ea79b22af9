"""Traces: one span a request, however many chunks it takes."""

import pytest

pytest.importorskip("opentelemetry.instrumentation.fastapi", reason="needs the otel extra")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="needs the otel extra")


def test_a_streamed_request_is_one_span(make_client, utterance):
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    client = make_client(tracing=True)
    response = client.post(
        "/v1/synthesize", content=utterance(600).npy, headers={"Content-Type": "application/x-npy"}
    )
    client.get("/healthz")
    assert response.status_code == 200
    assert [span.name for span in exporter.get_finished_spans()] == ["POST /v1/synthesize"]
