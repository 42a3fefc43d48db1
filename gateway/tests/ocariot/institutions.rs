//! Operations 5 to 9: institutions.

use serde_json::{Value, json};
use testing::Database;

use crate::{
    NOBODY, column, empty, forbidden, institution, made, missing, not_found, not_string,
    school::{Kind, School},
    taken, tells, unknown, with,
};

fn path(id: &str) -> String {
    format!("/institutions/{id}")
}

/// [`institution`] as the contract prints it.
fn shown(id: &str, name: &str) -> String {
    format!(
        r#"{{"id":"{id}","type":"Institute of Scientific Research","name":"{name}","address":"221B Baker Street, St.","latitude":"-7.2100766","longitude":"-35.9178756"}}"#
    )
}

/// What both writes refuse in a field.
fn bad_fields() -> Vec<(Value, String)> {
    let mut cases = Vec::new();
    for name in ["name", "type", "address"] {
        cases.push((json!({name: ""}), empty(name)));
        for value in [json!(1), json!(null), json!(true), json!(-1.5), json!(["x"]), json!({"x": "y"})] {
            cases.push((json!({name: value}), not_string(name)));
        }
    }
    for name in ["latitude", "longitude"] {
        cases.push((json!({name: ""}), empty(name)));
        for value in [json!(null), json!(true), json!([1]), json!({"x": 1})] {
            cases.push((json!({name: value}), not_string(name)));
        }
    }
    // The first in the order of the table answers.
    cases.push((json!({"type": 1, "name": "", "address": ""}), empty("name")));
    cases.push((json!({"type": 1, "address": "", "longitude": ""}), not_string("type")));
    cases.push((json!({"longitude": "", "latitude": null, "address": ""}), empty("address")));
    cases.push((json!({"longitude": "", "latitude": null}), not_string("latitude")));
    cases.push((json!({"longitude": "", "x": null}), empty("longitude")));
    cases
}

testing::on_both! {
    async fn an_admin_makes_an_institution(db: Database) {
        let school = School::open(&db).await;
        let answer = school.post(&school.admin, "/institutions", institution("Escola Dois")).await;
        let id = made(&answer);
        answer.must_be(201, &shown(&id, "Escola Dois"));
        school.get(&school.admin, &path(&id)).await.must_be(200, &shown(&id, "Escola Dois"));

        // What is not given is left out.
        let answer = school.post(&school.admin, "/institutions", json!({"type": "School", "name": "Três"})).await;
        let id = made(&answer);
        answer.must_be(201, &format!(r#"{{"id":"{id}","type":"School","name":"Três"}}"#));
        let body = json!({"type": "School", "name": "Quatro", "longitude": "0", "address": " "});
        let answer = school.post(&school.admin, "/institutions", body).await;
        let id = made(&answer);
        answer
            .must_be(201, &format!(r#"{{"id":"{id}","type":"School","name":"Quatro","address":" ","longitude":"0"}}"#));
    }

    async fn an_institutions_name_is_taken_when_it_is_exactly_the_same(db: Database) {
        let school = School::open(&db).await;
        school.post(&school.admin, "/institutions", institution("Escola Um")).await.must_be(409, &taken("Institution"));

        for name in ["escola um", "Escola Um ", "Escola  Um", "Éscola Um"] {
            school.institution(name).await;
        }
        let all = column(&school.get(&school.admin, "/institutions").await, "name");
        assert_eq!(all.len(), 5, "{all:?}");
    }

    async fn four_types_list_institutions(db: Database) {
        let mut school = School::open(&db).await;
        school.later(crate::SECOND).await;
        let second = school.institution("Escola Dois").await;
        let list = format!("[{},{}]", shown(&second, "Escola Dois"), shown(&school.institution, "Escola Um"));
        for who in [&school.admin, &school.application, &school.educator, &school.healthprofessional] {
            let answer = school.get(who, "/institutions").await;
            answer.must_be(200, &list);
            let headers = (answer.header("x-total-count"), answer.header("content-type"));
            assert_eq!(headers, ("2", "application/json; charset=utf-8"));
        }
        for who in [&school.child, &school.family] {
            school.get(who, "/institutions").await.must_be(403, &forbidden());
        }
    }

    async fn an_institution_is_shown_to_its_children_and_families_and_to_all_others(db: Database) {
        let school = School::open(&db).await;
        let other = school.institution("Escola Dois").await;
        for who in [&school.admin, &school.application, &school.educator, &school.healthprofessional] {
            school.get(who, &path(&school.institution)).await.must_be(200, &shown(&school.institution, "Escola Um"));
            school.get(who, &path(&other)).await.must_be(200, &shown(&other, "Escola Dois"));
            school.get(who, &path(NOBODY)).await.must_be(404, &not_found("Institution"));
        }
        for who in [&school.child, &school.family] {
            school.get(who, &path(&school.institution)).await.must_be(200, &shown(&school.institution, "Escola Um"));
            school.get(who, &path(&other)).await.must_be(403, &forbidden());
            school.get(who, &path(NOBODY)).await.must_be(403, &forbidden());
        }
        // Who moves sees the other one.
        for kind in [Kind::Child, Kind::Family] {
            let who = school.one(kind);
            let moved = school.patch(&school.admin, &kind.of(&who.id), json!({"institution_id": other})).await;
            assert_eq!(moved.status, 200, "{}", moved.text);
            school.get(who, &path(&other)).await.must_be(200, &shown(&other, "Escola Dois"));
            school.get(who, &path(&school.institution)).await.must_be(403, &forbidden());
        }
    }

    async fn an_institution_is_changed_by_an_admin_and_by_those_who_work_there(db: Database) {
        let school = School::open(&db).await;
        let (own, other) = (path(&school.institution), path(&school.institution("Escola Dois").await));
        school.patch(&school.educator, &own, json!({})).await.must_be(200, &shown(&school.institution, "Escola Um"));
        for (who, name) in
            [(&school.admin, "Escola A"), (&school.educator, "Escola E"), (&school.healthprofessional, "Escola H")]
        {
            let answer = school.patch(who, &own, json!({"name": name})).await;
            answer.must_be(200, &shown(&school.institution, name));
            school.get(&school.child, &own).await.must_be(200, &shown(&school.institution, name));
        }
        let all = json!({"name": "N", "type": "T", "address": "A", "latitude": 1, "longitude": -2.5});
        let expected = format!(
            r#"{{"id":"{}","type":"T","name":"N","address":"A","latitude":"1","longitude":"-2.5"}}"#,
            school.institution
        );
        school.patch(&school.educator, &own, all).await.must_be(200, &expected);
        for who in [&school.educator, &school.healthprofessional] {
            for path in [&other, &path(NOBODY)] {
                school.patch(who, path, json!({"name": "X"})).await.must_be(403, &forbidden());
            }
        }
        for who in [&school.child, &school.family, &school.application] {
            school.patch(who, &own, json!({"name": "X"})).await.must_be(403, &forbidden());
        }
        assert_eq!(school.get(&school.admin, &other).await.json()["name"], "Escola Dois");
    }

    async fn a_taken_name_is_told_before_an_institution_that_is_not_there(db: Database) {
        let school = School::open(&db).await;
        let other = school.institution("Escola Dois").await;
        for id in [other.as_str(), NOBODY] {
            let answer = school.patch(&school.admin, &path(id), json!({"name": "Escola Um"})).await;
            answer.must_be(409, &taken("Institution"));
        }
        for body in [json!({"name": "Escola Sete"}), json!({})] {
            school.patch(&school.admin, &path(NOBODY), body).await.must_be(404, &not_found("Institution"));
        }
        // One's own name is no conflict.
        let same = school.patch(&school.admin, &path(&other), json!({"name": "Escola Dois", "type": "T"})).await;
        assert_eq!(same.status, 200, "{}", same.text);
    }

    async fn an_institution_goes_when_nobody_belongs_to_it(db: Database) {
        let school = School::open(&db).await;
        let other = school.institution("Escola Dois").await;
        let refused = tells(400, "The institution is associated with one or more users.");
        for kind in Kind::ALL {
            let body = with(&school.body(kind, &format!("one {kind:?}")), &json!({"institution_id": other}));
            let user = made(&school.post(&school.admin, kind.path(), body).await);

            school.delete(&school.admin, &path(&other)).await.must_be(400, &refused);
            school.delete(&school.admin, &format!("/users/{user}")).await.must_be(204, "");
        }
        for _ in 0..2 {
            school.delete(&school.admin, &path(&other)).await.must_be(204, "");
            school.get(&school.admin, &path(&other)).await.must_be(404, &not_found("Institution"));
        }
        school.institution("Escola Dois").await;
        school.delete(&school.admin, &path(&school.institution)).await.must_be(400, &refused);
        school.delete(&school.admin, &path(NOBODY)).await.must_be(204, "");
        for kind in Kind::ALL {
            school.delete(school.one(kind), &path(NOBODY)).await.must_be(403, &forbidden());
        }
    }

    async fn a_coordinate_may_be_a_number_and_is_kept_as_its_shortest_text(db: Database) {
        let school = School::open(&db).await;
        for (sent, kept) in [
            ("-7.21", "-7.21"),
            ("7.0", "7"),
            ("0", "0"),
            ("-0.5", "-0.5"),
            ("100", "100"),
            ("7.10", "7.1"),
            ("\"7.10\"", "7.10"),
            ("\"north\"", "north"),
            ("\"1000\"", "1000"),
            ("12345.678", "12345.678"),
        ] {
            for name in ["latitude", "longitude"] {
                let body = format!(r#"{{"{name}":{sent}}}"#);
                let path = format!("/v1/institutions/{}", school.institution);
                let answer = school.suite.send_text("PATCH", &path, Some(&school.admin.token), body).await;

                assert_eq!((answer.status, answer.json()[name].as_str()), (200, Some(kept)), "{sent}: {}", answer.text);
            }
        }
    }
}

#[tokio::test]
async fn the_fields_of_an_institution_are_checked_in_the_order_of_the_table() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    let good = institution("Escola Dois");
    let mut posted = bad_fields();
    posted.extend([
        (json!({}), missing("name, type")),
        (json!({"name": "X"}), missing("type")),
        (json!({"type": "X", "x": 1}), missing("name")),
        (with(&good, &json!({"b": 1, "a": 1})), unknown("a, b")),
        (with(&good, &json!({"institution_id": NOBODY})), unknown("institution_id")),
        (with(&institution("Escola Um"), &json!({"x": 1})), unknown("x")),
    ]);
    school.refuses(&school.admin, "POST", "/institutions", posted).await;
    school.send(&school.admin, "POST", "/institutions", None).await.must_be(400, &missing("name, type"));

    let mut patched = bad_fields();
    patched.push((json!({"b": 1, "a": 1, "name": "Escola Um"}), unknown("a, b")));
    for id in [school.institution.as_str(), NOBODY] {
        school.refuses(&school.admin, "PATCH", &path(id), patched.clone()).await;
    }
    // What a client got it may send back, with an id that is not read.
    let body = with(&good, &json!({"id": NOBODY}));
    let id = made(&school.post(&school.admin, "/institutions", body).await);
    assert_ne!(id, NOBODY);
}
