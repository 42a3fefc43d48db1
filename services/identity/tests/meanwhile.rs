//! What happens to an account while something is done with it: the later check counts, and nothing is half done.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use bibliotique::Suite;
use proto::identity::v1 as pb;
use serde_json::json;
use shared::passport::{Caller, Role};
use testing::{
    Database, TestSuite,
    suite::{PASSWORD, Person, client, settings},
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const NEW: &str = "Zebre-neuf-42";

/// A change of password that the gateway let through a moment ago, in this session.
async fn change(suite: &TestSuite, person: &Person, session: String) -> Result<(), Status> {
    let caller = Caller { role: Role::Client, session: Some(session), ..client(&person.id) };
    let request = pb::ChangePasswordRequest {
        account_id: person.id.clone(),
        old_password: PASSWORD.to_owned(),
        new_password: NEW.to_owned(),
        ..pb::ChangePasswordRequest::default()
    };
    suite.identity_as(caller).change_password(request).await.map(drop)
}

async fn session_of(suite: &TestSuite, person: &Person) -> String {
    let request = pb::ListSessionsRequest { account_id: person.id.clone() };
    let sessions = suite.identity_as(Caller::operator()).list_sessions(request).await.unwrap().into_inner().sessions;
    sessions.first().unwrap().id.clone()
}

fn reason(refused: &Status) -> (Code, String) {
    (refused.code(), refused.get_details_error_info().unwrap().reason)
}

testing::on_both! {
    async fn a_change_does_not_outlive_its_session(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let session = session_of(&suite, &person).await;
        assert_eq!(suite.send("POST", "/api/clients/logout", Some(&person.token), None).await.status, 200);

        let refused = change(&suite, &person, session).await.unwrap_err();

        assert_eq!(reason(&refused), (Code::NotFound, "SESSION_NOT_FOUND".to_owned()));
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
        assert!(suite.log_in(&person.email, NEW).await.is_none());
    }

    async fn a_change_does_not_get_past_a_block(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let (session, admin) = (session_of(&suite, &person).await, suite.admin().await);
        let path = format!("/api/clients/{}", person.id);
        assert_eq!(suite.send("PUT", &path, Some(&admin), Some(json!({"active": false}))).await.status, 200);

        let refused = change(&suite, &person, session).await.unwrap_err();

        assert_eq!(reason(&refused), (Code::NotFound, "SESSION_NOT_FOUND".to_owned()));
        assert_eq!(suite.send("PUT", &path, Some(&admin), Some(json!({"active": true}))).await.status, 200);
        assert!(suite.log_in(&person.email, NEW).await.is_none());
    }

    async fn an_address_that_a_client_has_makes_no_first_admin_and_the_start_says_so(db: Database) {
        let without_admin = TestSuite::start_with(&db, |settings| settings.identity.first_admin = None).await;
        without_admin.register("royce27@gmail.com").await;
        without_admin.suite.end(Duration::ZERO).await;

        let (mut settings, _) = settings(db.url());
        let admin = settings.identity.first_admin.as_mut().unwrap();
        admin.login = "Royce27@gmail.com".to_owned();
        let refused = Suite::start(settings).await.err().unwrap();

        assert_eq!(refused.to_string(), "the first admin cannot be made: another account has this login");
    }

    async fn an_account_keeps_its_hundred_newest_sessions(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        for _ in 0..100 {
            suite.hand.advance(Duration::from_millis(1));
            suite.log_in(&person.email, PASSWORD).await.unwrap();
        }

        let request = pb::ListSessionsRequest { account_id: person.id.clone() };
        let sessions = suite.identity_as(Caller::operator()).list_sessions(request).await.unwrap().into_inner().sessions;

        assert_eq!(sessions.len(), 100);
        assert_eq!(suite.send("GET", "/api/clients/me", Some(&person.token), None).await.status, 401);
    }
}
