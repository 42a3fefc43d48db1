//! Operations 33 to 42: the groups of educators and of health professionals.

use serde_json::{Value, json};
use testing::{Database, suite::PASSWORD};

use crate::{
    NOBODY, NOT_ARRAY, SECOND, SIGNED_IN, bad_items, column, empty,
    families::bad_children,
    forbidden, invalid, made, missing, no_children, not_found, not_string,
    school::{Kind, School, User, child, group, groups, professional},
    taken, unknown, with, without,
};

const BOTH: [Kind; 2] = [Kind::Educator, Kind::HealthProfessional];

/// The owner of a type, and the path of his groups.
fn owner(school: &School, kind: Kind) -> (&User, String) {
    let owner = school.one(kind);
    (owner, groups(kind, &owner.id))
}

/// The standing child as it is shown.
fn standing(school: &School) -> String {
    child(&school.child.id, "BR0001", &school.institution, SIGNED_IN)
}

/// What both writes refuse in a field.
fn bad_fields() -> Vec<(Value, String)> {
    let mut cases = bad_children();
    for name in ["name", "school_class"] {
        cases.push((json!({name: ""}), empty(name)));
        for value in [json!(1), json!(null), json!(true), json!(["x"]), json!({"x": "y"})] {
            cases.push((json!({name: value}), not_string(name)));
        }
    }
    cases.extend([
        (json!({"children": 1, "school_class": "", "name": null}), not_string("name")),
        (json!({"children": 1, "school_class": ""}), empty("school_class")),
    ]);
    cases
}

testing::on_both! {
    async fn an_owner_makes_a_group_of_any_children(db: Database) {
        let school = School::open(&db).await;
        let elsewhere = school.institution("Escola Dois").await;
        let body = with(&school.body(Kind::Child, "BR0002"), &json!({"institution_id": elsewhere}));
        let two = made(&school.post(&school.admin, "/children", body).await);
        let (first, second) = (standing(&school), child(&two, "BR0002", &elsewhere, ""));
        for kind in BOTH {
            let (owner, path) = owner(&school, kind);
            for (name, children, expected) in [
                ("Group One", json!([school.child.id]), first.clone()),
                ("Group Two", json!([two, school.child.id]), format!("{second},{first}")),
                (
                    "Group Three",
                    json!([{"id": school.child.id, "x": 1}, two, school.child.id]),
                    format!("{first},{second}"),
                ),
            ] {
                let body = json!({"children": children, "school_class": "4th Grade", "name": name});
                let answer = school.post(owner, &path, body).await;
                let id = made(&answer);
                answer.must_be(201, &group(&id, name, &expected));
                school.get(owner, &format!("{path}/{id}")).await.must_be(200, &group(&id, name, &expected));
            }
            let answer = school.post(owner, &path, json!({"name": "G", "children": [two]})).await;
            let id = made(&answer);
            answer.must_be(201, &format!(r#"{{"id":"{id}","name":"G","children":[{second}]}}"#));
        }
    }

    async fn a_new_group_is_checked_in_order(db: Database) {
        let school = School::open(&db).await;
        for kind in BOTH {
            school.group(kind, "Group One").await;
            let (owner, path) = owner(&school, kind);
            let post = async |body: &Value| school.post(owner, &path, body.clone()).await;
            let mut body = json!({"school_class": "", "children": ["x", NOBODY], "x": 1});
            post(&body).await.must_be(400, &empty("school_class"));
            body = with(&body, &json!({"school_class": "A"}));
            post(&body).await.must_be(400, &bad_items("x"));
            body = with(&body, &json!({"children": []}));
            post(&body).await.must_be(400, &missing("name, Collection with children IDs"));
            body = with(&body, &json!({"children": [NOBODY, school.child.id, school.family.id]}));
            post(&body).await.must_be(400, &missing("name"));
            body = with(&body, &json!({"name": "Group One"}));
            post(&body).await.must_be(400, &unknown("x"));
            body = without(&body, "x");
            post(&body).await.must_be(409, &taken("Children Group"));
            body = with(&body, &json!({"name": "group one"}));
            post(&body).await.must_be(400, &no_children(&format!("{NOBODY}, {}", school.family.id)));
            body = with(&body, &json!({"children": [school.child.id]}));
            assert_eq!(post(&body).await.status, 201);
        }
    }

    async fn a_name_of_a_group_is_taken_by_its_owner_alone(db: Database) {
        let school = School::open(&db).await;
        for kind in BOTH {
            school.group(kind, "Group One").await;
            let (owner, path) = owner(&school, kind);
            school.post(owner, &path, school.group_body("Group One")).await.must_be(409, &taken("Children Group"));
            let other = school.user(kind, &format!("other {kind:?}")).await;
            made(&school.post(&other, &groups(kind, &other.id), school.group_body("Group One")).await);
        }
    }

    async fn an_owner_lists_his_groups(db: Database) {
        let mut school = School::open(&db).await;
        for kind in BOTH {
            let first = school.group(kind, "Group One").await;
            school.later(SECOND).await;
            let second = school.group(kind, "Group Two").await;
            let (owner, path) = owner(&school, kind);
            let shown = standing(&school);
            let (first, second) = (group(&first, "Group One", &shown), group(&second, "Group Two", &shown));
            for (query, expected, total) in [
                ("", format!("[{second},{first}]"), "2"),
                ("?sort=name", format!("[{first},{second}]"), "2"),
                ("?name=Group%20One", format!("[{first}]"), "1"),
                ("?school_class=4th%20Grade&limit=1", format!("[{second}]"), "2"),
                ("?school_class=x", "[]".to_owned(), "0"),
                ("?children=x", "[]".to_owned(), "0"),
            ] {
                let answer = school.get(owner, &format!("{path}{query}")).await;
                answer.must_be(200, &expected);
                assert_eq!(answer.header("x-total-count"), total, "{query}");
            }
            let other = school.user(kind, &format!("other {kind:?}")).await;
            school.get(&other, &groups(kind, &other.id)).await.must_be(200, "[]");
        }
    }

    async fn a_group_is_its_owners_alone(db: Database) {
        let school = School::open(&db).await;
        for kind in BOTH {
            let id = school.group(kind, "Group One").await;
            let (owner, path) = owner(&school, kind);
            let shown = group(&id, "Group One", &standing(&school));
            let other = school.user(kind, &format!("other {kind:?}")).await;
            let theirs = groups(kind, &other.id);

            school.get(owner, &format!("{path}/{id}")).await.must_be(200, &shown);
            school.get(owner, &format!("{path}/{NOBODY}")).await.must_be(404, &not_found("Children Group"));
            for who in [&other, &school.admin, &school.child, &school.family, &school.application] {
                for method in ["GET", "PATCH", "DELETE"] {
                    let answer = school.send(who, method, &format!("{path}/{id}"), Some(json!({}))).await;
                    answer.must_be(403, &forbidden());
                }
            }
            // Under one's own path it is not there.
            let stolen = format!("{theirs}/{id}");
            school.get(&other, &stolen).await.must_be(404, &not_found("Children Group"));
            let taken = school.patch(&other, &stolen, json!({"name": "Mine", "children": []})).await;
            taken.must_be(404, &not_found("Children Group"));
            school.delete(&other, &stolen).await.must_be(204, "");
            school.get(owner, &format!("{path}/{id}")).await.must_be(200, &shown);
        }
    }

    async fn an_owner_changes_a_group(db: Database) {
        let school = School::open(&db).await;
        let two = school.fresh(Kind::Child, "BR0002").await;
        let (first, second) = (standing(&school), child(&two, "BR0002", &school.institution, ""));
        for kind in BOTH {
            let id = school.group(kind, "Group One").await;
            let (owner, path) = owner(&school, kind);
            let path = format!("{path}/{id}");
            school.patch(owner, &path, json!({})).await.must_be(200, &group(&id, "Group One", &first));
            school.send(owner, "PATCH", &path, None).await.must_be(200, &group(&id, "Group One", &first));
            // One's own, unchanged name is no conflict.
            let same = school
                .patch(owner, &path, json!({"name": "Group One", "children": [{"id": two}, school.child.id]}))
                .await;
            same.must_be(200, &group(&id, "Group One", &format!("{second},{first}")));
            school.patch(owner, &path, json!({"children": []})).await.must_be(200, &group(&id, "Group One", ""));
            school.get(owner, &path).await.must_be(200, &group(&id, "Group One", ""));
            let all = school.patch(owner, &path, json!({"school_class": "5", "name": "G", "children": [two]})).await;
            let expected = format!(r#"{{"id":"{id}","name":"G","children":[{second}],"school_class":"5"}}"#);
            all.must_be(200, &expected);
            school.get(owner, &path).await.must_be(200, &expected);
        }
    }

    async fn a_change_of_a_group_is_checked_in_order(db: Database) {
        let school = School::open(&db).await;
        for kind in BOTH {
            let id = school.group(kind, "Group One").await;
            school.group(kind, "Group Two").await;
            let (owner, path) = owner(&school, kind);
            for id in [id.as_str(), NOBODY] {
                let path = format!("{path}/{id}");
                let mut body = json!({"name": 1, "children": null, "x": 1});
                school.patch(owner, &path, body.clone()).await.must_be(400, &not_string("name"));
                body = with(&body, &json!({"name": "Group Two"}));
                school.patch(owner, &path, body.clone()).await.must_be(400, &invalid(NOT_ARRAY));
                body = with(&body, &json!({"children": [NOBODY]}));
                school.patch(owner, &path, body.clone()).await.must_be(400, &unknown("x"));
                body = without(&body, "x");
                // Here a taken name and unknown children come before a group that is not there.
                school.patch(owner, &path, body.clone()).await.must_be(409, &taken("Children Group"));
                body = with(&body, &json!({"name": "Group Three"}));
                school.patch(owner, &path, body.clone()).await.must_be(400, &no_children(NOBODY));
            }
            let absent = school.patch(owner, &format!("{path}/{NOBODY}"), json!({"name": "Group Three"})).await;
            absent.must_be(404, &not_found("Children Group"));
            assert_eq!(school.patch(owner, &format!("{path}/{id}"), json!({"name": "Group Three"})).await.status, 200);
        }
    }

    async fn an_owner_deletes_a_group_once_and_again(db: Database) {
        let school = School::open(&db).await;
        for kind in BOTH {
            let (one, two) = (school.group(kind, "Group One").await, school.group(kind, "Group Two").await);
            let (owner, path) = owner(&school, kind);
            for id in [one.as_str(), &one, NOBODY, &school.child.id] {
                school.delete(owner, &format!("{path}/{id}")).await.must_be(204, "");
            }
            school.get(owner, &format!("{path}/{one}")).await.must_be(404, &not_found("Children Group"));
            assert_eq!(column(&school.get(owner, &path).await, "id"), std::slice::from_ref(&two));
            let shown = group(&two, "Group Two", &standing(&school));
            let itself = professional(&owner.id, &owner.name, &school.institution, SIGNED_IN, &shown);
            school.get(owner, &kind.of(&owner.id)).await.must_be(200, &itself);
            // The name is free again.
            school.group(kind, "Group One").await;
        }
    }

    async fn the_groups_of_a_professional_go_with_him(db: Database) {
        let school = School::open(&db).await;
        for kind in BOTH {
            let id = school.group(kind, "Group One").await;
            let (gone, path) = owner(&school, kind);
            school.delete(&school.admin, &format!("/users/{}", gone.id)).await.must_be(204, "");

            assert_eq!(school.get(gone, &format!("{path}/{id}")).await.status, 401);
            school.get(&school.admin, &path).await.must_be(403, &forbidden());
            let next = school.user(kind, &gone.name).await;
            school.get(&next, &groups(kind, &next.id)).await.must_be(200, "[]");
            let theirs = format!("{}/{id}", groups(kind, &next.id));
            school.get(&next, &theirs).await.must_be(404, &not_found("Children Group"));
        }
        // The children are still there.
        assert!(school.token("BR0001", PASSWORD).await.is_some());
    }

    async fn a_group_of_one_name_is_made_once_by_two_at_once(db: Database) {
        let school = School::open(&db).await;
        for kind in BOTH {
            let (owner, path) = owner(&school, kind);
            for round in 0..20 {
                let body = school.group_body(&format!("Group {round}"));
                let (one, two) = tokio::join!(school.post(owner, &path, body.clone()), school.post(owner, &path, body));
                let lost = if one.status == 201 { two } else { one };
                lost.must_be(409, &taken("Children Group"));
            }
            let answer = school.get(owner, &path).await;
            assert_eq!(answer.header("x-total-count"), "20");
        }
    }
}

#[tokio::test]
async fn each_field_of_a_group_is_checked() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    for kind in BOTH {
        let id = school.group(kind, "Group One").await;
        let (owner, path) = owner(&school, kind);
        let good = school.group_body("Group Two");
        let mut posted = bad_fields();
        posted.extend([
            (json!({}), missing("name, Collection with children IDs")),
            (json!({"school_class": "A", "children": []}), missing("name, Collection with children IDs")),
            (without(&good, "children"), missing("Collection with children IDs")),
            (without(&good, "name"), missing("name")),
            (with(&good, &json!({"b": 1, "a": 1})), unknown("a, b")),
            (with(&good, &json!({"username": "x", "user_id": NOBODY})), unknown("user_id, username")),
        ]);
        school.refuses(owner, "POST", &path, posted).await;
        for id in [id.as_str(), NOBODY] {
            let mut patched = bad_fields();
            patched.push((json!({"b": 1, "a": 1, "children": []}), unknown("a, b")));
            school.refuses(owner, "PATCH", &format!("{path}/{id}"), patched).await;
        }
    }
}
