//! The contract's table of operations. Routes, guards and the checks of bodies and lists are made from it; who wants to know a
//! rule reads it here.

/// An operation of the contract.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operation {
    /// Its number in the contract.
    pub number: u8,
    /// The HTTP method.
    pub method: &'static str,
    /// With the names of the ids in braces. A slash may follow.
    pub path: &'static str,
    /// One of them is enough. Where there are none, no token is asked for either.
    pub scopes: &'static [&'static str],
    /// Who may do it, of those that have a scope.
    pub who: Who,
    /// What a body may have, in the order in which it is checked.
    pub fields: &'static [Field],
    /// By what its list can be filtered and sorted; of no list, none.
    pub list: &'static [&'static str],
}

/// Who may do an operation. An id is always the first one of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever has one of the scopes.
    Anyone,
    /// Whose id it is.
    Own,
    /// Everybody but him whose id it is.
    NotOwn,
    /// An admin, or whose id it is, in the path of his own sub_type.
    AdminOrSelf,
    /// Whose id it is, in the path of his own sub_type. No admin.
    Owner,
    /// An admin, or whose institution it is.
    OwnInstitution,
    /// Identity knows to whom it belongs, and says so before anything else.
    Related,
}

/// A field of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub rule: Rule,
    /// Whether it has to be there.
    pub required: bool,
}

/// What a field takes: the contract's "Values".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A text once the white space at both its ends is cut.
    Username,
    /// A string of at least one character, and of no more than fit and can be seen.
    Text,
    /// A text or a number, kept as text.
    Coordinate,
    /// The id of an institution; under the name `institution` too, which wins.
    Institution,
    /// A text that may be of any length and hold anything.
    Secret,
    /// The same, of a new account: identity knows how long it has to be.
    Password,
    /// Nothing at all: there is another route for it.
    NoPassword,
    /// `male` or `female`.
    Gender,
    /// A number above zero, which needs a [`Rule::Date`], or a date of birth.
    Age,
    /// A day that is not in the future; needs a [`Rule::Age`].
    Date,
    /// Ids of children, or children as GET shows them.
    Children,
}

use Rule::{Age, Children, Coordinate, Date, Gender, Institution, NoPassword, Password, Secret, Text, Username};

const fn must(name: &'static str, rule: Rule) -> Field {
    Field { name, rule, required: true }
}

const fn may(name: &'static str, rule: Rule) -> Field {
    Field { name, rule, required: false }
}

const SIGN_IN: [Field; 2] = [must("username", Username), must("password", Secret)];
const CHANGE: [Field; 2] = [must("old_password", Secret), must("new_password", Secret)];
const RESET: [Field; 1] = [must("new_password", Secret)];

const NEW_INSTITUTION: [Field; 5] = [
    must("name", Text),
    must("type", Text),
    may("address", Text),
    may("latitude", Coordinate),
    may("longitude", Coordinate),
];
const INSTITUTION: [Field; 5] = [
    may("name", Text),
    may("type", Text),
    may("address", Text),
    may("latitude", Coordinate),
    may("longitude", Coordinate),
];

const NEW_CHILD: [Field; 6] = [
    must("username", Username),
    must("password", Password),
    must("institution_id", Institution),
    must("gender", Gender),
    must("age", Age),
    may("age_calc_date", Date),
];
const CHILD: [Field; 6] = [
    may("username", Username),
    may("institution_id", Institution),
    may("password", NoPassword),
    may("gender", Gender),
    may("age", Age),
    may("age_calc_date", Date),
];
const NEW_PROFESSIONAL: [Field; 3] =
    [must("username", Username), must("password", Password), must("institution_id", Institution)];
const PROFESSIONAL: [Field; 3] =
    [may("username", Username), may("institution_id", Institution), may("password", NoPassword)];
const NEW_FAMILY: [Field; 4] = [
    must("username", Username),
    must("password", Password),
    must("institution_id", Institution),
    must("children", Children),
];
const FAMILY: [Field; 4] = [
    may("username", Username),
    may("institution_id", Institution),
    may("password", NoPassword),
    may("children", Children),
];
const NEW_APPLICATION: [Field; 4] = [
    must("username", Username),
    must("password", Password),
    may("institution_id", Institution),
    must("application_name", Text),
];
const APPLICATION: [Field; 4] = [
    may("username", Username),
    may("institution_id", Institution),
    may("password", NoPassword),
    may("application_name", Text),
];

const NEW_GROUP: [Field; 3] = [must("name", Text), may("school_class", Text), must("children", Children)];
const GROUP: [Field; 3] = [may("name", Text), may("school_class", Text), may("children", Children)];

const INSTITUTIONS: [&str; 6] = ["type", "name", "address", "latitude", "longitude", CREATED_AT];
const CHILDREN: [&str; 6] = ["username", "institution_id", "gender", "age", "age_calc_date", CREATED_AT];
const PROFESSIONALS: [&str; 3] = ["username", "institution_id", CREATED_AT];
const APPLICATIONS: [&str; 4] = ["username", "institution_id", "application_name", CREATED_AT];
const OF_FAMILY: [&str; 1] = ["username"];
const GROUPS: [&str; 3] = ["name", "school_class", CREATED_AT];

/// Lists are sorted by it and not filtered.
pub const CREATED_AT: &str = "created_at";

const CHANGERS: [&str; 5] =
    ["educators:update", "families:update", "healthprofessionals:update", "applications:update", "children:update"];

macro_rules! operations {
    ($($number:literal $method:ident $path:literal $scopes:tt $who:ident $fields:tt $list:tt;)+) => {
        /// All of them, in the order of the contract.
        pub const OPERATIONS: &[Operation] = &[$(Operation {
            number: $number,
            method: stringify!($method),
            path: $path,
            scopes: &$scopes,
            who: Who::$who,
            fields: &$fields,
            list: &$list,
        },)+];
    };
}

operations! {
//  #  method path                                     scopes                          who            fields           list
    1  POST   "/v1/auth"                               []                              Anyone         SIGN_IN          [];
    2  PUT    "/v1/users/{user_id}/password"           CHANGERS                        Own            CHANGE           [];
    3  POST   "/v1/users/{user_id}/reset-password"     ["users:resetPassword"]         Anyone         RESET            [];
    4  DELETE "/v1/users/{user_id}"                    ["users:delete"]                NotOwn         []               [];

    5  POST   "/v1/institutions"                       ["institutions:create"]         Anyone         NEW_INSTITUTION  [];
    6  GET    "/v1/institutions"                       ["institutions:readAll"]        Anyone         []               INSTITUTIONS;
    7  GET    "/v1/institutions/{institution_id}"      ["institutions:read"]           Related        []               [];
    8  PATCH  "/v1/institutions/{institution_id}"      ["institutions:update"]         OwnInstitution INSTITUTION      [];
    9  DELETE "/v1/institutions/{institution_id}"      ["institutions:delete"]         Anyone         []               [];

    10 POST   "/v1/children"                           ["children:create"]             Anyone         NEW_CHILD        [];
    11 GET    "/v1/children"                           ["children:readAll"]            Anyone         []               CHILDREN;
    12 GET    "/v1/children/{child_id}"                ["children:read"]               Related        []               [];
    13 PATCH  "/v1/children/{child_id}"                ["children:update"]             Anyone         CHILD            [];

    14 POST   "/v1/educators"                          ["educators:create"]            Anyone         NEW_PROFESSIONAL [];
    15 GET    "/v1/educators"                          ["educators:readAll"]           Anyone         []               PROFESSIONALS;
    16 GET    "/v1/educators/{educator_id}"            ["educators:read"]              AdminOrSelf    []               [];
    17 PATCH  "/v1/educators/{educator_id}"            ["educators:update"]            AdminOrSelf    PROFESSIONAL     [];

    18 POST   "/v1/healthprofessionals"                ["healthprofessionals:create"]  Anyone         NEW_PROFESSIONAL [];
    19 GET    "/v1/healthprofessionals"                ["healthprofessionals:readAll"] Anyone         []               PROFESSIONALS;
    20 GET    "/v1/healthprofessionals/{healthprofessional_id}" ["healthprofessionals:read"]   AdminOrSelf []           [];
    21 PATCH  "/v1/healthprofessionals/{healthprofessional_id}" ["healthprofessionals:update"] AdminOrSelf PROFESSIONAL [];

    22 POST   "/v1/families"                           ["families:create"]             Anyone         NEW_FAMILY       [];
    23 GET    "/v1/families"                           ["families:readAll"]            Anyone         []               PROFESSIONALS;
    24 GET    "/v1/families/{family_id}"               ["families:read"]               AdminOrSelf    []               [];
    25 PATCH  "/v1/families/{family_id}"               ["families:update"]             AdminOrSelf    FAMILY           [];
    26 GET    "/v1/families/{family_id}/children"      ["families:read"]               AdminOrSelf    []               OF_FAMILY;
    27 POST   "/v1/families/{family_id}/children/{child_id}"   ["families:create"]     Anyone         []               [];
    28 DELETE "/v1/families/{family_id}/children/{child_id}"   ["families:delete"]     Anyone         []               [];

    29 POST   "/v1/applications"                       ["applications:create"]         Anyone         NEW_APPLICATION  [];
    30 GET    "/v1/applications"                       ["applications:readAll"]        Anyone         []               APPLICATIONS;
    31 GET    "/v1/applications/{application_id}"      ["applications:read"]           AdminOrSelf    []               [];
    32 PATCH  "/v1/applications/{application_id}"      ["applications:update"]         Anyone         APPLICATION      [];

    33 POST   "/v1/educators/{educator_id}/children/groups"            ["childrengroups:create"] Owner NEW_GROUP [];
    34 GET    "/v1/educators/{educator_id}/children/groups"            ["childrengroups:read"]   Owner []        GROUPS;
    35 GET    "/v1/educators/{educator_id}/children/groups/{group_id}" ["childrengroups:read"]   Owner []        [];
    36 PATCH  "/v1/educators/{educator_id}/children/groups/{group_id}" ["childrengroups:update"] Owner GROUP     [];
    37 DELETE "/v1/educators/{educator_id}/children/groups/{group_id}" ["childrengroups:delete"] Owner []        [];

    38 POST   "/v1/healthprofessionals/{healthprofessional_id}/children/groups" ["childrengroups:create"] Owner NEW_GROUP [];
    39 GET    "/v1/healthprofessionals/{healthprofessional_id}/children/groups" ["childrengroups:read"]   Owner [] GROUPS;
    40 GET    "/v1/healthprofessionals/{healthprofessional_id}/children/groups/{group_id}" ["childrengroups:read"]   Owner [] [];
    41 PATCH  "/v1/healthprofessionals/{healthprofessional_id}/children/groups/{group_id}" ["childrengroups:update"] Owner GROUP [];
    42 DELETE "/v1/healthprofessionals/{healthprofessional_id}/children/groups/{group_id}" ["childrengroups:delete"] Owner [] [];
}

/// What is accepted in a body and not read: clients send back what they got.
const PASSED_OVER: [&str; 1] = ["id"];

/// The same for accounts.
const PASSED_OVER_OF_ACCOUNTS: [&str; 9] = [
    "id",
    "type",
    "last_login",
    "last_sync",
    "fitbit_status",
    "cve_status",
    "nfc_tag",
    "tag_ass_time",
    "children_groups",
];

impl Operation {
    /// Whether a field of this rule is among its own.
    pub fn takes(&self, rule: Rule) -> bool {
        self.fields.iter().any(|field| field.rule == rule)
    }

    /// The part of the path that says what it is about: `children`.
    pub fn collection(&self) -> &'static str {
        self.path.split('/').nth(2).unwrap_or_default()
    }

    /// The fields of a body that are accepted and not read.
    pub fn passed_over(&self) -> &'static [&'static str] {
        match self.number {
            // The document prints it, and what else it has is told.
            2 => &[],
            // What is written with an institution is an account.
            _ if self.takes(Institution) => &PASSED_OVER_OF_ACCOUNTS,
            _ => &PASSED_OVER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_contract_and_no_operation_is_there_twice() {
        let numbers: Vec<u8> = OPERATIONS.iter().map(|operation| operation.number).collect();
        assert_eq!(numbers, (1..=42).collect::<Vec<u8>>());

        for (at, one) in OPERATIONS.iter().enumerate() {
            for other in &OPERATIONS[at + 1..] {
                assert_ne!((one.method, one.path), (other.method, other.path));
            }
        }
    }

    #[test]
    fn only_signing_in_needs_no_scope() {
        let open: Vec<u8> =
            OPERATIONS.iter().filter(|operation| operation.scopes.is_empty()).map(|open| open.number).collect();

        assert_eq!(open, [1]);
    }
}
