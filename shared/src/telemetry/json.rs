//! Log lines as JSON objects, flat and typed: what the event says, and what the spans say that it happened in.

use std::{fmt, io::Write};

use serde::Serializer as _;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{layer::Context, registry::LookupSpan};

use super::lines::Lines;
use crate::Clock;

/// Writes events, each in one piece, to what the function answers with.
pub struct Json<M>(pub M);

/// Names and values, in their order.
#[derive(Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    /// The first one of a name counts: an event goes before its span, a span before the one around it.
    fn add(&mut self, name: &'static str, value: Value) {
        if self.0.iter().all(|(known, _)| *known != name) {
            self.0.push((name, value));
        }
    }
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field.name(), format!("{value:?}").into());
    }
}

impl<S, M, W> tracing_subscriber::Layer<S> for Json<M>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    M: Fn() -> W + 'static,
    W: Write,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for (name, value) in [("timestamp", timestamp()), ("level", event.metadata().level().to_string())] {
            fields.add(name, value.into());
        }
        fields.add("target", event.metadata().target().into());
        event.record(&mut fields);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                of_span.0.iter().for_each(|(name, value)| fields.add(name, value.clone()));
            }
        }
        let mut line = Vec::with_capacity(256);
        let written = serde_json::Serializer::new(&mut line).collect_map(fields.0);
        line.push(b'\n');
        if written.is_ok() {
            // A log that cannot be written, on a full disk for example, is nothing that could be logged.
            drop(Lines { coloured: false, to: (self.0)() }.write_all(&line));
        }
    }
}

/// Now, in RFC 3339.
fn timestamp() -> String {
    let now: OffsetDateTime = Clock::system().now().to_date_time();
    now.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_a_flat_object_of_what_the_event_and_its_spans_say() {
        let log = Log::default();
        let to = log.clone();
        let subscriber = tracing_subscriber::registry().with(Json(move || to.clone()));

        tracing::subscriber::with_default(subscriber, || {
            let _outer = tracing::info_span!("request", request_id = "outer", surface = "library").entered();
            let _inner = tracing::info_span!("rpc", request_id = "inner").entered();
            tracing::info!(status = 200_u16, took_ms = 1.5, ok = true, path = %"/a\nb\u{85}", "answered\n\"twice\"");
        });

        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains('\u{85}'), "{text}");
        let mut line: Value = serde_json::from_str(&text).unwrap();
        let timestamp = line.as_object_mut().unwrap().remove("timestamp").unwrap();
        assert!(OffsetDateTime::parse(timestamp.as_str().unwrap(), &Rfc3339).is_ok());
        let expected = serde_json::json!({
            "level": "INFO", "target": "shared::telemetry::json::tests", "message": "answered\n\"twice\"", "status": 200,
            "took_ms": 1.5, "ok": true, "path": "/a\nb\u{85}", "request_id": "inner", "surface": "library",
        });
        assert_eq!(line, expected);
    }
}
