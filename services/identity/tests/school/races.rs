//! Two at once.

use std::collections::BTreeMap;

use proto::identity::v1 as pb;
use shared::passport::Caller;
use testing::{Database, on_both};
use tokio::join;
use tonic::Code;

use super::{NOBODY, Role, School, create, delete, get, institution, misfits, number, refusal, told};

on_both! {
    /// Of different roles, and in another case.
    async fn one_name_goes_to_one_account(db: Database) {
        let school = School::open(&db).await;
        for round in 0..100 {
            let a = create(&school.suite, school.draft(Role::Child, &format!("Name {round}")));
            let b = create(&school.suite, school.draft(Role::Educator, &format!("NAME {round}")));

            let (a, b) = join!(a, b);

            let refused = [a, b].into_iter().filter_map(Result::err).map(|refused| refusal(&refused)).collect::<Vec<_>>();
            assert_eq!(refused, [told(Code::AlreadyExists, "LOGIN_TAKEN")], "round {round}");
        }
        assert_eq!(number(&db, "SELECT COUNT(*) FROM account WHERE realm = 'school'").await, 100);
        assert_eq!(number(&db, "SELECT CAST(SUM(accounts) AS BIGINT) FROM tally").await, 100);
        assert_eq!(misfits(&db).await, [""; 0]);
    }

    async fn nobody_belongs_to_an_institution_that_went_meanwhile(db: Database) {
        let school = School::open(&db).await;
        let mut outcomes = BTreeMap::new();
        for round in 0..50 {
            let place = institution(&school.suite, &format!("Place {round}")).await.unwrap().id;
            let draft = pb::Member {
                institution_id: Some(place.clone()),
                ..school.draft(Role::Educator, &format!("e{round}"))
            };
            let mut admin = school.suite.school_as(Caller::operator());
            let closing = admin.delete_institution(pb::DeleteInstitutionRequest { institution_id: place });

            let (made, closed) = join!(create(&school.suite, draft), closing);

            let made = made.map_err(|refused| refusal(&refused).1).map(|_| "made".to_owned());
            let closed = closed.map_err(|refused| refusal(&refused).1).map(|_| "closed".to_owned());
            let (made, closed) = (made.unwrap_or_else(|told| told), closed.unwrap_or_else(|told| told));
            let fits = [("made", "INSTITUTION_IN_USE"), ("INSTITUTION_UNKNOWN", "closed")];
            assert!(fits.contains(&(made.as_str(), closed.as_str())), "round {round}: {made}, {closed}");
            *outcomes.entry(made).or_insert(0) += 1;
        }
        assert_eq!(misfits(&db).await, [""; 0], "{outcomes:?}");
    }

    async fn no_group_has_a_child_that_went_meanwhile(db: Database) {
        let school = School::open(&db).await;
        let educator = school.member(Role::Educator, "e").await.id;
        for round in 0..50 {
            let child = school.member(Role::Child, &format!("c{round}")).await.id;
            let (name, children) = (format!("g{round}"), [child.as_str()]);
            let grouping = school.group(&educator, &name, &children);

            let (grouped, gone) = join!(grouping, delete(&school.suite, &child));

            gone.unwrap();
            if let Err(refused) = grouped {
                assert_eq!(refusal(&refused), told(Code::FailedPrecondition, "CHILDREN_NOT_FOUND"));
            }
            let shown = get(&school.suite, Caller::operator(), pb::Role::Educator, &educator).await.unwrap();
            let Some(pb::member::Details::Educator(educator)) = shown.details else { panic!("no educator") };
            assert!(educator.children_groups.iter().all(|group| group.children.is_empty()), "round {round}");
        }
    }

    async fn a_child_is_added_once_however_often_it_is_at_once(db: Database) {
        let school = School::open(&db).await;
        let child = school.member(Role::Child, "c").await.id;
        let family = school.family("f", &[&school.member(Role::Child, "d").await.id]).await.id;
        let add = async |child: &str| {
            let request = pb::AddFamilyChildRequest { family_id: family.clone(), child_id: child.to_owned() };
            school.suite.school_as(Caller::operator()).add_family_child(request).await
        };

        let (a, b, c) = join!(add(&child), add(&child), add(&child));

        assert!(a.is_ok() && b.is_ok() && c.is_ok());
        assert_eq!(number(&db, "SELECT COUNT(*) FROM family_child").await, 2);
        let refused = add(NOBODY).await.unwrap_err();
        assert_eq!(refusal(&refused), told(Code::FailedPrecondition, "CHILDREN_NOT_FOUND"));
    }
}
