//! The gRPC port as grpcurl and hostile clients see it: health, reflection, limits, deadlines.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::time::Duration;

use http_body_util::Full;
use hyper::{Request, body::Bytes, client::conn::http2::handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use process::{
    PASSWORD, PATIENCE, Process, Setup, eventually,
    http2::{self, Connection},
};
use proto::identity::v1::{LogInRequest, RegisterAccountRequest, identity_service_client::IdentityServiceClient};
use shared::{
    Clock,
    passport::{Caller, Passports},
    secret::Secret,
};
use tempfile::{TempDir, tempdir};
use testing::suite::ADMIN;
use tokio::{net::TcpStream, time::timeout};
use tonic::{
    Code,
    codegen::tokio_stream,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::{v1, v1alpha};

/// The number of streams that a connection may have at once.
const STREAMS: u32 = 128;

async fn suite(directory: &TempDir) -> Process {
    Setup::suite(directory).with("INTERNAL_KEY", process::INTERNAL_KEY).with_admin().start().await
}

/// A plain client, without passports.
fn channel(address: &str) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

fn passport(caller: &Caller) -> String {
    Passports::new(&Secret::from(process::INTERNAL_KEY)).sign(caller, identity::AUDIENCE, Clock::system().now())
}

#[tokio::test(flavor = "multi_thread")]
async fn health_answers_without_a_passport() {
    let directory = tempdir().unwrap();
    let suite = suite(&directory).await;
    let check = async |service: &str| {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = HealthClient::new(channel(&suite.grpc)).check(request).await;
        answer.map(|answer| answer.into_inner().status()).map_err(|status| status.code())
    };

    assert_eq!(check("").await, Ok(ServingStatus::Serving));
    assert_eq!(check("bibliotique.identity.v1.IdentityService").await, Ok(ServingStatus::Serving));
    assert_eq!(check("bibliotique.lending.v1.LendingService").await, Err(Code::NotFound));
}

/// The names of the services, and the first byte of the description of ours, asked in one version of the protocol.
macro_rules! reflected {
    ($version:ident, $address:expr) => {{
        use $version::{
            ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
        };
        let mut client = ServerReflectionClient::new(channel($address));
        let asked = [
            MessageRequest::ListServices(String::new()),
            MessageRequest::FileContainingSymbol("bibliotique.identity.v1.IdentityService.GetAccount".to_owned()),
        ];
        let requests =
            asked.map(|asked| ServerReflectionRequest { message_request: Some(asked), ..Default::default() });
        match client.server_reflection_info(tokio_stream::iter(requests)).await {
            Err(status) => Err(status.code()),
            Ok(answers) => {
                let mut answers = answers.into_inner();
                let listed = answers.message().await.unwrap().unwrap().message_response;
                let described = answers.message().await.unwrap().unwrap().message_response;
                let Some(MessageResponse::ListServicesResponse(listed)) = listed else { panic!("{listed:?}") };
                let Some(MessageResponse::FileDescriptorResponse(described)) = described else {
                    panic!("{described:?}")
                };
                assert!(!described.file_descriptor_proto.is_empty());
                Ok(listed.service.into_iter().map(|service| service.name).collect::<Vec<_>>())
            }
        }
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_answers_in_both_versions_on_loopback() {
    let directory = tempdir().unwrap();
    let suite = suite(&directory).await;

    for mut services in [reflected!(v1, &suite.grpc).unwrap(), reflected!(v1alpha, &suite.grpc).unwrap()] {
        services.sort();
        assert!(services.contains(&"bibliotique.identity.v1.IdentityService".to_owned()), "{services:?}");
        assert!(services.contains(&"grpc.health.v1.Health".to_owned()), "{services:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_is_off_where_others_can_come_unless_somebody_wants_it() {
    for (host, wanted, is_on) in [("0.0.0.0", "auto", false), ("0.0.0.0", "on", true), ("127.0.0.1", "off", false)] {
        let (directory, address) = (tempdir().unwrap(), process::free_address());
        let listens = address.replace("127.0.0.1", host);
        let setup = Setup::suite(&directory).with("IDENTITY_ADDR", &listens).with("REFLECTION", wanted);
        let _suite = setup.start().await;

        let reflected = [reflected!(v1, &address), reflected!(v1alpha, &address)];

        for answer in reflected {
            assert_eq!(answer.is_ok(), is_on, "{host} {wanted}: {answer:?}");
            assert!(is_on || answer == Err(Code::Unimplemented), "{answer:?}");
        }
        let health = HealthClient::new(channel(&address)).check(HealthCheckRequest::default()).await;
        assert_eq!(health.unwrap().into_inner().status(), ServingStatus::Serving);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ports_announce_128_streams_and_refuse_one_more() {
    let directory = tempdir().unwrap();
    let suite = suite(&directory).await;
    let watch = ("/grpc.health.v1.Health/Watch", "application/grpc");
    let login = ("/api/clients/login", "application/json");
    for (address, (path, kind)) in [(&suite.grpc, watch), (&suite.http, login)] {
        let mut connection = Connection::open(address, &[]).await;
        let first = connection.receive().await.unwrap();
        assert_eq!(first.kind, http2::SETTINGS);
        assert!(first.settings().contains(&(http2::MAX_CONCURRENT_STREAMS, STREAMS)), "{:?}", first.settings());

        // Requests that never come to their end: a watched health, and log-ins without a body.
        for number in 0..=STREAMS {
            connection.request(2 * number + 1, "POST", path, &[("content-type", kind)], 0).await;
            if kind == "application/grpc" {
                connection.send(http2::DATA, 0, 2 * number + 1, &[0; 5]).await;
            }
        }

        let refused = async {
            loop {
                let frame = connection.receive().await.expect("the connection goes on");
                if frame.kind == http2::RST_STREAM {
                    return (frame.stream, frame.error_code());
                }
            }
        };
        assert_eq!(timeout(PATIENCE, refused).await.unwrap(), (2 * STREAMS + 1, http2::REFUSED_STREAM), "{path}");
    }
    assert!(suite.door().is_ready().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_above_four_mebibytes_is_refused() {
    let directory = tempdir().unwrap();
    let suite = suite(&directory).await;
    let register = async |bytes: usize| {
        let registration = RegisterAccountRequest { name: "é".repeat(bytes / 2), ..RegisterAccountRequest::default() };
        let mut request = tonic::Request::new(registration);
        request.metadata_mut().insert("passport", passport(&Caller::service("gateway")).parse().unwrap());
        IdentityServiceClient::new(channel(&suite.grpc)).register_account(request).await.unwrap_err()
    };

    // Below the limit it is looked at, and its name is too long.
    assert_eq!(register((4 << 20) - 64).await.code(), Code::InvalidArgument);
    assert_eq!(register((4 << 20) + 64).await.code(), Code::OutOfRange);
}

/// A log-in with this deadline; answers with the status. tonic's own client would give up by itself at the deadline.
async fn log_in(suite: &Process, deadline: &str) -> String {
    let stream = TcpStream::connect(&suite.grpc).await.unwrap();
    let (mut client, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let message =
        prost::Message::encode_to_vec(&LogInRequest { login: ADMIN.to_owned(), password: PASSWORD.to_owned() });
    let mut framed = vec![0];
    framed.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    framed.extend(message);
    let request = Request::post(format!("http://{}/bibliotique.identity.v1.IdentityService/LogIn", suite.grpc))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("passport", passport(&Caller::service("gateway")))
        .header("grpc-timeout", deadline);
    let answer = client.send_request(request.body(Full::new(Bytes::from(framed))).unwrap()).await.unwrap();
    // An answer with a message has its status at its end, a refusal at once.
    answer.headers().get("grpc-status").map_or("none yet", |status| status.to_str().unwrap()).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_deadline_is_told_and_gives_its_turn_back() {
    let directory = tempdir().unwrap();
    let suite = suite(&directory).await;
    let exceeded = (Code::DeadlineExceeded as i32).to_string();

    assert_eq!(log_in(&suite, "1n").await, exceeded);
    for _ in 0..5 {
        // In the middle of hashing, which takes longer than this on any machine.
        assert_eq!(log_in(&suite, "15m").await, exceeded);
    }

    // What was given up is hashed to its end: on a busy machine that may take longer than anybody waits for a turn.
    let full = (Code::ResourceExhausted as i32).to_string();
    let is_let_in = async || {
        let status = log_in(&suite, "10S").await;
        assert!([full.as_str(), "none yet"].contains(&status.as_str()), "{status}");
        status == "none yet"
    };
    eventually(Duration::from_secs(10), "somebody gets a turn", is_let_in).await;
}
