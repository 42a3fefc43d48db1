//! What an operator does from the command line: over gRPC with the suite that runs; without one, with an embedded database
//! opened in this process.

use std::{io::IsTerminal as _, path::Path, sync::Arc, time::Duration};

use anyhow::bail;
use axum::Router;
use catalog::CatalogArgs;
use identity::IdentityArgs;
use lending::LendingArgs;
use proto::identity::v1::{
    self as pb, create_account_request::Credential, identity_service_client::IdentityServiceClient,
};
use shared::{
    Clock,
    channel::Channel,
    context::{Context, RequestId},
    passport::{Caller, Passports},
    tls::Tls,
};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{
    cli::{AdminCommand, ApiKeyCommand, CommonArgs, OperatorArgs, PassportArgs, SigningKeyCommand},
    secrets::{data_dir, embedded_url, given_or_kept},
};

/// An operator's way to identity.
pub struct Operator {
    identity: IdentityServiceClient<Channel>,
}

impl Operator {
    /// With a channel that calls as an operator.
    pub fn new(identity: Channel) -> Self {
        Self { identity: IdentityServiceClient::new(identity) }
    }

    async fn reach(args: &OperatorArgs) -> anyhow::Result<Self> {
        let OperatorArgs { common, identity } = args;
        let way = Way::of(common, &common.identity_addr, identity::AUDIENCE)?;
        if let Some(channel) = way.remote(identity.identity_database_url.is_some()).await? {
            return Ok(Self::new(channel));
        }
        data_dir(&common.data_dir)?;
        let settings = identity_settings(identity, &common.data_dir, Duration::from_secs(1), false)?;
        let (passports, clock) = (Arc::clone(&way.passports), way.clock.clone());
        let service = identity::start(settings, way.to_nowhere(), passports, clock, CancellationToken::new()).await?;
        Ok(Self::new(way.local(service.router)))
    }

    /// Makes an admin.
    ///
    /// # Errors
    /// What identity refuses.
    pub async fn create_admin(&mut self, email: &str, name: &str, password: String) -> Result<pb::Account, Status> {
        let request = pb::CreateAccountRequest {
            name: name.to_owned(),
            email: email.to_owned(),
            role: pb::Role::Admin.into(),
            credential: Some(Credential::Password(password)),
            ..pb::CreateAccountRequest::default()
        };
        Ok(self.identity.create_account(request).await?.into_inner().account.unwrap_or_default())
    }
}

/// The way to catalog.
pub async fn reach_catalog(common: &CommonArgs, args: &CatalogArgs) -> anyhow::Result<Channel> {
    let way = Way::of(common, &common.catalog_addr, catalog::AUDIENCE)?;
    if let Some(channel) = way.remote(args.catalog_database_url.is_some()).await? {
        return Ok(channel);
    }
    data_dir(&common.data_dir)?;
    let settings = catalog_settings(args, &common.data_dir, false);
    let (passports, clock) = (Arc::clone(&way.passports), way.clock.clone());
    let service = catalog::start(settings, way.to_nowhere(), passports, clock, CancellationToken::new()).await?;
    Ok(way.local(service))
}

/// An operator's way to a role.
struct Way<'a> {
    address: &'a str,
    audience: &'static str,
    passports: Arc<Passports>,
    tls: Option<Tls>,
    clock: Clock,
}

impl<'a> Way<'a> {
    fn of(common: &CommonArgs, address: &'a str, audience: &'static str) -> anyhow::Result<Self> {
        let internal_key = given_or_kept(common.internal_key.as_ref(), &common.data_dir, "internal.key")?;
        let (passports, tls) = (Arc::new(Passports::new(&internal_key)), common.tls.load(None)?);
        Ok(Self { address, audience, passports, tls, clock: Clock::system() })
    }

    /// To the role that runs; `None` when none does and its database is an embedded one, which can be opened here.
    async fn remote(&self, has_database_of_its_own: bool) -> anyhow::Result<Option<Channel>> {
        let (address, audience, tls) = (self.address, self.audience, self.tls.as_ref());
        if is_listening(address).await {
            self.talk().await?;
            let (passports, clock) = (Arc::clone(&self.passports), self.clock.clone());
            let (descriptors, caller) = (proto::DESCRIPTORS, Caller::operator());
            return Ok(Some(Channel::secured(address, tls, descriptors, audience, caller, passports, clock)?));
        }
        if has_database_of_its_own {
            let variable = audience.to_uppercase();
            bail!("{audience} does not answer at {address}: start it, or set BIBLIOTIQUE_{variable}_ADDR");
        }
        Ok(None)
    }

    /// Finds out why a role that listens does not talk, such as for a certificate: a call only says that it is away.
    async fn talk(&self) -> anyhow::Result<()> {
        let mut reason = String::new();
        for address in self.address.split(',').map(str::trim) {
            match shared::health::ask(address, self.tls.as_ref(), self.audience).await {
                Ok(_) => return Ok(()),
                Err(why) => reason = why,
            }
        }
        bail!("{} at {} cannot be talked to: {reason}", self.audience, self.address)
    }

    /// Lending is not there while a command has a database to itself: what is for it is kept until it is.
    fn to_nowhere(&self) -> Channel {
        let (passports, clock) = (Arc::clone(&self.passports), self.clock.clone());
        Channel::promised(lending::AUDIENCE, Caller::service(self.audience), passports, clock).0
    }

    fn local(self, service: Router) -> Channel {
        Channel::local(service, self.audience, Caller::operator(), self.passports, self.clock)
    }
}

/// Whether anybody listens there. A suite that is there but not well must not be gone around.
async fn is_listening(addresses: &str) -> bool {
    for address in addresses.split(',') {
        let connecting = tokio::time::timeout(Duration::from_secs(1), TcpStream::connect(address.trim()));
        if matches!(connecting.await, Ok(Ok(_))) {
            return true;
        }
    }
    false
}

/// Identity's settings in an embedded suite: what is missing is made and kept in the data directory.
pub fn identity_settings(
    args: &IdentityArgs,
    directory: &Path,
    session: Duration,
    reflection: bool,
) -> anyhow::Result<identity::Settings> {
    let database = args.identity_database_url.clone().unwrap_or_else(|| embedded_url(directory, "identity.db"));
    let pepper = given_or_kept(args.pepper.as_ref(), directory, "pepper")?;
    Ok(args.settings(database, pepper, session, reflection)?)
}

/// Catalog's settings in an embedded suite.
pub fn catalog_settings(args: &CatalogArgs, directory: &Path, reflection: bool) -> catalog::Settings {
    let database_url = args.catalog_database_url.clone().unwrap_or_else(|| embedded_url(directory, "catalog.db"));
    catalog::Settings { database_url, reflection }
}

/// Lending's settings in an embedded suite.
pub fn lending_settings(args: &LendingArgs, directory: &Path, reflection: bool) -> lending::Settings {
    let database = args.lending_database_url.clone().unwrap_or_else(|| embedded_url(directory, "lending.db"));
    args.settings(database, reflection)
}

/// `bibliotique admin …`.
pub async fn admin(command: AdminCommand) -> anyhow::Result<()> {
    let AdminCommand::Create { email, name, operator } = command;
    let (password, is_generated) = new_password()?;
    let mut operator = Operator::reach(&operator).await?;

    let made =
        as_one_request(operator.create_admin(&email, &name, password.clone())).await.map_err(refused_by("identity"))?;

    println!("{} ({}) is an admin now.", made.email, made.id);
    if is_generated {
        println!("Password, shown only this once: {password}");
    }
    Ok(())
}

/// Typed twice at a terminal; otherwise made here. Answers also whether it was made.
fn new_password() -> anyhow::Result<(String, bool)> {
    if !std::io::stdin().is_terminal() {
        return Ok((generated(), true));
    }
    let password = rpassword::prompt_password("New password (empty to have one made): ")?;
    if password.is_empty() {
        return Ok((generated(), true));
    }
    if rpassword::prompt_password("The same again: ")? != password {
        bail!("the passwords do not match");
    }
    Ok((password, false))
}

/// 120 random bits with all kinds of characters that a policy may ask for.
fn generated() -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHJKMNPQRSabcdefghjkmnpqrs";
    let letters = shared::random::bytes::<24>()
        .map(|byte| char::from(ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'x')));
    let groups: Vec<String> = letters.chunks(6).map(|group| group.iter().collect()).collect();
    format!("A7z-{}", groups.join("-"))
}

/// `bibliotique api-key …`.
pub async fn api_key(command: ApiKeyCommand) -> anyhow::Result<()> {
    let ApiKeyCommand::Create { name, operator } = command;
    let mut operator = Operator::reach(&operator).await?;

    let made = as_one_request(operator.identity.create_api_key(pb::CreateApiKeyRequest { name }))
        .await
        .map_err(refused_by("identity"))?;

    println!("{}", made.into_inner().key);
    Ok(())
}

/// `bibliotique signing-key …`.
pub async fn signing_key(command: SigningKeyCommand) -> anyhow::Result<()> {
    let SigningKeyCommand::Rotate { operator } = command;
    let mut operator = Operator::reach(&operator).await?;

    let made = as_one_request(operator.identity.rotate_signing_keys(pb::RotateSigningKeysRequest {}))
        .await
        .map_err(refused_by("identity"))?;

    println!("Tokens are signed with key {} now.", made.into_inner().signing_key.unwrap_or_default().id);
    Ok(())
}

/// `bibliotique passport …`.
pub fn passport(args: &PassportArgs) -> anyhow::Result<()> {
    let internal_key = given_or_kept(args.common.internal_key.as_ref(), &args.common.data_dir, "internal.key")?;
    println!("{}", Passports::new(&internal_key).sign(&args.caller(), &args.audience, Clock::system().now()));
    Ok(())
}

/// Does something with an id and a deadline of its own.
pub async fn as_one_request<F: Future>(work: F) -> F::Output {
    Context::new(RequestId::fresh(), Duration::from_secs(30)).scope(work).await
}

/// What a role says, as a command's error.
pub fn refused_by(role: &'static str) -> impl Fn(Status) -> anyhow::Error {
    move |status| anyhow::anyhow!("{}", status.message()).context(format!("{role} refuses"))
}
