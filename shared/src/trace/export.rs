//! Where spans go: to an OpenTelemetry collector, in batches, by a thread of its own. Its queue is bounded, and who ends a span
//! never waits for it: with a collector that is away or hangs, spans are lost and nothing else.

use std::{
    env,
    sync::Mutex,
    time::{Duration, Instant},
};

use clap::Args;
use opentelemetry::{
    Context, KeyValue,
    trace::{Link, SpanKind, TraceContextExt as _, TraceId, TracerProvider as _},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Sampler, SamplingResult, SdkTracerProvider, ShouldSample, SpanData, SpanExporter as Exporter},
};

use super::TRACER;

/// How long the last spans get at the end.
const FLUSH: Duration = Duration::from_secs(2);

/// From one complaint about a collector that takes nothing to the next.
const COMPLAINTS: Duration = Duration::from_secs(60);

/// Where traces go.
#[derive(Args, Clone, Debug)]
pub struct TraceArgs {
    /// Where an OpenTelemetry collector takes traces (OTLP over gRPC, http://host:4317); none are made without. OTEL_SERVICE_NAME,
    /// OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_BSP_* and OTEL_EXPORTER_OTLP_* are followed too.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", hide_env_values = true)]
    pub otlp_endpoint: Option<String>,
}

/// Spans are exported as long as this is there; [`Export::end`] sends the last ones.
pub struct Export(SdkTracerProvider);

/// On the context of a span that a stranger's request begins.
pub(super) struct Stranger;

impl Export {
    /// Begins, if that is asked for. `service`: what the spans are of, unless the environment names it.
    ///
    /// # Errors
    /// A sentence on what cannot be followed.
    pub fn start(args: &TraceArgs, service: &str) -> Result<Option<Self>, String> {
        let Some(endpoint) = endpoint(args) else { return Ok(None) };
        let exporter = SpanExporter::builder().with_tonic().with_endpoint(reachable(&endpoint)?).build();
        let exporter = exporter.map_err(|_| "the settings OTEL_EXPORTER_OTLP_… cannot be followed".to_owned())?;
        let provider = SdkTracerProvider::builder()
            .with_sampler(Deciding(sampler()?))
            .with_resource(resource(service))
            .with_batch_exporter(Complaining { exporter, last: Mutex::default() })
            .build();
        TRACER.set(provider.tracer("bibliotique")).map_err(|_| "traces are exported already".to_owned())?;
        Ok(Some(Self(provider)))
    }

    /// Sends what is left, for two seconds at most.
    pub async fn end(self) {
        let flushed = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(FLUSH));
        if !matches!(flushed.await, Ok(Ok(()))) {
            tracing::warn!("the last spans were not taken");
        }
    }
}

/// The standard variables, of which an empty one is none.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn endpoint(args: &TraceArgs) -> Option<String> {
    let off = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || variable("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
    let given = args.otlp_endpoint.clone().filter(|endpoint| !endpoint.trim().is_empty());
    variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or(given).filter(|_| !off)
}

/// Says nothing of what the address is: there may be a password in it.
fn reachable(endpoint: &str) -> Result<&str, String> {
    let protocol = variable("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL").or_else(|| variable("OTEL_EXPORTER_OTLP_PROTOCOL"));
    if protocol.is_some_and(|protocol| protocol != "grpc") {
        return Err("OTEL_EXPORTER_OTLP_PROTOCOL: traces are exported over grpc alone".to_owned());
    }
    let uri: http::Uri = endpoint.trim().parse().unwrap_or_default();
    match (uri.scheme_str(), uri.host()) {
        (Some("http"), Some(_)) => Ok(endpoint.trim()),
        (Some("https"), Some(_)) => {
            Err("OTEL_EXPORTER_OTLP_ENDPOINT: traces go over http:// alone, to a collector on \
                                         this machine or in a network of one's own"
                .to_owned())
        }
        _ => Err("OTEL_EXPORTER_OTLP_ENDPOINT is not an address like http://127.0.0.1:4317".to_owned()),
    }
}

/// The environment's own name and attributes go before ours.
fn resource(service: &str) -> Resource {
    let mut resource = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    let named = variable("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|attributes| attributes.contains("service.name="));
    if variable("OTEL_SERVICE_NAME").is_none() && !named {
        resource = resource.with_service_name(service.to_owned());
    }
    resource.build()
}

/// `OTEL_TRACES_SAMPLER` and its argument, as the specification of the SDK's environment has them.
fn sampler() -> Result<Sampler, String> {
    let name = variable("OTEL_TRACES_SAMPLER").unwrap_or_else(|| "parentbased_always_on".to_owned());
    let ratio = || match variable("OTEL_TRACES_SAMPLER_ARG").map_or(Ok(1.0), |ratio| ratio.parse()) {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(Sampler::TraceIdRatioBased(ratio)),
        _ => Err("OTEL_TRACES_SAMPLER_ARG is not a number from 0 to 1".to_owned()),
    };
    let root = match name.strip_prefix("parentbased_").unwrap_or(&name) {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "traceidratio" => ratio()?,
        _ => {
            return Err(
                "OTEL_TRACES_SAMPLER is not always_on, always_off or traceidratio, or parentbased_ and one of \
                         these"
                    .to_owned(),
            );
        }
    };
    Ok(if name.starts_with("parentbased_") { Sampler::ParentBased(Box::new(root)) } else { root })
}

/// The sampler, asked about a stranger's trace as about a new one: neither what he wishes nor the number that he chose decides.
#[derive(Clone, Debug)]
struct Deciding(Sampler);

impl ShouldSample for Deciding {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let Some(parent) = parent.filter(|parent| parent.get::<Stranger>().is_some()) else {
            return self.0.should_sample(parent, trace, name, kind, attributes, links);
        };
        let trace = TraceId::from_bytes(crate::random::bytes());
        let result = self.0.should_sample(None, trace, name, kind, attributes, links);
        SamplingResult { trace_state: parent.span().span_context().trace_state().clone(), ..result }
    }
}

/// An exporter whose failures somebody hears of, now and then.
#[derive(Debug)]
struct Complaining {
    exporter: SpanExporter,
    last: Mutex<Option<Instant>>,
}

impl Complaining {
    /// Without the reason: it may repeat what the collector said, and that is not ours to log.
    fn complain(&self, spans: usize) {
        metrics::counter!("bibliotique_trace_spans_lost_total").increment(u64::try_from(spans).unwrap_or(u64::MAX));
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= COMPLAINTS) {
            *last = Some(Instant::now());
            tracing::warn!(spans, "the collector of traces takes nothing; spans are lost");
        }
    }
}

impl Exporter for Complaining {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let outcome = self.exporter.export(batch).await;
        if outcome.is_err() {
            self.complain(spans);
        }
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
