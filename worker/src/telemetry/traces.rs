//! Traces over OTLP, when `OTEL_EXPORTER_OTLP_ENDPOINT` is set.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SdkTracerProvider};
use temporalio_sdk::SimplePlugin;
use temporalio_sdk::opentelemetry::{OpenTelemetryPlugin, WorkflowIdGenerator, WorkflowSpanProcessor};

/// Builds the exporter. Ids of workflow spans come from the workflow's own random stream, so that a replay gives the same.
///
/// # Errors
/// The endpoint cannot be used.
pub(crate) fn provider(endpoint: &str, build_id: &str) -> anyhow::Result<SdkTracerProvider> {
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_tonic().with_endpoint(endpoint).build()?;
    let resource = Resource::builder()
        .with_service_name("tenantry")
        .with_attribute(opentelemetry::KeyValue::new("service.version", build_id.to_owned()))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_resource(resource)
        .with_id_generator(WorkflowIdGenerator::default())
        .with_span_processor(WorkflowSpanProcessor::new(BatchSpanProcessor::builder(exporter).build()))
        .build())
}

/// The SDK's plugin: spans for client calls, workflows, handlers and activities. Workers inherit it from the client.
pub(crate) fn plugin(provider: &SdkTracerProvider) -> SimplePlugin {
    OpenTelemetryPlugin::builder().tracer(provider.tracer("temporalio-sdk")).build()
}
