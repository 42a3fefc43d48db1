//! Domain of the school to protobuf.

use proto::identity::v1::{self as pb, member::Details as Shown};

use crate::domain::{
    account::Role,
    group::Group,
    institution::Institution,
    label::Label,
    member::{Child, Details, Gender, Member},
};

fn text(label: &Label) -> String {
    label.as_str().to_owned()
}

impl From<Institution> for pb::Institution {
    fn from(institution: Institution) -> Self {
        Self {
            id: institution.id.to_string(),
            name: text(&institution.name),
            r#type: text(&institution.kind),
            address: institution.address.as_ref().map(text),
            latitude: institution.latitude.as_ref().map(text),
            longitude: institution.longitude.as_ref().map(text),
            create_time: Some(institution.created.into()),
        }
    }
}

impl From<Member> for pb::Member {
    fn from(member: Member) -> Self {
        let account = member.account;
        Self {
            id: account.id.to_string(),
            username: account.display_name().to_owned(),
            institution_id: member.institution.map(|id| id.to_string()),
            create_time: Some(account.created.into()),
            last_login_time: member.last_login.map(Into::into),
            details: Some(shown(account.role, member.details)),
        }
    }
}

fn shown(role: Role, details: Details) -> Shown {
    match details {
        Details::Child(child) => Shown::Child(child.into()),
        Details::Children(children) => Shown::Family(pb::Family { children: all(children) }),
        Details::Application(name) => Shown::Application(pb::Application { application_name: text(&name) }),
        Details::Groups(groups) if role == Role::Educator => {
            Shown::Educator(pb::Educator { children_groups: all(groups) })
        }
        Details::Groups(groups) => Shown::HealthProfessional(pb::HealthProfessional { children_groups: all(groups) }),
    }
}

fn all<T, U: From<T>>(of: Vec<T>) -> Vec<U> {
    of.into_iter().map(Into::into).collect()
}

impl From<Child> for pb::Child {
    fn from(child: Child) -> Self {
        let gender = match child.gender {
            Gender::Male => pb::Gender::Male,
            Gender::Female => pb::Gender::Female,
        };
        Self {
            gender: gender.into(),
            age: child.age.as_str().to_owned(),
            age_calc_date: child.age_calc_date.map(|day| day.to_string()),
        }
    }
}

impl From<Group> for pb::ChildrenGroup {
    fn from(group: Group) -> Self {
        Self {
            id: group.id.to_string(),
            owner_id: group.owner.to_string(),
            name: text(&group.name),
            school_class: group.school_class.as_ref().map(text),
            children: all(group.children),
            create_time: Some(group.created.into()),
        }
    }
}
