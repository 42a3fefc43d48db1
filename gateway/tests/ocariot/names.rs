//! Ruling 4: a name is one account's alone, among all accounts of all types, whatever its case.

use serde_json::json;
use testing::{
    Database,
    suite::{ADMIN, Answer, PASSWORD},
};

use crate::{
    column,
    school::{Kind, School},
    taken, with,
};

/// Two answers to the same wish: one was first, and the other is told so in its type's words.
#[track_caller]
fn one_won(answers: [Answer; 2], words: [&str; 2], context: &str) {
    let won = answers.each_ref().map(|answer| answer.status == 201);
    assert!(won[0] != won[1], "{context}: {} {}", answers[0].text, answers[1].text);
    let lost = usize::from(won[0]);
    answers[lost].must_be(409, &taken(words[lost]));
}

testing::on_both! {
    async fn a_name_is_taken_whatever_the_type_and_the_case(db: Database) {
        let school = School::open(&db).await;
        school.fresh(Kind::Family, "Élodie Straße").await;
        school.client("royce27@gmail.com").await;
        for kind in Kind::ALL {
            for name in [
                "BR0001",
                "br0001",
                " Br0001 ",
                "Educator",
                "HEALTHPROFESSIONAL",
                "family\t",
                "\napplication",
                ADMIN,
                "Royce27@GMAIL.com",
                "élodie straße",
                "ÉLODIE STRASSE",
            ] {
                let answer = school.post(&school.admin, kind.path(), school.body(kind, name)).await;
                answer.must_be(409, &taken(kind.word()));

                let own = school.one(kind);
                if !name.trim().eq_ignore_ascii_case(&own.name) {
                    let answer = school.patch(&school.admin, &kind.of(&own.id), json!({"username": name})).await;
                    answer.must_be(409, &taken(kind.word()));
                }
            }
            let all = school.get(&school.admin, kind.path()).await;
            let expected = if kind == Kind::Family { 2 } else { 1 };
            assert_eq!(column(&all, "username").len(), expected, "{}", all.text);
        }
    }

    async fn ones_own_name_is_no_conflict_in_any_case(db: Database) {
        let school = School::open(&db).await;
        for kind in Kind::ALL {
            let user = school.one(kind);
            for name in [user.name.clone(), user.name.to_uppercase(), format!(" {} ", user.name)] {
                let answer = school.patch(&school.admin, &kind.of(&user.id), json!({"username": name})).await;

                assert_eq!(answer.status, 200, "{}", answer.text);
                assert_eq!(answer.json()["username"], name.trim());
            }
        }
    }

    async fn a_library_account_cannot_take_the_name_of_a_school_account(db: Database) {
        let school = School::open(&db).await;
        school.fresh(Kind::Educator, "Ana@Example.org").await;
        let body = json!({"nom": "Ana", "email": "ana@example.org", "password": PASSWORD, "confirmPassword": PASSWORD});
        let answer = school.suite.send("POST", "/api/clients/register", None, Some(body)).await;
        assert_eq!(answer.status, 400, "{}", answer.text);

        // It is the educator who signs in with that name.
        let educator = school.signed_in("", "ana@example.org").await;
        assert_eq!(school.get(&educator, &Kind::Educator.of(&educator.id)).await.json()["username"], "Ana@Example.org");
    }

    async fn of_two_who_want_a_name_at_once_one_gets_it(db: Database) {
        let school = School::open(&db).await;
        for round in 0..100 {
            let (one, two) = (Kind::ALL[round % 5], Kind::ALL[round / 5 % 5]);
            let name = format!("name {round}");
            let bodies = (school.body(one, &name), school.body(two, &name.to_uppercase()));

            let (first, second) = tokio::join!(
                school.post(&school.admin, one.path(), bodies.0),
                school.post(&school.admin, two.path(), bodies.1),
            );

            one_won([first, second], [one.word(), two.word()], &name);
            assert!(school.token(&name, PASSWORD).await.is_some());
        }
        let mut all = 0;
        for kind in Kind::ALL {
            all += column(&school.get(&school.admin, &format!("{}?username=name*", kind.path())).await, "id").len();
        }
        assert_eq!(all, 100);
    }

    async fn of_a_name_and_an_address_at_once_one_is_made(db: Database) {
        let school = School::open(&db).await;
        for round in 0..100 {
            let kind = Kind::ALL[round % 5];
            let email = format!("Ana{round}@example.org");
            let body = school.body(kind, &email.to_uppercase());
            let client = json!({"nom": "Ana", "email": email, "password": PASSWORD, "confirmPassword": PASSWORD});

            let (account, client) = tokio::join!(
                school.post(&school.admin, kind.path(), body),
                school.suite.send("POST", "/api/clients/register", None, Some(client)),
            );

            match (account.status, client.status) {
                (201, 400) => (),
                (409, 201) => account.must_be(409, &taken(kind.word())),
                _ => panic!("{email}: {} {}", account.text, client.text),
            }
        }
    }

    async fn of_two_who_change_to_a_name_at_once_one_gets_it(db: Database) {
        let school = School::open(&db).await;
        let (educator, family) = (Kind::Educator.of(&school.educator.id), Kind::Family.of(&school.family.id));
        for round in 0..30 {
            let name = json!({"username": format!("name {round}")});

            let (one, two) = tokio::join!(
                school.patch(&school.educator, &educator, name.clone()),
                school.patch(&school.family, &family, name),
            );

            let statuses = [one.status, two.status];
            assert!(statuses == [200, 409] || statuses == [409, 200], "{} {}", one.text, two.text);
        }
    }

    async fn of_two_who_want_an_institutions_name_at_once_one_gets_it(db: Database) {
        let school = School::open(&db).await;
        for round in 0..100 {
            let body = crate::institution(&format!("Escola {round}"));

            let (one, two) = tokio::join!(
                school.post(&school.admin, "/institutions", body.clone()),
                school.post(&school.admin, "/institutions", with(&body, &json!({"type": "T"}))),
            );

            one_won([one, two], ["Institution", "Institution"], &round.to_string());
        }
    }
}
