//! What becomes of members: how they come, what is written down of their changes, what goes with them.

use std::time::Duration;

use identity::{FirstAdmin, domain::account::Realm};
use prost_types::FieldMask;
use proto::identity::v1::{self as pb, create_member_request::Credential, member::Details};
use shared::{passport::Caller, secret::Secret};
use testing::{Database, TestSuite, on_both, suite::PASSWORD};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{
    NOBODY, Role, School, as_member, by_hand, create, delete, details, get, ids, misfits, number, refusal, told, update,
};

/// A bcrypt hash, cost 4, of `password` as other systems keep it.
const HASH: &str = "$2b$04$......................e1nSCpcvfBKU3wBVZB9oSbqzSPkeBIu";

/// What happened to an account, oldest first.
async fn happened(suite: &TestSuite, account: &str) -> Vec<(String, String)> {
    let request =
        pb::ListAuditEventsRequest { account_id: account.to_owned(), ..pb::ListAuditEventsRequest::default() };
    let log = suite.identity_as(Caller::operator()).list_audit_events(request).await.unwrap().into_inner();
    log.audit_events.into_iter().rev().map(|event| (event.event, event.detail)).collect()
}

/// What happens from now on is told behind what happened before.
fn later(school: &School) {
    school.suite.hand.advance(Duration::from_secs(1));
}

async fn sign_in(suite: &TestSuite, login: &str, password: &str) -> Result<pb::Account, tonic::Status> {
    let request = pb::LogInRequest { login: login.to_owned(), password: password.to_owned() };
    let answer = suite.identity_as(Caller::service("gateway")).log_in(request).await?;
    Ok(answer.into_inner().account.unwrap())
}

on_both! {
    async fn a_first_admin_may_be_one_of_the_school(db: Database) {
        let suite = TestSuite::start_with(&db, |settings| {
            let (realm, login) = (Realm::School, " Directrice ".to_owned());
            settings.identity.first_admin = Some(FirstAdmin { realm, login, password: Secret::from("directrice") });
        })
        .await;

        let admin = sign_in(&suite, "DIRECTRICE", "directrice").await.unwrap();

        assert_eq!((admin.role(), admin.realm(), admin.name.as_str()), (pb::Role::Admin, pb::Realm::School, "Directrice"));
        assert_eq!(misfits(&db).await, [""; 0]);
    }

    async fn accounts_of_another_system_come_with_their_hashes(db: Database) {
        let school = School::open(&db).await;
        let request = pb::CreateMemberRequest {
            member: Some(school.draft(Role::Child, "BR0001")),
            credential: Some(Credential::PasswordHash("no hash".to_owned())),
            validate_only: false,
        };
        let refused = school.suite.school_as(Caller::operator()).create_member(request.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);

        let credential = Some(Credential::PasswordHash(HASH.to_owned()));
        let request = pb::CreateMemberRequest { credential, ..request };
        assert!(school.suite.school_as(Caller::operator()).create_member(request).await.is_ok());
    }

    async fn a_trial_makes_nothing_and_judges_the_password(db: Database) {
        let school = School::open(&db).await;
        let judge = async |password: &str| {
            let request = pb::CreateMemberRequest {
                member: Some(school.draft(Role::Child, "BR0001")),
                credential: Some(Credential::Password(password.to_owned())),
                validate_only: true,
            };
            school.suite.school_as(Caller::operator()).create_member(request).await
        };

        assert_eq!(judge("password").await.unwrap().into_inner().member, None);
        for password in ["passwor", &"x".repeat(129)] {
            let refused = judge(password).await.unwrap_err();
            assert_eq!(refusal(&refused), told(Code::InvalidArgument, "PASSWORD_LENGTH"));
            let numbers = refused.get_details_error_info().unwrap().metadata;
            assert_eq!((numbers["least"].as_str(), numbers["most"].as_str()), ("8", "128"));
        }
        assert!(sign_in(&school.suite, "BR0001", "password").await.is_err());
    }

    async fn every_change_is_written_down_with_what_changed(db: Database) {
        let school = School::open(&db).await;
        let child = school.member(Role::Child, "c").await.id;
        let family = school.family("f", &[]).await;
        let details = Some(Details::Family(pb::Family { children: ids(&[&child]) }));
        let changed = pb::Member { username: "g".to_owned(), details, ..family.clone() };
        let as_family = as_member(Role::Family, &family.id);
        later(&school);
        update(&school.suite, as_family, changed, &["username", "institution_id", "family.children"]).await.unwrap();
        let request = pb::RemoveFamilyChildRequest { family_id: family.id.clone(), child_id: child.clone() };
        // Twice: the second time there is nothing to write down.
        for _ in 0..2 {
            later(&school);
            school.suite.school_as(Caller::operator()).remove_family_child(request.clone()).await.unwrap();
        }
        later(&school);
        delete(&school.suite, &family.id).await.unwrap();

        let log = happened(&school.suite, &family.id).await;

        let log: Vec<(&str, &str)> = log.iter().map(|(event, detail)| (event.as_str(), detail.as_str())).collect();
        let (added, removed) = (
            format!("username institution_id children institution={} added={child}", school.institution),
            format!("child={child} removed"),
        );
        assert_eq!(
            log,
            [
                ("user_created", "role=family"),
                ("user_updated", added.as_str()),
                ("user_updated", removed.as_str()),
                ("user_deleted", ""),
            ]
        );
    }

    async fn what_happens_to_groups_is_written_down_with_their_owner(db: Database) {
        let school = School::open(&db).await;
        let educator = school.member(Role::Educator, "e").await.id;
        later(&school);
        let group = school.group(&educator, "One", &[]).await.unwrap();
        let mut as_educator = school.suite.school_as(as_member(Role::Educator, &educator));
        let update_mask = Some(FieldMask { paths: vec!["school_class".to_owned()] });
        let changed = pb::ChildrenGroup { school_class: Some("4B".to_owned()), ..group.clone() };
        let request = pb::UpdateChildrenGroupRequest { children_group: Some(changed), update_mask };
        later(&school);
        as_educator.update_children_group(request).await.unwrap();
        later(&school);
        let request = pb::DeleteChildrenGroupRequest { owner_id: educator.clone(), children_group_id: group.id.clone() };
        as_educator.delete_children_group(request).await.unwrap();

        let log = happened(&school.suite, &educator).await;

        let (made, changed) = (format!("group={}", group.id), format!("group={} school_class", group.id));
        let events =
            [("sensitive_create", &made), ("sensitive_update", &changed), ("sensitive_delete", &made)];
        let events = events.map(|(event, detail)| (event.to_owned(), detail.clone()));
        assert_eq!(log[1..], events);
    }

    async fn an_owner_has_no_more_groups_and_children_than_can_be_shown(db: Database) {
        let school = School::open(&db).await;
        let (child, owner) = (school.member(Role::Child, "c").await.id, school.member(Role::Educator, "e").await.id);
        let many: Vec<String> = (0..1001).map(|number| format!("{number:024x}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let named = |refused: tonic::Status| refused.get_details_bad_request().unwrap().field_violations[0].field.clone();

        assert_eq!(named(school.group(&owner, "1001", &many).await.unwrap_err()), "children_group.children");
        // All that are not there are named.
        let unknown = school.group(&owner, "1000", &many[1..]).await.unwrap_err();
        assert_eq!(refusal(&unknown), told(Code::FailedPrecondition, "CHILDREN_NOT_FOUND"));
        assert_eq!(unknown.get_details_error_info().unwrap().metadata["children"], many[1..].join(", "));

        let last = school.group(&owner, "The last", &[]).await.unwrap();
        by_hand(&db, "INSERT INTO children_group (id, owner_id, name, name_fold, name_order, school_class_fold, school_class_order, created_at)
             SELECT CAST(1000 + n.n AS CHAR(4)) || substr(g.id, 5), g.owner_id, CAST(n.n AS CHAR(4)), '', '', '', '', g.created_at
             FROM children_group g, (WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 999) SELECT n FROM n) n").await;
        assert_eq!(number(&db, "SELECT COUNT(*) FROM children_group").await, 1000);
        assert_eq!(named(school.group(&owner, "One more", &[&child]).await.unwrap_err()), "children_group.children");
        assert_eq!(number(&db, "SELECT COUNT(*) FROM children_group").await, 1000);
        assert!(!last.id.is_empty());
    }

    async fn children_and_programs_get_their_passwords_from_an_admin_on_every_surface(db: Database) {
        let school = School::open(&db).await;
        for (role, name, may) in [
            (Role::Child, "c", false),
            (Role::Application, "a", false),
            (Role::Family, "f", true),
            (Role::Educator, "e", true),
        ] {
            let member = match role {
                Role::Family => school.family(name, &[]).await,
                _ => school.member(role, name).await,
            };
            let request = pb::ChangePasswordRequest {
                account_id: member.id.clone(),
                old_password: PASSWORD.to_owned(),
                new_password: "another-password".to_owned(),
                ..pb::ChangePasswordRequest::default()
            };
            let changed = school.suite.identity_as(as_member(role, &member.id)).change_password(request).await;
            assert_eq!(changed.is_ok(), may, "{role:?}");
            if let Err(refused) = changed {
                assert_eq!(refusal(&refused), told(Code::PermissionDenied, "NOT_YOURS"));
            }
            assert_eq!(sign_in(&school.suite, name, PASSWORD).await.is_ok(), !may, "{role:?}");
        }
    }

    async fn an_admin_gives_a_new_password_and_all_sessions_end(db: Database) {
        let school = School::open(&db).await;
        let child = school.member(Role::Child, "c").await.id;
        sign_in(&school.suite, "c", PASSWORD).await.unwrap();
        let reset = async |id: &str, new: &str| {
            let request = pb::ResetPasswordRequest { account_id: id.to_owned(), new_password: new.to_owned() };
            school.suite.identity_as(Caller::operator()).reset_password(request).await
        };

        assert_eq!(refusal(&reset(NOBODY, "new-password").await.unwrap_err()), told(Code::NotFound, "ACCOUNT_NOT_FOUND"));
        let weak = reset(&child, "short").await.unwrap_err();
        assert_eq!(refusal(&weak), told(Code::InvalidArgument, "PASSWORD_LENGTH"));
        reset(&child, "new-password").await.unwrap();

        assert!(sign_in(&school.suite, "c", PASSWORD).await.is_err());
        let request = pb::ListSessionsRequest { account_id: child.clone() };
        let sessions = school.suite.identity_as(Caller::operator()).list_sessions(request).await.unwrap().into_inner();
        assert_eq!(sessions.sessions, []);
        assert!(sign_in(&school.suite, "c", "new-password").await.is_ok());
        assert!(happened(&school.suite, &child).await.contains(&("authn_password_change".to_owned(), "reset".to_owned())));
    }

    async fn a_locked_child_comes_in_again_after_a_reset(db: Database) {
        let school = School::open(&db).await;
        let child = school.member(Role::Child, "c").await.id;
        for _ in 0..10 {
            assert!(sign_in(&school.suite, "c", "wrong-password").await.is_err());
        }
        assert!(sign_in(&school.suite, "c", PASSWORD).await.is_err(), "locked");

        let request = pb::ResetPasswordRequest { account_id: child, new_password: "new-password".to_owned() };
        school.suite.identity_as(Caller::operator()).reset_password(request).await.unwrap();

        assert!(sign_in(&school.suite, "c", "new-password").await.is_ok());
    }

    async fn the_library_lets_an_account_of_the_school_in_or_not_and_changes_nothing_else(db: Database) {
        let school = School::open(&db).await;
        let child = school.member(Role::Child, "c").await.id;
        let change = async |account: pb::Account, path: &str| {
            let update_mask = Some(FieldMask { paths: vec![path.to_owned()] });
            let request = pb::UpdateAccountRequest { account: Some(account), update_mask };
            school.suite.identity_as(Caller::operator()).update_account(request).await
        };
        let account = pb::Account {
            id: child.clone(),
            name: "Another".to_owned(),
            email: "c@example.org".to_owned(),
            role: pb::Role::Admin.into(),
            state: pb::AccountState::Inactive.into(),
            ..pb::Account::default()
        };

        for path in ["name", "email", "address", "role"] {
            let refused = change(account.clone(), path).await.unwrap_err();
            assert_eq!(refusal(&refused), told(Code::FailedPrecondition, "WRONG_REALM"), "{path}");
        }
        assert!(change(account.clone(), "state").await.is_ok());
        assert!(sign_in(&school.suite, "c", PASSWORD).await.is_err(), "blocked");
    }

    async fn a_child_leaves_groups_and_families_and_an_owners_groups_go_with_him(db: Database) {
        let school = School::open(&db).await;
        let child = school.member(Role::Child, "c").await.id;
        let stays = school.member(Role::Child, "d").await.id;
        let family = school.family("f", &[&child, &stays]).await.id;
        let educator = school.member(Role::Educator, "e").await.id;
        school.group(&educator, "One", &[&stays, &child]).await.unwrap();

        delete(&school.suite, &child).await.unwrap();

        let left = |members: &[pb::Member]| members.iter().map(|member| member.id.clone()).collect::<Vec<_>>();
        let shown = get(&school.suite, Caller::operator(), pb::Role::Family, &family).await.unwrap();
        let Some(Details::Family(family)) = shown.details else { panic!("no family") };
        assert_eq!(left(&family.children), std::slice::from_ref(&stays));
        let shown = get(&school.suite, Caller::operator(), pb::Role::Educator, &educator).await.unwrap();
        let Some(Details::Educator(shown)) = shown.details else { panic!("no educator") };
        assert_eq!(left(&shown.children_groups[0].children), [stays]);

        delete(&school.suite, &educator).await.unwrap();

        assert_eq!(number(&db, "SELECT COUNT(*) FROM children_group").await, 0);
        assert_eq!(number(&db, "SELECT COUNT(*) FROM group_child").await, 0);
        assert_eq!(misfits(&db).await, [""; 0]);
    }

    async fn check_sees_a_count_that_is_wrong(db: Database) {
        let school = School::open(&db).await;
        school.member(Role::Child, "c").await;
        school.member(Role::Educator, "e").await;
        assert_eq!(misfits(&db).await, [""; 0]);

        by_hand(&db, "UPDATE tally SET accounts = 2 WHERE role = 'child'").await;
        by_hand(&db, "DELETE FROM tally WHERE role = 'educator'").await;

        let told = misfits(&db).await;
        assert_eq!(told.len(), 2, "{told:?}");
    }

    async fn what_does_not_fit_is_refused_and_named(db: Database) {
        let school = School::open(&db).await;
        let child = |change: fn(&mut pb::Child)| {
            let Details::Child(mut child) = details(Role::Child) else { panic!("no child") };
            change(&mut child);
            pb::Member { details: Some(Details::Child(child)), ..school.draft(Role::Child, "c") }
        };
        for (member, field) in [
            (school.draft(Role::Child, ""), "member.username"),
            (school.draft(Role::Child, "a\u{0}b"), "member.username"),
            (school.draft(Role::Child, &"x".repeat(256)), "member.username"),
            (pb::Member { institution_id: None, ..school.draft(Role::Educator, "e") }, "member.institution_id"),
            (pb::Member { details: None, ..school.draft(Role::Educator, "e") }, "member.details"),
            (child(|child| child.gender = 0), "member.child.gender"),
            (child(|child| child.age = "0".to_owned()), "member.child.age"),
            (child(|child| child.age_calc_date = None), "member.child.age_calc_date"),
            (school.draft(Role::Child, "a\u{e0100}"), "member.username"),
            (child(|child| child.age = "2026-03-04".to_owned()), "member.child.age"),
            (child(|child| child.age_calc_date = Some("2026-02-30".to_owned())), "member.child.age_calc_date"),
            (child(|child| child.age_calc_date = Some("2026-03-04".to_owned())), "member.child.age_calc_date"),
        ] {
            let refused = create(&school.suite, member).await.unwrap_err();

            assert_eq!(refused.code(), Code::InvalidArgument, "{field}");
            let named = refused.get_details_bad_request().unwrap().field_violations;
            assert_eq!(named[0].field, field, "{refused:?}");
        }
    }
}
