//! Registering: an account, its first session and the answer come to be together, however often the request comes.

use aws_lc_rs::hmac;
use proto::identity::v1 as pb;
use shared::{
    Error, Timestamp,
    page::Misfit,
    passport::Caller,
    replay::{MEMORY, Message as _, Replay, decode, encode},
    secret::{ExposeSecret as _, Secret},
};

use super::{Identity, NewAccount};
use crate::{
    domain::{Refusal, account::Role, audit::Origin},
    seal::{BrokenSeal, Seal, derived},
};

/// Knows requests again that hold a password, and keeps answers that hold a token. Neither can be read in the database.
pub struct Registrations {
    digest: hmac::Key,
    seal: Seal,
}

impl Registrations {
    /// With keys that come from the pepper.
    ///
    /// # Errors
    /// [`BrokenSeal`]
    pub fn new(pepper: &Secret) -> Result<Self, BrokenSeal> {
        let digest = derived(pepper, "bibliotique: knowing registrations again");
        let seal = Seal::new(pepper, "bibliotique: sealing of answers to registrations")?;
        Ok(Self { digest: hmac::Key::new(hmac::HMAC_SHA256, digest.as_ref()), seal })
    }

    /// The request, if it may come again. It is the client's, whoever carries it here, and remembered no longer than that.
    ///
    /// # Errors
    /// When its id is malformed.
    pub fn replay(
        &self,
        caller: &Caller,
        request: &pb::RegisterAccountRequest,
        now: Timestamp,
    ) -> Result<Option<Replay>, Misfit> {
        // In two halves: whether it is the same but for the password can be told without it.
        let open = pb::RegisterAccountRequest { password: String::new(), ..request.clone() };
        let digest = [open.encode_to_vec(), request.encode_to_vec()];
        let digest = digest.map(|half| hmac::sign(&self.digest, &half).as_ref().to_vec()).concat();
        let replay = Replay::told_by(caller, &request.request_id, digest, now)?;
        Ok(replay.map(|replay| Replay { memory: MEMORY, ..replay }))
    }

    fn close(&self, replay: &Replay, answer: &pb::RegisterAccountResponse) -> Result<Vec<u8>, Error<Refusal>> {
        self.seal.close(&replay.id, encode(answer)).map_err(Error::internal)
    }

    fn open(&self, replay: &Replay, sealed: &[u8]) -> Result<pb::RegisterAccountResponse, Error<Refusal>> {
        let answer = self.seal.open(&replay.id, sealed).map_err(Error::internal)?;
        decode(&answer).map_err(Error::internal)
    }
}

impl Identity {
    /// The answer that the request got before: it needs no turn to hash.
    pub(super) async fn registered_before(
        &self,
        replay: Option<&Replay>,
    ) -> Result<Option<pb::RegisterAccountResponse>, Error<Refusal>> {
        let Some(replay) = replay else { return Ok(None) };
        let answered = self.store.answered(replay).await;
        if matches!(answered, Err(Error::Refused(Refusal::RequestIdReused))) {
            // Who knows all but the password may guess it here once, and not as often as he likes.
            self.store.forget_guessed(replay).await?;
        }
        let sealed = answered?;
        sealed.map(|sealed| self.registrations.open(replay, &sealed)).transpose()
    }

    /// Makes an account of the library realm and signs it in.
    pub(super) async fn register(
        &self,
        request: pb::RegisterAccountRequest,
        replay: Option<&Replay>,
        by: &Origin,
    ) -> Result<pb::RegisterAccountResponse, Error<Refusal>> {
        let account = self.blank_account(&request.name, &request.email, &request.address, Role::Client)?;
        let credential = pb::create_account_request::Credential::Password(request.password);
        let new = NewAccount { account: account.clone(), credential, confirmation: request.confirmation };
        let hash = self.hash_of(new).await?;
        let session = self.new_session(account.id, by);
        let token = self.mint(&account, &session, by).await?;

        let access_token = token.expose_secret().to_owned();
        let answer = pb::RegisterAccountResponse { account: Some(account.clone().into()), access_token };
        let sealed = replay.map(|replay| self.registrations.close(replay, &answer)).transpose()?.unwrap_or_default();
        let before = self.store.register_account(&account, &hash, &session, replay, &sealed, by).await?;
        match (replay, before) {
            // The same request was faster.
            (Some(replay), Some(sealed)) => self.registrations.open(replay, &sealed),
            _ => Ok(answer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn replay(pepper: &str, password: &str) -> Replay {
        let request = pb::RegisterAccountRequest {
            password: password.to_owned(),
            request_id: "a".to_owned(),
            ..pb::RegisterAccountRequest::default()
        };
        let registrations = Registrations::new(&Secret::from(pepper.repeat(8))).unwrap();
        registrations.replay(&Caller::service("gateway"), &request, NOW).unwrap().unwrap()
    }

    #[test]
    fn a_request_is_known_by_its_contents_and_the_pepper_and_forgotten_after_a_day() {
        assert_eq!(replay("pepper", "a").digest, replay("pepper", "a").digest);
        assert_ne!(replay("pepper", "a").digest, replay("pepper", "b").digest);
        assert_ne!(replay("pepper", "a").digest, replay("salt", "a").digest);
        assert_eq!(replay("pepper", "a").memory, MEMORY);
    }
}
