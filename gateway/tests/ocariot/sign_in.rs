//! Operation 1, `POST /v1/auth`: whose token says what, and who gets none.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use testing::{
    Database,
    suite::{ADMIN, PASSWORD, answer},
};

use crate::{
    DAY, MEDIA_TYPE, NO_SIGN_IN, TOO_LARGE, TOO_MANY, bad_json, empty, missing, not_string,
    school::{Kind, School, User, claims},
    tells, unknown, with,
};

/// What the contract's table says, by hand.
const ADMINS: &str = "users:delete users:resetPassword educators:create educators:read educators:readAll educators:update educators:delete families:create families:read families:readAll families:update families:delete children:create children:read children:readAll children:update children:delete healthprofessionals:create healthprofessionals:read healthprofessionals:readAll healthprofessionals:update healthprofessionals:delete applications:create applications:read applications:readAll applications:update applications:delete institutions:create institutions:read institutions:readAll institutions:update institutions:delete physicalactivities:read measurements:read environment:read";
const APPLICATIONS: &str = "applications:read children:readAll institutions:read institutions:readAll physicalactivities:create physicalactivities:read physicalactivities:update physicalactivities:delete measurements:create measurements:read measurements:delete environment:create environment:read environment:update environment:delete";
const CHILDS: &str = "children:read institutions:read physicalactivities:create physicalactivities:read measurements:create measurements:read environment:read";
const EDUCATORS: &str = "children:read children:readAll educators:read educators:update childrengroups:create childrengroups:read childrengroups:update childrengroups:delete institutions:read institutions:readAll institutions:update physicalactivities:create physicalactivities:read physicalactivities:update physicalactivities:delete measurements:create measurements:read measurements:delete environment:read";
const FAMILYS: &str = "children:read families:read families:update institutions:read physicalactivities:create physicalactivities:read physicalactivities:update physicalactivities:delete measurements:create measurements:read measurements:delete environment:read";
const HEALTHPROFESSIONALS: &str = "children:read children:readAll healthprofessionals:read healthprofessionals:update childrengroups:create childrengroups:read childrengroups:update childrengroups:delete institutions:read institutions:readAll institutions:update physicalactivities:read measurements:read environment:read";

/// The second of 2026-03-02T09:00:00Z.
const BEGIN: i64 = 1_772_442_000;

testing::on_both! {
    async fn a_sign_in_answers_with_a_token_and_nothing_more(db: Database) {
        let school = School::open(&db).await;

        let answer = school.sign_in("BR0001", PASSWORD).await;

        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        answer.must_be(200, &format!(r#"{{"access_token":"{token}"}}"#));
    }

    async fn a_token_says_of_each_type_what_the_contract_says(db: Database) {
        let school = School::open(&db).await;
        let client = school.client("royce27@gmail.com").await;
        for (who, sub_type, role, scope) in [
            (&school.admin, "admin", "admin", ADMINS),
            (&school.application, "application", "client", APPLICATIONS),
            (&school.child, "child", "client", CHILDS),
            (&school.educator, "educator", "client", EDUCATORS),
            (&school.family, "family", "client", FAMILYS),
            (&school.healthprofessional, "healthprofessional", "client", HEALTHPROFESSIONALS),
            (&client, "client", "client", ""),
        ] {
            let said = claims(&school.token(&who.name, PASSWORD).await.unwrap());

            let names: BTreeSet<&str> = said.as_object().unwrap().keys().map(String::as_str).collect();
            let expected = ["sub", "sub_type", "iss", "iat", "scope", "exp", "aud", "jti", "sid", "id", "role"];
            assert_eq!(names, BTreeSet::from(expected), "{sub_type}");
            let shown = ["sub", "id", "sub_type", "role", "scope"].map(|name| said[name].as_str().unwrap());
            assert_eq!(shown, [&who.id, &who.id, sub_type, role, scope]);
            assert_eq!((&said["iat"], &said["exp"]), (&json!(BEGIN), &json!(BEGIN + 86_400)), "{sub_type}");
            assert_eq!((said["iss"].as_str(), said["aud"].as_str()), (Some("bibliotique"), Some("bibliotique")));
        }
    }

    async fn a_token_of_either_sign_in_works_on_every_surface(db: Database) {
        let school = School::open(&db).await;
        let library = User { token: school.suite.admin().await, ..school.admin.clone() };

        assert_eq!(school.get(&library, "/institutions").await.status, 200);
        let me = school.suite.send("GET", "/api/clients/me", Some(&school.admin.token), None).await;
        assert_eq!(me.status, 200, "{}", me.text);
    }

    /// Whoever it is, the answer is the same: nobody learns from it which names there are.
    async fn who_may_not_sign_in_is_told_nothing_more(db: Database) {
        let school = School::open(&db).await;
        let blocked = school.client("blocked@example.org").await;
        let path = format!("/api/clients/{}", blocked.id);
        let block = Some(json!({"active": false}));
        assert_eq!(school.suite.send("PUT", &path, Some(&school.admin.token), block).await.status, 200);
        let gone = school.fresh(Kind::Family, "gone").await;
        assert_eq!(school.delete(&school.admin, &format!("/users/{gone}")).await.status, 204);

        for (name, password) in [
            ("nobody", PASSWORD),
            ("nobody@example.org", PASSWORD),
            ("gone", PASSWORD),
            ("blocked@example.org", PASSWORD),
            ("blocked@example.org", "wrong"),
            ("educator", "wrong"),
            ("educator", "lis-7-livres!"),
            ("educator", " Lis-7-livres!"),
            ("educator", "Lis-7-livres!\u{0}"),
            ("edu cator", PASSWORD),
            ("' OR 1=1 --", PASSWORD),
            (&school.educator.id, PASSWORD),
            ("educator", &"x".repeat(5000)),
            ("🦀", "🦀"),
        ] {
            let answer = school.sign_in(name, password).await;

            answer.must_be(401, NO_SIGN_IN);
            assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        }
    }

    async fn a_name_is_trimmed_and_its_case_does_not_matter(db: Database) {
        let school = School::open(&db).await;
        school.fresh(Kind::Educator, "  Élodie Straße\t").await;
        let educator = school.signed_in("", "élodie strasse").await;
        let shown = school.get(&educator, &Kind::Educator.of(&educator.id)).await;
        assert_eq!(shown.json()["username"], "Élodie Straße");

        for name in ["Élodie Straße", " ÉLODIE STRASSE ", "\u{a0}éLODIE straße\n", "br0001", " Br0001", ADMIN] {
            assert!(school.token(name, PASSWORD).await.is_some(), "{name}");
        }
        assert!(school.token(" ADMIN@Example.ORG ", PASSWORD).await.is_some());
    }

    async fn a_sign_in_is_the_last_login(db: Database) {
        let mut school = School::open(&db).await;
        for kind in Kind::ALL {
            let id = school.fresh(kind, &format!("late {kind:?}")).await;
            let shown = school.get(&school.admin, &kind.of(&id)).await;
            assert_eq!(shown.json().get("last_login"), None, "{kind:?}");
        }

        school.later(Duration::from_millis(5_400_123)).await;
        for kind in Kind::ALL {
            let user = school.signed_in("", &format!("late {kind:?}")).await;
            school.sign_in(&user.name, "wrong").await.must_be(401, NO_SIGN_IN);
            let shown = school.get(&school.admin, &kind.of(&user.id)).await;
            assert_eq!(shown.json()["last_login"], "2026-03-02T10:30:00.123Z", "{kind:?}");
        }
        school.later(DAY).await;
        school.signed_in("", "late Family").await;
        let id = school.signed_in("", "late Family").await.id;
        let shown = school.get(&school.admin, &Kind::Family.of(&id)).await;
        assert_eq!(shown.json()["last_login"], "2026-03-03T10:30:00.123Z");
    }

    async fn ten_wrong_passwords_lock_an_account_for_a_minute(db: Database) {
        let school = School::open(&db).await;
        for _ in 0..10 {
            school.sign_in("educator", "wrong").await.must_be(401, NO_SIGN_IN);
        }

        // Nobody learns by it that there is such an account.
        let locked = school.sign_in(" EDUCATOR", PASSWORD).await;

        locked.must_be(401, NO_SIGN_IN);
        assert_eq!(locked.header("retry-after"), "");
        assert!(school.token("family", PASSWORD).await.is_some());
        school.suite.hand.advance(Duration::from_secs(60));
        assert!(school.token("educator", PASSWORD).await.is_some());
    }

    async fn the_budget_of_wrong_passwords_is_shared_with_the_change_of_a_password(db: Database) {
        let school = School::open(&db).await;
        let (path, guess) = (
            format!("/users/{}/password", school.family.id),
            json!({"old_password": "wrong", "new_password": PASSWORD}),
        );
        for _ in 0..5 {
            school.sign_in("family", "wrong").await.must_be(401, NO_SIGN_IN);
            assert_eq!(school.send(&school.family, "PUT", &path, Some(guess.clone())).await.status, 400);
        }

        school.sign_in("family", PASSWORD).await.must_be(401, NO_SIGN_IN);
        school.send(&school.family, "PUT", &path, Some(guess)).await.must_be(429, TOO_MANY);
    }
}

#[tokio::test]
async fn a_sign_in_has_two_filled_strings() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    let good = json!({"username": "educator", "password": PASSWORD});
    let mut cases = vec![
        (json!({}), missing("username, password")),
        (json!({"username": "educator"}), missing("password")),
        (json!({"password": PASSWORD}), missing("username")),
        (json!({"username": ""}), empty("username")),
        (json!({"username": 1, "password": ""}), not_string("username")),
        (json!({"username": " \t\n", "password": 1}), empty("username")),
        (json!({"password": ""}), empty("password")),
        (json!({"x": 1}), missing("username, password")),
        (with(&good, &json!({"role": "admin", "email": ADMIN})), unknown("email, role")),
        (with(&good, &json!({"password": "wrong", "Username": "x"})), unknown("Username")),
    ];
    for name in ["username", "password"] {
        for value in [json!(1), json!(null), json!(true), json!(1.5), json!(["x"]), json!({"x": "y"})] {
            cases.push((with(&good, &json!({name: value})), not_string(name)));
        }
    }

    for (body, text) in cases {
        let answer = school.suite.send("POST", "/v1/auth", None, Some(body.clone())).await;

        assert_eq!((answer.status, answer.text), (400, text), "{body}");
    }
    school.suite.send("POST", "/v1/auth", None, None).await.must_be(400, &missing("username, password"));
    let with_id = with(&good, &json!({"id": 1}));
    assert_eq!(school.suite.send("POST", "/v1/auth", None, Some(with_id)).await.status, 200);
}

#[tokio::test]
async fn a_sign_in_is_read_as_json_and_whatever_the_token() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    let good = json!({"username": "educator", "password": PASSWORD}).to_string();
    let twice = good.replacen('{', r#"{"username":"x","#, 1);
    let big = Value::from("x".repeat(60_000)).to_string();
    for (body, kind, status, text) in [
        ("{", "application/json", 400, bad_json()),
        ("[]", "application/json", 400, bad_json()),
        ("null", "application/json", 400, bad_json()),
        (&twice, "application/json", 400, bad_json()),
        (&good, "text/plain", 415, MEDIA_TYPE.to_owned()),
        ("username=educator", "application/x-www-form-urlencoded", 415, MEDIA_TYPE.to_owned()),
        (&good.replace("\"educator\"", &big), "application/json", 413, TOO_LARGE.to_owned()),
    ] {
        let request = school.suite.request("POST", "/v1/auth").header("content-type", kind);
        answer(request.body(body.to_owned())).await.must_be(status, &text);
    }
    for value in ["", "Bearer", "Bearer x", "Basic eDp5", &format!("Bearer {}", school.child.token)] {
        let request = school.suite.request("POST", "/v1/auth/").header("authorization", value);
        let answer = answer(request.header("content-type", "application/json").body(good.clone())).await;
        assert_eq!(answer.status, 200, "{value}: {}", answer.text);
    }
}

/// With neither side's words: what went wrong inside is told nobody.
#[tokio::test]
async fn a_failure_of_ours_has_no_description() {
    let gateway = crate::alone::gateway(tonic::Code::Internal);
    let answer = crate::alone::sign_in(gateway).await;
    assert_eq!(answer, (500, tells(500, "An internal server error has occurred.")));
}

#[tokio::test]
async fn a_service_that_is_away_is_said_to_be_so() {
    let gateway = crate::alone::gateway(tonic::Code::Unavailable);
    let answer = crate::alone::sign_in(gateway).await;
    let description = "The service is temporarily unavailable. Please try again later.";
    assert_eq!(answer, (503, crate::says(503, "SERVICE UNAVAILABLE", description)));
}
