//! Lists of the school: a query's filters and order as SQL over the columns that hold each field.

use shared::{Db, Id, Timestamp};

use crate::domain::{
    listing::{CREATE_TIME, Condition, Filter, Order, Query, fold, order, order_of_age},
    login::login_key,
};

/// A field that a list can be filtered and sorted by, and the columns that hold it.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// As queries call it.
    pub name: &'static str,
    value: &'static str,
    fold: &'static str,
    order: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    /// Equal whatever the case: it is held by the login's key.
    Username,
    Age,
    /// Found and sorted as it is: it has one column, which may be null.
    Plain,
}

const fn text(name: &'static str, fold: &'static str, order: &'static str) -> Field {
    Field { name, value: name, fold, order, kind: Kind::Text }
}

const fn plain(name: &'static str) -> Field {
    Field { name, value: name, fold: name, order: name, kind: Kind::Plain }
}

const USERNAME: Field =
    Field { name: "username", value: "login_key", fold: "name_fold", order: "name_order", kind: Kind::Username };
const AGE: Field = Field { name: "age", value: "age", fold: "age", order: "age_order", kind: Kind::Age };

/// Of institutions.
pub const INSTITUTIONS: &[Field] = &[
    text("name", "name_fold", "name_order"),
    text("type", "type_fold", "type_order"),
    text("address", "address_fold", "address_order"),
    text("latitude", "latitude_fold", "latitude_order"),
    text("longitude", "longitude_fold", "longitude_order"),
];

/// Of children.
pub const CHILDREN: &[Field] = &[USERNAME, plain("institution_id"), plain("gender"), AGE, plain("age_calc_date")];

/// Of educators, health professionals and families.
pub const MEMBERS: &[Field] = &[USERNAME, plain("institution_id")];

/// Of applications.
pub const APPLICATIONS: &[Field] =
    &[USERNAME, plain("institution_id"), text("application_name", "application_name_fold", "application_name_order")];

/// Of the children of a family.
pub const FAMILY_CHILDREN: &[Field] = &[USERNAME];

/// Of groups.
pub const GROUPS: &[Field] =
    &[text("name", "name_fold", "name_order"), text("school_class", "school_class_fold", "school_class_order")];

/// A condition that no row fits.
const NONE: &str = "1 = 0";

/// The longest text that is looked for; what is kept is shorter.
const LONGEST: usize = 2000;

/// How a column is named in a condition.
type Columns<'a> = &'a dyn Fn(&str) -> String;

/// Conditions and what they compare with, in the order of the parameters.
#[derive(Clone, Debug, Default)]
pub struct Where {
    sql: String,
    /// To be bound, one after the other.
    pub values: Vec<String>,
}

impl Where {
    /// What a query asks for, of a list with these fields. `scope`: what the list is of; each `?` in it stands for one of `values`.
    pub fn of(db: &Db, scope: &str, values: &[String], fields: &[Field], query: &Query) -> Self {
        let mut all = Self::default();
        all.and(scope, values.to_vec());
        if let Some(from) = query.from {
            all.and("id >= ?", vec![first_id(from)]);
        }
        if let Some(before) = query.before {
            all.and("id < ?", vec![first_id(before)]);
        }
        let narrow = query.filters.iter().any(is_narrow);
        for filter in &query.filters {
            let column = |name: &str| if narrow && !is_narrow(filter) { db.unindexed(name) } else { name.to_owned() };
            let (sql, values) = filtered(db, fields, filter, &column);
            all.and(&sql, values);
        }
        all
    }

    /// ` WHERE …`
    pub fn clause(&self) -> String {
        format!(" WHERE {}", self.sql)
    }

    /// ` LIMIT … OFFSET …`, to be bound after the values.
    pub fn page(&self) -> String {
        format!(" LIMIT ${} OFFSET ${}", self.values.len() + 1, self.values.len() + 2)
    }

    fn and(&mut self, condition: &str, values: Vec<String>) {
        self.sql.push_str(if self.sql.is_empty() { "" } else { " AND " });
        let mut values = values.into_iter();
        for (at, part) in condition.split('?').enumerate() {
            if at > 0 {
                self.values.extend(values.next());
                self.sql.push_str(&format!("${}", self.values.len()));
            }
            self.sql.push_str(part);
        }
    }
}

/// Binds the values of conditions to a query, one after the other.
macro_rules! bind {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = query.bind(value.clone());
        }
        query
    }};
}
pub(super) use bind;

/// ` ORDER BY …`; `usual` where a query does not say.
pub fn ordered(db: &Db, fields: &[Field], query: &Query, usual: &str) -> String {
    let column = |name: &str| if query.filters.iter().any(is_narrow) { db.unindexed(name) } else { name.to_owned() };
    // Ids sort by age and no two are equal, so what comes behind the time of creation orders nothing.
    let before = query.order.iter().take_while(|order| order.field != CREATE_TIME);
    let mut terms: Vec<String> = before.filter_map(|order| term(fields, order, column)).collect();
    // Equal ones in the direction of the last term: so one index gives the whole order, forwards or backwards.
    let last = query.order.iter().find(|order| order.field == CREATE_TIME).or(query.order.last());
    terms.push(last.map_or_else(|| usual.to_owned(), |last| format!("{}{}", column("id"), direction(last))));
    format!(" ORDER BY {}", terms.join(", "))
}

/// Whether a filter leaves few rows: a name's, or an institution's.
fn is_narrow(filter: &Filter) -> bool {
    let is_few = |condition: &Condition| matches!(condition, Condition::Equals(_) | Condition::BeginsWith(_));
    ["username", "institution_id"].contains(&filter.field.as_str()) && filter.any_of.iter().all(is_few)
}

fn term(fields: &[Field], order: &Order, column: impl Fn(&str) -> String) -> Option<String> {
    let field = fields.iter().find(|field| field.name == order.field)?;
    let nulls = match (field.kind, order.descending) {
        (Kind::Plain, true) => " NULLS LAST",
        (Kind::Plain, false) => " NULLS FIRST",
        _ => "",
    };
    Some(format!("{}{}{nulls}", column(field.order), direction(order)))
}

const fn direction(order: &Order) -> &'static str {
    if order.descending { " DESC" } else { " ASC" }
}

/// The first id that can be made at a time: ids sort by age.
fn first_id(at: Timestamp) -> String {
    Id::new(at.max(Timestamp::from_micros(0)), [0; 5]).to_string()
}

fn filtered(db: &Db, fields: &[Field], filter: &Filter, column: Columns<'_>) -> (String, Vec<String>) {
    let Some(field) = fields.iter().find(|field| field.name == filter.field) else { return (NONE.to_owned(), vec![]) };
    let (equal, others): (Vec<&Condition>, Vec<&Condition>) =
        filter.any_of.iter().partition(|condition| matches!(condition, Condition::Equals(_)));
    let mut conditions: Vec<(String, Vec<String>)> = match equal.as_slice() {
        [] | [_] => filter.any_of.iter().map(|condition| compared(field, condition, column)).collect(),
        // However many there are, one value of the statement.
        _ => others.into_iter().map(|condition| compared(field, condition, column)).collect(),
    };
    if equal.len() > 1 {
        conditions.push(one_of(db, field, &equal, column));
    }
    if conditions.is_empty() {
        return (NONE.to_owned(), vec![]);
    }
    let (sql, values): (Vec<String>, Vec<Vec<String>>) = conditions.into_iter().unzip();
    (format!("({})", sql.join(" OR ")), values.concat())
}

fn one_of(db: &Db, field: &Field, equal: &[&Condition], column: Columns<'_>) -> (String, Vec<String>) {
    let values: Vec<String> = equal.iter().flat_map(|condition| compared(field, condition, column).1).collect();
    let values = serde_json::Value::from(values).to_string();
    (format!("{} IN ({})", column(field.value), db.texts_in_json("?")), vec![values])
}

fn compared(field: &Field, condition: &Condition, column: Columns<'_>) -> (String, Vec<String>) {
    use Condition::{AtLeast, AtMost, BeginsWith, Contains, EndsWith, Equals, LessThan, MoreThan};
    let ordered = |operator: &str, value: &str| {
        let sql = format!("({} {operator} ? AND {} IS NOT NULL)", column(field.order), field.value);
        (sql, vec![field.ordered(value)])
    };
    match condition {
        Equals(text) | BeginsWith(text) | EndsWith(text) | Contains(text) if text.len() > LONGEST => {
            (NONE.to_owned(), vec![])
        }
        Equals(value) if field.kind == Kind::Username => {
            (format!("{} = ?", column(field.value)), vec![login_key(value.trim())])
        }
        Equals(value) => (format!("{} = ?", column(field.value)), vec![value.clone()]),
        BeginsWith(value) => field.begins_with(&fold(value), column),
        EndsWith(value) => field.like(|literal| format!("%{literal}"), &fold(value)),
        Contains(value) => field.like(|literal| format!("%{literal}%"), &fold(value)),
        AtLeast(value) => ordered(">=", value),
        MoreThan(value) => ordered(">", value),
        AtMost(value) => ordered("<=", value),
        LessThan(value) => ordered("<", value),
    }
}

impl Field {
    fn ordered(&self, value: &str) -> String {
        let value = value.get(..value.floor_char_boundary(LONGEST)).unwrap_or(value);
        match self.kind {
            Kind::Text | Kind::Username => order(value),
            Kind::Age => order_of_age(value),
            Kind::Plain => value.to_owned(),
        }
    }

    /// As a range, so that an index finds it.
    fn begins_with(&self, folded: &str, column: Columns<'_>) -> (String, Vec<String>) {
        match after(folded) {
            Some(end) => (format!("({0} >= ? AND {0} < ?)", column(self.fold)), vec![folded.to_owned(), end]),
            None => self.like(|literal| format!("{literal}%"), folded),
        }
    }

    fn like(&self, pattern: impl Fn(&str) -> String, folded: &str) -> (String, Vec<String>) {
        let mut literal = String::with_capacity(folded.len());
        for character in folded.chars() {
            if matches!(character, '%' | '_' | '\\') {
                literal.push('\\');
            }
            literal.push(character);
        }
        let sql = format!("({} LIKE ? ESCAPE '\\' AND {} IS NOT NULL)", self.fold, self.value);
        (sql, vec![pattern(&literal)])
    }
}

/// The first text behind all those that begin with `text`; `None` when there is no simple one.
fn after(text: &str) -> Option<String> {
    let last = text.chars().last()?;
    let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32)?;
    let mut end = text.to_owned();
    end.pop();
    end.push(next);
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(filters: &[(&str, &[Condition])], order: &[(&str, bool)]) -> Query {
        let filters =
            filters.iter().map(|(field, any_of)| Filter { field: (*field).to_owned(), any_of: any_of.to_vec() });
        let order =
            order.iter().map(|(field, descending)| Order { field: (*field).to_owned(), descending: *descending });
        Query { size: 100, order: order.collect(), filters: filters.collect(), ..Query::default() }
    }

    /// One that nobody asks anything.
    fn db() -> Db {
        Db::Postgres(sqlx::PgPool::connect_lazy("postgres://127.0.0.1:1/nothing").unwrap())
    }

    #[tokio::test]
    async fn filters_are_joined_and_their_values_numbered() {
        let begins = Condition::BeginsWith("Bé".to_owned());
        let ends = Condition::EndsWith("5%".to_owned());
        let query = query(&[("username", &[begins, ends]), ("gender", &[Condition::Equals("male".to_owned())])], &[]);

        let found = Where::of(&db(), "role = 'child'", &[], CHILDREN, &query);

        assert_eq!(
            found.clause(),
            " WHERE role = 'child' AND ((name_fold >= $1 AND name_fold < $2) OR (name_fold LIKE $3 ESCAPE '\\' AND login_key IS \
             NOT NULL)) AND (gender = $4)"
        );
        assert_eq!(found.values, ["be", "bf", "%5\\%", "male"]);
        assert_eq!(found.page(), " LIMIT $5 OFFSET $6");
    }

    #[tokio::test]
    async fn many_equalities_are_one_value() {
        let all = ["B", "a\"b", "c"].map(|name| Condition::Equals(name.to_owned()));
        let any = [all.to_vec(), vec![Condition::AtLeast("9".to_owned())]].concat();

        let found = Where::of(&db(), "role = 'child'", &[], CHILDREN, &query(&[("username", &any)], &[]));

        let list = "SELECT value FROM json_array_elements_text($2::json)";
        assert_eq!(
            found.clause(),
            format!(
                " WHERE role = 'child' AND ((name_order >= $1 AND login_key IS NOT NULL) OR login_key IN ({list}))"
            )
        );
        assert_eq!(found.values, ["0019", r#"["b","a\"b","c"]"#]);
    }

    #[tokio::test]
    async fn what_is_no_field_and_a_filter_without_a_condition_fit_nothing() {
        for (field, conditions) in [("password", vec![Condition::Equals("x".to_owned())]), ("age", vec![])] {
            let found = Where::of(&db(), "role = 'child'", &[], CHILDREN, &query(&[(field, &conditions)], &[]));

            assert_eq!(found.clause(), " WHERE role = 'child' AND 1 = 0");
        }
    }

    #[tokio::test]
    async fn equal_ones_follow_the_last_field() {
        let sorted = |order: &[(&str, bool)]| ordered(&db(), CHILDREN, &query(&[], order), "id DESC");

        assert_eq!(sorted(&[]), " ORDER BY id DESC");
        assert_eq!(sorted(&[("username", false)]), " ORDER BY name_order ASC, id ASC");
        assert_eq!(
            sorted(&[("gender", false), ("age", true)]),
            " ORDER BY gender ASC NULLS FIRST, age_order DESC, id DESC"
        );
        assert_eq!(sorted(&[("create_time", true)]), " ORDER BY id DESC");
        assert_eq!(
            sorted(&[("gender", true), ("create_time", false), ("age", true)]),
            " ORDER BY gender DESC NULLS LAST, id ASC"
        );
    }

    #[test]
    fn behind_a_beginning_is_what_begins_with_the_next_character() {
        assert_eq!(after("ab").as_deref(), Some("ac"));
        assert_eq!(after("a\u{d7ff}").as_deref(), Some("a\u{e000}"));
        assert_eq!(after("a\u{10ffff}"), None);
        assert_eq!(after(""), None);
    }
}
