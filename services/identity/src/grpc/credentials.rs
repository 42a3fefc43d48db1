//! Proving a password, and what a proof is good for: signing in and choosing a new password.

use shared::{Error, Id, secret::Secret};

use super::Identity;
use crate::{
    domain::{
        AccountId, Refusal, SessionId,
        account::Account,
        audit::{Event, Origin},
        login::{LONGEST_KEY, login_key},
        password::Password,
    },
    hasher::Turn,
    store::{Credential, NewSession, Subject},
};

/// A change of password, as it is asked for.
pub struct PasswordChange {
    pub account: AccountId,
    pub old: String,
    pub new: String,
    pub confirmation: Option<String>,
    pub must_differ: bool,
    /// The session that goes on.
    pub session: Option<SessionId>,
}

impl Identity {
    /// Signs in. Whatever is wrong, the same work is done and the same refusal comes back.
    pub async fn sign_in(
        &self,
        login: &str,
        password: String,
        by: &Origin,
    ) -> Result<(Account, Secret), Error<Refusal>> {
        let wrong = Error::Refused(Refusal::InvalidCredentials);
        let Some(password) = Password::parse(password) else { return Err(wrong) };
        // Nothing longer than a user name, and nothing a database cannot hold, is anybody's login.
        let key = if login.len() <= LONGEST_KEY && !login.contains('\0') { login_key(login) } else { String::new() };

        let turn = self.hasher.turn().await?;
        let credential = self.store.credential_of_login(&key).await?;
        let subject = credential.as_ref().map_or_else(|| decoy(&key), |known| Subject::Account(known.account.id));
        let known = match self.store.spend(subject, by).await {
            Ok(()) => credential.as_ref().filter(|known| known.account.active),
            Err(Error::Refused(Refusal::TooManyAttempts { .. })) => None,
            Err(failure) => return Err(failure),
        };
        let hash = known.map_or(self.hasher.nobody(), |known| &known.hash);
        let (turn, right) = turn.matches(&password, hash).await?;

        match known.filter(|_| right) {
            Some(known) => Ok((known.account.clone(), self.open_session(known, &password, turn, by).await?)),
            None => {
                drop(turn);
                let account = credential.map(|known| known.account.id);
                self.store.record_failure(Event::LoginFail, account, by).await?;
                Err(wrong)
            }
        }
    }

    async fn open_session(
        &self,
        credential: &Credential,
        password: &Password,
        turn: Turn,
        by: &Origin,
    ) -> Result<Secret, Error<Refusal>> {
        // The turn is held until the attempt is forgiven: otherwise many who are right at once would look like many guesses.
        let (_turn, rehashed) = if credential.hash.is_current(self.bcrypt_cost) {
            (turn, None)
        } else {
            let (turn, hash) = turn.hash(password).await?;
            (turn, Some(hash))
        };
        let session = self.new_session(credential.account.id, by);
        let token = self.mint(&credential.account, &session, by).await?;
        self.store.sign_in(credential, rehashed.as_ref(), &session, by).await?;
        Ok(token)
    }

    /// A session that is to be opened.
    pub fn new_session(&self, account: AccountId, by: &Origin) -> NewSession {
        NewSession { id: Id::fresh(by.at).into(), account, expires: by.at + self.tokens.lifetime() }
    }

    /// The token of a session, signed with the newest key.
    pub async fn mint(&self, account: &Account, session: &NewSession, by: &Origin) -> Result<Secret, Error<Refusal>> {
        let key = self.store.newest_signing_key().await?;
        let key = key.ok_or_else(|| Error::internal("there is no signing key"))?;
        self.tokens.mint(&key, account, session, by.at).map_err(Error::internal)
    }

    /// Changes a password. In the order of document 000: old password, confirmation, strength.
    pub async fn replace_password(&self, change: PasswordChange, by: &Origin) -> Result<Account, Error<Refusal>> {
        let turn = self.hasher.turn().await?;
        let credential = self.store.credential(change.account).await?;
        let credential = credential.ok_or(Error::Refused(Refusal::AccountNotFound))?;
        credential.account.role.may_change_password().map_err(Error::Refused)?;

        let (turn, old) = self.prove(turn, &credential, change.old.clone(), by).await?;
        let new = match self.judge(turn, &credential.account, &change, &old).await {
            Ok(judged) => judged,
            Err(refused) => {
                self.store.forgive(change.account).await?;
                return Err(refused);
            }
        };
        let (_turn, hash) = new.0.hash(&new.1).await?;
        self.store.replace_password(&credential, &hash, change.session, by).await?;
        Ok(credential.account)
    }

    /// Gives an account a new password that somebody else chose.
    pub async fn reset_password(
        &self,
        account: AccountId,
        new: String,
        keep: Option<SessionId>,
        by: &Origin,
    ) -> Result<(), Error<Refusal>> {
        let account = self.existing(account).await?;
        let (_turn, hash) = self.hash_new(&account, new).await?;
        self.store.reset_password(account.id, &hash, keep, by).await
    }

    /// The old password, if it is the one.
    async fn prove(
        &self,
        turn: Turn,
        credential: &Credential,
        old: String,
        by: &Origin,
    ) -> Result<(Turn, Password), Error<Refusal>> {
        let id = credential.account.id;
        let Some(old) = Password::parse(old) else { return Err(Error::Refused(Refusal::WrongPassword)) };
        self.store.spend(Subject::Account(id), by).await?;
        let (turn, right) = turn.matches(&old, &credential.hash).await?;
        if right {
            return Ok((turn, old));
        }
        self.store.record_failure(Event::PasswordChangeFail, Some(id), by).await?;
        Err(Error::Refused(Refusal::WrongPassword))
    }

    /// The new password, if it may be one.
    async fn judge(
        &self,
        turn: Turn,
        account: &Account,
        change: &PasswordChange,
        old: &Password,
    ) -> Result<(Turn, Password), Error<Refusal>> {
        if change.confirmation.as_ref().is_some_and(|confirmation| *confirmation != change.new) {
            return Err(Error::Refused(Refusal::ConfirmationMismatch));
        }
        if change.must_differ && change.new == old.expose() {
            return Err(Error::Refused(Refusal::PasswordUnchanged));
        }
        self.accept(turn, account, change.new.clone()).await
    }

    /// A new password for `account`, if its realm takes it.
    pub async fn accept(&self, turn: Turn, account: &Account, new: String) -> Result<(Turn, Password), Error<Refusal>> {
        let (policy, realm) = (self.policy, account.realm());
        let new = Password::parse(new).ok_or_else(|| Error::Refused(policy.too_long(realm)))?;
        let password = new.clone();
        let (name, email) = (account.display_name().to_owned(), account.email().to_owned());
        let judge = move |_: &Turn| policy.check(realm, &password, &[&name, &email]);
        let (turn, verdict) = turn.run(judge).await?;
        verdict.map_err(Error::Refused)?;
        Ok((turn, new))
    }
}

/// The same row for the same login, so that a login that does not exist is no cheaper than one that does.
fn decoy(login_key: &str) -> Subject {
    Subject::Decoy(login_key.bytes().fold(0, |sum: u8, byte| sum.wrapping_mul(31).wrapping_add(byte)))
}
