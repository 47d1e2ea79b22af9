"""OpenTelemetry traces, where the extra `otel` is installed and the settings ask for them."""

from fastapi import FastAPI

from vocoder.errors import MissingExtra


def install(app: FastAPI) -> None:
    """One span a request, without one for each chunk; sent where the OTEL_* variables say.

    Raises:
        MissingExtra: the packages are not installed.
    """
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise MissingExtra(f"tracing needs {error.name}: pip install 'vocoder[otel]'") from None
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "vocoder"}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)
    FastAPIInstrumentor.instrument_app(
        app, exclude_spans=["send", "receive"], excluded_urls="healthz,readyz,metrics"
    )
