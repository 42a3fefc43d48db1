//! Traces: which piece of work a request's work belongs to, from the client through all roles (W3C Trace Context), and its spans,
//! where they are exported.
//!
//! A trace travels in the headers `traceparent` and `tracestate`. Where nothing is exported ([`Export`]) no span is made: what
//! came is passed on as it is, and costs nothing more.

mod export;
mod headers;

use std::sync::OnceLock;

use http::HeaderMap;
use opentelemetry::{
    Context, KeyValue, Value,
    trace::{
        Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, Tracer as _,
    },
};
use opentelemetry_sdk::trace::{SdkTracer, Span as SdkSpan};

pub use export::{Export, TraceArgs};

/// Set once, when spans are exported.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// A place in a trace: whatever happens next happens below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace(SpanContext);

impl Trace {
    /// Where the sender says that we are. What is not well-formed is not there.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        headers::read(headers).map(Self)
    }

    /// Tells the next one where he is.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers::write(&self.0, headers);
    }

    /// 32 hexadecimal characters.
    pub fn id(&self) -> TraceId {
        self.0.trace_id()
    }

    /// The same place, and nobody has said whether it is recorded.
    fn undecided(self) -> Self {
        let of = self.0;
        Self(SpanContext::new(of.trace_id(), of.span_id(), TraceFlags::NOT_SAMPLED, true, of.trace_state().clone()))
    }
}

/// Who says where in a trace we are.
pub enum Sender {
    /// Somebody of whom nothing is known. His trace is gone on with, but whether it is recorded is for us to say: otherwise he
    /// could have everything recorded, or see to it that nothing of what he does is.
    Stranger(Option<Trace>),
    /// A role of the suite, which has decided that.
    Role(Option<Trace>),
}

/// A piece of work in a trace. It ends when it is dropped.
pub struct Span {
    recorded: Option<SdkSpan>,
    here: Option<Trace>,
}

impl Span {
    /// The work on a request.
    pub fn serving(sender: Sender, name: impl FnOnce() -> String) -> Self {
        let (parent, stranger) = match sender {
            Sender::Stranger(trace) => (trace.map(Trace::undecided), true),
            Sender::Role(trace) => (trace, false),
        };
        match TRACER.get() {
            None => Self { recorded: None, here: parent },
            Some(tracer) => Self::begin(tracer, SpanKind::Server, parent, stranger, name()),
        }
    }

    /// The work of another role on our behalf. Where there is no trace, none begins.
    pub fn calling(parent: Option<Trace>, name: impl FnOnce() -> String) -> Self {
        match (TRACER.get(), parent) {
            (Some(tracer), Some(parent)) => Self::begin(tracer, SpanKind::Client, Some(parent), false, name()),
            (_, here) => Self { recorded: None, here },
        }
    }

    /// Work that is in no trace: what is asked every second by whoever looks after us.
    pub const fn none() -> Self {
        Self { recorded: None, here: None }
    }

    fn begin(tracer: &SdkTracer, kind: SpanKind, parent: Option<Trace>, stranger: bool, name: String) -> Self {
        let mut above = Context::new();
        if let Some(Trace(parent)) = parent {
            above = above.with_remote_span_context(parent);
        }
        if stranger {
            above = above.with_value(export::Stranger);
        }
        let recorded = tracer.build_with_context(SpanBuilder::from_name(name).with_kind(kind), &above);
        // After the export has ended there is nothing more to be in.
        let here = Some(recorded.span_context().clone()).filter(SpanContext::is_valid).map(Trace);
        Self { recorded: Some(recorded).filter(SdkSpan::is_recording), here }
    }

    /// Where whatever happens in it happens.
    pub fn here(&self) -> Option<Trace> {
        self.here.clone()
    }

    /// Says something of it, by the names of OpenTelemetry's semantic conventions. Nobody's ids, and nothing of a query or a body.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.recorded {
            span.set_attribute(KeyValue::new(name, value));
        }
    }

    /// It went wrong.
    pub fn fail(&mut self) {
        if let Some(span) = &mut self.recorded {
            span.set_status(Status::error(""));
        }
    }

    /// Says which rpc it is, by its path (`/package.Service/Method`).
    pub fn set_rpc(&mut self, path: &str) {
        if self.recorded.is_some() {
            let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or_default();
            self.set("rpc.system", "grpc");
            self.set("rpc.service", service.to_owned());
            self.set("rpc.method", method.to_owned());
        }
    }

    /// Says how the rpc ended: a code as in `grpc-status`, and whether it counts as a failure on this side.
    pub fn end_rpc(&mut self, code: &str, failed: bool) {
        if self.recorded.is_some() {
            self.set("rpc.grpc.status_code", code.parse::<i64>().unwrap_or(2));
            if failed {
                self.fail();
            }
        }
    }
}
