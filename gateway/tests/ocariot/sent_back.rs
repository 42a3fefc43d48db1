//! What GET gave may be sent back: fields that are accepted and not read.

use serde_json::{Value, json};
use testing::Database;

use crate::{
    NOBODY, SECOND, made,
    school::{Kind, School, User, groups},
    unknown, with,
};

/// Accepted on accounts, whatever they hold.
const NOT_READ: [&str; 9] = [
    "id",
    "type",
    "last_login",
    "last_sync",
    "fitbit_status",
    "cve_status",
    "nfc_tag",
    "tag_ass_time",
    "children_groups",
];

/// Everything that can be read, and who may write it.
async fn all(school: &School) -> Vec<(&User, String)> {
    let mut all: Vec<(&User, String)> = Kind::ALL.map(|kind| (&school.admin, kind.of(&school.one(kind).id))).to_vec();
    all.push((&school.admin, format!("/institutions/{}", school.institution)));
    for kind in [Kind::Educator, Kind::HealthProfessional] {
        let id = school.group(kind, "Group One").await;
        let owner = school.one(kind);
        all.push((owner, format!("{}/{id}", groups(kind, &owner.id))));
        all.push((owner, kind.of(&owner.id)));
    }
    all.push((&school.family, Kind::Family.of(&school.family.id)));
    all
}

testing::on_both! {
    async fn what_was_read_can_be_written_and_nothing_changes(db: Database) {
        let mut school = School::open(&db).await;
        school.later(SECOND).await;
        for (who, path) in all(&school).await {
            let read = school.get(who, &path).await;
            assert_eq!(read.status, 200, "{path}: {}", read.text);

            school.patch(who, &path, read.json()).await.must_be(200, &read.text);
            school.get(who, &path).await.must_be(200, &read.text);
        }
    }

    async fn an_educator_with_many_children_can_be_sent_back(db: Database) {
        let mut school = School::open(&db).await;
        let mut children = vec![];
        for number in 0..120 {
            children.push(school.fresh(Kind::Child, &format!("{number} {}", "🦀".repeat(200))).await);
        }
        let body = json!({"name": "All", "children": children});
        let path = groups(Kind::Educator, &school.educator.id);
        let all = made(&school.post(&school.educator, &path, body).await);
        school.later(SECOND).await;
        for path in [Kind::Educator.of(&school.educator.id), format!("{path}/{all}")] {
            let read = school.get(&school.educator, &path).await;
            assert!(read.status == 200 && read.text.len() > 100_000, "{path}: {}", read.text.len());

            school.patch(&school.educator, &path, read.json()).await.must_be(200, &read.text);
        }
    }

    async fn the_fields_that_are_not_read_may_hold_anything(db: Database) {
        let school = School::open(&db).await;
        let values = [json!(null), json!("admin"), json!([{"id": NOBODY}])];
        for kind in Kind::ALL {
            let path = kind.of(&school.one(kind).id);
            let before = school.get(&school.admin, &path).await.text;
            for name in NOT_READ {
                for value in &values {
                    let answer = school.patch(&school.admin, &path, json!({name: value})).await;
                    assert_eq!(
                        (answer.status, answer.text.as_str()),
                        (200, before.as_str()),
                        "{kind:?} {name} {value}"
                    );
                }
            }
        }
        for kind in Kind::ALL {
            let all: Value = NOT_READ
                .iter()
                .map(|name| ((*name).to_owned(), json!(NOBODY)))
                .collect::<serde_json::Map<_, _>>()
                .into();
            let body = with(&school.body(kind, &format!("new {kind:?}")), &all);
            let id = made(&school.post(&school.admin, kind.path(), body).await);
            assert_ne!(id, NOBODY);
        }
    }

    async fn elsewhere_an_id_alone_is_accepted(db: Database) {
        let school = School::open(&db).await;
        for (who, path) in all(&school)
            .await
            .into_iter()
            .filter(|(_, path)| path.contains("/groups/") || path.starts_with("/institutions"))
        {
            let before = school.get(who, &path).await.text;
            for value in [json!(null), json!(1), json!(NOBODY)] {
                school.patch(who, &path, json!({"id": value})).await.must_be(200, &before);
            }
            for name in NOT_READ.into_iter().filter(|name| !["id", "type"].contains(name)) {
                school.patch(who, &path, json!({name: "x"})).await.must_be(400, &unknown(name));
            }
        }
    }
}
