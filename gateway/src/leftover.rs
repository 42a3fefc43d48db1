//! What nobody reads of a request's body is read and thrown away. Else the connection closes on a client that is still
//! writing, and that may cost him the answer (RFC 9112, 9.6).

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Error,
    body::{Body, Bytes},
};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::{runtime::Handle, time::timeout};

/// How much is thrown away, and for how long at most: whoever writes more may lose his answer.
const BYTES: usize = 4 << 20;
const PATIENCE: Duration = Duration::from_secs(2);

/// A body that is thrown away when it is dropped.
struct Leftover(Option<Body>);

/// A body whose rest does not hinder the answer.
pub fn wrap(body: Body) -> Body {
    if body.is_end_stream() { body } else { Body::new(Leftover(Some(body))) }
}

impl HttpBody for Leftover {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        if !matches!(polled, Poll::Pending | Poll::Ready(Some(Ok(_)))) {
            self.0 = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        let rest = self.0.take().filter(|body| !body.is_end_stream());
        if let (Some(rest), Ok(runtime)) = (rest, Handle::try_current()) {
            runtime.spawn(timeout(PATIENCE, discard(rest)));
        }
    }
}

async fn discard(mut rest: Body) {
    let mut most = BYTES;
    while let Some(Ok(frame)) = rest.frame().await {
        match most.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(left) => most = left,
            None => return,
        }
    }
}
