//! Whose things are whose: identity says so itself, whatever the gateway lets through.

use proto::identity::v1::{self as pb, member::Details};
use shared::passport::Caller;
use testing::{Database, on_both};
use tonic::Code;

use super::{NOBODY, Role, School, as_member, get, institution, refusal, told, update};

fn not_yours<T: std::fmt::Debug>(answer: Result<T, tonic::Status>, what: &str) {
    assert_eq!(refusal(&answer.expect_err(what)), told(Code::PermissionDenied, "NOT_YOURS"), "{what}");
}

on_both! {
    async fn everybody_sees_himself_and_some_see_children(db: Database) {
        let school = School::open(&db).await;
        let (child, other) = (school.member(Role::Child, "a").await.id, school.member(Role::Child, "b").await.id);
        let family = school.family("f", &[&child]).await.id;
        let educator = school.member(Role::Educator, "e").await.id;
        let health = school.member(Role::HealthProfessional, "h").await.id;
        let see = async |role: Role, caller: &str, of: pb::Role, id: &str| {
            get(&school.suite, as_member(role, caller), of, id).await
        };

        for (role, id, of) in [
            (Role::Child, &child, pb::Role::Child),
            (Role::Family, &family, pb::Role::Family),
            (Role::Educator, &educator, pb::Role::Educator),
            (Role::HealthProfessional, &health, pb::Role::HealthProfessional),
        ] {
            assert_eq!(see(role, id, of, id).await.unwrap().id, *id);
        }
        for id in [&child, &other] {
            assert!(see(Role::Educator, &educator, pb::Role::Child, id).await.is_ok());
            assert!(see(Role::HealthProfessional, &health, pb::Role::Child, id).await.is_ok());
        }
        assert!(see(Role::Family, &family, pb::Role::Child, &child).await.is_ok());
        // Somebody else's is the same as one that does not exist.
        for id in [&other, NOBODY] {
            not_yours(see(Role::Family, &family, pb::Role::Child, id).await, "another family's child");
            not_yours(see(Role::Child, &child, pb::Role::Child, id).await, "another child");
            not_yours(see(Role::Educator, &educator, pb::Role::Educator, id).await, "another educator");
        }
        let gone = see(Role::Educator, &educator, pb::Role::Child, NOBODY).await.unwrap_err();
        assert_eq!(refusal(&gone), told(Code::NotFound, "ACCOUNT_NOT_FOUND"));
        // An educator is no child, not even to an admin.
        let gone = get(&school.suite, Caller::operator(), pb::Role::Child, &educator).await.unwrap_err();
        assert_eq!(refusal(&gone), told(Code::NotFound, "ACCOUNT_NOT_FOUND"));
        let denied = see(Role::Child, &child, pb::Role::Family, &family).await.unwrap_err();
        assert_eq!(denied.code(), Code::PermissionDenied, "no scope");
    }

    async fn who_is_no_admin_changes_himself_alone(db: Database) {
        let school = School::open(&db).await;
        let (one, two) = (school.member(Role::Educator, "one").await, school.member(Role::Educator, "two").await);
        let renamed = |member: &pb::Member| pb::Member { username: "new".to_owned(), ..member.clone() };
        let as_one = || as_member(Role::Educator, &one.id);

        not_yours(update(&school.suite, as_one(), renamed(&two), &["username"]).await, "another educator");
        let child = school.member(Role::Child, "c").await;
        let denied = update(&school.suite, as_one(), renamed(&child), &["username"]).await.unwrap_err();
        assert_eq!(denied.code(), Code::PermissionDenied, "no scope");
        assert_eq!(update(&school.suite, as_one(), renamed(&one), &["username"]).await.unwrap().username, "new");
        assert_eq!(update(&school.suite, Caller::operator(), renamed(&two), &[]).await.unwrap().username, "two");
    }

    async fn groups_are_their_owners_alone(db: Database) {
        let school = School::open(&db).await;
        let (one, two) = (school.member(Role::Educator, "one").await.id, school.member(Role::Educator, "two").await.id);
        let child = school.member(Role::Child, "c").await.id;
        let group = school.group(&one, "Group One", &[&child]).await.unwrap();
        let read = async |caller: Caller, owner: &str| {
            let request = pb::GetChildrenGroupRequest { owner_id: owner.to_owned(), children_group_id: group.id.clone() };
            school.suite.school_as(caller).get_children_group(request).await
        };

        assert!(read(as_member(Role::Educator, &one), &one).await.is_ok());
        not_yours(read(as_member(Role::Educator, &two), &one).await, "another's");
        not_yours(read(Caller::operator(), &one).await, "an admin");
        // Under one's own name another's group is not there.
        let gone = read(as_member(Role::Educator, &two), &two).await.unwrap_err();
        assert_eq!(refusal(&gone), told(Code::NotFound, "GROUP_NOT_FOUND"));
    }

    async fn an_institution_is_changed_by_those_who_belong_to_it(db: Database) {
        let school = School::open(&db).await;
        let other = institution(&school.suite, "Another").await.unwrap().id;
        let educator = school.member(Role::Educator, "e").await.id;
        let child = school.member(Role::Child, "c").await.id;
        let suite = &school.suite;
        let change = async |caller: Caller, id: &str| {
            let institution = pb::Institution { id: id.to_owned(), r#type: "new".to_owned(), ..pb::Institution::default() };
            let update_mask = Some(prost_types::FieldMask { paths: vec!["type".to_owned()] });
            let request = pb::UpdateInstitutionRequest { institution: Some(institution), update_mask };
            suite.school_as(caller).update_institution(request).await
        };
        let read = async |caller: Caller, id: &str| {
            suite.school_as(caller).get_institution(pb::GetInstitutionRequest { institution_id: id.to_owned() }).await
        };

        assert!(change(as_member(Role::Educator, &educator), &school.institution).await.is_ok());
        for id in [&other, NOBODY] {
            not_yours(change(as_member(Role::Educator, &educator), id).await, "another institution");
            not_yours(read(as_member(Role::Child, &child), id).await, "another institution");
        }
        assert!(read(as_member(Role::Child, &child), &school.institution).await.is_ok());
        assert!(read(as_member(Role::Educator, &educator), &other).await.is_ok());
    }

    async fn a_family_is_the_guardian_of_its_own_children(db: Database) {
        let school = School::open(&db).await;
        let (child, other) = (school.member(Role::Child, "a").await.id, school.member(Role::Child, "b").await.id);
        let family = school.family("f", &[&child]).await.id;
        let guards = async |child: &str| {
            let request = pb::CheckGuardianRequest { family_id: family.clone(), child_id: child.to_owned() };
            school.suite.school_as(Caller::service("lending")).check_guardian(request).await.unwrap().into_inner()
        };
        assert!(guards(&child).await.is_guardian);
        assert!(!guards(&other).await.is_guardian);

        let without = pb::Member {
            id: family.clone(),
            details: Some(Details::Family(pb::Family::default())),
            ..pb::Member::default()
        };
        update(&school.suite, Caller::operator(), without, &["family.children"]).await.unwrap();
        assert!(!guards(&child).await.is_guardian);
    }
}
