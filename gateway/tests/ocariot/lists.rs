//! Lists: pages, order, filters and bounds of time.

use serde_json::{Value, json};
use testing::{
    Database,
    suite::{ADMIN, PASSWORD},
};

use crate::{
    DAY, SECOND, column, made,
    school::{Kind, School, groups},
    with,
};

/// Makes institutions of these names, a second apart; the type is the name's first letter.
async fn institutions(school: &mut School, names: &[&str]) {
    for name in names {
        school.later(SECOND).await;
        let body = json!({"name": name, "type": name.chars().take(1).collect::<String>()});
        made(&school.post(&school.admin, "/institutions", body).await);
    }
}

/// A query's values, as a URL writes them.
fn encoded(query: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'=' | b'&' | b'-' | b'_' | b'.' | b'*' | b',' | b':' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    query.bytes().map(byte).collect()
}

/// What a list shows of one field, and that the total is right, all of it being on one page.
async fn shown(school: &School, path: &str, query: &str, name: &str) -> Vec<String> {
    let answer = school.get(&school.admin, &format!("{path}?{}", encoded(query))).await;
    let list = column(&answer, name);
    assert_eq!(answer.header("x-total-count"), list.len().to_string(), "{query}");
    list
}

/// Each query of a path shows these names, which are written with blanks between them.
async fn each_shows(school: &School, path: &str, name: &str, cases: &[(&str, &str)]) {
    for (query, expected) in cases {
        assert_eq!(shown(school, path, query, name).await.join(" "), *expected, "{path}?{query}");
    }
}

testing::on_both! {
    async fn a_list_comes_newest_first_in_pages(db: Database) {
        let mut school = School::open(&db).await;
        institutions(&mut school, &["a", "b", "c", "d"]).await;
        for (query, expected) in [
            ("", "d c b a Escola Um"),
            ("?", "d c b a Escola Um"),
            ("?limit=2", "d c"),
            ("?limit=2&page=1", "d c"),
            ("?limit=2&page=2", "b a"),
            ("?page=3&limit=2", "Escola Um"),
            ("?page=4&limit=2", ""),
            ("?page=2", ""),
            ("?page=99999999999999999999999", ""),
            ("?page=9223372036854775807&limit=1000", ""),
            // What is no digit is not looked at.
            ("?limit=-1", "d"),
            ("?limit=%202%20", "d c"),
            ("?limit=x2y", "d c"),
            ("?limit=0.2", "d c"),
            ("?limit=1&page=-2", "c"),
            ("?limit=1&page=p%C3%A92", "c"),
            // Nothing left, or 0, is the default.
            ("?limit=0", "d c b a Escola Um"),
            ("?limit=000", "d c b a Escola Um"),
            ("?limit=x", "d c b a Escola Um"),
            ("?limit=", "d c b a Escola Um"),
            ("?limit", "d c b a Escola Um"),
            ("?page=0&limit=1", "d"),
            ("?page=x&limit=1", "d"),
            ("?page=&limit=1", "d"),
            ("?limit=99999999999999999999999", "d c b a Escola Um"),
            ("?limit=5000", "d c b a Escola Um"),
            // Accepted without an effect.
            ("?fields=name", "d c b a Escola Um"),
            ("?fields=name,-id&limit=1", "d"),
        ] {
            let answer = school.get(&school.admin, &format!("/institutions{query}")).await;

            assert_eq!(column(&answer, "name").join(" "), expected, "{query}");
            assert_eq!(answer.header("x-total-count"), "5", "{query}");
        }
        let full = school.get(&school.admin, "/institutions").await;
        school.get(&school.admin, "/institutions?fields=name").await.must_be(200, &full.text);
        school.get(&school.admin, "/institutions/?page=9").await.must_be(200, "[]");
    }

    async fn text_is_sorted_whatever_the_case_and_digits_by_their_value(db: Database) {
        let mut school = School::open(&db).await;
        let owner = school.educator.clone();
        let path = groups(Kind::Educator, &owner.id);
        for name in ["Group-10", "group-2", "Zebra", "apple", "Group-1", "GROUP-3", "Banana", "group-02x"] {
            school.later(SECOND).await;
            let class = if name.contains('2') { "B" } else { "A" };
            let body = json!({"name": name, "school_class": class, "children": [school.child.id]});
            made(&school.post(&owner, &path, body).await);
        }
        let names = async |query: &str| column(&school.get(&owner, &format!("{path}?{query}")).await, "name").join(" ");

        let rising = "apple Banana Group-1 group-2 group-02x GROUP-3 Group-10 Zebra";
        let falling = "Zebra Group-10 GROUP-3 group-02x group-2 Group-1 Banana apple";
        assert_eq!(names("sort=name").await, rising);
        assert_eq!(names("sort=-name").await, falling);
        assert_eq!(
            names("sort=school_class,name").await,
            "apple Banana Group-1 GROUP-3 Group-10 Zebra group-2 group-02x"
        );
        assert_eq!(
            names("sort=-school_class,-name").await,
            "group-02x group-2 Zebra Group-10 GROUP-3 Group-1 Banana apple"
        );
        let oldest_first = "Group-10 group-2 Zebra apple Group-1 GROUP-3 Banana group-02x";
        let newest_first = "group-02x Banana GROUP-3 Group-1 apple Zebra group-2 Group-10";
        assert_eq!(names("sort=created_at").await, oldest_first);
        assert_eq!(names("sort=-created_at").await, newest_first);
        // Unknown names are skipped.
        assert_eq!(names("sort=password,-children,name,x").await, rising);
        for nothing in ["sort=password", "sort=", "sort", "sort=-", "sort=,", "sort=id", "sort=user_id", "sort='"] {
            assert_eq!(names(nothing).await, newest_first, "{nothing}");
        }
        assert_eq!(names("sort=name&page=2&limit=3").await, "group-2 group-02x GROUP-3");
    }

    async fn a_filter_is_equal_or_a_part_or_a_bound(db: Database) {
        let mut school = School::open(&db).await;
        institutions(&mut school, &["Élan", "elan", "Elan-2", "oslo", "Öslo", "50%_x", "50xxx", "back\\slash", "it's"])
            .await;
        each_shows(
            &school,
            "/institutions",
            "name",
            &[
                ("name=elan", "elan"),
                ("name=Élan", "Élan"),
                ("name=ELAN", ""),
                ("name=Escola Um", "Escola Um"),
                ("name=it's", "it's"),
                ("name=back\\slash", "back\\slash"),
                // A part, whatever the case and the accents of its vowels.
                ("name=EL*", "Elan-2 elan Élan"),
                ("name=*AN", "elan Élan"),
                ("name=*la*", "back\\slash Elan-2 elan Élan Escola Um"),
                ("name=*SLO", "Öslo oslo"),
                ("name=os*", "Öslo oslo"),
                ("name=*x", "50xxx 50%_x"),
                // What has a meaning elsewhere has none here.
                ("name=50%*", "50%_x"),
                ("name=*%*", "50%_x"),
                ("name=*_*", "50%_x"),
                ("name=*.*", ""),
                ("name=*'*", "it's"),
                ("name=*\\*", "back\\slash"),
                ("name=*(*", ""),
                ("name=*[*", ""),
                // One of them; all of them.
                ("name=elan,oslo", "oslo elan"),
                ("name=elan,nobody", "elan"),
                ("name=E*,*slo", "Öslo oslo Elan-2 elan Élan Escola Um"),
                ("name=elan&name=oslo", ""),
                ("name=el*&name=*an", "elan Élan"),
                ("type=o", "oslo"),
                ("type=o&name=oslo", "oslo"),
                ("type=o&name=elan", ""),
                ("type=5&sort=-name", "50xxx 50%_x"),
                ("name=", ""),
            ],
        )
        .await;
    }

    async fn a_bound_compares(db: Database) {
        let mut school = School::open(&db).await;
        for (number, age) in [11, 12, 13].into_iter().enumerate() {
            school.later(SECOND).await;
            let changes = json!({"age": age, "age_calc_date": format!("2020-01-0{}", number + 1), "gender": "female"});
            let body = with(&school.body(Kind::Child, &format!("BR10{age}")), &changes);
            made(&school.post(&school.admin, "/children", body).await);
        }
        each_shows(
            &school,
            "/children",
            "username",
            &[
                ("age=gte:12", "BR1013 BR1012"),
                ("age=gt:12", "BR1013"),
                ("age=lte:12&gender=female", "BR1012 BR1011"),
                ("age=lt:12&gender=female", "BR1011"),
                ("age=gt:11&age=lt:13", "BR1012"),
                ("age=12", "BR1012"),
                ("age=11,13&gender=female", "BR1013 BR1011"),
                ("age_calc_date=gte:2020-01-02", "BR1013 BR1012"),
                ("age_calc_date=lt:2020-01-02&gender=female", "BR1011"),
                ("username=gt:BR1011", "BR1013 BR1012"),
                ("gender=male", "BR0001"),
                ("gender=MALE", ""),
                ("sort=-age&gender=female", "BR1013 BR1012 BR1011"),
                ("sort=gender,-username", "BR1013 BR1012 BR1011 BR0001"),
            ],
        )
        .await;
    }

    async fn only_what_is_printed_can_be_asked_for(db: Database) {
        let school = School::open(&db).await;
        let institution = &school.institution;
        for (path, name) in [
            ("/children", "BR0001"),
            ("/educators", "educator"),
            ("/healthprofessionals", "healthprofessional"),
            ("/families", "family"),
            ("/applications", "application"),
        ] {
            each_shows(
                &school,
                path,
                "username",
                &[
                    (&format!("username={name}"), name),
                    (&format!("username={}", name.to_uppercase()), name),
                    (&format!("username={}", name.to_lowercase()), name),
                    (&format!("institution_id={institution}"), name),
                    (&format!("institution={institution}"), name),
                    (&format!("institution={institution}&institution_id={institution}"), name),
                    (&format!("institution={}", school.child.id), ""),
                    ("institution=x", ""),
                ],
            )
            .await;
            for other in [
                "password",
                "id",
                "_id",
                "last_login",
                "last_sync",
                "fitbit_status",
                "children_groups",
                "children",
                "created_at",
                "realm",
                "sub_type",
                "type",
                "x",
                "",
                "'",
                "username'",
                "Username",
                "password_hash",
                "email",
            ] {
                let answer = school.get(&school.admin, &format!("{path}?{}", encoded(&format!("{other}=*")))).await;
                assert_eq!((answer.status, answer.text.as_str()), (200, "[]"), "{path}?{other}");
                assert_eq!(answer.header("x-total-count"), "0", "{path}?{other}");
            }
        }
        each_shows(&school, "/applications", "username", &[("application_name=Application Example", "application")])
            .await;
        each_shows(
            &school,
            "/institutions",
            "name",
            &[
                ("address=221B*&latitude=-7.2100766&longitude=-35.9178756", "Escola Um"),
                ("latitude=7", ""),
                ("password=*", ""),
                (&format!("id={institution}"), ""),
            ],
        )
        .await;
    }

    async fn a_whole_roster_of_names_is_found(db: Database) {
        let school = School::open(&db).await;
        let roster: Vec<String> = (0..1000).map(|number| format!("nobody {number}")).chain(["br0001".to_owned()]).collect();
        let query = format!("/children?username={}", roster.join(",").replace(' ', "%20"));

        let found = school.get(&school.admin, &query).await;

        assert_eq!(column(&found, "username"), ["BR0001"]);
        assert_eq!(found.header("x-total-count"), "1");
    }

    async fn times_bound_a_list(db: Database) {
        let mut school = School::open(&db).await;
        // The first at nine on the second of March; the others on the 4th, 6th and 8th.
        for name in ["four", "six", "eight"] {
            school.later(2 * DAY).await;
            made(&school.post(&school.admin, "/institutions", json!({"name": name, "type": "T"})).await);
        }
        each_shows(
            &school,
            "/institutions",
            "name",
            &[
                ("start_at=2026-03-04", "eight six four"),
                ("start_at=2026-03-05", "eight six"),
                ("end_at=2026-03-06", "four Escola Um"),
                ("start_at=2026-03-03&end_at=2026-03-07", "six four"),
                // From a moment on, that one too; before one, without it.
                ("start_at=2026-03-06T09:00:00Z", "eight six"),
                ("start_at=2026-03-06T09:00:00.001Z", "eight"),
                ("end_at=2026-03-06T09:00:00.000Z", "four Escola Um"),
                ("end_at=2026-03-06T09:00:00.001Z", "six four Escola Um"),
                ("start_at=today", "eight"),
                ("end_at=today", "six four Escola Um"),
                ("period=1d", "eight"),
                ("period=3d", "eight six"),
                ("period=1w", "eight six four Escola Um"),
                ("period=1m", "eight six four Escola Um"),
                ("period=1y&type=T", "eight six four"),
                ("start_at=2030-01-01", ""),
                ("start_at=2026-03-04&name=*i*&sort=name", "eight six"),
            ],
        )
        .await;
        for odd in [
            "start_at=",
            "start_at=x",
            "end_at=2026-13-01",
            "period=",
            "period=d",
            "period=99999999999y",
            "period=1x",
            "start_at=9999999-01-01",
            "end_at=-1",
            "period=-1d",
            "start_at=today&period=1d&end_at=today",
        ] {
            let answer = school.get(&school.admin, &format!("/institutions?{}", encoded(odd))).await;
            assert_eq!(answer.status, 200, "{odd}: {}", answer.text);
        }
    }

    async fn every_list_counts_what_its_filters_match(db: Database) {
        let mut school = School::open(&db).await;
        for kind in Kind::ALL {
            for number in 0..3 {
                school.later(SECOND).await;
                school.fresh(kind, &format!("{kind:?}-{number}")).await;
            }
        }
        for kind in Kind::ALL {
            let query = format!("{}?username={kind:?}-*&limit=2", kind.path());
            let answer = school.get(&school.admin, &query).await;
            assert_eq!(column(&answer, "username"), [format!("{kind:?}-2"), format!("{kind:?}-1")]);
            assert_eq!(answer.header("x-total-count"), "3", "{query}");
            let last = school.get(&school.admin, &format!("{query}&page=2")).await;
            assert_eq!(column(&last, "username"), [format!("{kind:?}-0")]);
            assert_eq!(last.header("x-total-count"), "3", "{query}");
        }
    }
}

#[tokio::test]
async fn query_parameters_of_other_operations_are_not_looked_at() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    let own = Kind::Educator.of(&school.educator.id);
    let plain = school.get(&school.educator, &own).await;
    school.get(&school.educator, &format!("{own}?password=x&page=x&sort=x")).await.must_be(200, &plain.text);
    school.patch(&school.educator, &format!("{own}?limit=0&x=%FF"), json!({})).await.must_be(200, &plain.text);
    let body: Value = json!({"username": ADMIN, "password": PASSWORD});
    assert_eq!(school.suite.send("POST", "/v1/auth?username=x", None, Some(body)).await.status, 200);
}

#[tokio::test]
async fn odd_queries_are_answered_with_a_list() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    let many = (0..100).map(|_| "name=*a*").collect::<Vec<_>>().join("&");
    let stars = format!("name={}", "*a".repeat(200));
    for query in [
        "name=%FF",
        "name=%00",
        "%FF=x",
        "&&&",
        "=",
        "name=**",
        "name=*",
        "name=***",
        "name=gte:",
        "name=gt:*",
        "name=,",
        "name=,,",
        "name=%F0%9F%A6%80*",
        "sort=%00",
        "limit=%FF",
        "name=*%25*",
        "name[$ne]=x",
        "name=%27%20OR%201=1--",
        "age=gte:x",
        &many,
        &stars,
    ] {
        for path in ["/institutions", "/children", "/families"] {
            let answer = school.get(&school.admin, &format!("{path}?{query}")).await;
            assert!(
                answer.status == 200 && answer.json().is_array(),
                "{path}?{query}: {} {}",
                answer.status,
                answer.text
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_100_things_by_default_and_1000_at_most() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    for number in 0..1001 {
        let body = json!({"name": format!("Escola {number}"), "type": "T"});
        assert_eq!(school.post(&school.admin, "/institutions", body).await.status, 201);
    }
    for (query, expected) in [
        ("", 100),
        ("?limit=0", 100),
        ("?limit=999", 999),
        ("?limit=1000", 1000),
        ("?limit=1001", 1000),
        ("?limit=5000&page=2", 2),
        ("?page=11", 2),
        ("?limit=1e3", 13),
    ] {
        let answer = school.get(&school.admin, &format!("/institutions{query}")).await;
        assert_eq!((column(&answer, "name").len(), answer.header("x-total-count")), (expected, "1002"), "{query}");
    }
}
