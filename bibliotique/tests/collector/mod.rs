//! A collector of traces: OTLP over gRPC on loopback, which keeps what it gets.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value},
};
use shared::server::{Limits, serve};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, service::Routes};

/// A running collector.
pub struct Collector {
    /// What roles are told: `http://127.0.0.1:…`.
    pub endpoint: String,
    got: Got,
}

#[derive(Clone, Default)]
struct Got(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

/// A span, and whose it is.
#[derive(Clone, Debug)]
pub struct Seen {
    pub service: String,
    pub name: String,
    pub trace: String,
    pub id: String,
    /// Empty for the first of a trace.
    pub parent: String,
    pub state: String,
    /// 2: server, 3: client.
    pub kind: i32,
    /// 2: something went wrong.
    pub status: i32,
    pub attributes: Vec<KeyValue>,
}

impl Collector {
    /// Starts one.
    pub async fn start() -> Self {
        let (got, listener) = (Got::default(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let app = Routes::new(TraceServiceServer::new(got.clone())).into_axum_router();
        tokio::spawn(serve(listener, app, Limits::default(), CancellationToken::new()));
        Self { endpoint, got }
    }

    /// All spans that came.
    pub fn spans(&self) -> Vec<Seen> {
        let got = self.got.0.lock().unwrap();
        let resources = got.iter().flat_map(|request| &request.resource_spans);
        let of = resources.map(|of| {
            let attributes = &of.resource.as_ref().unwrap().attributes;
            (text(attributes, "service.name"), of.scope_spans.iter().flat_map(|scope| &scope.spans))
        });
        of.flat_map(|(service, spans)| {
            spans.map(move |span| Seen {
                service: service.clone(),
                name: span.name.clone(),
                trace: hex::encode(&span.trace_id),
                id: hex::encode(&span.span_id),
                parent: hex::encode(&span.parent_span_id),
                state: span.trace_state.clone(),
                kind: span.kind,
                status: span.status.as_ref().map_or(0, |status| status.code),
                attributes: span.attributes.clone(),
            })
        })
        .collect()
    }

    /// The spans of a trace.
    pub fn of(&self, trace: &str) -> Vec<Seen> {
        self.spans().into_iter().filter(|span| span.trace == trace).collect()
    }

    /// Everything that came, as text.
    pub fn said(&self) -> String {
        format!("{:?}", self.got.0.lock().unwrap())
    }
}

impl Seen {
    /// An attribute as text.
    pub fn text(&self, name: &str) -> String {
        text(&self.attributes, name)
    }
}

fn text(attributes: &[KeyValue], name: &str) -> String {
    let value = attributes.iter().find(|attribute| attribute.key == name).and_then(|found| found.value.clone());
    match value.and_then(|value| value.value) {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}

#[tonic::async_trait]
impl TraceService for Got {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
