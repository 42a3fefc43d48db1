//! The rpcs: each parses, does one thing, and renders the answer.

mod credentials;
mod departures;
mod refusal;
mod registration;
mod render;
mod school;

use proto::identity::v1::{self as pb, identity_service_server::IdentityService};
use shared::{
    Clock, Error, Id,
    channel::Channel,
    context::Context,
    page::Page,
    passport::{Caller, Role as Standing},
    rpc::caller,
    secret::{ExposeSecret as _, Secret},
};
use tonic::{Request, Response, Status};

use crate::{
    domain::{
        AccountId, ApiKeyId, Refusal, SessionId,
        account::{Account, Address, Changes, Realm, Role},
        api_key::{self, ApiKey},
        audit::Origin,
        hash::StoredHash,
        login::{Login, Username},
        password::Policy,
    },
    hasher::{Hasher, Turn},
    store::Store,
    tokens::Tokens,
};
use credentials::PasswordChange;
pub use registration::Registrations;
pub use render::field;
use render::{changes, role};

type Answer<T> = Result<Response<T>, Status>;

/// The service.
pub struct Identity {
    pub(crate) store: Store,
    /// The way to lending, on identity's own behalf.
    pub(crate) lending: Channel,
    pub(crate) hasher: Hasher,
    pub(crate) bcrypt_cost: u32,
    pub(crate) tokens: Tokens,
    pub(crate) registrations: Registrations,
    pub(crate) policy: Policy,
    pub(crate) clock: Clock,
}

/// A new account, as it is asked for.
pub(crate) struct NewAccount {
    pub account: Account,
    pub credential: pb::create_account_request::Credential,
    pub confirmation: Option<String>,
}

impl Identity {
    /// Who does it, in which request, now.
    fn origin(&self, actor: &Caller) -> Origin {
        Origin { actor: actor.subject.clone(), request_id: Context::current().request_id, at: self.clock.now() }
    }

    pub(crate) fn blank_account(
        &self,
        name: &str,
        email: &str,
        address: &str,
        role: Role,
    ) -> Result<Account, Error<Refusal>> {
        let now = self.clock.now();
        Ok(Account {
            id: Id::fresh(now).into(),
            name: Some(field("name", name)?),
            login: Login::Email(field("email", email)?),
            address: field::<Address>("address", address)?,
            role,
            active: true,
            created: now,
        })
    }

    /// An account of the school.
    pub(crate) fn blank_of_school(&self, username: Username, role: Role, by: &Origin) -> Account {
        Account {
            id: Id::fresh(by.at).into(),
            login: Login::Username(username),
            name: None,
            address: Address::default(),
            role,
            active: true,
            created: by.at,
        }
    }

    /// The hash of a new account's password, checked, or the one that it brings along.
    pub(crate) async fn hash_of(&self, new: NewAccount) -> Result<StoredHash, Error<Refusal>> {
        use pb::create_account_request::Credential::{Password, PasswordHash};
        let password = match new.credential {
            Password(password) => password,
            PasswordHash(hash) => {
                return StoredHash::import(&hash).map_err(|misfit| Error::invalid("password_hash", misfit));
            }
        };
        if new.confirmation.is_some_and(|confirmation| confirmation != password) {
            return Err(Error::Refused(Refusal::ConfirmationMismatch));
        }
        Ok(self.hash_new(&new.account, password).await?.1)
    }

    /// The hash of a password that the account's realm takes.
    async fn hash_new(&self, account: &Account, password: String) -> Result<(Turn, StoredHash), Error<Refusal>> {
        let turn = self.hasher.turn().await?;
        let (turn, password) = self.accept(turn, account, password).await?;
        turn.hash(&password).await
    }

    /// Whether a caller is the family of a child.
    async fn is_guardian(&self, caller: &Caller, child: AccountId) -> Result<bool, Error<Refusal>> {
        match (caller.sub_type == Role::Family.name(), caller.subject.parse()) {
            (true, Ok(family)) => self.store.is_child_of(child, family).await,
            _ => Ok(false),
        }
    }

    async fn existing(&self, id: AccountId) -> Result<Account, Error<Refusal>> {
        self.store.account(id).await?.ok_or(Error::Refused(Refusal::AccountNotFound))
    }
}

/// One's own account, or anybody's for an admin; somebody else's does not exist.
fn reach(caller: &Caller, account: AccountId) -> Result<(), Error<Refusal>> {
    let own = caller.subject == account.to_string();
    if own || caller.role == Standing::Admin { Ok(()) } else { Err(Error::Refused(Refusal::AccountNotFound)) }
}

#[tonic::async_trait]
impl IdentityService for Identity {
    async fn register_account(
        &self,
        request: Request<pb::RegisterAccountRequest>,
    ) -> Answer<pb::RegisterAccountResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let by = self.origin(&caller);
        let replay = self.registrations.replay(&caller, &request, by.at).map_err(Error::<Refusal>::from)?;

        let answer = match self.registered_before(replay.as_ref()).await? {
            Some(answer) => answer,
            None => self.register(request, replay.as_ref(), &by).await?,
        };

        Ok(Response::new(answer))
    }

    async fn create_account(&self, request: Request<pb::CreateAccountRequest>) -> Answer<pb::CreateAccountResponse> {
        let by = self.origin(&caller(&request)?);
        let request = request.into_inner();
        let role = role(request.role())?;
        let account = self.blank_account(&request.name, &request.email, &request.address, role)?;
        let credential = request.credential.ok_or_else(|| Error::<Refusal>::invalid("password", "must be given"))?;

        let hash = self.hash_of(NewAccount { account: account.clone(), credential, confirmation: None }).await?;
        self.store.create_account(&account, &hash, request.first_admin_only, &by).await?;

        Ok(Response::new(pb::CreateAccountResponse { account: Some(account.into()) }))
    }

    async fn log_in(&self, request: Request<pb::LogInRequest>) -> Answer<pb::LogInResponse> {
        let by = self.origin(&caller(&request)?);
        let request = request.into_inner();

        let outcome = self.sign_in(&request.login, request.password, &by).await;
        crate::figures::signed_in(&outcome);
        let (account, token) = outcome?;

        let access_token = token.expose_secret().to_owned();
        Ok(Response::new(pb::LogInResponse { account: Some(account.into()), access_token }))
    }

    async fn log_out(&self, request: Request<pb::LogOutRequest>) -> Answer<pb::LogOutResponse> {
        let caller = caller(&request)?;
        let session: SessionId = field("session_id", &request.get_ref().session_id)?;
        let owner = caller.subject.parse().map_err(|_| Error::Refused(Refusal::SessionNotFound))?;

        self.store.end_session(session, Some(owner), &self.origin(&caller)).await?;

        Ok(Response::new(pb::LogOutResponse {}))
    }

    async fn get_account(&self, request: Request<pb::GetAccountRequest>) -> Answer<pb::GetAccountResponse> {
        let caller = caller(&request)?;
        let id = field("account_id", &request.get_ref().account_id)?;
        if !self.is_guardian(&caller, id).await? {
            reach(&caller, id)?;
        }

        let account = self.existing(id).await?;

        Ok(Response::new(pb::GetAccountResponse { account: Some(account.into()) }))
    }

    async fn get_standing(&self, request: Request<pb::GetStandingRequest>) -> Answer<pb::GetStandingResponse> {
        let id = field("account_id", &request.get_ref().account_id)?;

        let account = self.existing(id).await?;

        Ok(Response::new(pb::GetStandingResponse { active: account.active, role: pb::Role::from(account.role).into() }))
    }

    async fn list_accounts(&self, request: Request<pb::ListAccountsRequest>) -> Answer<pb::ListAccountsResponse> {
        let request = request.into_inner();
        let page =
            Page::parse(request.page_size, &request.page_token, request.skip, 1000).map_err(Error::<Refusal>::from)?;

        let (mut accounts, total_size) = self.store.accounts(Realm::Library, &page).await?;

        let next_page_token = page.close(&mut accounts, |account| account.id.to_string());
        let accounts = accounts.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListAccountsResponse { accounts, next_page_token, total_size }))
    }

    async fn update_account(&self, request: Request<pb::UpdateAccountRequest>) -> Answer<pb::UpdateAccountResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let account = request.account.unwrap_or_default();
        let id = field("account.id", &account.id)?;
        let changes = changes(&account, &request.update_mask.unwrap_or_default().paths)?;
        reach(&caller, id)?;
        if changes.need_admin() && caller.role != Standing::Admin {
            return Err(Error::Refused(Refusal::RoleRequired).into());
        }

        let unlock = changes.active == Some(true);
        let rule = |account: &Account, admins| account.change(changes.clone(), admins);
        let account = match changes == Changes::default() {
            true => self.existing(id).await?,
            false => self.store.update_account(id, rule, unlock, &self.origin(&caller)).await?,
        };

        Ok(Response::new(pb::UpdateAccountResponse { account: Some(account.into()) }))
    }

    async fn delete_account(&self, request: Request<pb::DeleteAccountRequest>) -> Answer<pb::DeleteAccountResponse> {
        let id = field("account_id", &request.get_ref().account_id)?;

        let by = self.origin(&caller(&request)?);
        let departure = self.store.mark_leaving(id, &by).await?;
        let account = self.let_go(departure, &by).await?;

        Ok(Response::new(pb::DeleteAccountResponse { account: Some(account.into()) }))
    }

    async fn change_password(&self, request: Request<pb::ChangePasswordRequest>) -> Answer<pb::ChangePasswordResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let account: AccountId = field("account_id", &request.account_id)?;
        if caller.subject != account.to_string() {
            return Err(Error::Refused(Refusal::AccountNotFound).into());
        }
        let change = PasswordChange {
            account,
            old: request.old_password,
            new: request.new_password,
            confirmation: request.confirmation,
            must_differ: request.must_differ,
            session: caller.session.as_ref().and_then(|session| session.parse().ok()),
        };

        let account = self.replace_password(change, &self.origin(&caller)).await?;

        Ok(Response::new(pb::ChangePasswordResponse { account: Some(account.into()) }))
    }

    async fn reset_password(&self, request: Request<pb::ResetPasswordRequest>) -> Answer<pb::ResetPasswordResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let account: AccountId = field("account_id", &request.account_id)?;
        let session = caller.session.as_ref().and_then(|session| session.parse().ok());

        self.reset_password(account, request.new_password, session, &self.origin(&caller)).await?;

        Ok(Response::new(pb::ResetPasswordResponse {}))
    }

    async fn list_sessions(&self, request: Request<pb::ListSessionsRequest>) -> Answer<pb::ListSessionsResponse> {
        let id = field("account_id", &request.get_ref().account_id)?;
        reach(&caller(&request)?, id)?;

        self.existing(id).await?;
        let sessions = self.store.sessions(id, self.clock.now()).await?;

        let sessions = sessions.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListSessionsResponse { sessions }))
    }

    async fn end_session(&self, request: Request<pb::EndSessionRequest>) -> Answer<pb::EndSessionResponse> {
        let caller = caller(&request)?;
        let session = field("session_id", &request.get_ref().session_id)?;
        let owner = match caller.role {
            Standing::Admin => None,
            _ => Some(caller.subject.parse().map_err(|_| Error::Refused(Refusal::SessionNotFound))?),
        };

        self.store.end_session(session, owner, &self.origin(&caller)).await?;

        Ok(Response::new(pb::EndSessionResponse {}))
    }

    async fn check_session(&self, request: Request<pb::CheckSessionRequest>) -> Answer<pb::CheckSessionResponse> {
        let request = request.into_inner();
        let session = field("session_id", &request.session_id)?;
        let account = field("account_id", &request.account_id)?;

        let role = self.store.standing(session, account, self.clock.now()).await?;
        let role = role.ok_or(Error::Refused(Refusal::SessionNotFound))?;

        Ok(Response::new(pb::CheckSessionResponse { role: pb::Role::from(role).into(), scope: role.scope() }))
    }

    async fn list_signing_keys(&self, _: Request<pb::ListSigningKeysRequest>) -> Answer<pb::ListSigningKeysResponse> {
        let keys = self.store.signing_keys(self.tokens.lifetime(), self.clock.now()).await?;

        let signing_keys = keys.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListSigningKeysResponse { signing_keys }))
    }

    async fn rotate_signing_keys(
        &self,
        request: Request<pb::RotateSigningKeysRequest>,
    ) -> Answer<pb::RotateSigningKeysResponse> {
        let by = self.origin(&caller(&request)?);

        let key = self.tokens.new_key(by.at).map_err(Error::<Refusal>::internal)?;
        self.store.rotate_signing_keys(&key, &by).await?;

        Ok(Response::new(pb::RotateSigningKeysResponse { signing_key: Some(key.into()) }))
    }

    async fn create_api_key(&self, request: Request<pb::CreateApiKeyRequest>) -> Answer<pb::CreateApiKeyResponse> {
        let by = self.origin(&caller(&request)?);
        let name = field("name", &request.get_ref().name)?;

        let (key, prefix, digest): (Secret, _, _) = api_key::generate(shared::random::bytes(), shared::random::bytes());
        let api_key = ApiKey { id: Id::fresh(by.at).into(), name, prefix, created: by.at, last_used: None };
        self.store.create_api_key(&api_key, &digest, &by).await?;

        let key = key.expose_secret().to_owned();
        Ok(Response::new(pb::CreateApiKeyResponse { api_key: Some(api_key.into()), key }))
    }

    async fn list_api_keys(&self, _: Request<pb::ListApiKeysRequest>) -> Answer<pb::ListApiKeysResponse> {
        let keys = self.store.api_keys().await?;

        let api_keys = keys.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListApiKeysResponse { api_keys }))
    }

    async fn revoke_api_key(&self, request: Request<pb::RevokeApiKeyRequest>) -> Answer<pb::RevokeApiKeyResponse> {
        let id: ApiKeyId = field("api_key_id", &request.get_ref().api_key_id)?;

        let key = self.store.revoke_api_key(id, &self.origin(&caller(&request)?)).await?;

        Ok(Response::new(pb::RevokeApiKeyResponse { api_key: Some(key.into()) }))
    }

    async fn verify_api_key(&self, request: Request<pb::VerifyApiKeyRequest>) -> Answer<pb::VerifyApiKeyResponse> {
        let key = request.into_inner().key;

        let found = match api_key::is_shaped(&key) {
            true => self.store.use_api_key(&api_key::fingerprint(&key), self.clock.now()).await?,
            false => None,
        };
        let found = found.ok_or(Error::Refused(Refusal::InvalidApiKey))?;

        Ok(Response::new(pb::VerifyApiKeyResponse { api_key: Some(found.into()) }))
    }

    async fn list_audit_events(
        &self,
        request: Request<pb::ListAuditEventsRequest>,
    ) -> Answer<pb::ListAuditEventsResponse> {
        let request = request.into_inner();
        let page = Page::parse(request.page_size, &request.page_token, 0, 100).map_err(Error::<Refusal>::from)?;
        let account = match request.account_id.as_str() {
            "" => None,
            id => Some(field("account_id", id)?),
        };

        let mut records = self.store.audit_log(account, &page).await?;

        let next_page_token = page.close(&mut records, |record| record.id.clone());
        let audit_events = records.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListAuditEventsResponse { audit_events, next_page_token }))
    }
}
