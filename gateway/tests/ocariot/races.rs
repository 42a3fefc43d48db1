//! Two requests at once, of which one takes away what the other needs: nothing is left that points to nobody.

use serde_json::json;
use testing::Database;

use crate::{
    column, no_children, no_institution, not_found,
    school::{Kind, School, groups},
    tells, with,
};

const ROUNDS: usize = 30;

testing::on_both! {
    async fn no_account_belongs_to_an_institution_that_is_gone(db: Database) {
        let school = School::open(&db).await;
        let associated = tells(400, "The institution is associated with one or more users.");
        for round in 0..ROUNDS {
            let kind = Kind::ALL[round % 5];
            let institution = school.institution(&format!("Escola {round}")).await;
            let path = format!("/institutions/{institution}");
            let body = with(&school.body(kind, &format!("user {round}")), &json!({"institution_id": institution}));

            let (gone, made) =
                tokio::join!(school.delete(&school.admin, &path), school.post(&school.admin, kind.path(), body));

            let there = school.get(&school.admin, &path).await;
            match (gone.status, made.status) {
                (204, 400) => {
                    made.must_be(400, &no_institution());
                    there.must_be(404, &not_found("Institution"));
                }
                (400, 201) => {
                    gone.must_be(400, &associated);
                    assert_eq!(there.status, 200, "{}", there.text);
                }
                _ => panic!("{kind:?}: {} {} {} {}", gone.status, gone.text, made.status, made.text),
            }
        }
    }

    async fn nobody_moves_to_an_institution_that_is_gone(db: Database) {
        let school = School::open(&db).await;
        let own = Kind::Educator.of(&school.educator.id);
        for round in 0..ROUNDS {
            let institution = school.institution(&format!("Escola {round}")).await;
            let path = format!("/institutions/{institution}");
            let change = json!({"institution_id": institution});

            let (gone, moved) =
                tokio::join!(school.delete(&school.admin, &path), school.patch(&school.educator, &own, change));

            match (gone.status, moved.status) {
                (204, 400) => moved.must_be(400, &no_institution()),
                (400, 200) => (),
                _ => panic!("{} {} {} {}", gone.status, gone.text, moved.status, moved.text),
            }
            let belongs =
                school.get(&school.educator, &own).await.json()["institution_id"].as_str().unwrap().to_owned();
            let there = school.get(&school.educator, &format!("/institutions/{belongs}")).await;
            assert_eq!(there.status, 200, "{}", there.text);
        }
    }

    async fn a_child_that_is_deleted_is_in_no_family_and_no_group(db: Database) {
        let school = School::open(&db).await;
        let family = Kind::Family.of(&school.family.id);
        let path = groups(Kind::Educator, &school.educator.id);
        let group = format!("{path}/{}", school.group(Kind::Educator, "Group One").await);
        for round in 0..ROUNDS {
            let child = school.fresh(Kind::Child, &format!("child {round}")).await;
            let both = json!({"children": [school.child.id, child]});

            let (user, one) = (format!("/users/{child}"), format!("{family}/children/{child}"));
            let (gone, grouped, joined) = tokio::join!(
                school.delete(&school.admin, &user),
                school.patch(&school.educator, &group, both),
                school.send(&school.admin, "POST", &one, None),
            );

            gone.must_be(204, "");
            if grouped.status != 200 {
                grouped.must_be(400, &no_children(&child));
            }
            assert!([200, 400].contains(&joined.status), "{}", joined.text);
            let listed = school.get(&school.family, &format!("{family}/children")).await;
            assert_eq!(column(&listed, "id"), std::slice::from_ref(&school.child.id));
            for (who, path) in [(&school.educator, &group), (&school.family, &family)] {
                let shown = school.get(who, path).await.json()["children"].take();
                let ids: Vec<&str> =
                    shown.as_array().unwrap().iter().map(|child| child["id"].as_str().unwrap()).collect();
                assert_eq!(ids, [school.child.id.as_str()], "{path}");
            }
        }
    }

    async fn two_children_who_come_at_once_both_belong(db: Database) {
        let school = School::open(&db).await;
        let family = Kind::Family.of(&school.family.id);
        for round in 0..ROUNDS {
            let names = [format!("one {round}"), format!("two {round}")];
            let children = [school.fresh(Kind::Child, &names[0]).await, school.fresh(Kind::Child, &names[1]).await];
            let paths = children.each_ref().map(|child| format!("{family}/children/{child}"));

            let (one, two) = tokio::join!(
                school.send(&school.admin, "POST", &paths[0], None),
                school.send(&school.admin, "POST", &paths[1], None),
            );

            assert_eq!((one.status, two.status), (200, 200), "{} {}", one.text, two.text);
            let ids = column(&school.get(&school.family, &format!("{family}/children")).await, "id");
            assert!(children.iter().all(|child| ids.contains(child)), "{ids:?}");
        }
    }

    async fn a_group_of_somebody_who_is_deleted_is_not_made(db: Database) {
        let school = School::open(&db).await;
        for round in 0..10 {
            let owner = school.user(Kind::Educator, &format!("owner {round}")).await;
            let (user, path) = (format!("/users/{}", owner.id), groups(Kind::Educator, &owner.id));

            let (gone, made) = tokio::join!(
                school.delete(&school.admin, &user),
                school.post(&owner, &path, school.group_body("Group One"))
            );

            gone.must_be(204, "");
            assert!([201, 401, 403].contains(&made.status), "{} {}", made.status, made.text);
            assert_eq!(school.get(&owner, &path).await.status, 401);
        }
        // The child is in none of them: its own deletion meets nothing strange.
        school.delete(&school.admin, &format!("/users/{}", school.child.id)).await.must_be(204, "");
    }
}
