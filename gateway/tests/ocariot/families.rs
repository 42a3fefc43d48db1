//! Operations 22 to 28: families and their children.

use serde_json::{Value, json};
use testing::{Database, suite::PASSWORD};

use crate::{
    BAD_ITEM, NOBODY, NOT_ARRAY, SECOND, SIGNED_IN, bad_id, bad_items, column, empty, forbidden, invalid, made,
    missing, no_children, no_institution, not_found, not_string, not_there, password_route,
    school::{Kind, School, child, family},
    taken, tells, unknown, weak, with, without,
};

const PATH: &str = "/families";

/// A well-formed id that nobody has either.
const NOBODY_ELSE: &str = "5a62be07de34500146d9c544";

fn path(id: &str) -> String {
    Kind::Family.of(id)
}

/// Two children who never signed in, and a family of them in this order.
async fn family_of_two(school: &School) -> (String, [String; 2]) {
    let children = [school.fresh(Kind::Child, "BR0002").await, school.fresh(Kind::Child, "BR0003").await];
    let body = with(&school.body(Kind::Family, "two"), &json!({"children": [children[1], children[0]]}));
    (made(&school.post(&school.admin, PATH, body).await), children)
}

fn shown(school: &School, id: &str, name: &str) -> String {
    child(id, name, &school.institution, "")
}

/// What every write refuses in `children`, groups' too.
pub fn bad_children() -> Vec<(Value, String)> {
    let mut cases = Vec::new();
    for value in
        [json!(null), json!(""), json!("x"), json!(NOBODY), json!(1), json!(true), json!({}), json!({"id": NOBODY})]
    {
        cases.push((json!({"children": value}), invalid(NOT_ARRAY)));
    }
    for item in
        [json!(null), json!(""), json!(1), json!({}), json!({"id": null}), json!({"id": ""}), json!({"_id": NOBODY})]
    {
        cases.push((json!({"children": [item]}), invalid(BAD_ITEM)));
        cases.push((json!({"children": [NOBODY, "x", item, NOBODY]}), invalid(BAD_ITEM)));
    }
    for (children, named) in [
        (json!(["x"]), "x".to_owned()),
        (json!(["x", NOBODY, "y"]), "x, y".to_owned()),
        (json!([{"id": "x"}, "y"]), "x, y".to_owned()),
        (json!([" "]), " ".to_owned()),
        (json!([NOBODY.to_uppercase()]), NOBODY.to_uppercase()),
        (json!([&NOBODY[1..], format!("{NOBODY}0")]), format!("{}, {NOBODY}0", &NOBODY[1..])),
        (json!(["zzzzzzzzzzzzzzzzzzzzzzzz"]), "zzzzzzzzzzzzzzzzzzzzzzzz".to_owned()),
    ] {
        cases.push((json!({"children": children, "x": 1}), bad_items(&named)));
    }
    cases
}

/// What both writes refuse in a field.
fn bad_fields() -> Vec<(Value, String)> {
    let mut cases = bad_children();
    cases.extend([
        (json!({"username": "\t"}), empty("username")),
        (json!({"username": null, "institution": 1, "children": 1}), not_string("username")),
        (json!({"institution": 1, "children": 1}), bad_id("institution_id")),
        (json!({"institution_id": ""}), bad_id("institution_id")),
    ]);
    cases
}

testing::on_both! {
    async fn an_admin_makes_a_family_of_children_in_their_order(db: Database) {
        let school = School::open(&db).await;
        let (two, three) = (school.fresh(Kind::Child, "BR0002").await, school.fresh(Kind::Child, "BR0003").await);
        let (second, third) = (shown(&school, &two, "BR0002"), shown(&school, &three, "BR0003"));
        for (name, children, expected) in [
            ("one", json!([three]), third.clone()),
            ("two", json!([three, two]), format!("{third},{second}")),
            ("objects", json!([{"id": two, "username": 1, "x": []}, three]), format!("{second},{third}")),
            ("repeated", json!([two, three, two, {"id": three}, two]), format!("{second},{third}")),
        ] {
            let body = with(&school.body(Kind::Family, name), &json!({"children": children}));
            let answer = school.post(&school.admin, PATH, body).await;
            let id = made(&answer);
            let expected = family(&id, name, &school.institution, "", &expected);
            answer.must_be(201, &expected);
            school.get(&school.admin, &path(&id)).await.must_be(200, &expected);
        }
    }

    async fn a_new_family_is_checked_in_order(db: Database) {
        let school = School::open(&db).await;
        let post = async |body: &Value| school.post(&school.admin, PATH, body.clone()).await;
        let mut body = json!({"username": "Family", "institution_id": NOBODY, "children": ["x"], "x": 1});
        post(&body).await.must_be(400, &bad_items("x"));
        body = with(&body, &json!({"children": []}));
        post(&body).await.must_be(400, &missing("password, Collection with children IDs"));
        body = with(&body, &json!({"children": [NOBODY_ELSE, school.child.id, NOBODY, school.educator.id]}));
        post(&body).await.must_be(400, &missing("password"));
        body = with(&body, &json!({"password": "short"}));
        post(&body).await.must_be(400, &weak("password"));
        body = with(&body, &json!({"password": PASSWORD}));
        post(&body).await.must_be(400, &unknown("x"));
        body = without(&body, "x");
        post(&body).await.must_be(409, &taken("Family"));
        body = with(&body, &json!({"username": "new"}));
        let unknown = format!("{NOBODY_ELSE}, {NOBODY}, {}", school.educator.id);
        post(&body).await.must_be(400, &no_children(&unknown));
        body = with(&body, &json!({"children": [school.child.id]}));
        post(&body).await.must_be(400, &no_institution());
        body = with(&body, &json!({"institution_id": school.institution}));
        assert_eq!(post(&body).await.status, 201);
    }

    async fn an_admin_alone_lists_families(db: Database) {
        let mut school = School::open(&db).await;
        school.later(SECOND).await;
        let (second, children) = family_of_two(&school).await;
        let both = format!("{},{}", shown(&school, &children[1], "BR0003"), shown(&school, &children[0], "BR0002"));
        let first = child(&school.child.id, "BR0001", &school.institution, SIGNED_IN);
        let answer = school.get(&school.admin, PATH).await;
        answer.must_be(
            200,
            &format!(
                "[{},{}]",
                family(&second, "two", &school.institution, "", &both),
                family(&school.family.id, "family", &school.institution, SIGNED_IN, &first)
            ),
        );
        assert_eq!(answer.header("x-total-count"), "2");
        for kind in Kind::ALL {
            school.get(school.one(kind), PATH).await.must_be(403, &forbidden());
        }
    }

    async fn a_family_is_seen_by_itself_and_by_admins(db: Database) {
        let school = School::open(&db).await;
        let (other, _) = family_of_two(&school).await;
        let of_one = child(&school.child.id, "BR0001", &school.institution, SIGNED_IN);
        let expected = family(&school.family.id, "family", &school.institution, SIGNED_IN, &of_one);
        for who in [&school.admin, &school.family] {
            school.get(who, &path(&school.family.id)).await.must_be(200, &expected);
        }
        for id in [other.as_str(), NOBODY] {
            school.get(&school.family, &path(id)).await.must_be(403, &forbidden());
        }
        for id in [NOBODY, &school.child.id] {
            school.get(&school.admin, &path(id)).await.must_be(404, &not_found("Family"));
        }
    }

    async fn a_family_changes_its_name_its_institution_and_its_children(db: Database) {
        let school = School::open(&db).await;
        let (id, own) = (&school.family.id, path(&school.family.id));
        let two = school.fresh(Kind::Child, "BR0002").await;
        let first = child(&school.child.id, "BR0001", &school.institution, SIGNED_IN);
        let second = shown(&school, &two, "BR0002");
        let one = |children: &str| family(id, "family", &school.institution, SIGNED_IN, children);
        for who in [&school.family, &school.admin] {
            school.patch(who, &own, json!({})).await.must_be(200, &one(&first));
            let both = school.patch(who, &own, json!({"children": [two, {"id": school.child.id}, two]})).await;
            both.must_be(200, &one(&format!("{second},{first}")));
            school.patch(who, &own, json!({"children": []})).await.must_be(200, &one(""));
            school.get(&school.family, &own).await.must_be(200, &one(""));
            school.patch(who, &own, json!({"children": [school.child.id]})).await.must_be(200, &one(&first));
        }
        let other = school.institution("Escola Dois").await;
        let moved = school.patch(&school.family, &own, json!({"institution": other, "username": " Family ", })).await;
        moved.must_be(200, &family(id, "Family", &other, SIGNED_IN, &first));
        for id in [NOBODY, &school.child.id] {
            school.patch(&school.family, &path(id), json!({})).await.must_be(403, &forbidden());
        }
    }

    async fn a_change_of_a_family_is_checked_in_order(db: Database) {
        let school = School::open(&db).await;
        let own = path(&school.family.id);
        let patch = async |body: &Value| school.patch(&school.family, &own, body.clone()).await;
        let mut body = json!({"username": "BR0001", "institution_id": "", "password": 1, "children": null, "x": 1});
        patch(&body).await.must_be(400, &bad_id("institution_id"));
        body = with(&body, &json!({"institution_id": NOBODY}));
        patch(&body).await.must_be(400, &password_route(&school.family.id));
        body = without(&body, "password");
        patch(&body).await.must_be(400, &invalid(NOT_ARRAY));
        body = with(&body, &json!({"children": [school.child.id, NOBODY]}));
        patch(&body).await.must_be(400, &unknown("x"));
        body = without(&body, "x");
        school.patch(&school.admin, &path(NOBODY), body.clone()).await.must_be(404, &not_found("Family"));
        patch(&body).await.must_be(409, &taken("Family"));
        body = with(&body, &json!({"username": "FAMILY"}));
        patch(&body).await.must_be(400, &no_children(NOBODY));
        body = with(&body, &json!({"children": [school.child.id]}));
        patch(&body).await.must_be(400, &no_institution());
        body = with(&body, &json!({"institution_id": school.institution}));
        assert_eq!(patch(&body).await.status, 200);
    }

    async fn the_children_of_a_family_are_listed(db: Database) {
        let school = School::open(&db).await;
        let (id, children) = family_of_two(&school).await;
        let two = school.signed_in("", "two").await;
        let path = format!("{}/children", path(&id));
        let (second, third) = (shown(&school, &children[0], "BR0002"), shown(&school, &children[1], "BR0003"));
        for who in [&two, &school.admin] {
            for (query, expected, total) in [
                ("", format!("[{third},{second}]"), "2"),
                ("?sort=username", format!("[{second},{third}]"), "2"),
                ("?sort=-username", format!("[{third},{second}]"), "2"),
                ("?username=br0002", format!("[{second}]"), "1"),
                ("?username=*3", format!("[{third}]"), "1"),
                ("?username=nobody", "[]".to_owned(), "0"),
                ("?page=2&limit=1", format!("[{second}]"), "2"),
                ("?page=3&limit=1", "[]".to_owned(), "2"),
                ("?password=x", "[]".to_owned(), "0"),
            ] {
                let answer = school.get(who, &format!("{path}{query}")).await;
                answer.must_be(200, &expected);
                assert_eq!(answer.header("x-total-count"), total, "{query}");
            }
        }
        school.get(&school.family, &path).await.must_be(403, &forbidden());
        school.get(&school.family, &format!("/families/{NOBODY}/children")).await.must_be(403, &forbidden());
        let absent = school.get(&school.admin, &format!("/families/{NOBODY}/children")).await;
        absent.must_be(404, &not_found("Family"));
    }

    async fn an_admin_brings_a_child_into_a_family(db: Database) {
        let school = School::open(&db).await;
        let (id, own) = (&school.family.id, path(&school.family.id));
        let two = school.fresh(Kind::Child, "BR0002").await;
        let first = child(&school.child.id, "BR0001", &school.institution, SIGNED_IN);
        let children = format!("{first},{}", shown(&school, &two, "BR0002"));
        for _ in 0..2 {
            let answer = school.send(&school.admin, "POST", &format!("{own}/children/{two}"), None).await;
            answer.must_be(200, &family(id, "family", &school.institution, SIGNED_IN, &children));
        }
        let answer = school.send(&school.admin, "POST", &format!("{own}/children/{}", school.child.id), None).await;
        answer.must_be(200, &family(id, "family", &school.institution, SIGNED_IN, &children));

        let no_child = tells(400, "The association could not be performed because the child does not have a record.");
        for child in [NOBODY, &school.educator.id] {
            let answer = school.send(&school.admin, "POST", &format!("{own}/children/{child}"), None).await;
            answer.must_be(400, &no_child);
        }
        for family in [NOBODY, &school.educator.id] {
            let answer = school.send(&school.admin, "POST", &format!("/families/{family}/children/{two}"), None).await;
            answer.must_be(400, &not_there(400, "Family"));
        }
        let itself = school.send(&school.family, "POST", &format!("{own}/children/{two}"), None).await;
        itself.must_be(403, &forbidden());
    }

    async fn an_admin_takes_a_child_out_of_a_family(db: Database) {
        let school = School::open(&db).await;
        let (id, own) = (&school.family.id, path(&school.family.id));
        let two = school.fresh(Kind::Child, "BR0002").await;
        let itself = school.delete(&school.family, &format!("{own}/children/{}", school.child.id)).await;
        itself.must_be(403, &forbidden());
        for child in [&two, NOBODY, &school.educator.id] {
            school.delete(&school.admin, &format!("{own}/children/{child}")).await.must_be(204, "");
        }
        assert_eq!(school.get(&school.family, &own).await.json()["children"].as_array().map(Vec::len), Some(1));
        for _ in 0..2 {
            let answer = school.delete(&school.admin, &format!("{own}/children/{}", school.child.id)).await;
            answer.must_be(204, "");
            school
                .get(&school.family, &own)
                .await
                .must_be(200, &family(id, "family", &school.institution, SIGNED_IN, ""));
        }
        // The child itself is still there.
        assert_eq!(school.get(&school.child, &Kind::Child.of(&school.child.id)).await.status, 200);
        for child in [&two, NOBODY] {
            let answer = school.delete(&school.admin, &format!("/families/{NOBODY}/children/{child}")).await;
            answer.must_be(404, &not_found("Family"));
        }
    }

    async fn a_child_leaves_its_groups_and_families_when_it_is_deleted(db: Database) {
        let school = School::open(&db).await;
        let (id, children) = family_of_two(&school).await;
        let mut groups = Vec::new();
        for kind in [Kind::Educator, Kind::HealthProfessional] {
            let owner = school.one(kind);
            let body = json!({"name": "G", "children": [children[1], school.child.id, children[0]]});
            let group = made(&school.post(owner, &crate::school::groups(kind, &owner.id), body).await);
            groups.push((owner, format!("{}/{group}", crate::school::groups(kind, &owner.id))));
        }

        school.delete(&school.admin, &format!("/users/{}", children[1])).await.must_be(204, "");

        let left = school.get(&school.admin, &path(&id)).await;
        left.must_be(200, &family(&id, "two", &school.institution, "", &shown(&school, &children[0], "BR0002")));
        for (owner, group) in &groups {
            let ids = school.get(owner, group).await.json()["children"].take();
            let ids: Vec<&str> = ids.as_array().unwrap().iter().map(|child| child["id"].as_str().unwrap()).collect();
            assert_eq!(ids, [&school.child.id, &children[0]]);
        }
        let listed = school.get(&school.admin, &format!("{}/children", path(&id))).await;
        assert_eq!(column(&listed, "id"), [children[0].clone()]);
        // It cannot come back.
        let back = school.patch(&school.admin, &path(&id), json!({"children": [children[1]]})).await;
        back.must_be(400, &no_children(&children[1]));
    }
}

#[tokio::test]
async fn each_field_of_a_family_is_checked() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    let good = school.body(Kind::Family, "new");
    let mut posted = bad_fields();
    posted.extend([
        (json!({}), missing("username, password, institution, Collection with children IDs")),
        (json!({"children": []}), missing("username, password, institution, Collection with children IDs")),
        (with(&good, &json!({"children": []})), missing("Collection with children IDs")),
        (without(&good, "children"), missing("Collection with children IDs")),
        (without(&good, "institution_id"), missing("institution")),
        (json!({"password": 1, "institution_id": 1}), not_string("password")),
        (with(&good, &json!({"password": "short", "x": 1})), weak("password")),
        (with(&good, &json!({"b": 1, "a": 1})), unknown("a, b")),
    ]);
    school.refuses(&school.admin, "POST", PATH, posted).await;
    for id in [school.family.id.as_str(), NOBODY] {
        let mut patched = bad_fields();
        patched.push((json!({"b": 1, "a": 1, "children": []}), unknown("a, b")));
        for value in [json!("x"), json!(1), json!(null)] {
            patched.push((json!({"password": value, "children": 1}), password_route(id)));
        }
        school.refuses(&school.admin, "PATCH", &path(id), patched).await;
    }
}
