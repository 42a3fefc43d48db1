//! What the surface shows: the contract's representations, in its order of keys.

use proto::identity::v1::{self as pb, member::Details as Known};
use serde::Serialize;
use shared::Timestamp;

/// An institution.
#[derive(Serialize)]
pub struct Institution {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latitude: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longitude: Option<String>,
}

/// An account of any type.
#[derive(Serialize)]
pub struct Member {
    id: String,
    username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    institution_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_login: Option<String>,
    #[serde(flatten)]
    details: Details,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Details {
    Child {
        gender: &'static str,
        age: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        age_calc_date: Option<String>,
        // Nothing is synchronised here.
        fitbit_status: &'static str,
    },
    Professional {
        children_groups: Vec<Group>,
    },
    Family {
        children: Vec<Member>,
    },
    Application {
        application_name: String,
    },
    None {},
}

/// A group of children.
#[derive(Serialize)]
pub struct Group {
    id: String,
    name: String,
    children: Vec<Member>,
    #[serde(skip_serializing_if = "Option::is_none")]
    school_class: Option<String>,
}

impl From<pb::Institution> for Institution {
    fn from(institution: pb::Institution) -> Self {
        let pb::Institution { id, name, r#type: kind, address, latitude, longitude, create_time: _ } = institution;
        Self { id, kind, name, address, latitude, longitude }
    }
}

impl From<pb::Member> for Member {
    fn from(member: pb::Member) -> Self {
        let last_login = member.last_login_time.map(|at| Timestamp::from(at).iso_millis());
        Self {
            id: member.id,
            username: member.username,
            institution_id: member.institution_id,
            last_login,
            details: member.details.map_or(Details::None {}, Details::from),
        }
    }
}

impl From<Known> for Details {
    fn from(details: Known) -> Self {
        match details {
            Known::Child(child) => Self::Child {
                gender: if child.gender() == pb::Gender::Female { "female" } else { "male" },
                age: child.age,
                age_calc_date: child.age_calc_date,
                fitbit_status: "none",
            },
            Known::Educator(pb::Educator { children_groups })
            | Known::HealthProfessional(pb::HealthProfessional { children_groups }) => {
                Self::Professional { children_groups: shown(children_groups) }
            }
            Known::Family(family) => Self::Family { children: shown(family.children) },
            Known::Application(application) => Self::Application { application_name: application.application_name },
        }
    }
}

impl From<pb::ChildrenGroup> for Group {
    fn from(group: pb::ChildrenGroup) -> Self {
        Self { id: group.id, name: group.name, children: shown(group.children), school_class: group.school_class }
    }
}

/// Each of them as it is shown.
pub fn shown<T, S: From<T>>(all: Vec<T>) -> Vec<S> {
    all.into_iter().map(S::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child() -> pb::Member {
        let details = pb::Child {
            gender: pb::Gender::Male.into(),
            age: "11".to_owned(),
            age_calc_date: Some("2020-01-01".to_owned()),
        };
        pb::Member {
            id: "6b0205e117a22927dd2bb0af".to_owned(),
            username: "BR0001".to_owned(),
            institution_id: Some("6b0205e117a22927dd2bb0ae".to_owned()),
            details: Some(Known::Child(details)),
            ..pb::Member::default()
        }
    }

    const CHILD: &str = r#"{"id":"6b0205e117a22927dd2bb0af","username":"BR0001","institution_id":"6b0205e117a22927dd2bb0ae","gender":"male","age":"11","age_calc_date":"2020-01-01","fitbit_status":"none"}"#;

    #[test]
    fn a_child_and_a_group_are_as_the_contract_prints_them() {
        assert_eq!(serde_json::to_string(&Member::from(child())).unwrap(), CHILD);

        let group = pb::ChildrenGroup {
            id: "6b0205e317a22927dd2bb0b4".to_owned(),
            name: "Group One".to_owned(),
            school_class: Some("4th Grade".to_owned()),
            children: vec![child()],
            ..pb::ChildrenGroup::default()
        };
        let text = format!(
            r#"{{"id":"6b0205e317a22927dd2bb0b4","name":"Group One","children":[{CHILD}],"school_class":"4th Grade"}}"#
        );
        assert_eq!(serde_json::to_string(&Group::from(group)).unwrap(), text);
    }

    #[test]
    fn an_application_says_when_it_was_last_there_and_leaves_out_what_is_absent() {
        let application = pb::Member {
            id: "a".to_owned(),
            username: "b".to_owned(),
            last_login_time: Some(prost_types::Timestamp { seconds: 0, nanos: 5_000_000 }),
            details: Some(Known::Application(pb::Application { application_name: "c".to_owned() })),
            ..pb::Member::default()
        };
        assert_eq!(
            serde_json::to_string(&Member::from(application)).unwrap(),
            r#"{"id":"a","username":"b","last_login":"1970-01-01T00:00:00.005Z","application_name":"c"}"#
        );
    }
}
