//! The whole suite in one process, as it is served in production, with a clock that tests move and a cheap bcrypt.

use std::{net::SocketAddr, time::Duration};

use bibliotique::{Suite, SuiteSettings};
use gateway::{Docs, DocsArgs, GatewayArgs, LimitArgs};
use identity::{Admission, FirstAdmin, Settings, domain::account::Realm};
use jiff::tz::TimeZone;
use proto::{
    catalog::v1::catalog_service_client::CatalogServiceClient,
    identity::v1::{identity_service_client::IdentityServiceClient, school_service_client::SchoolServiceClient},
    lending::v1::lending_service_client::LendingServiceClient,
};
use reqwest::{
    Method, Request,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde_json::Value;
use shared::{
    Clock, Timestamp,
    channel::Channel,
    clock::Hand,
    passport::{Caller, Role},
    secret::Secret,
    server::Limits,
};

use crate::{Database, Wire};

/// The first admin's e-mail address.
pub const ADMIN: &str = "admin@example.org";

/// The password of everybody that a test signs in, unless it says otherwise.
pub const PASSWORD: &str = "Lis-7-livres!";

/// What a test's passports are signed with.
pub const INTERNAL_KEY: &str = "an internal key for tests, 32 bytes";

/// What a test's passwords are mixed with, and its signing keys sealed.
pub const PEPPER: &str = "a pepper for tests, of at least 32 bytes";

/// When a test begins: 2026-03-02T09:00:00Z.
pub const BEGIN: Timestamp = Timestamp::from_micros(1_772_442_000_000_000);

/// A running suite, and a way to talk to it.
pub struct TestSuite {
    /// As production runs it.
    pub suite: Suite,
    /// Moves the clock of all roles.
    pub hand: Hand,
    /// The clock of all roles.
    pub clock: Clock,
    /// Keeps connections open.
    pub http: reqwest::Client,
}

/// An HTTP answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// For example 200.
    pub status: u16,
    /// In lower case.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

/// A registered client.
#[derive(Clone, Debug)]
pub struct Person {
    /// 24 hexadecimal characters.
    pub id: String,
    /// What he signs in with; the password is [`PASSWORD`].
    pub email: String,
    /// An access token.
    pub token: String,
}

/// What a suite on this database needs: cost 4, a manual clock, an admin [`ADMIN`] with [`PASSWORD`], free ports.
pub fn settings(database_url: &str) -> (SuiteSettings, Hand) {
    let (clock, hand) = Clock::manual(BEGIN);
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let identity = Settings {
        database_url: Secret::from(database_url),
        pepper: Secret::from(PEPPER),
        bcrypt_cost: 4,
        policy: identity::domain::password::Policy::default(),
        session: Duration::from_secs(24 * 3600),
        admission: Admission { permits: 2, waiting: 10_000, patience: Duration::from_secs(30) },
        reflection: true,
        first_admin: Some(FirstAdmin {
            realm: Realm::Library,
            login: ADMIN.to_owned(),
            password: Secret::from(PASSWORD),
        }),
    };
    let time_zone = TimeZone::get("Africa/Tunis").expect("a zone of the bundled database");
    let settings = SuiteSettings {
        identity,
        identity_addr: anywhere,
        catalog: catalog::Settings { database_url: beside(database_url, "catalog"), reflection: true },
        catalog_addr: anywhere,
        lending: lending::Settings {
            database_url: beside(database_url, "lending"),
            policy: lending::domain::policy::Policy::default(),
            history_days: None,
            reflection: true,
        },
        lending_addr: anywhere,
        gateway: GatewayArgs {
            http_addr: anywhere,
            time_zone,
            cors_origins: Vec::new(),
            limits: LimitArgs::default(),
            docs: DocsArgs { docs: Docs::On },
        },
        internal_key: Secret::from(INTERNAL_KEY),
        tls: None,
        clock,
        limits: Limits::default(),
    };
    (settings, hand)
}

/// The database of a role other than identity: beside identity's on SQLite, and a schema of its own in the same database on
/// PostgreSQL.
pub fn beside(database_url: &str, role: &str) -> Secret {
    let url = match database_url.strip_prefix("sqlite:") {
        Some(file) => format!("sqlite:{}", file.replace("test.db", &format!("{role}.db"))),
        None => {
            let join = if database_url.contains('?') { '&' } else { '?' };
            format!("{database_url}{join}options=-csearch_path%3D{role}")
        }
    };
    Secret::from(url)
}

impl TestSuite {
    /// Starts a suite on a database.
    pub async fn start(database: &Database) -> Self {
        Self::start_with(database, |_| ()).await
    }

    /// Starts a suite whose settings a test changes.
    pub async fn start_with(database: &Database, change: impl FnOnce(&mut SuiteSettings)) -> Self {
        let (mut settings, hand) = settings(database.url());
        change(&mut settings);
        database.make_schema("catalog").await;
        database.make_schema("lending").await;
        let clock = settings.clock.clone();
        let suite = Suite::start(settings).await.expect("the suite starts");
        Self { suite, hand, clock, http: reqwest::Client::new() }
    }

    /// The whole URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.suite.http)
    }

    /// Sends a request; `body` as JSON, if there is one.
    pub async fn send(&self, method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request).await
    }

    /// A request to be finished by the test, and sent with [`answer`].
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        self.http.request(method, self.url(path))
    }

    /// Sends a body as it is, in JSON by its type.
    pub async fn send_text(&self, method: &str, path: &str, token: Option<&str>, body: impl Into<String>) -> Answer {
        let mut request = self.request(method, path).header(CONTENT_TYPE, "application/json").body(body.into());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        answer(request).await
    }

    /// A connection on which a test writes what no client library would.
    pub async fn wire(&self) -> Wire {
        Wire::to(self.suite.http).await
    }

    /// Registers a client.
    pub async fn register(&self, email: &str) -> Person {
        let body = serde_json::json!({
            "nom": "Élodie Dupré-N'Diaye", "email": email, "password": PASSWORD, "confirmPassword": PASSWORD,
        });
        let made = self.send("POST", "/api/clients/register", None, Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let data = &made.json()["data"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Person { id: text(&data["client"]["_id"]), email: email.to_owned(), token: text(&data["token"]) }
    }

    /// Signs in; `None` when that is refused.
    pub async fn log_in(&self, email: &str, password: &str) -> Option<String> {
        let body = serde_json::json!({"email": email, "password": password});
        let answer = self.send("POST", "/api/clients/login", None, Some(body)).await;
        (answer.status == 200).then(|| answer.json()["data"]["token"].as_str().unwrap_or_default().to_owned())
    }

    /// A token of the first admin.
    pub async fn admin(&self) -> String {
        self.log_in(ADMIN, PASSWORD).await.expect("the first admin signs in")
    }

    /// Catalog over gRPC, as somebody.
    pub fn catalog_as(&self, caller: Caller) -> CatalogServiceClient<Channel> {
        CatalogServiceClient::new(self.suite.catalog_as(caller)).max_decoding_message_size(64 << 20)
    }

    /// Lending over gRPC, as somebody.
    pub fn lending_as(&self, caller: Caller) -> LendingServiceClient<Channel> {
        LendingServiceClient::new(self.suite.lending_as(caller)).max_decoding_message_size(64 << 20)
    }

    /// Identity over gRPC, as somebody.
    pub fn identity_as(&self, caller: Caller) -> IdentityServiceClient<Channel> {
        IdentityServiceClient::new(self.suite.identity_as(caller))
    }

    /// Identity's school realm over gRPC, as somebody.
    pub fn school_as(&self, caller: Caller) -> SchoolServiceClient<Channel> {
        SchoolServiceClient::new(self.suite.identity_as(caller)).max_decoding_message_size(64 << 20)
    }
}

/// Sends a request. Whatever comes back, it holds no password of the request, no API key of the request, and no hash.
pub async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let (http, request) = request.build_split();
    let request = request.expect("a request");
    let secrets = secrets(&request);
    let response = http.execute(request).await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let answer = Answer { status, headers, text: response.text().await.expect("a whole body in UTF-8") };
    answer.must_not_show(&secrets);
    answer
}

/// The strings of a request that no answer may repeat, unless they are so short that they may stand in any text.
fn secrets(request: &Request) -> Vec<String> {
    let bytes = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
    let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let fields = body.as_object().into_iter().flatten().filter(|(name, _)| name.to_lowercase().contains("password"));
    let passwords = fields.filter_map(|(_, value)| value.as_str().map(str::to_owned));
    let keys = request.headers().get_all("x-api-key").iter().filter_map(|key| key.to_str().ok().map(str::to_owned));
    passwords.chain(keys).filter(|secret| secret.chars().count() >= 8).collect()
}

/// What is printed over several lines, as it is on the wire: JSON without white space between its parts.
pub fn compact(printed: &str) -> String {
    printed.lines().map(str::trim).collect::<String>().replace("\": ", "\":")
}

impl Answer {
    /// The body, which has to be JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// A header; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(HeaderValue::to_str).and_then(Result::ok).unwrap_or_default()
    }

    /// Asserts the status and the body, byte by byte, and that JSON is called JSON.
    #[track_caller]
    pub fn must_be(&self, status: u16, text: &str) {
        assert_eq!((self.status, self.text.as_str()), (status, text));
        if text.starts_with('{') {
            let types = ["application/json; charset=utf-8", "application/problem+json"];
            assert!(types.contains(&self.header("content-type")), "{}", self.header("content-type"));
        }
    }

    #[track_caller]
    fn must_not_show(&self, secrets: &[String]) {
        let headers = self.headers.values().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let shown: String = headers.chain([self.text.as_str().into()]).collect::<Vec<_>>().join("\n");
        for secret in secrets {
            let escaped = Value::from(secret.as_str()).to_string();
            let told = shown.contains(secret) || shown.contains(escaped.trim_matches('"'));
            assert!(!told, "an answer shows a secret of its request: {shown}");
        }
        let hash = ["$2a$", "$2b$", "$2y$"].into_iter().find(|hash| shown.contains(hash));
        assert_eq!(hash, None, "an answer shows a hash: {shown}");
    }
}

/// A signed-in client, for calls to a service without the gateway.
pub fn client(account_id: &str) -> Caller {
    let (sub_type, scope) = ("client".to_owned(), String::new());
    Caller { subject: account_id.to_owned(), role: Role::Client, sub_type, scope, session: None }
}
