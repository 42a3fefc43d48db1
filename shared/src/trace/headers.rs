//! W3C Trace Context, level 1: `traceparent` and `tracestate`. What is malformed is ignored, as the recommendation asks.

use std::str::FromStr as _;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The most bytes of `tracestate` that are passed on: so many everybody has to, and more is somebody else's memory of ours.
const STATE_BYTES: usize = 512;

/// Where the sender says that we are.
pub fn read(headers: &HeaderMap) -> Option<SpanContext> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let (value, more) = (values.next()?, values.next());
    // Two are none: nobody knows which counts.
    let (trace, span, flags) = parse(value.to_str().ok().filter(|_| more.is_none())?)?;
    let context = SpanContext::new(trace, span, flags, true, state(headers));
    context.is_valid().then_some(context)
}

/// `version-trace-parent-flags`. A later version may have more behind, and its flags but the first are not ours to read.
fn parse(text: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let mut parts = text.split('-');
    let version = hex::<1>(parts.next()?)?;
    let (trace, span, [flags]) = (hex(parts.next()?)?, hex(parts.next()?)?, hex::<1>(parts.next()?)?);
    let well_formed = match version {
        [0xff] => false,
        [0] => parts.next().is_none(),
        _ => true,
    };
    let flags = TraceFlags::new(flags) & TraceFlags::SAMPLED;
    well_formed.then(|| (TraceId::from_bytes(trace), SpanId::from_bytes(span), flags))
}

/// Small letters alone.
fn hex<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let small = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let mut bytes = [0; BYTES];
    let is_read = text.bytes().all(small) && hex::decode_to_slice(text, &mut bytes).is_ok();
    is_read.then_some(bytes)
}

/// What other systems have to say to each other; none of it when it is malformed or too much.
fn state(headers: &HeaderMap) -> TraceState {
    let values: Option<Vec<&str>> = headers.get_all(TRACESTATE).iter().map(|value| value.to_str().ok()).collect();
    let text = values.unwrap_or_default().join(",");
    let state = (1..=STATE_BYTES).contains(&text.len()).then(|| TraceState::from_str(&text).ok());
    state.flatten().unwrap_or_default()
}

/// Tells the next one where he is.
pub fn write(context: &SpanContext, headers: &mut HeaderMap) {
    let flags = (context.trace_flags() & TraceFlags::SAMPLED).to_u8();
    let parent = format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id());
    // Plain ASCII by construction.
    if let Ok(parent) = HeaderValue::try_from(parent) {
        headers.insert(TRACEPARENT, parent);
    }
    let state = context.trace_state().header();
    if let Ok(state) = HeaderValue::try_from(&state)
        && !state.is_empty()
    {
        headers.insert(TRACESTATE, state);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn a_place_in_a_trace_is_passed_on_as_it_came() {
        let state = "vendor=opaque,other@system=1";
        let came = headers(&[(TRACEPARENT, GOOD), (TRACESTATE, state)]);
        let mut goes = HeaderMap::new();

        write(&read(&came).unwrap(), &mut goes);

        assert_eq!(goes, came);
    }

    #[test]
    fn what_is_malformed_is_not_there() {
        for malformed in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
        ] {
            assert!(read(&headers(&[(TRACEPARENT, malformed)])).is_none(), "{malformed}");
        }
        assert!(read(&headers(&[(TRACEPARENT, GOOD), (TRACEPARENT, GOOD)])).is_none(), "two");
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-what-the-future-will-be";
        let read = read(&headers(&[(TRACEPARENT, later)])).unwrap();
        assert_eq!(read.trace_flags(), TraceFlags::SAMPLED);
    }

    #[test]
    fn a_state_that_is_malformed_or_long_is_dropped_and_the_trace_goes_on() {
        for state in ["no equals sign", &format!("a={}", "x".repeat(STATE_BYTES)), "é=1", ""] {
            let read = read(&headers(&[(TRACEPARENT, GOOD), (TRACESTATE, state)])).unwrap();

            assert_eq!(read.trace_state().header(), "", "{state}");
        }
    }

    proptest! {
        #[test]
        fn no_header_is_a_failure_of_ours(parent in "[ -~é]{0,80}", state in "[ -~]{0,600}") {
            let _ = read(&headers(&[(TRACEPARENT, &parent), (TRACESTATE, &state)]));
        }
    }
}
