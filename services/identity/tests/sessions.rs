//! Sessions: what ends one ends its token at every gateway at once; what an account may do is what identity says now.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use proto::identity::v1 as pb;
use serde_json::{Value, json};
use shared::{on, passport::Caller};
use testing::{
    Database, SURFACES, TestSuite,
    suite::{Answer, PASSWORD, Person, answer, client},
};
use tokio::task::JoinSet;
use tonic::Code;

const NEW: &str = "Zebre-neuf-42";

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn get(suite: &TestSuite, path: &str, token: &str) -> Answer {
    suite.send("GET", path, Some(token), None).await
}

async fn lives(suite: &TestSuite, token: &str) -> bool {
    get(suite, "/api/clients/me", token).await.status == 200
}

/// Asserts that no surface takes a token any more.
async fn refused_everywhere(suite: &TestSuite, person: &Person, key: &str, why: &str) {
    // The one surface that tells: 4004 is revoked, 4005 expired.
    let code = if why == "expiry" { 4005 } else { 4004 };
    assert_eq!(get(suite, "/api/clients/me", &person.token).await.status, 401, "{why}");
    assert_eq!(get(suite, "/api/clients", &person.token).await.status, 401, "{why}");
    let profile = suite.send("PUT", "/api/clients/profile", Some(&person.token), Some(json!({"nom": "Autre"}))).await;
    assert_eq!(profile.status, 401, "{why}");
    for surface in SURFACES {
        let refused = answer(suite.change(surface, person, key, PASSWORD, NEW)).await;
        assert_eq!(refused.status, 401, "{why}, {surface}: {}", refused.text);
        if surface == "applivery" {
            assert_eq!(refused.json()["error"]["code"], code, "{why}");
        }
    }
}

async fn put(suite: &TestSuite, person: &Person, change: Value) {
    let path = format!("/api/clients/{}", person.id);
    let changed = suite.send("PUT", &path, Some(&suite.admin().await), Some(change)).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
}

/// The open sessions of an account, as somebody sees them.
async fn sessions(suite: &TestSuite, caller: Caller, account: &str) -> Result<Vec<pb::Session>, Code> {
    let request = pb::ListSessionsRequest { account_id: account.to_owned() };
    let found = suite.identity_as(caller).list_sessions(request).await.map_err(|status| status.code())?;
    Ok(found.into_inner().sessions)
}

async fn end(suite: &TestSuite, caller: Caller, session: &str) -> Result<(), Code> {
    let request = pb::EndSessionRequest { session_id: session.to_owned() };
    suite.identity_as(caller).end_session(request).await.map(|_| ()).map_err(|status| status.code())
}

async fn log_out(suite: &TestSuite, caller: Caller, session: &str) -> Result<(), Code> {
    let request = pb::LogOutRequest { session_id: session.to_owned() };
    suite.identity_as(caller).log_out(request).await.map(|_| ()).map_err(|status| status.code())
}

/// Ends a person's session in one of the ways there are.
async fn finish(suite: &TestSuite, way: &str, person: &Person) {
    match way {
        "log-out" => {
            let done = suite.send("POST", "/api/clients/logout", Some(&person.token), None).await;
            assert_eq!(done.status, 200, "{}", done.text);
        }
        "change" => {
            let other = suite.log_in(&person.email, PASSWORD).await.unwrap();
            let other = Person { token: other, ..person.clone() };
            assert_eq!(answer(suite.change("library", &other, "", PASSWORD, NEW)).await.status, 200);
        }
        "role" => put(suite, person, json!({"role": "admin"})).await,
        "block" => put(suite, person, json!({"active": false})).await,
        "delete" => {
            let path = format!("/api/clients/{}", person.id);
            assert_eq!(suite.send("DELETE", &path, Some(&suite.admin().await), None).await.status, 200);
        }
        _ => {
            let open = sessions(suite, Caller::operator(), &person.id).await.unwrap();
            end(suite, Caller::operator(), &open[0].id).await.unwrap();
        }
    }
}

testing::on_both! {
    async fn a_session_that_has_ended_is_refused_at_once_however_many_ask_for_it_at_the_same_time(db: Database) {
        let suites = [Arc::new(TestSuite::start(&db).await), Arc::new(TestSuite::start(&db).await)];
        for round in 0..5 {
            let person = suites[0].register(&format!("lectrice-{round}@example.org")).await;
            let session = sessions(&suites[0], Caller::operator(), &person.id).await.unwrap()[0].id.clone();
            let (let_in, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
            let asking: JoinSet<()> = (0..40).map(|asker| {
                let (suite, token) = (Arc::clone(&suites[asker % 2]), person.token.clone());
                let (let_in, ended) = (Arc::clone(&let_in), Arc::clone(&ended));
                async move {
                    let mut refused = 0;
                    while refused < 5 {
                        let had_ended = ended.load(Ordering::SeqCst);
                        let is_in = lives(&suite, &token).await;
                        assert!(!(had_ended && is_in), "let in after the end");
                        refused += usize::from(had_ended);
                        let_in.fetch_add(usize::from(is_in), Ordering::SeqCst);
                    }
                }
            }).collect();
            while let_in.load(Ordering::SeqCst) < 100 {
                tokio::task::yield_now().await;
            }

            end(&suites[0], Caller::operator(), &session).await.unwrap();

            ended.store(true, Ordering::SeqCst);
            asking.join_all().await;
        }
    }

    async fn whatever_ends_a_session_ends_its_token_at_every_gateway_at_once(db: Database) {
        let (here, there) = (TestSuite::start(&db).await, TestSuite::start(&db).await);
        let key = here.api_key().await;

        for way in ["log-out", "change", "role", "block", "delete", "end"] {
            let person = here.register(&format!("{way}@example.org")).await;
            let neighbour = here.register(&format!("autre.{way}@example.org")).await;
            // Both gateways have seen the token and the keys: nothing of that may be remembered.
            assert!(lives(&here, &person.token).await && lives(&there, &person.token).await, "{way}");

            finish(&here, way, &person).await;

            refused_everywhere(&there, &person, &key, way).await;
            refused_everywhere(&here, &person, &key, way).await;
            assert!(lives(&there, &neighbour.token).await, "{way} ended somebody else's session");
        }
    }

    async fn a_blocked_account_comes_back_without_its_old_sessions(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;
        put(&suite, &person, json!({"active": false})).await;
        assert_eq!(suite.log_in(&person.email, PASSWORD).await, None);

        put(&suite, &person, json!({"active": true})).await;

        assert!(!lives(&suite, &person.token).await);
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    async fn one_log_out_leaves_the_other_sessions_alone(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;
        let other = suite.log_in(&person.email, PASSWORD).await.unwrap();

        finish(&suite, "log-out", &person).await;

        assert!(!lives(&suite, &person.token).await);
        assert!(lives(&suite, &other).await);
        let again = suite.send("POST", "/api/clients/logout", Some(&person.token), None).await;
        assert_eq!(again.status, 401);
    }

    async fn what_ends_no_session_leaves_all_of_them(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;

        put(
            &suite,
            &person,
            json!({"nom": "Lectrice", "email": "lectrice@example.org", "adresse": "1 rue des Livres"}),
        )
        .await;
        put(&suite, &person, json!({"role": "client", "active": true})).await;
        let weak = answer(suite.change("library", &person, "", PASSWORD, "x")).await;
        assert_eq!(weak.status, 400);
        assert_eq!(suite.log_in("lectrice@example.org", NEW).await, None);

        assert!(lives(&suite, &person.token).await);
    }

    async fn a_session_lasts_as_long_as_was_said_and_no_longer(db: Database) {
        let suite = TestSuite::start(&db).await;
        let key = suite.api_key().await;
        let person = suite.register("lecteur@example.org").await;

        suite.hand.advance(DAY - Duration::from_secs(1));
        assert!(lives(&suite, &person.token).await);
        assert_eq!(sessions(&suite, client(&person.id), &person.id).await.unwrap().len(), 1);

        suite.hand.advance(Duration::from_secs(1));
        refused_everywhere(&suite, &person, &key, "expiry").await;
        assert_eq!(sessions(&suite, client(&person.id), &person.id).await.unwrap(), []);

        // And past the leeway for clocks that differ.
        suite.hand.advance(Duration::from_secs(6));
        refused_everywhere(&suite, &person, &key, "expiry").await;
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    async fn the_role_that_counts_is_identitys_and_not_the_tokens(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;
        assert_eq!(get(&suite, "/api/clients", &person.token).await.status, 403);

        // Promoted: what he may do comes with a new sign-in.
        put(&suite, &person, json!({"role": "admin"})).await;
        assert_eq!(get(&suite, "/api/clients", &person.token).await.status, 401);
        let token = suite.log_in(&person.email, PASSWORD).await.unwrap();
        assert_eq!(get(&suite, "/api/clients", &token).await.status, 200);

        // Demoted: neither the old token nor a new one.
        put(&suite, &person, json!({"role": "client"})).await;
        assert_eq!(get(&suite, "/api/clients", &token).await.status, 401);
        let token = suite.log_in(&person.email, PASSWORD).await.unwrap();
        assert_eq!(get(&suite, "/api/clients", &token).await.status, 403);
    }

    async fn a_role_counts_from_the_next_request_on_even_in_the_same_session(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;
        // Behind identity's back, so that the session goes on and the token says something else than the account.
        let becomes = async |role: &str| {
            let (query, tables) = ("UPDATE account SET role = $2 WHERE id = $1", db.tables().await);
            on!(&tables, |db| sqlx::query(query).bind(&person.id).bind(role).execute(db).await.unwrap().rows_affected())
        };

        assert_eq!(becomes("admin").await, 1);
        assert_eq!(get(&suite, "/api/clients", &person.token).await.status, 200);

        assert_eq!(becomes("client").await, 1);
        assert_eq!(get(&suite, "/api/clients", &person.token).await.status, 403);
    }

    async fn one_sees_and_ends_ones_own_sessions_and_an_admin_anybodys(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (one, other) = (suite.register("a@example.org").await, suite.register("b@example.org").await);
        suite.hand.advance(Duration::from_secs(60));
        let newer = suite.log_in(&one.email, PASSWORD).await.unwrap();

        let own = sessions(&suite, client(&one.id), &one.id).await.unwrap();
        let [new, old] = &own[..] else { panic!("{own:?}") };
        assert_eq!((&new.account_id, &old.account_id), (&one.id, &one.id));
        assert_eq!(new.create_time.unwrap().seconds - old.create_time.unwrap().seconds, 60, "newest first");
        assert_eq!(new.expire_time.unwrap().seconds - new.create_time.unwrap().seconds, 24 * 3600);
        assert_eq!(sessions(&suite, Caller::operator(), &one.id).await.unwrap(), own);
        assert_eq!(sessions(&suite, client(&other.id), &one.id).await, Err(Code::NotFound));
        let nobody = "5a62be07de34500146d9c544";
        assert_eq!(sessions(&suite, client(nobody), nobody).await, Err(Code::NotFound));
        assert_eq!(sessions(&suite, Caller::operator(), nobody).await, Err(Code::NotFound));
        assert_eq!(sessions(&suite, Caller::operator(), "x").await, Err(Code::InvalidArgument));

        for stranger in [client(&other.id), client(nobody), client("operator")] {
            assert_eq!(end(&suite, stranger.clone(), &new.id).await, Err(Code::NotFound));
            assert_eq!(log_out(&suite, stranger, &new.id).await, Err(Code::NotFound));
        }
        assert_eq!(log_out(&suite, Caller::operator(), &new.id).await, Err(Code::NotFound), "one logs out oneself");
        assert!(lives(&suite, &newer).await && lives(&suite, &one.token).await);

        assert_eq!(end(&suite, client(&one.id), &old.id).await, Ok(()));
        assert!(lives(&suite, &newer).await && !lives(&suite, &one.token).await);
        assert_eq!(end(&suite, client(&one.id), &old.id).await, Err(Code::NotFound));
        assert_eq!(end(&suite, Caller::operator(), &new.id).await, Ok(()));
        assert!(!lives(&suite, &newer).await);
        assert_eq!(end(&suite, Caller::operator(), "x").await, Err(Code::InvalidArgument));
        assert!(lives(&suite, &other.token).await);
    }

    async fn a_session_is_only_good_with_its_own_account(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (one, other) = (suite.register("a@example.org").await, suite.register("b@example.org").await);
        let session = sessions(&suite, client(&one.id), &one.id).await.unwrap().remove(0).id;
        let check = async |session: &str, account: &str| {
            let request = pb::CheckSessionRequest { session_id: session.to_owned(), account_id: account.to_owned() };
            let answer = suite.identity_as(Caller::service("gateway")).check_session(request).await;
            answer.map(|answer| answer.into_inner().role()).map_err(|status| status.code())
        };

        assert_eq!(check(&session, &one.id).await, Ok(pb::Role::Client));
        assert_eq!(check(&session, &other.id).await, Err(Code::NotFound));
        assert_eq!(check(&one.id, &session).await, Err(Code::NotFound));
        assert_eq!(check("", &one.id).await, Err(Code::InvalidArgument));
    }

    async fn a_session_that_a_blocked_account_still_has_lets_nobody_in(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lectrice@example.org").await;
        assert!(lives(&suite, &person.token).await);

        // A block ends the sessions: that one is left is only done by hand.
        let block = "UPDATE account SET active = FALSE WHERE id = $1";
        on!(&db.tables().await, |db| sqlx::query(block).bind(&person.id).execute(db).await.map(drop)).unwrap();

        assert!(!lives(&suite, &person.token).await);
    }

    async fn a_sign_in_that_meets_a_block_or_a_deletion_leaves_no_session(db: Database) {
        let suite = Arc::new(TestSuite::start(&db).await);
        let admin = suite.admin().await;

        for round in 0..8 {
            let person = suite.register(&format!("a{round}@example.org")).await;
            let mut sign_ins = JoinSet::new();
            for _ in 0..8 {
                let (suite, email) = (suite.clone(), person.email.clone());
                sign_ins.spawn(async move { suite.log_in(&email, PASSWORD).await });
            }
            // One is in, the others are on their way.
            let mut opened = vec![sign_ins.join_next().await.unwrap().unwrap()];
            let path = format!("/api/clients/{}", person.id);
            let ended = match round % 2 {
                0 => suite.send("PUT", &path, Some(&admin), Some(json!({"active": false}))).await,
                _ => suite.send("DELETE", &path, Some(&admin), None).await,
            };

            assert_eq!(ended.status, 200, "{}", ended.text);
            opened.extend(sign_ins.join_all().await);
            for token in opened.into_iter().flatten() {
                assert!(!lives(&suite, &token).await, "round {round}");
            }
            let query = "SELECT COUNT(*) FROM session WHERE account_id = $1";
            let left: i64 = on!(&db.tables().await, |db| {
                sqlx::query_scalar(query).bind(&person.id).fetch_one(db).await.unwrap()
            });
            assert_eq!(left, 0, "round {round}");
        }
    }

    async fn a_change_on_behalf_of_a_session_that_has_ended_changes_nothing(db: Database) {
        let suite = TestSuite::start(&db).await;

        for way in ["log-out", "role", "block", "delete", "end"] {
            let person = suite.register(&format!("{way}@example.org")).await;
            let open = sessions(&suite, client(&person.id), &person.id).await.unwrap();
            // The gateway let this caller through a moment ago: his passport is good for a minute.
            let caller = Caller { session: Some(open[0].id.clone()), ..client(&person.id) };
            finish(&suite, way, &person).await;

            let change = pb::ChangePasswordRequest {
                account_id: person.id.clone(),
                old_password: PASSWORD.to_owned(),
                new_password: NEW.to_owned(),
                ..Default::default()
            };
            let refused = suite.identity_as(caller).change_password(change).await.unwrap_err();

            assert_eq!(refused.code(), Code::NotFound, "{way}: {refused:?}");
            if way == "block" {
                put(&suite, &person, json!({"active": true})).await;
            }
            assert_eq!(suite.log_in(&person.email, NEW).await, None, "{way}");
            assert_eq!(suite.log_in(&person.email, PASSWORD).await.is_some(), way != "delete", "{way}");
        }
    }

    async fn an_account_has_a_hundred_sessions_at_most_and_the_oldest_makes_room(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;
        let neighbour = suite.register("autre@example.org").await;
        let mut tokens = vec![person.token.clone()];
        for _ in 0..99 {
            suite.hand.advance(Duration::from_secs(1));
            tokens.push(suite.log_in(&person.email, PASSWORD).await.unwrap());
        }
        assert!(lives(&suite, &tokens[0]).await && lives(&suite, &tokens[1]).await);

        suite.hand.advance(Duration::from_secs(1));
        let newest = suite.log_in(&person.email, PASSWORD).await.unwrap();

        assert_eq!(sessions(&suite, client(&person.id), &person.id).await.unwrap().len(), 100);
        assert!(!lives(&suite, &tokens[0]).await && lives(&suite, &tokens[1]).await);
        assert!(lives(&suite, &newest).await && lives(&suite, &neighbour.token).await);
    }
}
