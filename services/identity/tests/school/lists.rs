//! Lists over gRPC: what HTTP cannot ask for, and that the orders and filters find an index.

use std::time::Duration;

use proto::identity::v1::{self as pb, condition::Operator};
use shared::{Db, passport::Caller};
use testing::{Database, on_both};
use tonic::{Code, Status};

use super::{Role, School};

async fn list(school: &School, query: pb::Query) -> Result<(Vec<String>, i64), Status> {
    let request = pb::ListMembersRequest { role: pb::Role::Child.into(), query: Some(query) };
    let found = school.suite.school_as(Caller::operator()).list_members(request).await?.into_inner();
    Ok((found.members.into_iter().map(|member| member.username).collect(), found.total_size))
}

fn filter(field: &str, operator: Operator, value: &str) -> pb::Filter {
    let condition = pb::Condition { operator: operator.into(), value: value.to_owned() };
    pb::Filter { field: field.to_owned(), any_of: vec![condition] }
}

fn by(order_by: &str) -> pb::Query {
    pb::Query { order_by: order_by.to_owned(), ..pb::Query::default() }
}

fn with(filter: pb::Filter) -> pb::Query {
    pb::Query { filters: vec![filter], ..pb::Query::default() }
}

/// Children by these names, one a second.
async fn school_of(db: &Database, names: &[&str]) -> School {
    let school = School::open(db).await;
    for name in names {
        school.suite.hand.advance(Duration::from_secs(1));
        school.member(Role::Child, name).await;
    }
    school
}

on_both! {
    async fn a_list_is_the_newest_first_and_in_pages(db: Database) {
        let school = school_of(&db, &["a", "b", "c", "d", "e"]).await;
        let page = |page_size, skip| pb::Query { page_size, skip, ..pb::Query::default() };

        assert_eq!(list(&school, page(0, 0)).await.unwrap(), (["e", "d", "c", "b", "a"].map(str::to_owned).to_vec(), 5));
        assert_eq!(list(&school, page(2, 2)).await.unwrap(), (["c", "b"].map(str::to_owned).to_vec(), 5));
        assert_eq!(list(&school, page(2, i64::MAX)).await.unwrap(), (vec![], 5));
    }

    async fn names_are_found_whatever_their_case_and_accents(db: Database) {
        let school = school_of(&db, &["Élodie 10", "elodie 9", "Zoé_1", "zoe%1"]).await;
        for (operator, value, found) in [
            (Operator::Equals, " ÉLODIE 10 ", vec!["Élodie 10"]),
            (Operator::Equals, "elodie 10", vec![]),
            (Operator::BeginsWith, "ELOD", vec!["elodie 9", "Élodie 10"]),
            (Operator::BeginsWith, "", vec!["zoe%1", "Zoé_1", "elodie 9", "Élodie 10"]),
            (Operator::Contains, "e 1", vec!["Élodie 10"]),
            (Operator::Contains, "_", vec!["Zoé_1"]),
            (Operator::EndsWith, "%1", vec!["zoe%1"]),
            (Operator::Contains, "\\", vec![]),
            (Operator::AtLeast, "elodie 10", vec!["zoe%1", "Zoé_1", "Élodie 10"]),
            (Operator::LessThan, "Elodie 10", vec!["elodie 9"]),
        ] {
            let names = list(&school, with(filter("username", operator, value))).await.unwrap();

            let expected: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(names, (expected, i64::try_from(found.len()).unwrap()), "{operator:?} {value:?}");
        }
        assert_eq!(list(&school, by("username")).await.unwrap().0, ["elodie 9", "Élodie 10", "zoe%1", "Zoé_1"]);
        assert_eq!(list(&school, by("gender, username desc")).await.unwrap().0[0], "Zoé_1");
    }

    async fn what_no_list_knows_is_refused_and_of_no_condition_none_fits(db: Database) {
        let school = school_of(&db, &["a"]).await;
        for query in [
            by("password"),
            by("username up"),
            with(filter("password", Operator::Equals, "x")),
            with(filter("username", Operator::Unspecified, "x")),
            with(filter("username", Operator::Equals, "a\u{0}")),
            pb::Query { page_size: 1001, ..pb::Query::default() },
            pb::Query { skip: -1, ..pb::Query::default() },
        ] {
            assert_eq!(list(&school, query.clone()).await.unwrap_err().code(), Code::InvalidArgument, "{query:?}");
        }
        let none = pb::Filter { field: "username".to_owned(), any_of: vec![] };
        assert_eq!(list(&school, with(none)).await.unwrap(), (vec![], 0));
        let long = filter("username", Operator::Contains, &"x".repeat(100_000));
        assert_eq!(list(&school, with(long)).await.unwrap(), (vec![], 0));
    }
}

/// SQLite says so of the statements that are written here as the store writes them.
#[tokio::test(flavor = "multi_thread")]
async fn each_order_of_a_list_is_read_out_of_an_index() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    school.member(Role::Child, "a").await;
    let tables = db.tables().await;
    let Db::Sqlite { read, .. } = &tables else { panic!("not SQLite") };
    for order in [
        "id DESC",
        "name_order ASC, id ASC",
        "name_order DESC, id DESC",
        "institution_id ASC NULLS FIRST, id ASC",
        "gender DESC NULLS LAST, id DESC",
        "age_order ASC, id ASC",
        "age_calc_date ASC NULLS FIRST, id ASC",
    ] {
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT id FROM account WHERE realm = 'school' AND role = 'child' ORDER BY {order} LIMIT 100"
        );
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(read).await.unwrap();

        let steps: Vec<&str> = plan.iter().map(|(_, _, _, step)| step.as_str()).collect();
        assert!(steps.iter().all(|step| step.contains("INDEX") && !step.contains("TEMP B-TREE")), "{order}: {steps:?}");
    }
}
