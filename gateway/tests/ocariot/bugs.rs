//! Ruling 5: what the original answers wrongly, row by row; and ruling 6 where no other story tells it.

use serde_json::json;
use testing::{
    Database,
    suite::{PASSWORD, answer},
};

use crate::{
    BAD_ITEM, MEDIA_TYPE, NOBODY, REVOKED, SIGNED_IN, bad_id, bad_items, bad_json, forbidden, invalid, not_found,
    not_string,
    school::{Kind, School, child, groups, professional},
    unauthorized, with,
};

testing::on_both! {
    async fn null_is_no_child(db: Database) {
        let school = School::open(&db).await;
        for kind in [Kind::Educator, Kind::HealthProfessional] {
            let id = school.group(kind, "Group One").await;
            let owner = school.one(kind);
            let path = groups(kind, &owner.id);
            let posted = school.post(owner, &path, json!({"name": "G", "children": [null]})).await;
            posted.must_be(400, &invalid(BAD_ITEM));
            let patched = school.patch(owner, &format!("{path}/{id}"), json!({"children": [null]})).await;
            patched.must_be(400, &invalid(BAD_ITEM));
        }
    }

    async fn null_is_no_age(db: Database) {
        let school = School::open(&db).await;
        let patched = school.patch(&school.admin, &Kind::Child.of(&school.child.id), json!({"age": null})).await;
        patched.must_be(400, &invalid("Provided age is not a valid number!"));
        let body = with(&school.body(Kind::Child, "BR0002"), &json!({"age": null}));
        school.post(&school.admin, "/children", body).await.must_be(400, &not_string("age"));
    }

    async fn nobody_takes_over_a_group_through_children_groups(db: Database) {
        let school = School::open(&db).await;
        let id = school.group(Kind::Educator, "Group One").await;
        let path = format!("{}/{id}", groups(Kind::Educator, &school.educator.id));
        let before = school.get(&school.educator, &path).await.text;

        for groups in [json!([{"id": id}]), json!([id]), json!([null]), json!(1), json!(null), json!([])] {
            let thief = &school.healthprofessional;
            let answer =
                school.patch(thief, &Kind::HealthProfessional.of(&thief.id), json!({"children_groups": groups})).await;
            answer.must_be(200, &professional(&thief.id, &thief.name, &school.institution, SIGNED_IN, ""));
            let owner = Kind::Educator.of(&school.educator.id);
            let answer = school.patch(&school.educator, &owner, json!({"children_groups": groups})).await;
            assert_eq!(answer.json()["children_groups"].as_array().map(Vec::len), Some(1), "{}", answer.text);
        }
        let body = with(&school.body(Kind::Educator, "thief"), &json!({"children_groups": [{"id": id}]}));
        let made = school.post(&school.admin, "/educators", body).await;
        assert_eq!((made.status, made.json()["children_groups"].clone()), (201, json!([])));
        school.get(&school.educator, &path).await.must_be(200, &before);
    }

    async fn the_token_of_a_vanished_account_is_revoked(db: Database) {
        let school = School::open(&db).await;
        for kind in [Kind::Family, Kind::Child] {
            let user = school.one(kind);
            school.delete(&school.admin, &format!("/users/{}", user.id)).await.must_be(204, "");
            for path in [
                format!("/institutions/{}", school.institution),
                format!("/institutions/{NOBODY}"),
                Kind::Child.of(&school.child.id),
                Kind::Child.of(NOBODY),
            ] {
                school.get(user, &path).await.must_be(401, &unauthorized(REVOKED));
            }
        }
        let user = &school.educator;
        school.delete(&school.admin, &format!("/users/{}", user.id)).await.must_be(204, "");
        let own = format!("/institutions/{}", school.institution);
        school.patch(user, &own, json!({"name": "X"})).await.must_be(401, &unauthorized(REVOKED));
    }

    async fn a_body_is_an_object_in_json_and_nothing_else(db: Database) {
        let school = School::open(&db).await;
        let (admin, own) = (&school.admin.token, format!("/v1/educators/{}", school.educator.id));
        for (method, path) in
            [("POST", "/v1/auth"), ("POST", "/v1/institutions"), ("POST", "/v1/families"), ("PATCH", &own)]
        {
            for text in [
                "{",
                "[]",
                "[{}]",
                "null",
                "1",
                "\"x\"",
                "{}{}",
                "{\"a\":1,}",
                "{'a':1}",
                r#"{"username":"a","username":"b"}"#,
                r#"{"x":{"a":1,"a":1}}"#,
                "\u{feff}{}",
                "{\"username\":\"\u{0}\"}",
                "{\"username\":\"\\ud800\"}",
            ] {
                let answer = school.suite.send_text(method, path, Some(admin), text).await;
                assert_eq!((answer.status, answer.text), (400, bad_json()), "{method} {path} {text}");
            }
            for (kind, text) in [
                ("text/plain", "{}"),
                ("application/x-www-form-urlencoded", "username=x"),
                ("multipart/form-data; boundary=x", "--x--"),
                ("application/json; charset=latin1", "{}"),
                ("text/html", "{"),
            ] {
                let request = school.suite.request(method, path).bearer_auth(admin).header("content-type", kind);
                answer(request.body(text)).await.must_be(415, MEDIA_TYPE);
            }
        }
    }

    async fn what_has_24_characters_and_is_no_hex_is_no_id_of_anybody(db: Database) {
        let school = School::open(&db).await;
        for bad in ["zzzzzzzzzzzzzzzzzzzzzzzz", &school.educator.id.to_uppercase(), "507f191e810c19729de860eA"] {
            for (who, path, name) in [
                (&school.child, Kind::Child.of(bad), "child_id"),
                (&school.family, Kind::Child.of(bad), "child_id"),
                (&school.family, Kind::Family.of(bad), "family_id"),
                (&school.educator, Kind::Educator.of(bad), "educator_id"),
                (&school.application, Kind::Application.of(bad), "application_id"),
                (&school.child, format!("/institutions/{bad}"), "institution_id"),
                (&school.healthprofessional, groups(Kind::HealthProfessional, bad), "healthprofessional_id"),
            ] {
                school.get(who, &path).await.must_be(400, &bad_id(name));
            }
            let body = json!({"name": "G", "children": [bad]});
            let answer = school.post(&school.educator, &groups(Kind::Educator, &school.educator.id), body).await;
            answer.must_be(400, &bad_items(bad));
        }
    }

    async fn a_change_of_a_child_leaves_its_fitbit_alone(db: Database) {
        let school = School::open(&db).await;
        let path = Kind::Child.of(&school.child.id);
        for body in [
            json!({"fitbit_status": "valid_token"}),
            json!({"fitbit_status": null, "last_sync": 1}),
            json!({"gender": "male", "last_sync": "2020-01-01T00:00:00.000Z", "cve_status": "x", "nfc_tag": 1, "tag_ass_time": []}),
        ] {
            let expected = child(&school.child.id, "BR0001", &school.institution, SIGNED_IN);
            school.patch(&school.admin, &path, body).await.must_be(200, &expected);
            school.get(&school.child, &path).await.must_be(200, &expected);
        }
    }

    async fn an_admin_of_the_library_is_one_here_and_no_operation_makes_one(db: Database) {
        let school = School::open(&db).await;
        let second = school.second_admin("second@example.org").await;
        for admin in [school.signed_in("", "second@example.org").await, second.clone()] {
            assert_eq!(school.get(&admin, "/educators").await.status, 200);
        }
        // He is nobody of a type that this surface shows.
        for kind in Kind::ALL {
            for admin in [&second.id, &school.admin.id] {
                school.get(&school.admin, &kind.of(admin)).await.must_be(404, &not_found(kind.word()));
                school.patch(&school.admin, &kind.of(admin), json!({})).await.must_be(404, &not_found(kind.word()));
            }
            for (name, value) in
                [("role", "admin"), ("sub_type", "admin"), ("scope", "users:delete"), ("realm", "library")]
            {
                let body = with(&school.body(kind, "would-be"), &json!({name: value}));
                school.post(&school.admin, kind.path(), body).await.must_be(400, &crate::unknown(name));
            }
            let body = with(&school.body(kind, &format!("typed {kind:?}")), &json!({"type": "admin"}));
            let id = crate::made(&school.post(&school.admin, kind.path(), body).await);
            let typed = school.signed_in("", &format!("typed {kind:?}")).await;
            assert_eq!(typed.id, id);
            school.get(&typed, "/educators").await.must_be(403, &forbidden());
        }
    }

    async fn a_client_of_the_library_is_nobody_here(db: Database) {
        let school = School::open(&db).await;
        let client = school.client("royce27@gmail.com").await;
        for kind in Kind::ALL {
            school.get(&client, &kind.of(&client.id)).await.must_be(403, &forbidden());
            school.get(&school.admin, &kind.of(&client.id)).await.must_be(404, &not_found(kind.word()));
        }
        let body = json!({"old_password": PASSWORD, "new_password": PASSWORD});
        let answer = school.send(&client, "PUT", &format!("/users/{}/password", client.id), Some(body)).await;
        answer.must_be(403, &forbidden());
        // A school account is no admin of the library either.
        for kind in Kind::ALL {
            let answer = school.suite.send("GET", "/api/clients", Some(&school.one(kind).token), None).await;
            assert_eq!(answer.status, 403, "{}", answer.text);
        }
    }
}
