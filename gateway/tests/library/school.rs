//! Accounts of the school at the library's desk: they are patrons like clients, by the limits of their kind.

use proto::{
    identity::v1::{self as identity, create_member_request::Credential, member::Details},
    lending::v1 as lending,
};
use serde_json::json;
use shared::passport::Caller;
use testing::{
    Database, TestSuite,
    suite::{Answer, PASSWORD, Person},
};

use crate::{NOBODY, client, emprunts::Desk, lent, no, one, yes};

const FORBIDDEN: &str = "Access denied. Insufficient permissions.";

/// A new account of the school, signed in.
async fn member(suite: &TestSuite, name: &str, details: Details) -> Person {
    let institution = identity::Institution {
        name: format!("{name}'s"),
        r#type: "school".to_owned(),
        ..identity::Institution::default()
    };
    let mut school = suite.school_as(Caller::operator());
    let request = identity::CreateInstitutionRequest { institution: Some(institution) };
    let institution = school.create_institution(request).await.unwrap().into_inner().institution.unwrap();
    let member = identity::Member {
        username: name.to_owned(),
        institution_id: Some(institution.id),
        details: Some(details),
        ..identity::Member::default()
    };
    let request = identity::CreateMemberRequest {
        member: Some(member),
        credential: Some(Credential::Password(PASSWORD.to_owned())),
        validate_only: false,
    };
    let id = school.create_member(request).await.unwrap().into_inner().member.unwrap().id;
    let body = json!({"username": name, "password": PASSWORD});
    let signed_in = suite.send("POST", "/v1/auth", None, Some(body)).await.json();
    Person { id, email: name.to_owned(), token: signed_in["access_token"].as_str().unwrap().to_owned() }
}

async fn child(suite: &TestSuite, name: &str) -> Person {
    let child =
        identity::Child { gender: identity::Gender::Male.into(), age: "2015-02-03".to_owned(), age_calc_date: None };
    member(suite, name, Details::Child(child)).await
}

async fn family(suite: &TestSuite, name: &str, children: &[&Person]) -> Person {
    let children =
        children.iter().map(|child| identity::Member { id: child.id.clone(), ..identity::Member::default() });
    member(suite, name, Details::Family(identity::Family { children: children.collect() })).await
}

async fn application(suite: &TestSuite) -> Person {
    let application = identity::Application { application_name: "App".to_owned() };
    member(suite, "app", Details::Application(application)).await
}

async fn borrow(desk: &Desk, person: &Person) -> Answer {
    let path = format!("/api/emprunts/{}", desk.livre);
    desk.suite.send("POST", &path, Some(&person.token), None).await
}

async fn loans_of(desk: &Desk, person: &Person, of: &str) -> Answer {
    desk.suite.send("GET", &format!("/api/emprunts/client/{of}"), Some(&person.token), None).await
}

/// So many loans for patrons of a category.
async fn limit(suite: &TestSuite, category: &str, loan_limit: i32) {
    let policy = lending::Policy { category: category.to_owned(), loan_limit, ..lending::Policy::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["loan_limit".to_owned()] });
    let request = lending::UpdatePolicyRequest { policy: Some(policy), update_mask };
    suite.lending_as(Caller::operator()).update_policy(request).await.unwrap();
}

testing::on_both! {
    async fn everybody_of_the_school_but_programs_borrows_and_returns(db: Database) {
        let desk = Desk::open(&db, 9).await;
        let child = child(&desk.suite, "child").await;
        let groups = vec![];
        for person in [
            family(&desk.suite, "family", &[&child]).await,
            member(&desk.suite, "educator", Details::Educator(identity::Educator { children_groups: groups.clone() })).await,
            member(&desk.suite, "health", Details::HealthProfessional(identity::HealthProfessional { children_groups: groups })).await,
            child,
        ] {
            let loan = lent(&desk.suite, &person.token, &desk.livre).await;
            assert_eq!(loan["clientId"], person.id, "{}", person.email);
            assert_eq!(desk.give_back(&person.token, &loan).await.status, 200, "{}", person.email);
        }

        let program = application(&desk.suite).await;
        borrow(&desk, &program).await.must_be(403, &no(FORBIDDEN));
        for path in ["/api/emprunts", "/api/reservations"] {
            let body = json!({"livreId": desk.livre});
            desk.suite.send("POST", path, Some(&program.token), Some(body)).await.must_be(403, &no(FORBIDDEN));
        }
        // Not at the desk either.
        let body = json!({"livreId": desk.livre, "clientId": program.id});
        let refused = desk.suite.send("POST", "/api/emprunts", Some(&desk.admin), Some(body)).await;
        refused.must_be(404, &no("Client not found!"));
    }

    async fn each_kind_has_its_own_limit(db: Database) {
        let desk = Desk::open(&db, 9).await;
        let (child, other) = (child(&desk.suite, "child").await, family(&desk.suite, "family", &[]).await);
        limit(&desk.suite, "child", 1).await;

        assert_eq!(borrow(&desk, &child).await.status, 201);
        borrow(&desk, &child).await.must_be(403, &no("Loan limit reached!"));
        for person in [&other, &desk.royce] {
            for _ in 0..2 {
                assert_eq!(borrow(&desk, person).await.status, 201, "{}", person.email);
            }
        }
        // At the desk it is the patron's kind that counts.
        let body = json!({"livreId": desk.livre, "clientId": child.id});
        let refused = desk.suite.send("POST", "/api/emprunts", Some(&desk.admin), Some(body)).await;
        refused.must_be(403, &no("Loan limit reached!"));
    }

    async fn a_family_sees_its_childrens_loans_and_nobody_elses(db: Database) {
        let desk = Desk::open(&db, 9).await;
        let (child, stranger) = (child(&desk.suite, "Zoé").await, child(&desk.suite, "stranger").await);
        let family = family(&desk.suite, "family", &[&child]).await;
        let loan = lent(&desk.suite, &child.token, &desk.livre).await;
        lent(&desk.suite, &stranger.token, &desk.livre).await;
        let his = loans_of(&desk, &child, &child.id).await;
        his.must_be(200, &yes("Zoé's emprunts fetched successfully!", &format!(r#"{{"emprunts":[{}]}}"#, crate::emprunt(&loan))));

        loans_of(&desk, &family, &child.id).await.must_be(200, &his.text);
        for of in [&stranger.id, &desk.royce.id, NOBODY] {
            loans_of(&desk, &family, of).await.must_be(404, &no("Client not found!"));
        }
        // A child sees its own, and so does a stranger of the child's: nothing of it.
        for person in [&stranger, &desk.royce] {
            loans_of(&desk, person, &child.id).await.must_be(404, &no("Client not found!"));
        }
        loans_of(&desk, &child, &family.id).await.must_be(404, &no("Client not found!"));
        // To see is not to act.
        let returned = desk.give_back(&family.token, &loan).await;
        returned.must_be(404, &no("Emprunt not found!"));

        let request = identity::RemoveFamilyChildRequest { family_id: family.id.clone(), child_id: child.id.clone() };
        desk.suite.school_as(Caller::operator()).remove_family_child(request).await.unwrap();
        loans_of(&desk, &family, &child.id).await.must_be(404, &no("Client not found!"));
    }

    /// Past the gateway, which asks identity for the child's name.
    async fn lending_itself_shows_a_family_its_own_children_alone(db: Database) {
        let desk = Desk::open(&db, 9).await;
        let (own, stranger) = (child(&desk.suite, "own").await, child(&desk.suite, "stranger").await);
        let family = family(&desk.suite, "family", &[&own]).await;
        for person in [&own, &stranger] {
            lent(&desk.suite, &person.token, &desk.livre).await;
        }
        let list = async |sub_type: &str, of: &Person| {
            let caller = Caller { sub_type: sub_type.to_owned(), ..testing::suite::client(&family.id) };
            let filter = Some(lending::LoanFilter { patron_id: of.id.clone(), ..lending::LoanFilter::default() });
            let request = lending::ListLoansRequest { filter, ..lending::ListLoansRequest::default() };
            let listed = desk.suite.lending_as(caller).list_loans(request).await;
            listed.map(|listed| listed.into_inner().total_size).map_err(|refused| refused.code())
        };

        assert_eq!(list("family", &own).await, Ok(1));
        assert_eq!(list("family", &stranger).await, Err(tonic::Code::NotFound));
        // Who is no family is nobody's.
        assert_eq!(list("client", &own).await, Err(tonic::Code::NotFound));
    }

    async fn an_account_of_the_school_is_seen_in_the_library_and_changed_elsewhere(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let child = child(&desk.suite, "BR0001").await;
        let shown = one(&client(&child.id, "BR0001", "", "", "client"));
        let me = desk.suite.send("GET", "/api/clients/me", Some(&child.token), None).await;
        me.must_be(200, &yes("Client details fetched successfully!", &shown));

        let elsewhere = no("Accounts of the school cannot be changed here!");
        for body in [json!({"nom": "Another"}), json!({"email": "br0001@example.org"}), json!({"adresse": "3 rue X"})] {
            let path = format!("/api/clients/{}", child.id);
            let profile = desk.suite.send("PUT", "/api/clients/profile", Some(&child.token), Some(body.clone())).await;
            profile.must_be(400, &elsewhere);
            desk.suite.send("PUT", &path, Some(&desk.admin), Some(body)).await.must_be(400, &elsewhere);
        }
        let all = desk.suite.send("GET", "/api/clients", Some(&desk.admin), None).await;
        assert!(!all.text.contains(&child.id), "{}", all.text);
        assert!(desk.suite.log_in("br0001", PASSWORD).await.is_some(), "one token, all surfaces");
    }

    async fn a_blocked_child_borrows_nothing(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let child = child(&desk.suite, "BR0001").await;
        let path = format!("/api/clients/{}", child.id);
        let blocked = desk.suite.send("PUT", &path, Some(&desk.admin), Some(json!({"active": false}))).await;
        assert_eq!(blocked.status, 200, "{}", blocked.text);

        borrow(&desk, &child).await.must_be(401, &no("Authentication required!"));
        let body = json!({"livreId": desk.livre, "clientId": child.id});
        let refused = desk.suite.send("POST", "/api/emprunts", Some(&desk.admin), Some(body)).await;
        refused.must_be(403, &no("Client is blocked!"));
    }
}
