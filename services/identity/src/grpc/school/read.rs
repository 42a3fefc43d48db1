//! Protobuf to domain of the school.

use std::collections::HashSet;

use proto::identity::v1::{self as pb, condition::Operator, member::Details as Wanted};
use shared::{Error, Timestamp};

use crate::{
    domain::{
        AccountId, Refusal,
        account::Role,
        group, institution,
        listing::{CREATE_TIME, Condition, Filter, Order, Query},
        member::{Age, Changes, Day, Gender, each_once},
    },
    grpc::render::field,
    store::listing::Field,
};

/// Filters of a query and their conditions in all: SQLite nests an expression only so deep.
const MOST_CONDITIONS: usize = 200;

type Read<T> = Result<T, Error<Refusal>>;

/// The role of members that a request is about.
pub fn role(role: pb::Role) -> Read<Role> {
    match role {
        pb::Role::Child => Ok(Role::Child),
        pb::Role::Educator => Ok(Role::Educator),
        pb::Role::HealthProfessional => Ok(Role::HealthProfessional),
        pb::Role::Family => Ok(Role::Family),
        pb::Role::Application => Ok(Role::Application),
        pb::Role::Client | pb::Role::Admin | pb::Role::Unspecified => {
            Err(Error::invalid("role", "must be one of the school realm"))
        }
    }
}

/// The role of whoever has these details.
pub fn role_of(details: Option<&Wanted>) -> Read<Role> {
    match details {
        Some(Wanted::Child(_)) => Ok(Role::Child),
        Some(Wanted::Educator(_)) => Ok(Role::Educator),
        Some(Wanted::HealthProfessional(_)) => Ok(Role::HealthProfessional),
        Some(Wanted::Family(_)) => Ok(Role::Family),
        Some(Wanted::Application(_)) => Ok(Role::Application),
        None => Err(Error::invalid("member.details", "must be given")),
    }
}

/// What a new member has, or with a mask what it names.
pub fn member_changes(member: &pb::Member, mask: Option<&[String]>, now: Timestamp) -> Read<Changes> {
    let role = role_of(member.details.as_ref())?;
    let all: Vec<String> = paths(role, member).into_iter().map(str::to_owned).collect();
    let mut changes = Changes::default();
    for path in mask.unwrap_or(&all) {
        match (path.as_str(), member.details.as_ref()) {
            ("username", _) => changes.username = Some(field("member.username", &member.username)?),
            ("institution_id", _) => {
                let id = member.institution_id.as_deref().unwrap_or_default();
                changes.institution = Some(field("member.institution_id", id)?);
            }
            ("child.gender", Some(Wanted::Child(child))) => changes.gender = Some(gender(child.gender())?),
            ("child.age", Some(Wanted::Child(child))) => changes.age = Some(age(&child.age, now)?),
            ("child.age_calc_date", Some(Wanted::Child(child))) => {
                changes.age_calc_date = Some(past(child.age_calc_date.as_deref().unwrap_or_default(), now)?);
            }
            ("family.children", Some(Wanted::Family(family))) => {
                changes.children = Some(children("member.family.children", &family.children)?);
            }
            ("application.application_name", Some(Wanted::Application(application))) => {
                let name = field("member.application.application_name", &application.application_name)?;
                changes.application_name = Some(name);
            }
            _ => return Err(fixed(path)),
        }
    }
    changes.check()?;
    Ok(changes)
}

/// A path of a mask that names nothing that can change.
fn fixed(path: &str) -> Error<Refusal> {
    let shown: String = path.chars().take(100).collect();
    Error::invalid("update_mask", format!("{shown:?} cannot be changed"))
}

/// What a new member of a role has to have, and what he may have and is given.
fn paths(role: Role, member: &pb::Member) -> Vec<&'static str> {
    let has_date = matches!(&member.details, Some(Wanted::Child(child)) if child.age_calc_date.as_ref().is_some());
    let has_institution = role != Role::Application || member.institution_id.is_some();
    let of_role: &[(&str, bool)] = match role {
        Role::Child => &[("child.gender", true), ("child.age", true), ("child.age_calc_date", has_date)],
        Role::Family => &[("family.children", true)],
        Role::Application => &[("application.application_name", true)],
        _ => &[],
    };
    let of_all = [("username", true), ("institution_id", has_institution)];
    of_all.iter().chain(of_role).filter_map(|(path, given)| given.then_some(*path)).collect()
}

fn gender(gender: pb::Gender) -> Read<Gender> {
    match gender {
        pb::Gender::Male => Ok(Gender::Male),
        pb::Gender::Female => Ok(Gender::Female),
        pb::Gender::Unspecified => Err(Error::invalid("member.child.gender", "must be given")),
    }
}

fn age(text: &str, now: Timestamp) -> Read<Age> {
    let age: Age = field("member.child.age", text)?;
    match age.day() {
        Some(day) if day.is_future(now) => Err(Error::invalid("member.child.age", "must not be in the future")),
        _ => Ok(age),
    }
}

fn past(text: &str, now: Timestamp) -> Read<Day> {
    let day: Day = field("member.child.age_calc_date", text)?;
    match day.is_future(now) {
        true => Err(Error::invalid("member.child.age_calc_date", "must not be in the future")),
        false => Ok(day),
    }
}

fn children(name: &'static str, members: &[pb::Member]) -> Read<Vec<AccountId>> {
    let ids: Read<Vec<AccountId>> = members.iter().map(|child| field(name, &child.id)).collect();
    each_once(ids?).map_err(|misfit| Error::invalid(name, misfit))
}

/// What a new group has, or with a mask what it names.
pub fn group_changes(group: &pb::ChildrenGroup, mask: Option<&[String]>) -> Read<group::Changes> {
    let class = group.school_class.as_ref().map(|_| "school_class");
    let all: Vec<String> = ["name", "children"].into_iter().chain(class).map(str::to_owned).collect();
    let mut changes = group::Changes::default();
    for path in mask.unwrap_or(&all) {
        match path.as_str() {
            "name" => changes.name = Some(field("children_group.name", &group.name)?),
            "school_class" => {
                let class = group.school_class.as_deref().unwrap_or_default();
                changes.school_class = Some(field("children_group.school_class", class)?);
            }
            "children" => changes.children = Some(children("children_group.children", &group.children)?),
            _ => return Err(fixed(path)),
        }
    }
    Ok(changes)
}

/// What a new institution has, or with a mask what it names.
pub fn institution_changes(institution: &pb::Institution, mask: Option<&[String]>) -> Read<institution::Changes> {
    let optional = [
        institution.address.as_ref().map(|_| "address"),
        institution.latitude.as_ref().map(|_| "latitude"),
        institution.longitude.as_ref().map(|_| "longitude"),
    ];
    let all = ["name", "type"].into_iter().chain(optional.into_iter().flatten());
    let all: Vec<String> = all.map(str::to_owned).collect();
    let mut changes = institution::Changes::default();
    for path in mask.unwrap_or(&all) {
        let given = |text: &Option<String>| text.clone().unwrap_or_default();
        match path.as_str() {
            "name" => changes.name = Some(field("institution.name", &institution.name)?),
            "type" => changes.kind = Some(field("institution.type", &institution.r#type)?),
            "address" => changes.address = Some(field("institution.address", &given(&institution.address))?),
            "latitude" => changes.latitude = Some(field("institution.latitude", &given(&institution.latitude))?),
            "longitude" => changes.longitude = Some(field("institution.longitude", &given(&institution.longitude))?),
            _ => return Err(fixed(path)),
        }
    }
    Ok(changes)
}

/// What a list with these fields is asked for.
pub fn query(query: Option<pb::Query>, fields: &[Field]) -> Read<Query> {
    let query = query.unwrap_or_default();
    let size = match i64::from(query.page_size) {
        0 => 100,
        size @ 1..=1000 => size,
        _ => return Err(Error::invalid("query.page_size", "must be 0 to 1000")),
    };
    if query.skip < 0 {
        return Err(Error::invalid("query.skip", "must not be negative"));
    }
    let weighty = |condition: &&pb::Condition| condition.operator() != Operator::Equals;
    let weight = |filter: &pb::Filter| 1 + filter.any_of.iter().filter(weighty).count();
    if query.filters.iter().map(weight).sum::<usize>() > MOST_CONDITIONS {
        return Err(Error::invalid("query.filters", "must have at most 200 conditions that are no equalities"));
    }
    let filters: Read<Vec<Filter>> = query.filters.into_iter().map(|filter| filtered(filter, fields)).collect();
    Ok(Query {
        size,
        skip: query.skip,
        order: ordered(&query.order_by, fields)?,
        filters: filters?,
        from: query.create_time_from.map(Into::into),
        before: query.create_time_before.map(Into::into),
    })
}

fn ordered(order_by: &str, fields: &[Field]) -> Read<Vec<Order>> {
    let terms = order_by.split(',').map(str::trim).filter(|term| !term.is_empty());
    let read = |term: &str| {
        let (name, descending) = match term.split_once(' ') {
            Some((name, direction)) if direction.trim() == "desc" => (name, true),
            Some((name, direction)) if direction.trim() == "asc" => (name, false),
            _ => (term, false),
        };
        let known = name == CREATE_TIME || fields.iter().any(|field| field.name == name);
        let order = Order { field: name.to_owned(), descending };
        known.then_some(order).ok_or_else(|| Error::invalid("query.order_by", "must name fields of this list"))
    };
    let orders: Vec<Order> = terms.map(read).collect::<Read<_>>()?;
    let names: HashSet<&str> = orders.iter().map(|order| order.field.as_str()).collect();
    if names.len() < orders.len() {
        return Err(Error::invalid("query.order_by", "must name a field once"));
    }
    Ok(orders)
}

fn filtered(filter: pb::Filter, fields: &[Field]) -> Read<Filter> {
    if !fields.iter().any(|field| field.name == filter.field) {
        return Err(Error::invalid("query.filters", "must name fields of this list"));
    }
    let any_of: Read<Vec<Condition>> = filter.any_of.into_iter().map(condition).collect();
    Ok(Filter { field: filter.field, any_of: any_of? })
}

fn condition(condition: pb::Condition) -> Read<Condition> {
    let operator = condition.operator();
    let value = condition.value;
    if value.contains('\0') {
        return Err(Error::invalid("query.filters", "a value must not contain U+0000"));
    }
    Ok(match operator {
        Operator::Equals => Condition::Equals(value),
        Operator::BeginsWith => Condition::BeginsWith(value),
        Operator::EndsWith => Condition::EndsWith(value),
        Operator::Contains => Condition::Contains(value),
        Operator::AtLeast => Condition::AtLeast(value),
        Operator::MoreThan => Condition::MoreThan(value),
        Operator::AtMost => Condition::AtMost(value),
        Operator::LessThan => Condition::LessThan(value),
        Operator::Unspecified => return Err(Error::invalid("query.filters", "an operator must be given")),
    })
}
