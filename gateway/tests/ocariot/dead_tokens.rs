//! Ruling 2: a token that has ended is answered the same by every operation, from the moment on in which its end was told.

use serde_json::{Value, json};
use testing::{
    Database,
    suite::{ADMIN, PASSWORD},
};

use crate::{
    NOBODY, REVOKED,
    matrix::OPERATIONS,
    school::{Kind, School, User},
    unauthorized,
};

const NEW: &str = "Zebre-bleu-42";

/// Every operation that wants a token, with what the user may reach.
async fn is_dead_everywhere(school: &School, user: &User, why: &str) {
    let expected = unauthorized(REVOKED);
    for operation in &OPERATIONS[1..] {
        let ids = operation.path.split('/').map(|part| match part {
            "{institution_id}" => school.institution.as_str(),
            "{child_id}" => &school.child.id,
            "{group_id}" => NOBODY,
            part if part.starts_with('{') => &user.id,
            part => part,
        });
        let path = ids.collect::<Vec<_>>().join("/");

        let answer = school.send(user, operation.method, &path, Some(json!({}))).await;

        assert_eq!(
            (answer.status, answer.text.as_str()),
            (401, expected.as_str()),
            "{why}: {} {path}",
            operation.method
        );
    }
}

async fn lives(school: &School, user: &User) -> bool {
    let answer = school.suite.send("GET", "/api/clients/me", Some(&user.token), None).await;
    answer.status != 401
}

async fn library(school: &School, method: &str, path: &str, token: &str, body: Option<Value>) {
    let answer = school.suite.send(method, path, Some(token), body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

testing::on_both! {
    async fn the_token_of_a_deleted_account_is_dead(db: Database) {
        let school = School::open(&db).await;
        for kind in [Kind::Application, Kind::Educator, Kind::Family] {
            let user = school.one(kind);
            school.delete(&school.admin, &format!("/users/{}", user.id)).await.must_be(204, "");
            is_dead_everywhere(&school, user, "deleted").await;
        }
        let second = school.second_admin("second@example.org").await;
        school.delete(&school.admin, &format!("/users/{}", second.id)).await.must_be(204, "");
        is_dead_everywhere(&school, &second, "deleted").await;
    }

    async fn the_tokens_of_a_reset_account_are_dead(db: Database) {
        let school = School::open(&db).await;
        for kind in [Kind::Child, Kind::HealthProfessional] {
            let (user, other) = (school.one(kind), school.signed_in("", &school.one(kind).name).await);
            let path = format!("/users/{}/reset-password", user.id);
            school.post(&school.admin, &path, json!({"new_password": NEW})).await.must_be(204, "");
            is_dead_everywhere(&school, user, "reset").await;
            assert!(!lives(&school, &other).await);
            let again = school.signed_in(NEW, &user.name).await;
            assert!(lives(&school, &again).await);
        }
    }

    async fn the_tokens_of_a_blocked_account_are_dead(db: Database) {
        let school = School::open(&db).await;
        let second = school.second_admin("second@example.org").await;
        let path = format!("/api/clients/{}", second.id);
        library(&school, "PUT", &path, &school.admin.token, Some(json!({"active": false}))).await;

        is_dead_everywhere(&school, &second, "blocked").await;
    }

    async fn a_token_is_dead_after_a_logout_and_the_others_live(db: Database) {
        let school = School::open(&db).await;
        for kind in [Kind::Child, Kind::Application] {
            let (user, other) = (school.one(kind), school.signed_in("", &school.one(kind).name).await);
            library(&school, "POST", "/api/clients/logout", &user.token, None).await;

            is_dead_everywhere(&school, user, "logout").await;
            assert!(lives(&school, &other).await);
        }
    }

    async fn a_token_of_an_older_role_is_dead(db: Database) {
        let school = School::open(&db).await;
        let client = school.client("royce27@gmail.com").await;
        let path = format!("/api/clients/{}", client.id);
        library(&school, "PUT", &path, &school.admin.token, Some(json!({"role": "admin"}))).await;
        is_dead_everywhere(&school, &client, "made an admin").await;

        let admin = school.signed_in("", &client.name).await;
        assert_eq!(school.get(&admin, "/institutions").await.status, 200);
        library(&school, "PUT", &path, &school.admin.token, Some(json!({"role": "client"}))).await;
        is_dead_everywhere(&school, &admin, "made a client").await;
        let client = school.signed_in("", &client.name).await;
        assert_eq!(school.get(&client, "/institutions").await.status, 403);
    }

    async fn who_changes_his_own_password_goes_on_alone(db: Database) {
        let school = School::open(&db).await;
        for user in [&school.educator, &school.healthprofessional, &school.family] {
            let other = school.signed_in("", &user.name).await;
            let body = json!({"old_password": PASSWORD, "new_password": NEW});
            let path = format!("/users/{}/password", user.id);
            school.send(user, "PUT", &path, Some(body)).await.must_be(204, "");

            is_dead_everywhere(&school, &other, "changed").await;
            assert!(lives(&school, user).await);
        }
        let other = school.signed_in("", ADMIN).await;
        let path = format!("/users/{}/reset-password", school.admin.id);
        school.post(&school.admin, &path, json!({"new_password": NEW})).await.must_be(204, "");
        is_dead_everywhere(&school, &other, "reset").await;
        assert_eq!(school.get(&school.admin, "/institutions").await.status, 200);
    }

    /// What is not a change of the account ends no session.
    async fn a_new_name_or_institution_ends_no_session(db: Database) {
        let school = School::open(&db).await;
        for kind in Kind::ALL {
            let user = school.one(kind);
            let body = json!({"username": format!("renamed {kind:?}"), "institution_id": school.institution});
            assert_eq!(school.patch(&school.admin, &kind.of(&user.id), body).await.status, 200);
            assert!(lives(&school, user).await, "{kind:?}");
        }
    }
}
