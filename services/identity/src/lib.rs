//! Who may come in: accounts and their passwords, sessions, the keys that sign access tokens, API keys, the audit log.

pub mod domain;
mod figures;
mod grpc;
mod hasher;
mod policy;
mod seal;
mod settings;
mod store;
mod sweep;
mod tokens;

use std::sync::Arc;

use axum::Router;
use proto::identity::v1::{
    create_account_request::Credential, identity_service_server::IdentityServiceServer,
    school_service_server::SchoolServiceServer,
};
use shared::{
    Clock, Error, Timestamp,
    channel::Channel,
    context::RequestId,
    database::OpenError,
    health,
    passport::Passports,
    rpc::{Guard, LIST_BYTES, MESSAGE_BYTES},
    secret::{ExposeSecret as _, Secret},
};
use tokio_util::sync::CancellationToken;
use tonic::{Status, service::Routes};

use domain::{
    Refusal,
    account::{Realm, Role},
    audit::Origin,
    hash::Pepper,
};
use grpc::{Identity, NewAccount, Registrations, field};
pub use hasher::Admission;
use hasher::Hasher;
pub use policy::POLICY;
pub use seal::BrokenSeal;
pub use settings::{ContradictorySettings, FirstAdmin, IdentityArgs, Settings};
use store::Store;
pub use store::{Findings, schema};
use tokens::Tokens;
pub use tokens::UnusableKey;

/// What passports for this service are made out to.
pub const AUDIENCE: &str = "identity";

/// The service's name in health checks.
pub const SERVICE: &str = "bibliotique.identity.v1.IdentityService";

/// Why identity does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// See [`OpenError`].
    #[error("identity cannot open its database")]
    Database(#[from] OpenError),
    /// See [`UnusableKey`].
    #[error("identity cannot sign")]
    Key(#[from] UnusableKey),
    /// See [`BrokenSeal`].
    #[error("identity cannot seal what it keeps")]
    Seal(#[from] BrokenSeal),
    /// The database opens, and then fails.
    #[error("identity cannot read its database: {0}")]
    Store(String),
    /// The first admin's e-mail address or password is refused.
    #[error("the first admin cannot be made: {0}")]
    FirstAdmin(String),
}

/// The running service.
pub struct Service {
    /// Its rpcs, behind their guard: to be served, or called without a socket.
    pub router: Router,
    /// Whether anybody runs the place.
    pub has_admin: bool,
}

/// Opens the database, brings its schema up to date, makes the first signing key and the first admin where there are none,
/// and answers with the service, behind its guard. `lending`: the way there, on identity's own behalf. It is not healthy any
/// more from `stop` on.
///
/// # Errors
/// [`StartError`]
pub async fn start(
    settings: Settings,
    lending: Channel,
    passports: Arc<Passports>,
    clock: Clock,
    stop: CancellationToken,
) -> Result<Service, StartError> {
    let store = Store::open(&settings.database_url).await?;
    let tokens = Tokens::new(&settings.pepper, settings.session)?;
    let hasher = Hasher::new(Pepper::new(&settings.pepper), settings.bcrypt_cost, settings.admission);
    let policy = settings.policy;
    let registrations = Registrations::new(&settings.pepper)?;
    let service = Identity {
        store: store.clone(),
        lending,
        hasher,
        bcrypt_cost: settings.bcrypt_cost,
        tokens,
        registrations,
        policy,
        clock: clock.clone(),
    };
    let has_admin = service.prepare(settings.first_admin.as_ref()).await?;
    let service = Arc::new(service);
    sweep::start(&service, &stop);
    figures::start(&service, &stop);

    let probe = store.clone();
    let health = health::watched(AUDIENCE, SERVICE, stop, move || {
        let store = probe.clone();
        async move { store.answers().await }
    });
    let school = SchoolServiceServer::from_arc(Arc::clone(&service))
        .max_decoding_message_size(MESSAGE_BYTES)
        .max_encoding_message_size(LIST_BYTES);
    let server = IdentityServiceServer::from_arc(service)
        .max_decoding_message_size(MESSAGE_BYTES)
        .max_encoding_message_size(MESSAGE_BYTES);
    let mut routes = Routes::new(server).add_service(school).add_service(health.await);
    if settings.reflection {
        routes = shared::rpc::with_reflection(routes, proto::DESCRIPTORS);
    }
    Ok(Service {
        router: Guard::new(AUDIENCE, &POLICY, proto::DESCRIPTORS, passports, clock).around(routes),
        has_admin,
    })
}

/// Reads the database and says what does not fit.
///
/// # Errors
/// A sentence when it cannot be read.
pub async fn check(database_url: &Secret) -> Result<Findings, StartError> {
    let store = Store::look_into(database_url).await?;
    store.check().await.map_err(|error| StartError::Store(Status::from(error).message().to_owned()))
}

/// Ends all sessions of a database out of a backup that was taken at `taken`, and writes down that it was restored. Its
/// schema may be that of an older version.
///
/// # Errors
/// A sentence when it cannot be written.
pub async fn restored(database_url: &Secret, taken: Timestamp, now: Timestamp) -> Result<(), StartError> {
    let store = Store::as_it_is(database_url).await?;
    let by = Origin { actor: "operator".to_owned(), request_id: RequestId::fresh(), at: now };
    let ended = store.end_all_sessions(&format!("taken={}", taken.iso_millis()), &by).await;
    store.close().await;
    ended.map_err(|error| StartError::Store(Status::from(error).message().to_owned()))
}

impl Identity {
    /// Answers with whether anybody runs the place.
    async fn prepare(&self, first_admin: Option<&FirstAdmin>) -> Result<bool, StartError> {
        let actor = "service:identity".to_owned();
        let by = Origin { actor, request_id: RequestId::fresh(), at: self.clock.now() };
        let failed = |error: Error<Refusal>| StartError::Store(Status::from(error).message().to_owned());
        let refused = |error: Error<Refusal>| StartError::FirstAdmin(Status::from(error).message().to_owned());
        match self.store.newest_signing_key().await.map_err(failed)? {
            Some(key) => self.tokens.check(&key)?,
            None => {
                let key = self.tokens.new_key(by.at)?;
                self.store.rotate_signing_keys(&key, &by).await.map_err(failed)?;
            }
        }
        if let Some(first_admin) = first_admin {
            self.make_first_admin(first_admin, &by).await.map_err(refused)?;
        }
        self.store.has_admin().await.map_err(failed)
    }

    /// An admin that exists is never touched.
    async fn make_first_admin(&self, admin: &FirstAdmin, by: &Origin) -> Result<(), Error<Refusal>> {
        if self.store.has_admin().await? {
            return Ok(());
        }
        let account = match admin.realm {
            Realm::Library => self.blank_account("Admin", &admin.login, "", Role::Admin)?,
            Realm::School => self.blank_of_school(field("username", admin.login.trim())?, Role::Admin, by),
        };
        let credential = Credential::Password(admin.password.expose_secret().to_owned());
        let hash = self.hash_of(NewAccount { account: account.clone(), credential, confirmation: None }).await?;
        match self.store.create_account(&account, &hash, true, by).await {
            // Another replica was faster; or somebody else has this address, and then there still is no admin.
            Err(Error::Refused(Refusal::AdminExists | Refusal::LoginTaken)) if self.store.has_admin().await? => Ok(()),
            made => made,
        }
    }
}
