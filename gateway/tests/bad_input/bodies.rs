//! Bodies that are no JSON, no object, no fields of ours, or not whole.

use serde_json::{Value, json};
use testing::{Database, suite::answer};

use crate::{Route, Setting, changes, is_in_envelope, request, routes, send, setting, state, takes_nothing};

const NOT_JSON: &str = "is not valid JSON";
const NO_OBJECT: &str = "is not a JSON object";
const TWICE: &str = "has the same key twice";

/// A surface's words for a body that cannot be read.
fn malformed(surface: &str, how: &str) -> String {
    match surface {
        "library" => format!(r#"{{"success":false,"message":"The request body {how}!","data":null}}"#),
        "ocariot" => r#"{"code":400,"message":"Unable to process request body!","description":"Please verify that the JSON provided in the request body has a valid format and try again."}"#.to_owned(),
        "swift" => r#"{"code":400,"message":{"RESPONSE_TEXT":"Le corps de la requête n'est pas un objet JSON valide","RESPONSE_CODE":"MALFORMED_BODY_MESSAGE"}}"#.to_owned(),
        "applivery" => format!(
            r#"{{"status":false,"error":{{"code":3001,"message":"Body Validation Error","data":{{"errors":[{{"field":"","message":"the request body {how}"}}]}}}}}}"#
        ),
        _ => format!(r#"{{"success":false,"message":"The request body {how}"}}"#),
    }
}

/// Bodies that are no JSON object, each with the reason.
fn unreadable(good: &Value) -> Vec<(Vec<u8>, &'static str)> {
    let good = good.to_string();
    let nested = |open: &str, close: &str| open.repeat(5_000) + &close.repeat(5_000 / close.len().max(1));
    let mut bodies = vec![];
    for text in [
        "{",
        "}",
        "{]",
        "{}{}",
        "{} x",
        "nul",
        "'x'",
        "{'a':'b'}",
        "{a:1}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "//\n{}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":NaN}",
        "{\"a\":1e999}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\u{0}\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\ud800\\ud800\"}",
        "\u{feff}{}",
        "\u{0}",
        " ",
        "\"",
        "a=b&c=d",
        "<x/>",
    ] {
        bodies.push((text.as_bytes().to_vec(), NOT_JSON));
    }
    for text in ["null", "true", "1", "-1.5e3", "\"{}\"", "[]", "[{}]", "[[[]]]"] {
        bodies.push((text.as_bytes().to_vec(), NO_OBJECT));
    }
    bodies.push((format!("[{good}]").into_bytes(), NO_OBJECT));
    bodies.push((good.as_bytes()[..good.len() - 1].to_vec(), NOT_JSON));
    bodies.push((format!("{good},").into_bytes(), NOT_JSON));
    // Deeper than any reader should follow.
    bodies.push((nested("[", "]").into_bytes(), NOT_JSON));
    bodies.push((format!("{}1", "{\"a\":".repeat(2_000)).into_bytes(), NOT_JSON));
    bodies.push((format!("{{\"a\":{}}}", nested("[", "]")).into_bytes(), NOT_JSON));
    // Not UTF-8.
    bodies.push((b"{\"a\":\"\xff\"}".to_vec(), NOT_JSON));
    bodies.push((b"{\"a\":\"\xed\xa0\x80\"}".to_vec(), NOT_JSON));
    bodies.push((good.encode_utf16().flat_map(u16::to_le_bytes).collect(), NOT_JSON));
    bodies
}

/// `good` with the key `name` twice: as it is, and written with an escape.
fn doubled(good: &Value, name: &str) -> Vec<String> {
    let rest = good.to_string().split_off(1);
    let (first, others) = name.split_at(1);
    let escaped = format!("\\u{:04x}{others}", u32::from(first.chars().next().unwrap_or_default()));
    let value = &good[name];
    vec![
        format!("{{\"{name}\":{value},{rest}"),
        format!("{{\"{name}\":\"other\",{rest}"),
        format!("{{\"{escaped}\":{value},{rest}"),
    ]
}

fn names(route: &Route) -> Vec<String> {
    route.good.as_object().unwrap().keys().cloned().collect()
}

/// What a bad value of a field is answered with: at a sign-in it is a wrong login.
fn refusal(route: &Route) -> u16 {
    if route.path.ends_with("/login") { 401 } else { 400 }
}

/// Whether a field takes a value that the others do not.
fn takes(route: &Route, name: &str, value: &Value) -> bool {
    let is_book = route.path.starts_with("/api/livres");
    match name {
        "quantite" => value == &json!(0),
        "anneePublication" => value == &json!(0) || value.is_null() && route.method == "PUT",
        "isbn" => value.is_null() && route.method == "PUT",
        "description" | "categorieId" => value.is_null() && is_book,
        // What an optional field that is null means, no contract says.
        "adresse" => value.is_null() && route.path.ends_with("/register"),
        _ => false,
    }
}

/// Writes a head and a part of the body that it announces, and ends the stream.
async fn cut_off(setting: &Setting, route: &Route, body: &str, length: usize) {
    let built = request(setting, route).build().unwrap();
    let headers = built.headers().iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()));
    let headers: String = headers.collect();
    let mut wire = setting.suite.wire().await;
    let (method, path) = (route.method, &route.path);
    wire.write(format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    ))
    .await;
    wire.finish().await;
    if let Some(answer) = wire.answer().await {
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
        is_in_envelope(route.surface, &answer);
    }
}

testing::on_both! {
    async fn what_is_no_json_object_is_refused(db: Database) {
        let setting = setting(&db).await;
        let before = state(&setting).await;
        for route in routes(&setting) {
            for (body, how) in unreadable(&route.good) {
                let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
                let answer = send(&setting, &route, body).await;

                let expected = (400, malformed(route.surface, how));
                assert_eq!((answer.status, answer.text.clone()), expected, "{} {shown}", route.path);
                is_in_envelope(route.surface, &answer);
            }
        }
        assert_eq!(state(&setting).await, before);
    }

    async fn a_key_that_comes_twice_is_refused(db: Database) {
        let setting = setting(&db).await;
        let before = state(&setting).await;
        for route in routes(&setting) {
            for name in names(&route) {
                let mut bodies = doubled(&route.good, &name);
                let mut nested = route.good.clone();
                nested[&name] = json!("@");
                bodies.push(nested.to_string().replace("\"@\"", r#"[{"a":1,"a":1}]"#));
                for body in bodies {
                    let answer = send(&setting, &route, body.clone()).await;

                    let expected = (400, malformed(route.surface, TWICE));
                    assert_eq!((answer.status, answer.text), expected, "{} {body}", route.path);
                }
            }
        }
        assert_eq!(state(&setting).await, before);
    }

    async fn a_value_of_another_type_is_refused(db: Database) {
        let setting = setting(&db).await;
        let before = state(&setting).await;
        let mut deep = json!("x");
        for _ in 0..100 {
            deep = json!([deep]);
        }
        for route in routes(&setting) {
            for name in names(&route) {
                for value in [
                    json!(null),
                    json!(0),
                    json!(-1.5),
                    json!(u64::MAX),
                    json!([]),
                    json!(["x"]),
                    json!({}),
                    json!({"x": 1}),
                    deep.clone(),
                ] {
                    if takes(&route, &name, &value) {
                        continue;
                    }
                    let mut body = route.good.clone();
                    body[&name] = value;
                    let answer = send(&setting, &route, body.to_string()).await;

                    assert_eq!(answer.status, refusal(&route), "{} {body}: {}", route.path, answer.text);
                    is_in_envelope(route.surface, &answer);
                }
            }
        }
        assert_eq!(state(&setting).await, before);
    }

    async fn an_unknown_field_is_refused_whatever_its_name(db: Database) {
        let setting = setting(&db).await;
        let before = state(&setting).await;
        let long = "x".repeat(5_000);
        for route in routes(&setting) {
            for name in [
                "x",
                "",
                " ",
                "__proto__",
                "constructor",
                "$where",
                "_id",
                "clé",
                "🦀",
                "\"",
                "\\",
                "a\"},{\"b",
                "a\nb",
                "\u{0}",
                "\u{202e}",
                "<script>",
                "Password",
                "password_hash",
                "realm",
                &long,
            ] {
                let mut body = route.good.clone();
                body[name] = json!("x");
                let answer = send(&setting, &route, body.to_string()).await;

                assert_eq!(answer.status, 400, "{} {name}: {}", route.path, answer.text);
                is_in_envelope(route.surface, &answer);
            }
        }
        assert_eq!(state(&setting).await, before);
    }

    async fn a_body_of_nothing_is_refused(db: Database) {
        let setting = setting(&db).await;
        let before = state(&setting).await;
        for route in routes(&setting).into_iter().filter(|route| !takes_nothing(route)) {
            if changes(&setting, &route) {
                assert_eq!(send(&setting, &route, "{}").await.status, 200);
                continue;
            }
            for answer in [send(&setting, &route, "{}").await, answer(request(&setting, &route)).await] {
                assert_eq!(answer.status, refusal(&route), "{}: {}", route.path, answer.text);
                is_in_envelope(route.surface, &answer);
            }
        }
        assert_eq!(state(&setting).await, before);
    }

    async fn a_body_that_is_cut_off_does_nothing_even_where_it_could_be_read(db: Database) {
        let setting = setting(&db).await;
        let before = state(&setting).await;
        for route in routes(&setting) {
            let good = route.good.to_string();
            cut_off(&setting, &route, &good[..good.floor_char_boundary(good.len() / 2)], good.len()).await;
            cut_off(&setting, &route, &good, good.len() + 1).await;
        }
        assert_eq!(state(&setting).await, before);
    }

    /// The stories above would end well on routes that refuse everything.
    async fn what_is_good_is_taken(db: Database) {
        let mut setting = setting(&db).await;
        for number in 0..routes(&setting).len() {
            setting.client = setting.suite.register(&format!("client{number}@example.org")).await;
            setting.admin = setting.suite.register_admin(&format!("admin{number}@example.org")).await;
            let route = routes(&setting).swap_remove(number);

            let answer = send(&setting, &route, route.good.to_string()).await;

            assert!(matches!(answer.status, 200 | 201 | 204), "{}: {} {}", route.path, answer.status, answer.text);
        }
    }
}
