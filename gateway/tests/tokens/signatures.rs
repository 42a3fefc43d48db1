//! Signatures, and the header that says how they were made.

use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;

use crate::forge::{Forge, encoded, sealed, signed_by, with, without};

#[tokio::test(flavor = "multi_thread")]
async fn only_identitys_own_signature_counts() {
    let (forge, _db) = Forge::open().await;
    let other = Ed25519KeyPair::generate().unwrap();
    let (header, claims) = (&forge.header, &forge.claims);
    let good = forge.signed(header, claims);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let message_of =
        |alg: &str| format!("{}.{}", encoded(&with(header, "alg", alg).to_string()), encoded(&claims.to_string()));

    for alg in ["none", "None", "NONE", "nOnE", ""] {
        for signature in ["", signature, "AA"] {
            assert!(!forge.opens(&format!("{}.{signature}", message_of(alg))).await, "{alg:?} {signature:?}");
        }
    }
    // The public key is known to everybody: as a secret it must be worth nothing, in any of the forms it comes in.
    let public = forge.key.public_key().as_ref().to_vec();
    let der = [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], &public].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));
    let secrets = [
        public.clone(),
        URL_SAFE_NO_PAD.encode(&public).into_bytes(),
        STANDARD.encode(&public).into_bytes(),
        der,
        pem.into_bytes(),
        Vec::new(),
    ];
    for (alg, algorithm) in [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)] {
        for secret in &secrets {
            let message = message_of(alg);
            let tag = hmac::sign(&hmac::Key::new(algorithm, secret), message.as_bytes());
            assert!(!forge.opens(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))).await, "{alg}");
        }
    }
    for alg in ["ES256", "ES384", "RS256", "PS256", "Ed25519", "EdDSA ", "eddsa", "ES512"] {
        let own = forge.signed(&with(header, "alg", alg), claims);
        assert!(!forge.opens(&own).await, "{alg} over our own key's signature");
    }

    assert!(!forge.opens(&signed_by(&other, header, claims)).await, "another key under our key's name");
    let theirs = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(other.public_key())});
    for name in ["jwk", "jku", "x5u", "x5c"] {
        let value = if name == "jwk" { theirs.clone() } else { json!("http://127.0.0.1/keys") };
        assert!(
            !forge.opens(&signed_by(&other, &with(header, name, value), claims)).await,
            "a key brought along as {name}"
        );
    }
    for signature in [
        "",
        "AA",
        &signature[..85],
        &format!("{signature}A"),
        &STANDARD.encode([0; 64]),
        &URL_SAFE_NO_PAD.encode([0; 64]),
    ] {
        assert!(!forge.opens(&format!("{message}.{signature}")).await, "{signature}");
    }
    let elsewhere = forge.with_claim("jti", "5a62be07de34500146d9c544");
    let foreign = elsewhere.rsplit('.').next().unwrap();
    assert!(!forge.opens(&format!("{message}.{foreign}")).await, "the signature of another token");
    let bent = encoded(&with(claims, "role", "admin").to_string());
    assert!(!forge.opens(&format!("{}.{bent}.{signature}", encoded(&header.to_string()))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_says_what_identity_says_and_nothing_more() {
    let (forge, _db) = Forge::open().await;
    let (header, claims) = (&forge.header, &forge.claims);

    for name in ["alg", "typ", "kid"] {
        assert!(!forge.opens(&forge.signed(&without(header, name), claims)).await, "no {name}");
        for value in [json!(null), json!(1), json!(""), json!(["EdDSA"]), json!({"a": 1}), json!(true)] {
            assert!(!forge.opens(&forge.with_header(name, value.clone())).await, "{name}: {value}");
        }
    }
    for typ in ["at+jwt", "application/jwt", "JWE", "JWT ", "passport", "none"] {
        assert!(!forge.opens(&forge.with_header("typ", typ)).await, "typ {typ}");
    }
    for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!(["unheard-of"]), json!("exp"), json!({})] {
        assert!(!forge.opens(&forge.with_header("crit", crit.clone())).await, "crit {crit}");
    }
    let ours = header["kid"].as_str().unwrap();
    for kid in [
        "5a62be07de34500146d9c544",
        "../../etc/passwd",
        "' OR 1=1 --",
        "\0",
        &ours.to_uppercase(),
        &format!("{ours} "),
        &"0".repeat(2000),
    ] {
        if kid != ours {
            assert!(!forge.opens(&forge.with_header("kid", kid)).await, "kid {kid:?}");
        }
    }
    let twice = header.to_string().replacen('{', "{\"alg\":\"EdDSA\",", 1);
    assert!(!forge.opens(&sealed(&forge.key, &twice, &claims.to_string())).await, "alg twice");
}
