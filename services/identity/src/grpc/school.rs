//! The rpcs of the school realm: each parses, does one thing, and renders the answer.

mod read;
mod show;

use proto::identity::v1::{self as pb, create_account_request::Credential, school_service_server::SchoolService};
use shared::{Error, Id, passport::Caller, rpc::caller};
use tonic::{Request, Response, Status};

use super::{Answer, Identity, NewAccount, render::field};
use crate::{
    domain::{
        AccountId, GroupId, InstitutionId, Refusal,
        account::{Account, Role},
        group::{self, Group},
        institution::{self, Institution},
        label::Label,
        listing::Query,
        member::{self, Changes, Sight},
    },
    store::{
        fields,
        listing::{FAMILY_CHILDREN, GROUPS, INSTITUTIONS},
    },
};
use read::{group_changes, institution_changes, member_changes, query, role_of};

/// Whether a passport has the scope for a verb on members of a role. The policy let it in for one of them.
fn must_have_scope(caller: &Caller, role: Role, verb: &str) -> Result<(), Status> {
    if caller.has_scope(&[&format!("{}:{verb}", role.plural())]) {
        Ok(())
    } else {
        Err(Status::permission_denied("the passport's scope does not let it do this"))
    }
}

impl Identity {
    async fn member(&self, role: Role, id: AccountId) -> Result<pb::Member, Error<Refusal>> {
        let member = self.store.member(role, id).await?.ok_or(Error::Refused(Refusal::AccountNotFound))?;
        Ok(member.into())
    }

    async fn group(&self, owner: AccountId, id: GroupId) -> Result<pb::ChildrenGroup, Error<Refusal>> {
        let group = self.store.group(owner, id).await?.ok_or(Error::Refused(Refusal::GroupNotFound))?;
        Ok(group.into())
    }

    /// That a caller belongs to an institution.
    async fn must_belong(&self, caller: &Caller, id: InstitutionId) -> Result<(), Error<Refusal>> {
        let own = match caller.subject.parse() {
            Ok(account) => self.store.institution_of(account).await?,
            Err(_) => None,
        };
        institution::reach(id, own).map_err(Error::Refused)
    }

    /// Whether a password, or its hash, may be that of a new member.
    async fn judge_new(&self, account: &Account, credential: Credential) -> Result<(), Error<Refusal>> {
        match credential {
            Credential::Password(password) => {
                let turn = self.hasher.turn().await?;
                self.accept(turn, account, password).await.map(drop)
            }
            Credential::PasswordHash(_) => {
                self.hash_of(NewAccount { account: account.clone(), credential, confirmation: None }).await.map(drop)
            }
        }
    }
}

#[tonic::async_trait]
impl SchoolService for Identity {
    async fn create_institution(
        &self,
        request: Request<pb::CreateInstitutionRequest>,
    ) -> Answer<pb::CreateInstitutionResponse> {
        let by = self.origin(&caller(&request)?);
        let has = institution_changes(&request.into_inner().institution.unwrap_or_default(), None)?;
        let given = |label: Option<Label>, name| label.ok_or_else(|| Error::<Refusal>::invalid(name, "must be given"));
        let institution = Institution {
            id: Id::fresh(by.at).into(),
            name: given(has.name, "institution.name")?,
            kind: given(has.kind, "institution.type")?,
            address: has.address,
            latitude: has.latitude,
            longitude: has.longitude,
            created: by.at,
        };

        self.store.create_institution(&institution, &by).await?;

        Ok(Response::new(pb::CreateInstitutionResponse { institution: Some(institution.into()) }))
    }

    async fn get_institution(&self, request: Request<pb::GetInstitutionRequest>) -> Answer<pb::GetInstitutionResponse> {
        let caller = caller(&request)?;
        let id = field("institution_id", &request.get_ref().institution_id)?;
        if !institution::sees_any(&caller) {
            self.must_belong(&caller, id).await?;
        }

        let institution = self.store.institution(id).await?.ok_or(Error::Refused(Refusal::InstitutionNotFound))?;

        Ok(Response::new(pb::GetInstitutionResponse { institution: Some(institution.into()) }))
    }

    async fn list_institutions(
        &self,
        request: Request<pb::ListInstitutionsRequest>,
    ) -> Answer<pb::ListInstitutionsResponse> {
        let query = query(request.into_inner().query, INSTITUTIONS)?;

        let (institutions, total_size) = self.store.institutions(&query).await?;

        let institutions = institutions.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListInstitutionsResponse { institutions, total_size }))
    }

    async fn update_institution(
        &self,
        request: Request<pb::UpdateInstitutionRequest>,
    ) -> Answer<pb::UpdateInstitutionResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let wanted = request.institution.unwrap_or_default();
        let id = field("institution.id", &wanted.id)?;
        let changes = institution_changes(&wanted, Some(&request.update_mask.unwrap_or_default().paths))?;
        if !institution::changes_any(&caller) {
            self.must_belong(&caller, id).await?;
        }

        let institution = match changes == institution::Changes::default() {
            true => self.store.institution(id).await?.ok_or(Error::Refused(Refusal::InstitutionNotFound))?,
            false => self.store.update_institution(id, &changes, &self.origin(&caller)).await?,
        };

        Ok(Response::new(pb::UpdateInstitutionResponse { institution: Some(institution.into()) }))
    }

    async fn delete_institution(
        &self,
        request: Request<pb::DeleteInstitutionRequest>,
    ) -> Answer<pb::DeleteInstitutionResponse> {
        let id = field("institution_id", &request.get_ref().institution_id)?;

        let institution = self.store.delete_institution(id, &self.origin(&caller(&request)?)).await?;

        Ok(Response::new(pb::DeleteInstitutionResponse { institution: Some(institution.into()) }))
    }

    async fn create_member(&self, request: Request<pb::CreateMemberRequest>) -> Answer<pb::CreateMemberResponse> {
        use pb::create_member_request::Credential::{Password, PasswordHash};
        let caller = caller(&request)?;
        let request = request.into_inner();
        let wanted = request.member.unwrap_or_default();
        let role = role_of(wanted.details.as_ref())?;
        must_have_scope(&caller, role, "create")?;
        let by = self.origin(&caller);
        let has = member_changes(&wanted, None, by.at)?;
        let username =
            has.username.clone().ok_or_else(|| Error::<Refusal>::invalid("member.username", "must be given"))?;
        let account = self.blank_of_school(username, role, &by);
        let credential = match request.credential {
            Some(Password(password)) => Credential::Password(password),
            Some(PasswordHash(hash)) => Credential::PasswordHash(hash),
            None => return Err(Error::<Refusal>::invalid("password", "must be given").into()),
        };
        if request.validate_only {
            self.judge_new(&account, credential).await?;
            return Ok(Response::new(pb::CreateMemberResponse { member: None }));
        }

        let hash = self.hash_of(NewAccount { account: account.clone(), credential, confirmation: None }).await?;
        self.store.create_member(&account, &hash, &has, &by).await?;

        let member = self.member(role, account.id).await?;
        Ok(Response::new(pb::CreateMemberResponse { member: Some(member) }))
    }

    async fn get_member(&self, request: Request<pb::GetMemberRequest>) -> Answer<pb::GetMemberResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let role = read::role(request.role())?;
        let id = field("member_id", &request.member_id)?;
        must_have_scope(&caller, role, "read")?;
        let sees = match Sight::of(&caller, role, id) {
            Sight::Yes => true,
            Sight::No => false,
            Sight::OfFamily(family) => self.store.is_child_of(id, family).await?,
        };
        if !sees {
            return Err(Error::Refused(Refusal::NotYours).into());
        }

        let member = self.member(role, id).await?;

        Ok(Response::new(pb::GetMemberResponse { member: Some(member) }))
    }

    async fn list_members(&self, request: Request<pb::ListMembersRequest>) -> Answer<pb::ListMembersResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let role = read::role(request.role())?;
        must_have_scope(&caller, role, "readAll")?;
        let query: Query = query(request.query, fields(role))?;

        let (members, total_size) = self.store.members(role, &query).await?;

        let members = members.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListMembersResponse { members, total_size }))
    }

    async fn update_member(&self, request: Request<pb::UpdateMemberRequest>) -> Answer<pb::UpdateMemberResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let wanted = request.member.unwrap_or_default();
        let role = role_of(wanted.details.as_ref())?;
        let id = field("member.id", &wanted.id)?;
        must_have_scope(&caller, role, "update")?;
        let by = self.origin(&caller);
        let changes = member_changes(&wanted, Some(&request.update_mask.unwrap_or_default().paths), by.at)?;
        member::reach(&caller, role, id).map_err(Error::Refused)?;

        if changes != Changes::default() {
            self.store.update_member(role, id, &changes, &by).await?;
        }

        let member = self.member(role, id).await?;
        Ok(Response::new(pb::UpdateMemberResponse { member: Some(member) }))
    }

    async fn list_family_children(
        &self,
        request: Request<pb::ListFamilyChildrenRequest>,
    ) -> Answer<pb::ListFamilyChildrenResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let family = field("family_id", &request.family_id)?;
        member::reach(&caller, Role::Family, family).map_err(Error::Refused)?;
        let query = query(request.query, FAMILY_CHILDREN)?;

        let (children, total_size) = self.store.family_children(family, &query).await?;

        let children = children.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListFamilyChildrenResponse { children, total_size }))
    }

    async fn add_family_child(
        &self,
        request: Request<pb::AddFamilyChildRequest>,
    ) -> Answer<pb::AddFamilyChildResponse> {
        let by = self.origin(&caller(&request)?);
        let family = field("family_id", &request.get_ref().family_id)?;
        let child = field("child_id", &request.get_ref().child_id)?;

        self.store.add_family_child(family, child, &by).await?;

        let family = self.member(Role::Family, family).await?;
        Ok(Response::new(pb::AddFamilyChildResponse { family: Some(family) }))
    }

    async fn remove_family_child(
        &self,
        request: Request<pb::RemoveFamilyChildRequest>,
    ) -> Answer<pb::RemoveFamilyChildResponse> {
        let by = self.origin(&caller(&request)?);
        let family = field("family_id", &request.get_ref().family_id)?;
        let child = field("child_id", &request.get_ref().child_id)?;

        self.store.remove_family_child(family, child, &by).await?;

        Ok(Response::new(pb::RemoveFamilyChildResponse {}))
    }

    async fn check_guardian(&self, request: Request<pb::CheckGuardianRequest>) -> Answer<pb::CheckGuardianResponse> {
        let family = field("family_id", &request.get_ref().family_id)?;
        let child = field("child_id", &request.get_ref().child_id)?;

        let is_guardian = self.store.is_child_of(child, family).await?;

        Ok(Response::new(pb::CheckGuardianResponse { is_guardian }))
    }

    async fn create_children_group(
        &self,
        request: Request<pb::CreateChildrenGroupRequest>,
    ) -> Answer<pb::CreateChildrenGroupResponse> {
        let caller = caller(&request)?;
        let by = self.origin(&caller);
        let wanted = request.into_inner().children_group.unwrap_or_default();
        let owner = field("children_group.owner_id", &wanted.owner_id)?;
        let has = group_changes(&wanted, None)?;
        let name = has.name.ok_or_else(|| Error::<Refusal>::invalid("children_group.name", "must be given"))?;
        group::reach(&caller, owner).map_err(Error::Refused)?;
        let id = Id::fresh(by.at).into();
        let group = Group { id, owner, name, school_class: has.school_class, children: vec![], created: by.at };

        self.store.create_group(&group, &has.children.unwrap_or_default(), &by).await?;

        // What is gone already went with its owner.
        let children_group = self.group(owner, id).await.map_err(|error| match error {
            Error::Refused(Refusal::GroupNotFound) => Error::Refused(Refusal::NotYours),
            error => error,
        })?;
        Ok(Response::new(pb::CreateChildrenGroupResponse { children_group: Some(children_group) }))
    }

    async fn get_children_group(
        &self,
        request: Request<pb::GetChildrenGroupRequest>,
    ) -> Answer<pb::GetChildrenGroupResponse> {
        let owner = field("owner_id", &request.get_ref().owner_id)?;
        let id = field("children_group_id", &request.get_ref().children_group_id)?;
        group::reach(&caller(&request)?, owner).map_err(Error::Refused)?;

        let children_group = self.group(owner, id).await?;

        Ok(Response::new(pb::GetChildrenGroupResponse { children_group: Some(children_group) }))
    }

    async fn list_children_groups(
        &self,
        request: Request<pb::ListChildrenGroupsRequest>,
    ) -> Answer<pb::ListChildrenGroupsResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let owner = field("owner_id", &request.owner_id)?;
        let query = query(request.query, GROUPS)?;
        group::reach(&caller, owner).map_err(Error::Refused)?;

        let (groups, total_size) = self.store.groups(owner, &query).await?;

        let children_groups = groups.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListChildrenGroupsResponse { children_groups, total_size }))
    }

    async fn update_children_group(
        &self,
        request: Request<pb::UpdateChildrenGroupRequest>,
    ) -> Answer<pb::UpdateChildrenGroupResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let wanted = request.children_group.unwrap_or_default();
        let owner = field("children_group.owner_id", &wanted.owner_id)?;
        let id = field("children_group.id", &wanted.id)?;
        let changes = group_changes(&wanted, Some(&request.update_mask.unwrap_or_default().paths))?;
        group::reach(&caller, owner).map_err(Error::Refused)?;

        if changes != group::Changes::default() {
            self.store.update_group(owner, id, &changes, &self.origin(&caller)).await?;
        }

        let children_group = self.group(owner, id).await?;
        Ok(Response::new(pb::UpdateChildrenGroupResponse { children_group: Some(children_group) }))
    }

    async fn delete_children_group(
        &self,
        request: Request<pb::DeleteChildrenGroupRequest>,
    ) -> Answer<pb::DeleteChildrenGroupResponse> {
        let caller = caller(&request)?;
        let owner = field("owner_id", &request.get_ref().owner_id)?;
        let id = field("children_group_id", &request.get_ref().children_group_id)?;
        group::reach(&caller, owner).map_err(Error::Refused)?;

        let group = self.group(owner, id).await?;
        self.store.delete_group(owner, id, &self.origin(&caller)).await?;

        Ok(Response::new(pb::DeleteChildrenGroupResponse { children_group: Some(group) }))
    }
}
