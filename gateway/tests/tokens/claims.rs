//! What a token says, signed as identity signs: every claim there, of its type, and true now.

use serde_json::json;
use testing::suite::BEGIN;

use crate::forge::{Forge, LIFETIME, sealed, seconds, with, without};

#[tokio::test(flavor = "multi_thread")]
async fn every_claim_is_there_and_of_its_type() {
    let (forge, _db) = Forge::open().await;
    let claims = &forge.claims;

    for name in ["iss", "aud", "sub", "sid", "jti", "iat", "exp"] {
        assert!(!forge.opens(&forge.signed(&forge.header, &without(claims, name))).await, "no {name}");
        let mut wrong =
            vec![json!(null), json!(true), json!({}), json!([]), json!([claims[name]]), json!({"a": claims[name]})];
        if claims[name].is_string() {
            wrong.extend([json!(1), json!(1.5)]);
        } else {
            let number = seconds(&claims[name]);
            wrong.extend([
                json!(number.to_string()),
                json!(number as f64 + 0.5),
                json!(""),
                json!(u64::MAX),
                json!(1e300),
            ]);
        }
        for value in wrong {
            assert!(!forge.opens(&forge.with_claim(name, value.clone())).await, "{name}: {value}");
        }
        let twice = claims.to_string().replacen('{', &format!("{{\"{name}\":{},", claims[name]), 1);
        assert!(!forge.opens(&sealed(&forge.key, &forge.header.to_string(), &twice)).await, "{name} twice");
    }
    for (name, value) in [
        ("iss", json!("other")),
        ("iss", json!("")),
        ("iss", json!("Bibliotique")),
        ("iss", json!(["bibliotique", "other"])),
        ("aud", json!("other")),
        ("aud", json!("")),
        ("aud", json!(["other"])),
        ("aud", json!(["bibliotique", "other"])),
        ("sub", json!("")),
        ("sub", json!("operator")),
        ("sub", json!("service:gateway")),
        ("sub", json!("5a62be07de34500146d9c544")),
        ("sid", json!("")),
        ("sid", json!("5a62be07de34500146d9c544")),
        ("sid", json!("' OR 1=1 --")),
    ] {
        assert!(!forge.opens(&forge.with_claim(name, value.clone())).await, "{name}: {value}");
    }
    for not_claims in ["", "null", "[]", "1", "\"x\"", "{", "{}", "{}{}"] {
        let token = sealed(&forge.key, &forge.header.to_string(), not_claims);
        assert!(!forge.opens(&token).await, "{not_claims}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_in_a_token_is_its_subjects_own() {
    let (forge, _db) = Forge::open().await;
    let other = forge.suite.register("autre@example.org").await;

    let borrowed = forge.with_claim("sub", other.id);

    assert!(!forge.opens(&borrowed).await);
    assert_eq!(forge.why(&borrowed).await, 4004);
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_kept_to_five_seconds() {
    let (forge, _db) = Forge::open().await;
    let now = BEGIN.seconds();
    let lived = |iat: i64, exp: i64| forge.signed(&forge.header, &with(&with(&forge.claims, "iat", iat), "exp", exp));
    assert_eq!((seconds(&forge.claims["iat"]), seconds(&forge.claims["exp"])), (now, now + LIFETIME));

    // Expired: four seconds may be a difference of clocks, six are not.
    assert!(forge.opens(&lived(now - 100, now + 1)).await);
    assert!(forge.opens(&lived(now - 100, now - 4)).await);
    for late in [6, 60, LIFETIME, now] {
        let expired = lived(now - late - 100, now - late);
        assert!(!forge.opens(&expired).await, "expired {late} s ago");
        assert_eq!(forge.why(&expired).await, 4005, "expired {late} s ago");
    }
    // From the future.
    assert!(forge.opens(&lived(now + 4, now + 100)).await);
    for early in [6, 60, LIFETIME] {
        assert!(!forge.opens(&lived(now + early, now + early + 100)).await, "made in {early} s");
    }
    assert!(forge.opens(&forge.with_claim("nbf", now)).await);
    assert!(forge.opens(&forge.with_claim("nbf", now + 4)).await);
    for nbf in
        [json!(now + 6), json!(now + LIFETIME), json!("soon"), json!(now.to_string()), json!([now]), json!(i64::MAX)]
    {
        assert!(!forge.opens(&forge.with_claim("nbf", nbf.clone())).await, "nbf {nbf}");
    }
    // Longer than a session lasts.
    assert!(forge.opens(&lived(now, now + LIFETIME)).await);
    for (iat, exp) in [
        (now, now + LIFETIME + 1),
        (now - 1, now + LIFETIME),
        (now, i64::MAX),
        (0, now + 100),
        (-1, now + 100),
        (i64::MIN, now + 100),
        (i64::MIN, i64::MAX),
        (i64::MAX, i64::MAX),
        (now, i64::MIN),
    ] {
        assert!(!forge.opens(&lived(iat, exp)).await, "{iat} to {exp}");
    }
    // Without a life at all.
    assert!(!forge.opens(&lived(now, now - 10)).await);
}
