//! Operations 10 to 13: children.

use serde_json::{Value, json};
use testing::{Database, suite::PASSWORD};

use crate::{
    GENDERS, NOBODY, SECOND, SIGNED_IN, bad_id, empty, forbidden, invalid, made, missing, no_date, no_institution,
    not_found, not_string, password_route, says,
    school::{Kind, School, child},
    taken, tells, unknown, weak, with, without,
};

const ALL: &str = "username, password, institution, gender, age";

fn path(id: &str) -> String {
    format!("/children/{id}")
}

fn not_positive() -> String {
    invalid("Age cannot be less than or equal to zero!")
}

fn no_such_day(value: &str) -> String {
    tells(400, &format!("Date: {value}, is not in valid ISO 8601 format."))
}

fn no_such_year(value: &str) -> String {
    let years = "The year must be greater than 1678 and less than 2261.";
    tells(400, &format!("Date {value} has year not allowed. {years}"))
}

fn in_the_future(value: &str) -> String {
    let description = "The 'age' and 'age_calc_date' fields can only receive past or present dates.";
    says(400, &format!("Datetime: {value}, cannot be used!"), description)
}

/// What no date is, and how it is refused.
fn bad_dates() -> Vec<(&'static str, String)> {
    let mut dates = Vec::new();
    for other in [
        "x",
        " ",
        "2020",
        "2020-1-1",
        "2020-13-01",
        "2020-00-01",
        "01-01-2020",
        "2020/01/01",
        "20200101",
        "2020-01-01T00:00:00Z",
        " 2020-01-01",
        "2020-01-01 ",
        "２０２０-01-01",
        "+2020-01-01",
        "-2020-01-01",
        "12020-01-01",
        "2020-W01-1",
    ] {
        dates.push((other, no_date(other)));
    }
    for day in ["2021-02-29", "2021-02-30", "2021-04-31", "1900-02-29"] {
        dates.push((day, no_such_day(day)));
    }
    for year in ["1677-12-31", "2262-01-01", "0001-01-01", "9999-12-31", "1677-02-30"] {
        dates.push((year, no_such_year(year)));
    }
    for day in ["2026-03-04", "2026-12-31", "2261-12-31"] {
        dates.push((day, in_the_future(day)));
    }
    dates
}

/// What both writes refuse in a field.
fn bad_fields() -> Vec<(Value, String)> {
    let mut cases = vec![
        (json!({"username": "  "}), empty("username")),
        (json!({"username": "\u{a0}\t\n"}), empty("username")),
        (json!({"age": ""}), empty("age")),
        (json!({"age_calc_date": ""}), empty("age_calc_date")),
        // The first in the order of the table answers.
        (json!({"gender": "x"}), invalid(GENDERS)),
        (json!({"gender": "x", "institution_id": "x"}), bad_id("institution_id")),
        (json!({"gender": "x", "age": 0, "username": 1}), not_string("username")),
        (json!({"age_calc_date": 1, "age": 0}), not_positive()),
        (json!({"age_calc_date": 1, "age": 1, "x": 1}), not_string("age_calc_date")),
    ];
    for name in ["username", "age_calc_date"] {
        cases.extend(
            [json!(1), json!(null), json!(true), json!(["x"]), json!({"x": "y"})]
                .map(|value| (json!({name: value}), not_string(name))),
        );
    }
    for name in ["institution_id", "institution"] {
        for value in [json!(""), json!("x"), json!(null), json!(1), json!([NOBODY]), json!(NOBODY.to_uppercase())] {
            cases.push((json!({name: value}), bad_id("institution_id")));
        }
    }
    for value in [json!(""), json!("Male"), json!(" male"), json!("other"), json!(null), json!(1), json!(["male"])] {
        cases.push((json!({"gender": value}), invalid(GENDERS)));
    }
    for value in [json!(0), json!(-1), json!(-0.5), json!("0"), json!("-1"), json!("0.0"), json!("-11.5")] {
        cases.push((json!({"age": value}), not_positive()));
    }
    for value in [json!(true), json!(false)] {
        cases.push((json!({"age": value}), no_date(&value.to_string())));
    }
    for (date, text) in bad_dates() {
        // As an age, some are numbers of years.
        if date.trim().parse::<f64>().is_err() && date != " " {
            cases.push((json!({"age": date}), text.clone()));
        }
        cases.push((json!({"age_calc_date": date, "age": 11}), text));
    }
    cases
}

testing::on_both! {
    async fn an_admin_makes_a_child(db: Database) {
        let school = School::open(&db).await;
        let answer = school.post(&school.admin, "/children", school.body(Kind::Child, "BR0002")).await;
        let id = made(&answer);
        answer.must_be(201, &child(&id, "BR0002", &school.institution, ""));
        school.get(&school.admin, &path(&id)).await.must_be(200, &child(&id, "BR0002", &school.institution, ""));

        let body = json!({
            "username": " BR0003 ", "password": PASSWORD, "institution": school.institution, "gender": "female", "age": "2015-03-01",
        });
        let answer = school.post(&school.admin, "/children", body).await;
        let id = made(&answer);
        let institution = &school.institution;
        answer.must_be(201, &format!(
            r#"{{"id":"{id}","username":"BR0003","institution_id":"{institution}","gender":"female","age":"2015-03-01","fitbit_status":"none"}}"#
        ));
    }

    async fn a_new_child_is_checked_in_order(db: Database) {
        let school = School::open(&db).await;
        let mut body = json!({"username": "BR0001", "institution_id": "x", "age": 11, "x": 1});
        for (status, text, mended) in [
            (400, bad_id("institution_id"), json!({"institution_id": NOBODY})),
            (400, missing("password, gender, age_calc_date"), json!({"gender": "male"})),
            (400, missing("password, age_calc_date"), json!({"age_calc_date": "2020-01-01"})),
            (400, missing("password"), json!({"password": "short"})),
            (400, weak("password"), json!({"password": PASSWORD})),
        ] {
            school.post(&school.admin, "/children", body.clone()).await.must_be(status, &text);
            body = with(&body, &mended);
        }
        school.post(&school.admin, "/children", body.clone()).await.must_be(400, &unknown("x"));
        body = without(&body, "x");
        school.post(&school.admin, "/children", body.clone()).await.must_be(409, &taken("Child"));
        body = with(&body, &json!({"username": "BR0009"}));
        school.post(&school.admin, "/children", body.clone()).await.must_be(400, &no_institution());
        body = with(&body, &json!({"institution": school.institution}));
        // The other name wins.
        let answer = school.post(&school.admin, "/children", body).await;
        answer.must_be(201, &child(&made(&answer), "BR0009", &school.institution, ""));
    }

    async fn four_types_list_children_and_two_do_not(db: Database) {
        let mut school = School::open(&db).await;
        school.later(SECOND).await;
        let second = school.fresh(Kind::Child, "BR0002").await;
        let list = format!(
            "[{},{}]",
            child(&second, "BR0002", &school.institution, ""),
            child(&school.child.id, "BR0001", &school.institution, SIGNED_IN)
        );
        for who in [&school.admin, &school.application, &school.educator, &school.healthprofessional] {
            let answer = school.get(who, "/children").await;
            answer.must_be(200, &list);
            assert_eq!(answer.header("x-total-count"), "2");
        }
        for who in [&school.child, &school.family] {
            school.get(who, "/children").await.must_be(403, &forbidden());
        }
    }

    async fn a_child_is_seen_by_itself_its_family_and_those_who_work_with_it(db: Database) {
        let school = School::open(&db).await;
        let other = school.fresh(Kind::Child, "BR0002").await;
        let shown = child(&school.child.id, "BR0001", &school.institution, SIGNED_IN);
        for who in [&school.admin, &school.educator, &school.healthprofessional, &school.child, &school.family] {
            school.get(who, &path(&school.child.id)).await.must_be(200, &shown);
        }
        for who in [&school.admin, &school.educator, &school.healthprofessional] {
            let shown = child(&other, "BR0002", &school.institution, "");
            school.get(who, &path(&other)).await.must_be(200, &shown);
            for id in [NOBODY, &school.educator.id, &school.institution] {
                school.get(who, &path(id)).await.must_be(404, &not_found("Child"));
            }
        }
        for who in [&school.child, &school.family] {
            for id in [other.as_str(), NOBODY] {
                school.get(who, &path(id)).await.must_be(403, &forbidden());
            }
        }
        school.get(&school.application, &path(&school.child.id)).await.must_be(403, &forbidden());

        // A child that leaves its family is no longer seen by it, and one that comes is.
        let of_family = Kind::Family.of(&school.family.id);
        school.delete(&school.admin, &format!("{of_family}/children/{}", school.child.id)).await.must_be(204, "");
        school.get(&school.family, &path(&school.child.id)).await.must_be(403, &forbidden());
        let come = school.send(&school.admin, "POST", &format!("{of_family}/children/{other}"), None).await;
        assert_eq!(come.status, 200, "{}", come.text);
        assert_eq!(school.get(&school.family, &path(&other)).await.status, 200);
    }

    async fn an_admin_changes_a_child(db: Database) {
        let school = School::open(&db).await;
        let (id, other) = (school.fresh(Kind::Child, "BR0002").await, school.institution("Escola Dois").await);
        let path = path(&id);
        school
            .patch(&school.admin, &path, json!({}))
            .await
            .must_be(200, &child(&id, "BR0002", &school.institution, ""));
        school
            .send(&school.admin, "PATCH", &path, None)
            .await
            .must_be(200, &child(&id, "BR0002", &school.institution, ""));
        let renamed = school.patch(&school.admin, &path, json!({"username": " BR0003 "})).await;
        renamed.must_be(200, &child(&id, "BR0003", &school.institution, ""));
        assert!(school.token("br0003", PASSWORD).await.is_some() && school.token("BR0002", PASSWORD).await.is_none());

        let body = json!({
            "age_calc_date": "2026-03-02", "age": 1.5, "gender": "female", "institution_id": other, "username": "BR0004",
        });
        let expected = format!(
            r#"{{"id":"{id}","username":"BR0004","institution_id":"{other}",{SIGNED_IN}"gender":"female","age":"1.5","age_calc_date":"2026-03-02","fitbit_status":"none"}}"#
        );
        school.patch(&school.admin, &path, body).await.must_be(200, &expected);
        school.get(&school.admin, &path).await.must_be(200, &expected);
        for who in [&school.child, &school.educator, &school.healthprofessional, &school.family, &school.application] {
            school.patch(who, &path, json!({"gender": "male"})).await.must_be(403, &forbidden());
        }
        school.get(&school.admin, &path).await.must_be(200, &expected);
    }

    async fn a_change_of_a_child_is_checked_in_order(db: Database) {
        let school = School::open(&db).await;
        let own = path(&school.child.id);
        school.fresh(Kind::Child, "BR0002").await;
        let mut body = json!({
            "username": "", "institution_id": "x", "password": 1, "gender": "x", "age": 11, "x": 1,
        });
        for (text, mended) in [
            (empty("username"), json!({"username": " br0002"})),
            (bad_id("institution_id"), json!({"institution_id": NOBODY})),
        ] {
            school.patch(&school.admin, &own, body.clone()).await.must_be(400, &text);
            body = with(&body, &mended);
        }
        school.patch(&school.admin, &own, body.clone()).await.must_be(400, &password_route(&school.child.id));
        body = without(&body, "password");
        school.patch(&school.admin, &own, body.clone()).await.must_be(400, &invalid(GENDERS));
        body = with(&body, &json!({"gender": "male"}));
        school.patch(&school.admin, &own, body.clone()).await.must_be(400, &missing("age_calc_date"));
        body = with(&body, &json!({"age_calc_date": "2020-01-01"}));
        school.patch(&school.admin, &own, without(&body, "age")).await.must_be(400, &missing("age"));
        school.patch(&school.admin, &own, body.clone()).await.must_be(400, &unknown("x"));
        body = without(&body, "x");
        school.patch(&school.admin, &path(NOBODY), body.clone()).await.must_be(404, &not_found("Child"));
        school.patch(&school.admin, &own, body.clone()).await.must_be(409, &taken("Child"));
        body = with(&body, &json!({"username": "BR0001"}));
        school.patch(&school.admin, &own, body.clone()).await.must_be(400, &no_institution());
        body = with(&body, &json!({"institution_id": school.institution}));
        let expected = child(&school.child.id, "BR0001", &school.institution, SIGNED_IN);
        school.patch(&school.admin, &own, body).await.must_be(200, &expected);
    }

    async fn an_age_is_kept_as_text(db: Database) {
        let school = School::open(&db).await;
        for (sent, kept) in [
            (json!(11), "11"),
            (json!("11"), "11"),
            (json!(1.5), "1.5"),
            (json!("1.5"), "1.5"),
            (json!(0.5), "0.5"),
            (json!("2015-03-01"), "2015-03-01"),
            (json!("2024-02-29"), "2024-02-29"),
            (json!("1678-01-01"), "1678-01-01"),
            (json!("2026-03-02"), "2026-03-02"),
            (json!("2000-02-29"), "2000-02-29"),
        ] {
            let body = json!({"age": sent, "age_calc_date": "2026-03-02"});
            let answer = school.patch(&school.admin, &path(&school.child.id), body).await;
            assert_eq!((answer.status, answer.json()["age"].as_str()), (200, Some(kept)), "{sent}: {}", answer.text);
        }
        // A date of birth needs no day on which it was said.
        let answer = school.patch(&school.admin, &path(&school.child.id), json!({"age": "2015-03-01"})).await;
        assert_eq!((answer.status, answer.json()["age"].as_str()), (200, Some("2015-03-01")), "{}", answer.text);
    }
}

#[tokio::test]
async fn each_field_of_a_child_is_checked() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    let good = school.body(Kind::Child, "BR0002");
    let mut posted = bad_fields();
    for name in ["username", "password", "institution_id", "gender", "age", "age_calc_date"] {
        let said = if name == "institution_id" { "institution" } else { name };
        posted.push((without(&good, name), missing(said)));
    }
    for value in [json!(1), json!(null), json!(["x"])] {
        posted.push((json!({"password": value}), not_string("password")));
    }
    posted.extend([
        (json!({}), missing(ALL)),
        (json!({"x": 1, "age_calc_date": "2020-01-01"}), missing(ALL)),
        (json!({"age": 11}), missing("username, password, institution, gender, age_calc_date")),
        (json!({"age": "2015-03-01"}), missing("username, password, institution, gender")),
        (json!({"age": null}), not_string("age")),
        (json!({"password": ""}), empty("password")),
        (json!({"password": 1, "institution_id": 1}), not_string("password")),
        (json!({"password": "short"}), missing("username, institution, gender, age")),
        (with(&good, &json!({"password": "1234567", "x": 1})), weak("password")),
        (with(&good, &json!({"password": "é".repeat(129)})), weak("password")),
        (with(&good, &json!({"b": 1, "a": 1})), unknown("a, b")),
        (with(&good, &json!({"children": [], "name": "x", "role": "admin"})), unknown("children, name, role")),
    ]);
    school.refuses(&school.admin, "POST", "/children", posted).await;
    school.send(&school.admin, "POST", "/children", None).await.must_be(400, &missing(ALL));

    let mut patched = bad_fields();
    patched.extend([
        (json!({"age": null}), invalid("Provided age is not a valid number!")),
        (json!({"age": 11}), missing("age_calc_date")),
        (json!({"age_calc_date": "2020-01-01"}), missing("age")),
        (json!({"b": 1, "a": 1}), unknown("a, b")),
    ]);
    for id in [school.child.id.as_str(), NOBODY] {
        let mut cases = patched.clone();
        for value in [json!("x"), json!(1), json!(null), json!(""), json!([])] {
            cases.push((json!({"password": value, "gender": "x"}), password_route(id)));
        }
        school.refuses(&school.admin, "PATCH", &path(id), cases).await;
    }
}
