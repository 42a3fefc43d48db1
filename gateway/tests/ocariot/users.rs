//! Operations 3 and 4: an admin sets passwords anew and deletes accounts; and operation 2 for the other types.

use serde_json::{Value, json};
use testing::{
    Database,
    suite::{ADMIN, PASSWORD},
};

use crate::{
    NOBODY, REVOKED, empty, forbidden, invalid, not_found, not_string, says,
    school::{Kind, School, User},
    tells, unauthorized, unknown, weak,
};

const NEW: &str = "Zebre-bleu-42";

/// The library realm's rule.
const WEAK: &str =
    "new_password must contain at least 8 characters, one uppercase letter, one lowercase letter, and one number.";

fn reset_path(id: &str) -> String {
    format!("/users/{id}/reset-password")
}

fn path(id: &str) -> String {
    format!("/users/{id}")
}

fn reset_missing() -> String {
    says(400, "Required field not provided...", "new_password is required!")
}

impl School {
    async fn change(&self, who: &User, old: &str, new: &str) -> crate::Answer {
        let body = json!({"old_password": old, "new_password": new});
        self.send(who, "PUT", &format!("/users/{}/password", who.id), Some(body)).await
    }

    async fn reset(&self, id: &str, new: &str) -> crate::Answer {
        self.post(&self.admin, &reset_path(id), json!({"new_password": new})).await
    }
}

testing::on_both! {
    async fn three_types_of_the_school_change_their_own_password(db: Database) {
        let school = School::open(&db).await;
        for who in [&school.educator, &school.family, &school.healthprofessional] {
            let other = school.signed_in("", &who.name).await;
            school.change(who, PASSWORD, "short").await.must_be(400, &weak("new_password"));
            school.change(who, PASSWORD, "aaaaaaaa").await.must_be(204, "");

            // This session goes on, the others end.
            let own = format!("/institutions/{}", school.institution);
            assert_eq!(school.get(who, &own).await.status, 200);
            school.get(&other, &own).await.must_be(401, &unauthorized(REVOKED));
            assert_eq!(school.token(&who.name, PASSWORD).await, None);
            assert!(school.token(&who.name, "aaaaaaaa").await.is_some());
        }
    }

    async fn a_child_and_an_application_never_change_their_password_nor_anybody_anothers(db: Database) {
        let school = School::open(&db).await;
        for who in [&school.child, &school.application] {
            school.change(who, PASSWORD, NEW).await.must_be(403, &forbidden());
            assert!(school.token(&who.name, PASSWORD).await.is_some());
        }
        for who in [&school.educator, &school.family, &school.healthprofessional, &school.admin] {
            let stranger = User { id: school.child.id.clone(), ..who.clone() };
            school.change(&stranger, PASSWORD, NEW).await.must_be(403, &forbidden());
        }
        assert!(school.token("BR0001", PASSWORD).await.is_some());
    }

    async fn an_admin_sets_the_password_of_any_account_anew(db: Database) {
        let school = School::open(&db).await;
        let mut users: Vec<User> = Kind::ALL.map(|kind| school.one(kind).clone()).to_vec();
        users.extend([school.client("royce27@gmail.com").await, school.second_admin("second@example.org").await]);
        for user in users {
            let answer = school.reset(&user.id, NEW).await;

            answer.must_be(204, "");
            assert_eq!(answer.header("content-type"), "");
            assert_eq!(school.token(&user.name, PASSWORD).await, None, "{}", user.name);
            assert!(school.token(&user.name, NEW).await.is_some(), "{}", user.name);
            school.get(&user, "/institutions").await.must_be(401, &unauthorized(REVOKED));
        }
    }

    async fn an_admin_who_resets_his_own_password_goes_on_and_his_other_sessions_end(db: Database) {
        let school = School::open(&db).await;
        let other = school.signed_in("", ADMIN).await;

        school.reset(&school.admin.id, NEW).await.must_be(204, "");

        assert_eq!(school.get(&school.admin, "/institutions").await.status, 200);
        school.get(&other, "/institutions").await.must_be(401, &unauthorized(REVOKED));
        assert_eq!(school.token(ADMIN, PASSWORD).await, None);
        assert!(school.token(ADMIN, NEW).await.is_some());
    }

    async fn each_realm_keeps_its_rule_of_passwords(db: Database) {
        let school = School::open(&db).await;
        let client = school.client("royce27@gmail.com").await;
        for new in ["short", "1234567", &"x".repeat(129), &"🦀".repeat(129), &"🦀".repeat(7)] {
            school.reset(&school.child.id, new).await.must_be(400, &weak("new_password"));
        }
        for new in ["weak", "new_password_here", "ALLCAPITAL1", "Short1", "Zq7vKp2"] {
            for id in [&client.id, &school.admin.id] {
                school.reset(id, new).await.must_be(400, &invalid(WEAK));
            }
            school.change(&school.admin, PASSWORD, new).await.must_be(400, &invalid(WEAK));
        }
        assert!(
            school.token("BR0001", PASSWORD).await.is_some() && school.token(&client.name, PASSWORD).await.is_some()
        );

        let longest = "🦀".repeat(128);
        for new in ["12345678", "        ", "aaaaaaaa", "éééééééé", &longest] {
            school.reset(&school.child.id, new).await.must_be(204, "");
            assert!(school.token("BR0001", new).await.is_some(), "{new}");
        }
    }

    async fn the_fields_of_a_reset_are_checked_in_order(db: Database) {
        let school = School::open(&db).await;
        let mut cases = vec![
            (json!({}), reset_missing()),
            (json!({"x": 1}), reset_missing()),
            (json!({"old_password": PASSWORD}), reset_missing()),
            (json!({"new_password": "", "x": 1}), empty("new_password")),
            (json!({"new_password": NEW, "old_password": PASSWORD, "a": 1}), unknown("a, old_password")),
            (json!({"new_password": NEW, "password": NEW}), unknown("password")),
        ];
        for value in [json!(1), json!(null), json!(true), json!([NEW]), json!({"x": NEW})] {
            cases.push((json!({"new_password": value}), not_string("new_password")));
        }
        // Before the account is looked for.
        for id in [school.child.id.as_str(), NOBODY] {
            school.refuses(&school.admin, "POST", &reset_path(id), cases.clone()).await;
        }
        school.send(&school.admin, "POST", &reset_path(NOBODY), None).await.must_be(400, &reset_missing());
        // The account is looked for before the password is judged.
        school.reset(NOBODY, "short").await.must_be(404, &not_found("User"));
        school.reset(NOBODY, NEW).await.must_be(404, &not_found("User"));
        let body = json!({"new_password": NEW, "id": school.child.id});
        school.post(&school.admin, &reset_path(&school.child.id), body).await.must_be(204, "");
    }

    async fn an_admin_deletes_any_account_and_nothing_of_it_is_left(db: Database) {
        let school = School::open(&db).await;
        let client = school.client("royce27@gmail.com").await;
        let second = school.second_admin("second@example.org").await;
        for kind in Kind::ALL.into_iter().rev() {
            let user = school.one(kind);
            for _ in 0..2 {
                let answer = school.delete(&school.admin, &path(&user.id)).await;
                answer.must_be(204, "");
            }
            school.get(&school.admin, &kind.of(&user.id)).await.must_be(404, &not_found(kind.word()));
            let list = school.get(&school.admin, kind.path()).await;
            list.must_be(200, "[]");
            assert_eq!(list.header("x-total-count"), "0");
            let update = school.patch(&school.admin, &kind.of(&user.id), json!({})).await;
            update.must_be(404, &not_found(kind.word()));
            school.get(user, &kind.of(&user.id)).await.must_be(401, &unauthorized(REVOKED));
            assert_eq!(school.token(&user.name, PASSWORD).await, None);
            school.reset(&user.id, NEW).await.must_be(404, &not_found("User"));
            // The name is free again.
            school.fresh(Kind::Application, &user.name).await;
            let again = school.signed_in("", &user.name).await;
            school.delete(&school.admin, &path(&again.id)).await.must_be(204, "");
        }
        for user in [client, second] {
            school.delete(&school.admin, &path(&user.id)).await.must_be(204, "");
            school.get(&user, "/institutions").await.must_be(401, &unauthorized(REVOKED));
            assert_eq!(school.suite.log_in(&user.name, PASSWORD).await, None);
        }
        school.delete(&school.admin, &path(NOBODY)).await.must_be(204, "");
    }

    async fn nobody_deletes_his_own_account_and_so_an_admin_is_left(db: Database) {
        let school = School::open(&db).await;
        school.delete(&school.admin, &path(&school.admin.id)).await.must_be(403, &forbidden());
        let second = school.second_admin("second@example.org").await;
        school.delete(&second, &path(&second.id)).await.must_be(403, &forbidden());
        school.delete(&second, &path(&school.admin.id)).await.must_be(204, "");

        school.delete(&second, &path(&second.id)).await.must_be(403, &forbidden());
        assert!(school.token("second@example.org", PASSWORD).await.is_some());
    }

    /// The last admin is never deleted, even by one who is being deleted himself.
    async fn two_admins_who_delete_each_other_at_once_leave_one(db: Database) {
        let school = School::open(&db).await;
        let mut one = school.admin.clone();
        for round in 0..10 {
            let other = second_of(&school, &one, round).await;
            let (paths, users) = ((path(&one.id), path(&other.id)), (one.clone(), other));

            let (first, second) = tokio::join!(school.delete(&users.0, &paths.1), school.delete(&users.1, &paths.0));

            let won = (first.status == 204, second.status == 204);
            assert!(won.0 != won.1, "{} {}", first.text, second.text);
            let lost = if won.0 { &second } else { &first };
            assert!([forbidden(), unauthorized(REVOKED)].contains(&lost.text), "{}", lost.text);
            one = if won.0 { users.0 } else { users.1 };
            assert_eq!(school.get(&one, "/institutions").await.status, 200);
        }
    }

    async fn an_account_with_books_on_loan_is_not_deleted(db: Database) {
        let school = School::open(&db).await;
        let client = school.client("royce27@gmail.com").await;
        for user in [&school.child, &client] {
            let livre = book(&school).await;
            let lent = school.suite.send("POST", &format!("/api/emprunts/{livre}"), Some(&user.token), None).await;
            assert_eq!(lent.status, 201, "{}", lent.text);
            let loan = lent.json()["data"]["emprunt"]["_id"].as_str().unwrap().to_owned();

            let refused = school.delete(&school.admin, &path(&user.id)).await;
            refused.must_be(409, &tells(409, "The user has books on loan."));
            assert!(school.token(&user.name, PASSWORD).await.is_some());

            let back = format!("/api/emprunts/{loan}/return");
            assert_eq!(school.suite.send("POST", &back, Some(&school.admin.token), None).await.status, 200);
            school.delete(&school.admin, &path(&user.id)).await.must_be(204, "");
        }
    }
}

/// A new admin beside `admin`.
async fn second_of(school: &School, admin: &User, round: usize) -> User {
    let person = school.suite.register(&format!("admin{round}@example.org")).await;
    let body = Some(json!({"role": "admin"}));
    let answer = school.suite.send("PUT", &format!("/api/clients/{}", person.id), Some(&admin.token), body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    school.signed_in("", &person.email).await
}

/// A book of one copy.
async fn book(school: &School) -> String {
    let body = json!({
        "isbn": "", "titre": "L'Étranger", "auteur": "Albert Camus", "anneePublication": 1942, "editeur": "Gallimard",
        "langue": "français", "quantite": 1,
    });
    let made = school.suite.send("POST", "/api/livres", Some(&school.admin.token), Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let livre: Value = made.json()["data"]["livre"].take();
    livre["_id"].as_str().unwrap().to_owned()
}
