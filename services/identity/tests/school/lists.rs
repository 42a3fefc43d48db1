//! Lists over gRPC: what HTTP cannot ask for, and that the orders and filters find an index.

use std::time::Duration;

use proto::identity::v1::{self as pb, condition::Operator};
use shared::{Db, passport::Caller};
use testing::{Database, on_both};
use tonic::{Code, Status};

use super::{Role, School, by_hand};

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
        // Nothing is as old as another: what comes behind the age orders nothing.
        for behind in ["", ", username"] {
            let oldest = list(&school, by(&format!("create_time{behind}"))).await.unwrap().0;
            assert_eq!(oldest, ["Élodie 10", "elodie 9", "Zoé_1", "zoe%1"]);
            let newest = list(&school, by(&format!("gender, create_time desc{behind}"))).await.unwrap().0;
            assert_eq!(newest, ["zoe%1", "Zoé_1", "elodie 9", "Élodie 10"]);
        }
    }

    async fn what_no_list_knows_is_refused_and_of_no_condition_none_fits(db: Database) {
        let school = school_of(&db, &["a"]).await;
        for query in [
            by("password"),
            by("username up"),
            by("username, username desc"),
            by(&"username,".repeat(2000)),
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

/// Statements as the store writes them, and what they must not read.
const PLANS: [&str; 9] = [
    "SELECT id FROM account WHERE realm = 'school' AND role = 'child' ORDER BY id DESC LIMIT 100",
    "SELECT id FROM account WHERE realm = 'school' AND role = 'child' ORDER BY name_order ASC, id ASC LIMIT 100",
    "SELECT id FROM account WHERE realm = 'school' AND role = 'child' ORDER BY name_order DESC, id DESC LIMIT 100",
    "SELECT id FROM account WHERE realm = 'school' AND role = 'child' ORDER BY institution_id ASC NULLS FIRST, id ASC LIMIT 100",
    "SELECT id FROM account WHERE realm = 'school' AND role = 'child' ORDER BY gender DESC NULLS LAST, id DESC LIMIT 100",
    "SELECT id FROM account WHERE realm = 'school' AND role = 'child' ORDER BY age_order ASC, id ASC LIMIT 100",
    "SELECT id FROM account WHERE realm = 'school' AND role = 'child' ORDER BY age_calc_date ASC NULLS FIRST, id ASC LIMIT 100",
    "SELECT id FROM family_child JOIN account ON account.id = child_id WHERE family_id = 'f' ORDER BY position",
    "SELECT id FROM group_child l JOIN account ON account.id = l.child_id WHERE l.group_id = 'g' ORDER BY l.position",
];

/// Ten thousand children and as many clients of the library who came later, and a family of one child.
const MANY: [&str; 6] = [
    "INSERT INTO account (id, realm, login_key, email, name, address, role, active, created_at, institution_id, name_fold,
         name_order, gender, age, age_order, age_calc_date)
     SELECT '0' || substr(a.id, 2, 17) || CAST(100000 + n.n AS CHAR(6)), a.realm, CAST(n.n AS CHAR(6)), '', CAST(n.n AS CHAR(6)), '',
         a.role, a.active, a.created_at, a.institution_id, CAST(n.n AS CHAR(6)), CAST(n.n AS CHAR(6)), a.gender, a.age, CAST(n.n AS CHAR(6)),
         a.age_calc_date
     FROM account a, (WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10000) SELECT n FROM n) n
     WHERE a.role = 'child'",
    "INSERT INTO account (id, realm, login_key, email, name, address, role, active, created_at)
     SELECT 'f' || substr(a.id, 2, 17) || CAST(100000 + n.n AS CHAR(6)), 'library', 'l' || CAST(n.n AS CHAR(6)), '', '', '', 'client',
         a.active, a.created_at
     FROM account a, (WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10000) SELECT n FROM n) n
     WHERE a.role = 'admin'",
    "INSERT INTO family_child (family_id, position, child_id) SELECT id, 0, id FROM account WHERE role = 'child'",
    "INSERT INTO children_group (id, owner_id, name, name_fold, name_order, school_class_fold, school_class_order, created_at)
     SELECT id, id, 'g', '', '', '', '', created_at FROM account WHERE role = 'child'",
    "INSERT INTO group_child (group_id, position, child_id) SELECT id, 0, id FROM account WHERE role = 'child'",
    "ANALYZE",
];

testing::on_both! {
    async fn lists_are_read_out_of_indexes(db: Database) {
        let school = School::open(&db).await;
        school.member(Role::Child, "a").await;
        for sql in MANY {
            by_hand(&db, sql).await;
        }
        for sql in PLANS {
            let steps = plan(&db, sql).await;

            // The few children of a family may be sorted.
            let sorts = ["Sort ", "TEMP B-TREE"].iter().any(|sort| steps.contains(sort)) && !sql.contains("JOIN");
            let scans = ["Seq Scan", "SCAN"].iter().any(|scan| steps.contains(scan));
            assert!(!sorts && !scans, "{sql}:\n{steps}");
            assert!(steps.to_uppercase().contains("INDEX"), "{sql}:\n{steps}");
            // The clients of the library are not passed over one by one.
            assert!(!steps.contains("account_pkey") || sql.contains("JOIN"), "{sql}:\n{steps}");
        }
    }
}

/// As the store asks SQLite for the boys of an institution in the order of their names.
#[tokio::test(flavor = "multi_thread")]
async fn an_institution_goes_before_a_gender_and_an_order() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    school.member(Role::Child, "a").await;
    let filtered = "realm = 'school' AND role = 'child' AND institution_id = 'x' AND +gender = 'male'";

    let steps = plan(&db, &format!("SELECT id FROM account WHERE {filtered} ORDER BY +name_order ASC, +id ASC")).await;

    assert!(steps.contains("INDEX member_by_institution (role=? AND institution_id=?)"), "{steps}");
}

/// How a database would go about a statement, in its words.
async fn plan(db: &Database, sql: &str) -> String {
    match &db.tables().await {
        Db::Sqlite { read, .. } => {
            let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
            let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(read).await.unwrap();
            steps.into_iter().map(|(_, _, _, step)| step).collect::<Vec<_>>().join("\n")
        }
        Db::Postgres(pool) => {
            let explain = sqlx::AssertSqlSafe(format!("EXPLAIN {sql}"));
            let steps: Vec<String> = sqlx::query_scalar(explain).fetch_all(pool).await.unwrap();
            steps.join("\n")
        }
    }
}
