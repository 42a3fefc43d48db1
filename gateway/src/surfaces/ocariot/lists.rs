//! What a list is asked for: page, order and filters. Nothing in an address is an error here, only less to find.

use axum::{
    extract::{FromRequestParts, Query},
    http::{HeaderName, HeaderValue, StatusCode, Uri, request::Parts},
    response::Response,
};
use proto::identity::v1::{self as pb, condition::Operator};
use serde::Serialize;

use super::{
    declared::{CREATED_AT, Operation},
    times::Bounds,
};
use crate::{Shared, fault::Fault, surfaces::json::json};

/// Rows on a page unless the address says otherwise, and at most.
const LIMIT: i64 = 100;
const LONGEST: i64 = 1000;

/// The most filters and conditions in all that identity takes, without counting equalities. Of more nothing is found.
const CONDITIONS: usize = 200;

/// The parameters that are no filters.
const OTHERS: [&str; 7] = ["page", "limit", "sort", "start_at", "end_at", "period", "fields"];

/// The prefixes of values that are compared.
const COMPARISONS: [(&str, Operator); 4] =
    [("gte:", Operator::AtLeast), ("gt:", Operator::MoreThan), ("lte:", Operator::AtMost), ("lt:", Operator::LessThan)];

/// The part of a list that an address asks for.
pub struct Wanted(pub pb::Query);

impl FromRequestParts<Shared> for Wanted {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, gateway: &Shared) -> Result<Self, Fault> {
        let operation: &'static Operation = parts.extensions.get().copied().ok_or(Fault::Internal)?;
        let parameters = Parameters::of(&parts.uri);
        let bounds = Bounds {
            start: parameters.first("start_at"),
            end: parameters.first("end_at"),
            period: parameters.first("period"),
        };
        let (from, before) = bounds.times(gateway.clock.now(), &gateway.time_zone);
        let query = parameters.query(operation.list);
        Ok(Self(pb::Query {
            create_time_from: from.map(Into::into),
            create_time_before: before.map(Into::into),
            ..query
        }))
    }
}

/// A page of a list.
pub fn listed<T: Serialize>(rows: &[T], total: i64) -> Response {
    let mut response = json(StatusCode::OK, &rows);
    response.headers_mut().insert(HeaderName::from_static("x-total-count"), HeaderValue::from(total));
    response
}

/// The parameters of an address, decoded, in its order.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(uri: &Uri) -> Self {
        // Pairs of texts are what any query is: what is no UTF-8 is replaced.
        Self(Query::try_from_uri(uri).map(|Query(parameters)| parameters).unwrap_or_default())
    }

    fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn first(&self, name: &'static str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    fn query(&self, names: &'static [&'static str]) -> pb::Query {
        let page_size = number(self.first("limit"), LIMIT).min(LONGEST);
        pb::Query {
            page_size: i32::try_from(page_size).unwrap_or(i32::MAX),
            skip: (number(self.first("page"), 1) - 1).saturating_mul(page_size),
            order_by: self.order(names),
            filters: self.filters(names),
            ..pb::Query::default()
        }
    }

    /// `sort=name,-type` as `name, type desc` (AIP-132). Of a name that comes twice the first counts.
    fn order(&self, names: &[&'static str]) -> String {
        let mut fields: Vec<(&str, bool)> = Vec::new();
        for wanted in self.all("sort").flat_map(|sort| sort.split(',')).map(str::trim) {
            let (name, is_down) = wanted.strip_prefix('-').map_or((wanted, false), |name| (name, true));
            match names.iter().find(|known| **known == renamed(name)) {
                Some(field) if fields.iter().all(|(there, _)| there != field) => fields.push((field, is_down)),
                _ => (),
            }
        }
        let of_identity = |name| if name == CREATED_AT { "create_time" } else { name };
        let down = |is_down| if is_down { " desc" } else { "" };
        let fields = fields.into_iter().map(|(name, is_down)| format!("{}{}", of_identity(name), down(is_down)));
        fields.collect::<Vec<_>>().join(", ")
    }

    /// All of them have to fit. One that nothing fits stands for all.
    fn filters(&self, names: &[&'static str]) -> Vec<pb::Filter> {
        let wanted = self.0.iter().filter(|(name, _)| !OTHERS.contains(&name.as_str()));
        let filters: Option<Vec<pb::Filter>> = wanted.map(|(name, value)| filter(names, name, value)).collect();
        match filters {
            Some(filters) if filters.iter().map(weight).sum::<usize>() <= CONDITIONS => filters,
            _ => vec![nothing(names)],
        }
    }
}

/// What a parameter asks for, if there can be any such thing.
fn filter(names: &[&'static str], name: &str, value: &str) -> Option<pb::Filter> {
    let field = names.iter().find(|known| **known == renamed(name) && **known != CREATED_AT)?;
    let any_of = conditions(value);
    (!any_of.is_empty()).then(|| pb::Filter { field: (*field).to_owned(), any_of })
}

/// How much of what identity takes a filter is.
fn weight(filter: &pb::Filter) -> usize {
    1 + filter.any_of.iter().filter(|condition| condition.operator() != Operator::Equals).count()
}

/// Of no condition, none fits.
fn nothing(names: &[&'static str]) -> pb::Filter {
    pb::Filter { field: names.first().copied().unwrap_or_default().to_owned(), any_of: Vec::new() }
}

fn renamed(name: &str) -> &str {
    if name == "institution" { "institution_id" } else { name }
}

/// The number of a text's digits; the default when that is none or zero.
fn number(text: &str, default: i64) -> i64 {
    let digits = text.bytes().filter(u8::is_ascii_digit).map(|digit| i64::from(digit - b'0'));
    match digits.fold(0_i64, |number, digit| number.saturating_mul(10).saturating_add(digit)) {
        0 => default,
        number => number,
    }
}

/// `a,b`: one of them. No field is empty or has a NUL, so such a value fits nothing.
fn conditions(value: &str) -> Vec<pb::Condition> {
    value.split(',').filter(|one| !one.is_empty() && !one.contains('\0')).map(condition).collect()
}

fn condition(text: &str) -> pb::Condition {
    let compared = COMPARISONS.iter().find_map(|(prefix, operator)| Some((*operator, text.strip_prefix(prefix)?)));
    let (operator, value) = compared.unwrap_or_else(|| match text.strip_prefix('*') {
        Some(end) => end.strip_suffix('*').map_or((Operator::EndsWith, end), |part| (Operator::Contains, part)),
        None => text.strip_suffix('*').map_or((Operator::Equals, text), |beginning| (Operator::BeginsWith, beginning)),
    });
    pb::Condition { operator: operator.into(), value: value.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: &[&str] = &["username", "institution_id", CREATED_AT];

    fn asked(query: &str) -> pb::Query {
        Parameters::of(&format!("/v1/educators?{query}").parse().unwrap()).query(NAMES)
    }

    /// The filters as text: `username=Equals:a|BeginsWith:b`.
    fn filters(query: &str) -> Vec<String> {
        let one = |condition: &pb::Condition| format!("{:?}:{}", condition.operator(), condition.value);
        let any = |any_of: &[pb::Condition]| any_of.iter().map(one).collect::<Vec<_>>().join("|");
        asked(query).filters.iter().map(|filter| format!("{}={}", filter.field, any(&filter.any_of))).collect()
    }

    #[test]
    fn a_page_is_made_of_the_digits_and_never_refused() {
        for (query, skip, size) in [
            ("", 0, 100),
            ("page=3&limit=20", 40, 20),
            ("page=-1&limit=-5", 0, 5),
            ("page=0&limit=0", 0, 100),
            ("page=x&limit=", 0, 100),
            ("page=1e1", 1000, 100),
            ("limit=1001", 0, 1000),
            ("limit=99999999999999999999999", 0, 1000),
            ("page=99999999999999999999999", i64::MAX, 100),
            ("page=%D9%A3", 0, 100),
        ] {
            assert_eq!((asked(query).skip, asked(query).page_size), (skip, size), "{query}");
        }
    }

    #[test]
    fn an_order_has_known_names_once() {
        for (query, order) in [
            ("", ""),
            ("sort=username", "username"),
            ("sort=-username,institution", "username desc, institution_id"),
            ("sort=created_at&sort=-username", "create_time, username desc"),
            ("sort=password,-id,,--username,%20-username,username", "username desc"),
        ] {
            assert_eq!(asked(query).order_by, order, "{query}");
        }
    }

    #[test]
    fn a_filter_compares_in_one_of_eight_ways() {
        assert_eq!(filters("username=a"), ["username=Equals:a"]);
        assert_eq!(
            filters("username=a*,*b,*c*,gte:d,gt:e,lte:f,lt:g"),
            ["username=BeginsWith:a|EndsWith:b|Contains:c|AtLeast:d|MoreThan:e|AtMost:f|LessThan:g"]
        );
        assert_eq!(
            filters("username=a&institution=b&username=c"),
            ["username=Equals:a", "institution_id=Equals:b", "username=Equals:c"]
        );
        assert_eq!(filters("username=a+b%2Bc%C3%A9*&page=1&fields=x&sort=y&period=1d"), ["username=BeginsWith:a b+cé"]);
    }

    #[test]
    fn of_what_is_unknown_or_impossible_there_is_nothing() {
        for query in [
            "password=x",
            "id=1",
            "created_at=x",
            "username=",
            "username=,",
            "username=a%00",
            "x",
            "=",
            "username=a&y=1",
        ] {
            assert_eq!(filters(query), ["username="], "{query}");
        }
        assert_eq!(filters("username=a%00,b,"), ["username=Equals:b"]);
        let many = |one: &str, number: usize| filters(&format!("institution=x&username={}", one.repeat(number))).len();
        assert_eq!((many("a*,", CONDITIONS - 2), many("a*,", CONDITIONS - 1)), (2, 1));
        assert_eq!(many("a,", 10 * CONDITIONS), 2);
    }

    proptest! {
        #[test]
        fn no_query_is_too_odd(query in "[ -~&&[^#<>\"`{} ]]*") {
            let asked = asked(&query);

            prop_assert!((1..=1000).contains(&asked.page_size) && asked.skip >= 0);
        }
    }
}
