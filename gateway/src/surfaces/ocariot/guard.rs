//! What comes before a body is read, in the contract's order: token, scope, ids in the path, and whose they are.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
};
use proto::identity::v1 as pb;
use shared::{
    Id,
    passport::{Caller, Role},
};

use super::{
    declared::{Operation, Rule, Who},
    envelope::bad_id,
    kind::Kind,
};
use crate::{
    Shared,
    body::Limit,
    fault::{Answer, Ending, Fault, of_ones_own},
};

/// The largest body of what GET shows with children: clients send back what they got, and an educator's groups may have 5,000.
const BYTES: usize = 2 * 1024 * 1024;

/// Lets a request through to its operation that its caller may do, with both as extensions.
pub async fn guard(
    State((gateway, operation)): State<(Shared, &'static Operation)>,
    mut request: Request,
    next: Next,
) -> Answer {
    if !operation.scopes.is_empty() {
        let caller = Arc::new(gateway.authenticate(request.headers()).await?);
        if !caller.has_scope(operation.scopes) {
            return Err(Fault::Forbidden.into());
        }
        let id = first_id(operation, request.uri().path())?;
        if !may(&gateway, &caller, operation, id).await? {
            return Err(Fault::Forbidden.into());
        }
        request.extensions_mut().insert(caller);
    }
    request.extensions_mut().insert(operation);
    if operation.takes(Rule::Children) || operation.takes(Rule::Institution) {
        request.extensions_mut().insert(Limit(BYTES));
    }
    Ok(next.run(request).await)
}

/// The first id of a path, once all of them are ids; empty where there is none.
fn first_id<'a>(operation: &Operation, path: &'a str) -> Result<&'a str, Ending> {
    let mut first = None;
    for (name, value) in operation.path.split('/').zip(path.split('/')) {
        let Some(name) = name.strip_prefix('{') else { continue };
        if value.parse::<Id>().is_err() {
            return Err(bad_id(name.trim_end_matches('}')).into());
        }
        first = first.or(Some(value));
    }
    Ok(first.unwrap_or_default())
}

async fn may(gateway: &Shared, caller: &Arc<Caller>, operation: &Operation, id: &str) -> Result<bool, Ending> {
    let is_admin = caller.role == Role::Admin;
    let is_his = id == caller.subject;
    let is_self = is_his && Kind::of(operation).is_some_and(|kind| kind.sub_type() == caller.sub_type);
    Ok(match operation.who {
        Who::Anyone | Who::Related => true,
        Who::Own => is_his,
        Who::NotOwn => !is_his,
        Who::AdminOrSelf => is_admin || is_self,
        Who::Owner => is_self,
        Who::OwnInstitution => is_admin || own_institution(gateway, caller).await?.as_deref() == Some(id),
    })
}

async fn own_institution(gateway: &Shared, caller: &Arc<Caller>) -> Result<Option<String>, Ending> {
    let Some(kind) = Kind::of_caller(caller) else { return Ok(None) };
    let himself = pb::GetMemberRequest { member_id: caller.subject.clone(), role: kind.role().into() };
    let found = gateway.school_for(caller).get_member(himself).await.map_err(of_ones_own)?;
    Ok(found.into_inner().member.and_then(|member| member.institution_id))
}

#[cfg(test)]
mod tests {
    use super::{super::declared::OPERATIONS, *};

    const A: &str = "5a62be07de34500146d9c544";
    const B: &str = "507f191e810c19729de860ea";

    fn first_id_of(number: u8, path: &str) -> Option<&str> {
        let operation = OPERATIONS.iter().find(|operation| operation.number == number).unwrap();
        first_id(operation, path).ok()
    }

    #[test]
    fn every_id_of_a_path_has_to_be_one() {
        for (number, path, id) in [
            (5, "/v1/institutions".to_owned(), Some("")),
            (4, format!("/v1/users/{A}"), Some(A)),
            (4, format!("/v1/users/{A}/"), Some(A)),
            (27, format!("/v1/families/{A}/children/{B}"), Some(A)),
            (27, format!("/v1/families/{A}/children/x"), None),
            (27, format!("/v1/families/x/children/{B}"), None),
            (2, "/v1/users//password".to_owned(), None),
            (4, "/v1/users/5A62BE07DE34500146D9C544".to_owned(), None),
        ] {
            assert_eq!(first_id_of(number, &path), id, "{path}");
        }
    }
}
