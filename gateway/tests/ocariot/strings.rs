//! Strange strings: kept to the byte where they are legal, refused with the field's name where they are not.

use serde_json::{Value, json};
use testing::{
    Database,
    suite::{Answer, PASSWORD},
};

use crate::{
    TOO_LARGE, made,
    school::{Kind, School, User, groups},
    with, without,
};

/// A place where a text is written: whose, how, where, the body around it, and the field.
struct Place<'a> {
    who: &'a User,
    method: &'static str,
    path: String,
    body: Value,
    field: &'static str,
}

/// Every field that holds a free text. With POST, `{n}` in the body becomes a new number, so that no name is taken.
fn places(school: &School) -> Vec<Place<'_>> {
    let mut places = Vec::new();
    let mut add = |who, method, path: &str, body: Value, fields: &[&'static str]| {
        places.extend(fields.iter().map(|field| Place {
            who,
            method,
            path: path.to_owned(),
            body: body.clone(),
            field,
        }));
    };
    let admin = &school.admin;
    let own = format!("/institutions/{}", school.institution);
    let name = json!({"name": "Escola {n}", "type": "T"});
    add(admin, "POST", "/institutions", name, &["name", "type", "address", "latitude", "longitude"]);
    add(admin, "PATCH", &own, json!({}), &["name", "type", "address", "latitude", "longitude"]);
    for kind in Kind::ALL {
        add(admin, "POST", kind.path(), school.body(kind, "user {n}"), &["username"]);
        add(admin, "PATCH", &kind.of(&school.one(kind).id), json!({}), &["username"]);
    }
    let application = school.body(Kind::Application, "app {n}");
    add(admin, "POST", "/applications", application, &["application_name"]);
    add(admin, "PATCH", &Kind::Application.of(&school.application.id), json!({}), &["application_name"]);
    for kind in [Kind::Educator, Kind::HealthProfessional] {
        let owner = school.one(kind);
        add(owner, "POST", &groups(kind, &owner.id), school.group_body("Group {n}"), &["name", "school_class"]);
    }
    places
}

async fn write(school: &School, place: &Place<'_>, number: usize, text: &str) -> Answer {
    let body: Value = serde_json::from_str(&place.body.to_string().replace("{n}", &number.to_string())).unwrap();
    school.send(place.who, place.method, &place.path, Some(with(&body, &json!({place.field: text})))).await
}

testing::on_both! {
    async fn a_legal_text_reads_back_as_it_was_sent(db: Database) {
        let school = School::open(&db).await;
        let longest = "🦀".repeat(255);
        let texts = [
            "🦀",
            "é",
            "李",
            "محمد بن سلمان",
            "ﬁ",
            "𝒜",
            "\"; DROP TABLE account; --",
            "<b>Ana</b>",
            "\\",
            "\\u0000",
            "%00",
            "a\u{a0}b",
            "null",
            "{}",
            "0",
            "-7.210",
            "$ne",
            "ß",
            "İ",
            &longest,
        ];
        for (at, place) in places(&school).iter().enumerate() {
            for (number, text) in texts.iter().enumerate() {
                // Whether a blank that does not break is seen in a user name is nobody's concern.
                if place.field == "username" && text.contains('\u{a0}') {
                    continue;
                }
                // Names are one another's: each place has its own.
                let own = if ["name", "username"].contains(&place.field) {
                    format!("{at} {text}").chars().take(255).collect()
                } else {
                    (*text).to_owned()
                };

                let answer = write(&school, place, at * 100 + number, &own).await;

                let context = format!("{} {} {}: {own}: {}", place.method, place.path, place.field, answer.text);
                assert!([200, 201].contains(&answer.status), "{context}");
                assert_eq!(answer.json()[place.field].as_str(), Some(own.as_str()), "{context}");
                if !place.path.ends_with("/groups") {
                    let id = answer.json()["id"].as_str().unwrap().to_owned();
                    let path = if place.method == "POST" { format!("{}/{id}", place.path) } else { place.path.clone() };
                    school.get(place.who, &path).await.must_be(200, &answer.text);
                }
                if place.field == "username" {
                    assert!(school.token(&own, PASSWORD).await.is_some(), "{context}");
                }
            }
        }
    }

    async fn an_illegal_text_is_refused_with_the_name_of_its_field(db: Database) {
        let school = School::open(&db).await;
        let (long, wide) = ("x".repeat(256), "🦀".repeat(256));
        let everywhere = ["a\u{0}b", "\u{0}", "a\nb", "\u{1b}[31m", "a\u{7f}", "a\u{85}b", &long, &wide];
        let in_names = ["a\u{200b}b", "\u{200d}", "a\u{feff}", "\u{202e}a", "a\u{ad}b", "\u{2060}", "\u{e0001}a"];
        for place in places(&school) {
            let texts = everywhere.iter().chain(in_names.iter().filter(|_| place.field == "username"));
            for text in texts {
                let answer = write(&school, &place, 0, text).await;

                let context = format!("{} {} {}: {text:?}: {}", place.method, place.path, place.field, answer.text);
                let said = answer.json();
                assert_eq!((answer.status, &said["code"]), (400, &json!(400)), "{context}");
                assert_eq!(said["message"], "One or more request fields are invalid...", "{context}");
                let how = if place.field == "username" { "invisible" } else { "a control character" };
                let words = format!("{} must have at most 255 characters, none of them {how}!", place.field);
                assert_eq!(said["description"], words, "{context}");
                assert_eq!(said.as_object().unwrap().len(), 3, "{context}");
            }
        }
        // Nothing of it was made.
        for kind in Kind::ALL {
            assert_eq!(school.get(&school.admin, kind.path()).await.header("x-total-count"), "1", "{kind:?}");
        }
    }

    async fn a_password_may_hold_any_character(db: Database) {
        let school = School::open(&db).await;
        let longest = "🦀".repeat(128);
        for (number, password) in
            ["mot de passe", "\u{a0}\u{a0}émeu\u{202e}s🦀", "  blanks  ", "\t\t\t\t\t\t\t\t", &longest]
                .into_iter()
                .enumerate()
        {
            let name = format!("user {number}");
            let body = with(&school.body(Kind::Educator, &name), &json!({"password": password}));
            made(&school.post(&school.admin, "/educators", body).await);

            assert!(school.token(&name, password).await.is_some(), "{password}");
            assert!(
                school.token(&name, password.trim()).await.is_some() == (password.trim() == password),
                "{password}"
            );
        }
    }
}

/// What three megabytes are answered with.
async fn megabytes(school: &School, place: &Place<'_>) -> (u16, String) {
    let body = with(&place.body, &json!({place.field: "x".repeat(3_000_000)}));
    let request = school.suite.request(place.method, &format!("/v1{}", place.path)).bearer_auth(&place.who.token);
    let response = request.json(&body).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_as_such() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    for place in places(&school) {
        let answer = megabytes(&school, &place).await;
        assert_eq!(answer, (413, TOO_LARGE.to_owned()), "{} {} {}", place.method, place.path, place.field);
    }
    let large = "x".repeat(60_000);
    let body = json!({"old_password": large, "new_password": large});
    let path = format!("/users/{}/password", school.family.id);
    school.send(&school.family, "PUT", &path, Some(body.clone())).await.must_be(413, TOO_LARGE);
    let path = format!("/users/{}/reset-password", school.family.id);
    school.post(&school.admin, &path, body).await.must_be(413, TOO_LARGE);
    let body = json!({"name": large, "type": "T"});
    school.post(&school.admin, "/institutions", body).await.must_be(413, TOO_LARGE);
}

#[tokio::test]
async fn nothing_strange_is_a_failure_of_ours() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    let deep = format!("{}1{}", "[".repeat(120), "]".repeat(120));
    let values = [
        "\"a\\u0000b\"",
        "\"\\ud83e\\udd80\"",
        "1e400",
        "-0",
        "1e308",
        "0.1e-300",
        "123456789012345678901234567890",
        "[[]]",
        "{\"id\":{}}",
        &deep,
        "[\"a\\u0000b\"]",
        "[{\"id\":\"\\u0000\"}]",
        "\"-infinity\"",
        "\"NaN\"",
        "\"1e5\"",
        "\"２\"",
        "\"0x10\"",
        "\"0000-00-00\"",
        "\"2021-01-32\"",
    ];
    for kind in Kind::ALL {
        for name in [
            "username",
            "password",
            "institution_id",
            "institution",
            "gender",
            "age",
            "age_calc_date",
            "children",
            "application_name",
            "id",
        ] {
            for value in values {
                // A password that is long enough may be looked for in the answers, where the same text is a name.
                if name == "password" && value.starts_with('"') && value.len() > 9 {
                    continue;
                }
                let body = without(&school.body(kind, "strange"), name).to_string();
                let body = body.replacen('{', &format!("{{\"{name}\":{value},"), 1);
                let posted = [Kind::Child, Kind::Family].contains(&kind);
                let post = posted.then(|| ("POST", kind.path().to_owned(), body));
                let patch = ("PATCH", kind.of(&school.one(kind).id), format!("{{\"{name}\":{value}}}"));
                for (method, path, body) in post.into_iter().chain([patch]) {
                    let answer =
                        school.suite.send_text(method, &format!("/v1{path}"), Some(&school.admin.token), body).await;
                    assert!(answer.status < 500, "{method} {path} {name} {value}: {} {}", answer.status, answer.text);
                    if answer.status == 201 {
                        let made = format!("/users/{}", answer.json()["id"].as_str().unwrap());
                        school.delete(&school.admin, &made).await.must_be(204, "");
                    }
                }
            }
        }
    }
    for name in ["educator\u{0}", "\u{200b}", "\u{202e}educator", &"x".repeat(256), &"🦀".repeat(1000)] {
        let answer = school.sign_in(name, PASSWORD).await;
        assert!([400, 401].contains(&answer.status), "{name:?}: {} {}", answer.status, answer.text);
    }
}
