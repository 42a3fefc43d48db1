//! A school: an institution and an account of each type, made over HTTP by the library's first admin.

use std::time::Duration;

use serde_json::{Value, json};
use testing::{
    Database, TestSuite,
    suite::{ADMIN, Answer, PASSWORD},
};

use crate::{institution, made};

/// The types of account that are made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Child,
    Educator,
    HealthProfessional,
    Family,
    Application,
}

/// An account and a token of it.
#[derive(Clone, Debug, Default)]
pub struct User {
    pub id: String,
    pub name: String,
    pub token: String,
}

/// See the module.
pub struct School {
    pub suite: TestSuite,
    pub admin: User,
    pub institution: String,
    pub child: User,
    pub educator: User,
    pub healthprofessional: User,
    pub family: User,
    pub application: User,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Child, Self::Educator, Self::HealthProfessional, Self::Family, Self::Application];

    /// The path of the collection, without the prefix.
    pub fn path(self) -> &'static str {
        match self {
            Self::Child => "/children",
            Self::Educator => "/educators",
            Self::HealthProfessional => "/healthprofessionals",
            Self::Family => "/families",
            Self::Application => "/applications",
        }
    }

    /// What refusals call one of them.
    pub fn word(self) -> &'static str {
        match self {
            Self::Child => "Child",
            Self::Educator => "Educator",
            Self::HealthProfessional => "Health Professional",
            Self::Family => "Family",
            Self::Application => "Application",
        }
    }

    pub fn of(self, id: &str) -> String {
        format!("{}/{id}", self.path())
    }
}

impl School {
    pub async fn open(db: &Database) -> Self {
        let suite = TestSuite::start(db).await;
        let mut school = Self {
            suite,
            admin: User::default(),
            institution: String::new(),
            child: User::default(),
            educator: User::default(),
            healthprofessional: User::default(),
            family: User::default(),
            application: User::default(),
        };
        school.admin = school.signed_in("", ADMIN).await;
        school.institution = school.institution("Escola Um").await;
        school.child = school.user(Kind::Child, "BR0001").await;
        school.educator = school.user(Kind::Educator, "educator").await;
        school.healthprofessional = school.user(Kind::HealthProfessional, "healthprofessional").await;
        school.family = school.user(Kind::Family, "family").await;
        school.application = school.user(Kind::Application, "application").await;
        school
    }

    /// A new institution with all fields.
    pub async fn institution(&self, name: &str) -> String {
        made(&self.post(&self.admin, "/institutions", institution(name)).await)
    }

    /// A body for a new account, with every field.
    pub fn body(&self, kind: Kind, name: &str) -> Value {
        let mut body = json!({"username": name, "password": PASSWORD, "institution_id": self.institution});
        let more = match kind {
            Kind::Child => json!({"gender": "male", "age": 11, "age_calc_date": "2020-01-01"}),
            Kind::Educator | Kind::HealthProfessional => json!({}),
            Kind::Family => json!({"children": [self.child.id]}),
            Kind::Application => json!({"application_name": "Application Example"}),
        };
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    /// The id of a new account that has never signed in.
    pub async fn fresh(&self, kind: Kind, name: &str) -> String {
        made(&self.post(&self.admin, kind.path(), self.body(kind, name)).await)
    }

    /// A new account, signed in.
    pub async fn user(&self, kind: Kind, name: &str) -> User {
        self.fresh(kind, name).await;
        self.signed_in("", name).await
    }

    /// A library account that is no admin.
    pub async fn client(&self, email: &str) -> User {
        let person = self.suite.register(email).await;
        User { id: person.id, name: email.to_owned(), token: person.token }
    }

    /// A second admin.
    pub async fn second_admin(&self, email: &str) -> User {
        let person = self.suite.register_admin(email).await;
        User { id: person.id, name: email.to_owned(), token: person.token }
    }

    /// The standing account of a type.
    pub fn one(&self, kind: Kind) -> &User {
        match kind {
            Kind::Child => &self.child,
            Kind::Educator => &self.educator,
            Kind::HealthProfessional => &self.healthprofessional,
            Kind::Family => &self.family,
            Kind::Application => &self.application,
        }
    }

    /// The id of a new group of the standing child.
    pub async fn group(&self, kind: Kind, name: &str) -> String {
        let owner = self.one(kind);
        made(&self.post(owner, &groups(kind, &owner.id), self.group_body(name)).await)
    }

    pub fn group_body(&self, name: &str) -> Value {
        json!({"name": name, "school_class": "4th Grade", "children": [self.child.id]})
    }

    /// Signs in and is answered.
    pub async fn sign_in(&self, name: &str, password: &str) -> Answer {
        let body = json!({"username": name, "password": password});
        self.suite.send("POST", "/v1/auth", None, Some(body)).await
    }

    /// A token, when there is one.
    pub async fn token(&self, name: &str, password: &str) -> Option<String> {
        let answer = self.sign_in(name, password).await;
        (answer.status == 200).then(|| answer.json()["access_token"].as_str().unwrap().to_owned())
    }

    /// Somebody with a new token; his password is `password`, or [`PASSWORD`] when that is empty.
    pub async fn signed_in(&self, password: &str, name: &str) -> User {
        let password = if password.is_empty() { PASSWORD } else { password };
        let answer = self.sign_in(name, password).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        let id = claims(&token)["sub"].as_str().unwrap().to_owned();
        User { id, name: name.to_owned(), token }
    }

    /// Moves the clock; the admin signs in again.
    pub async fn later(&mut self, by: Duration) {
        self.suite.hand.advance(by);
        self.admin = self.signed_in("", ADMIN).await;
    }

    pub async fn send(&self, who: &User, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.suite.send(method, &format!("/v1{path}"), Some(&who.token), body).await
    }

    pub async fn get(&self, who: &User, path: &str) -> Answer {
        self.send(who, "GET", path, None).await
    }

    pub async fn post(&self, who: &User, path: &str, body: Value) -> Answer {
        self.send(who, "POST", path, Some(body)).await
    }

    pub async fn patch(&self, who: &User, path: &str, body: Value) -> Answer {
        self.send(who, "PATCH", path, Some(body)).await
    }

    pub async fn delete(&self, who: &User, path: &str) -> Answer {
        self.send(who, "DELETE", path, None).await
    }

    /// Each body is refused with 400 and its text.
    pub async fn refuses(&self, who: &User, method: &str, path: &str, cases: Vec<(Value, String)>) {
        for (body, text) in cases {
            let answer = self.send(who, method, path, Some(body.clone())).await;

            assert_eq!((answer.status, answer.text), (400, text), "{method} {path} {body}");
        }
    }
}

/// The path of somebody's groups.
pub fn groups(kind: Kind, owner: &str) -> String {
    format!("{}/{owner}/children/groups", kind.path())
}

/// What a token says.
pub fn claims(token: &str) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// A child of [`School::body`] as the contract prints it; `last_login` is empty or the whole member with its comma.
pub fn child(id: &str, name: &str, institution: &str, last_login: &str) -> String {
    format!(
        r#"{{"id":"{id}","username":"{name}","institution_id":"{institution}",{last_login}"gender":"male","age":"11","age_calc_date":"2020-01-01","fitbit_status":"none"}}"#
    )
}

/// An educator or a health professional with these groups.
pub fn professional(id: &str, name: &str, institution: &str, last_login: &str, groups: &str) -> String {
    format!(
        r#"{{"id":"{id}","username":"{name}","institution_id":"{institution}",{last_login}"children_groups":[{groups}]}}"#
    )
}

/// A family with these children.
pub fn family(id: &str, name: &str, institution: &str, last_login: &str, children: &str) -> String {
    format!(
        r#"{{"id":"{id}","username":"{name}","institution_id":"{institution}",{last_login}"children":[{children}]}}"#
    )
}

/// An application of [`School::body`].
pub fn application(id: &str, name: &str, institution: &str, last_login: &str) -> String {
    format!(
        r#"{{"id":"{id}","username":"{name}","institution_id":"{institution}",{last_login}"application_name":"Application Example"}}"#
    )
}

/// A group of [`School::group_body`] with these children.
pub fn group(id: &str, name: &str, children: &str) -> String {
    format!(r#"{{"id":"{id}","name":"{name}","children":[{children}],"school_class":"4th Grade"}}"#)
}
