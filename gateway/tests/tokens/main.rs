//! Forged, bent and borrowed access tokens: only what identity signed, while it is good, opens a route.
#![expect(clippy::unwrap_used, reason = "a test")]

mod claims;
mod forge;
mod routes;
mod signatures;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD},
};
use reqwest::header::AUTHORIZATION;
use serde_json::json;
use testing::suite::{ADMIN, PASSWORD, answer};

use forge::{Forge, claims_of, with};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_signed_as_identity_signs_is_good_so_the_other_tests_bend_one_thing_each() {
    let (forge, _db) = Forge::open().await;

    assert!(forge.opens(&forge.person.token).await);
    assert!(forge.opens(&forge.signed(&forge.header, &forge.claims)).await);
    // Those names are in the token for others to read, and for nobody to trust.
    for (name, value) in
        [("role", "admin"), ("id", "5a62be07de34500146d9c544"), ("scope", "users:delete"), ("sub_type", "admin")]
    {
        assert!(forge.opens(&forge.with_claim(name, value)).await, "{name}");
    }
    assert!(forge.opens(&forge.with_claim("unheard-of", json!([1, {"a": null}]))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_in_a_token_opens_nothing() {
    let (forge, _db) = Forge::open().await;
    let of_client = forge.signed(&forge.header, &with(&with(&forge.claims, "role", "admin"), "sub_type", "admin"));
    let claims = claims_of(&forge.suite.admin().await);
    let of_admin = forge.signed(&forge.header, &with(&with(&claims, "role", "client"), "scope", ""));

    let list = async |token: &str| forge.suite.send("GET", "/api/clients", Some(token), None).await.status;
    assert_eq!(list(&of_client).await, 403);
    assert_eq!(list(&of_admin).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_has_at_most_4096_bytes() {
    let (forge, _db) = Forge::open().await;
    // Base64 does not have every length, so the padding goes into both parts.
    let sized = |bytes: usize| {
        let mut found = (0..4).flat_map(|head| (2400..2800).map(move |body| (head, body))).map(|(head, body)| {
            forge.signed(&with(&forge.header, "x", "x".repeat(head)), &with(&forge.claims, "x", "x".repeat(body)))
        });
        found.find(|token| token.len() == bytes).unwrap()
    };

    assert!(forge.opens(&sized(4096)).await);
    assert!(!forge.opens(&sized(4097)).await);
    for bytes in [4097, 5000, 15_000] {
        assert!(!forge.opens(&"x".repeat(bytes)).await, "{bytes} bytes of nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_comes_in_one_header_of_one_form() {
    let (forge, _db) = Forge::open().await;
    let token = forge.person.token.as_str();

    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        assert_eq!(forge.authorized(&format!("{scheme} {token}")).await.status, 200, "{scheme}");
    }
    let basic = STANDARD.encode(format!("{ADMIN}:{PASSWORD}"));
    for value in [
        "",
        "Bearer",
        "Bearer ",
        token,
        &format!("Bearer{token}"),
        &format!("Bearer:{token}"),
        &format!("Bearer\t{token}"),
        &format!("Basic {token}"),
        &format!("Basic {basic}"),
        &format!("Token {token}"),
        &format!("JWT {token}"),
        &format!("Bearer {token} rubbish"),
        &format!("Bearer {token},"),
        &format!("Bearer {token}, Bearer {token}"),
        &format!("Bearer {token} {token}"),
        &format!("Bearer Bearer {token}"),
        &format!("Bearer \"{token}\""),
        &format!("Bearer token={token}"),
        &format!("Basic {basic}, Bearer {token}"),
        &format!("Bearer {token}."),
        &format!("Bearer .{token}"),
        &format!("Bearer {token}.e30"),
        &format!("Bearer {token}="),
        &format!("Bearer {token}=="),
        &format!("Bearer {token}%"),
        &format!("Bearer {token}\u{e9}"),
        &format!("Bearer {}", token.replace('.', "..")),
        &format!("Bearer {}", token.replacen('.', "", 1)),
        &format!("Bearer {}", token.split_once('.').unwrap().1),
        "Bearer ..",
        "Bearer .",
        "Bearer null",
    ] {
        assert_eq!(forge.authorized(value).await.status, 401, "{value}");
    }
    let padded: Vec<String> =
        token.split('.').map(|part| URL_SAFE.encode(URL_SAFE_NO_PAD.decode(part).unwrap())).collect();
    assert_ne!(padded.join("."), token);
    assert!(!forge.opens(&padded.join(".")).await, "base64 with padding");

    let me = || forge.suite.request("GET", "/api/clients/me");
    let twice = me().bearer_auth(token).header(AUTHORIZATION, format!("Bearer {token}"));
    assert_eq!(answer(twice).await.status, 401, "the header twice");
    let mixed = me().bearer_auth(token).header(AUTHORIZATION, format!("Basic {basic}"));
    assert_eq!(answer(mixed).await.status, 401, "two schemes");
    for other in [
        me().header("cookie", format!("token={token}")),
        me().header("x-access-token", token),
        me().header("proxy-authorization", format!("Bearer {token}")),
        forge.suite.request("GET", &format!("/api/clients/me?access_token={token}")),
    ] {
        assert_eq!(answer(other).await.status, 401, "a token somewhere else");
    }
}
