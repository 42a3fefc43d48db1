//! `bibliotique certs` and `bibliotique secrets`: what they make, for whom, and that they never take anything away.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each test file uses its part of the harness")]
mod process;

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path};

use process::{Ended, Setup};
use tempfile::{TempDir, tempdir};

const ROLES: [&str; 6] = ["identity", "catalog", "lending", "gateway", "operator", "suite"];

async fn run(directory: &TempDir, arguments: &[&str]) -> Ended {
    Setup::new(directory, arguments).run().await
}

async fn done(directory: &TempDir, arguments: &[&str]) -> String {
    let ended = run(directory, arguments).await;
    assert!(ended.status.success(), "{arguments:?}: {}", ended.logged);
    ended.said
}

/// A refusal in one sentence.
async fn refused(directory: &TempDir, arguments: &[&str], told: &str) {
    let ended = run(directory, arguments).await;
    assert!(!ended.status.success(), "{arguments:?}: {}", ended.said);
    assert_eq!(ended.logged.lines().count(), 1, "{}", ended.logged);
    assert!(ended.logged.starts_with("bibliotique: ") && ended.logged.contains(told), "{}", ended.logged);
}

/// All files, by their paths.
fn files(directory: &Path) -> BTreeMap<String, (u32, String)> {
    let mut all = BTreeMap::new();
    for place in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        assert_eq!(mode(&place), 0o700, "{}", place.display());
        for file in fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()) {
            let name = file.strip_prefix(directory).unwrap().display().to_string();
            all.insert(name, (mode(&file), fs::read_to_string(&file).unwrap()));
        }
    }
    all
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_certifies_each_role_and_keys_are_their_owners_alone() {
    let directory = tempdir().unwrap();

    done(&directory, &["certs", "pki", "--san", "library.example.org", "--san", "10.1.2.3"]).await;

    let all = files(&directory.path().join("pki"));
    assert_eq!(all.len(), 2 + 3 * ROLES.len());
    for (file, (mode, text)) in &all {
        assert_eq!(*mode, if file.ends_with(".key") { 0o600 } else { 0o644 }, "{file}");
        assert!(text.starts_with("-----BEGIN "), "{file}");
    }
    for role in ROLES {
        assert_eq!(all[&format!("{role}/ca.crt")], all["ca/ca.crt"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_stays_as_it_is_until_it_is_renewed() {
    let directory = tempdir().unwrap();
    let pki = directory.path().join("pki");
    done(&directory, &["certs", "pki"]).await;
    let first = files(&pki);

    let again = done(&directory, &["certs", "pki", "--days", "7"]).await;
    assert!(again.contains("stays as it is"), "{again}");
    done(&directory, &["certs", "pki", "--renew=30"]).await;
    assert_eq!(files(&pki), first);

    fs::remove_file(pki.join("lending/tls.key")).unwrap();
    done(&directory, &["certs", "pki"]).await;
    let repaired = files(&pki);
    assert_eq!(repaired["identity/tls.key"], first["identity/tls.key"]);
    assert_ne!(repaired["lending/tls.crt"], first["lending/tls.crt"]);

    done(&directory, &["certs", "pki", "--renew=366"]).await;
    let renewed = files(&pki);
    for role in ROLES {
        assert_ne!(renewed[&format!("{role}/tls.crt")], repaired[&format!("{role}/tls.crt")], "{role}");
        assert_ne!(renewed[&format!("{role}/tls.key")], repaired[&format!("{role}/tls.key")], "{role}");
    }
    assert_eq!((&renewed["ca/ca.crt"], &renewed["ca/ca.key"]), (&first["ca/ca.crt"], &first["ca/ca.key"]));
    done(&directory, &["certs", "pki", "--renew"]).await;
    assert_ne!(files(&pki)["gateway/tls.crt"], renewed["gateway/tls.crt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_authority_nothing_is_certified_by_another_one() {
    let directory = tempdir().unwrap();
    let pki = directory.path().join("pki");
    done(&directory, &["certs", "pki"]).await;
    let before = files(&pki);
    let away = directory.path().join("away");

    fs::rename(pki.join("ca"), &away).unwrap();
    refused(&directory, &["certs", "pki"], "by an authority that is not there").await;
    refused(&directory, &["secrets", "pki", "--renew"], "by an authority that is not there").await;

    fs::rename(&away, pki.join("ca")).unwrap();
    assert_eq!(files(&pki), before);
    fs::rename(pki.join("ca/ca.key"), &away).unwrap();
    refused(&directory, &["certs", "pki", "--renew"], "is there without").await;
    fs::write(pki.join("ca/ca.key"), "no key").unwrap();
    refused(&directory, &["certs", "pki", "--renew"], "holds no key").await;

    // The key of another authority: what it signs is no certificate of this one.
    done(&directory, &["certs", "other"]).await;
    fs::copy(directory.path().join("other/ca/ca.key"), pki.join("ca/ca.key")).unwrap();
    refused(&directory, &["certs", "pki", "--renew"], "is not certified by the authority").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_numbers_that_cannot_be_are_refused() {
    let directory = tempdir().unwrap();
    refused(&directory, &["certs", "pki", "--san", "bücher.example"], "--san").await;
    fs::write(directory.path().join("file"), "").unwrap();
    refused(&directory, &["certs", "file"], "the directory file cannot be made").await;
    for arguments in [["--days", "0"], ["--days", "3651"], ["--ca-days", "0"], ["--renew=soon", "--days=1"]] {
        let ended = run(&directory, &[&["certs", "pki2"][..], &arguments].concat()).await;
        assert!(!ended.status.success() && ended.logged.starts_with("error: "), "{arguments:?}: {}", ended.logged);
    }
    assert!(!directory.path().join("pki2").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_made_once_and_everybody_gets_what_he_needs() {
    let directory = tempdir().unwrap();
    let arguments = ["secrets", "s", "--postgres", "db.example.org:6432"];

    let said = done(&directory, &arguments).await;

    let all = files(&directory.path().join("s"));
    let text = |file: &str| all[file].1.clone();
    for role in ["identity", "catalog", "lending", "gateway", "operator"] {
        assert_eq!(text(&format!("{role}/internal_key")), text("identity/internal_key"), "{role}");
    }
    for service in ["identity", "catalog", "lending"] {
        let password = text(&format!("postgres/{service}_password"));
        let url = format!("postgres://{service}:{password}@db.example.org:6432/{service}");
        assert_eq!(text(&format!("{service}/database_url")), url);
        assert_eq!(text(&format!("operator/{service}_database_url")), url);
    }
    let made =
        ["identity/internal_key", "identity/pepper", "postgres/superuser_password", "postgres/identity_password"];
    let different: std::collections::BTreeSet<_> = made.iter().map(|file| text(file)).collect();
    assert!(different.len() == made.len() && different.iter().all(|secret| secret.len() == 64), "{made:?}");
    assert!(different.iter().all(|secret| !said.contains(secret)), "{said}");
    for (file, (mode, _)) in all.iter().filter(|(file, _)| !file.ends_with(".crt")) {
        assert_eq!(*mode, if file.starts_with("postgres/") { 0o644 } else { 0o600 }, "{file}");
    }
    assert!(!all.contains_key("gateway/pepper") && !all.contains_key("catalog/pepper"));

    done(&directory, &arguments).await;
    assert_eq!(files(&directory.path().join("s")), all);
    let lost =
        ["lending/internal_key", "identity/internal_key", "operator/catalog_database_url", "postgres/lending_password"];
    for lost in lost {
        fs::remove_file(directory.path().join("s").join(lost)).unwrap();
        done(&directory, &arguments).await;
        assert_eq!(files(&directory.path().join("s")), all, "{lost}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_for_another_server_than_before_are_refused_before_anything_is_made() {
    let directory = tempdir().unwrap();
    done(&directory, &["secrets", "s", "--postgres", "db.example.org"]).await;
    let place = directory.path().join("s");
    let before = files(&place);

    let told = "s/identity/database_url leads to another server than --postgres other.example.org:5432";
    refused(&directory, &["secrets", "s", "--postgres", "other.example.org:5432", "--renew"], told).await;
    refused(&directory, &["secrets", "s"], "than --postgres postgres:5432").await;
    assert_eq!(files(&place), before);

    done(&directory, &["secrets", "s", "--postgres", "db.example.org:5432"]).await;
    // How the way there is secured is the operator's to say.
    let secured = format!("{}?sslmode=verify-full&sslrootcert=/srv/a@b/ca.crt\n", before["lending/database_url"].1);
    fs::write(place.join("lending/database_url"), &secured).unwrap();
    done(&directory, &["secrets", "s", "--postgres", "db.example.org"]).await;
    assert_eq!(files(&place)["lending/database_url"].1, secured);

    fs::write(place.join("operator/lending_database_url"), secured.replace("db.", "other.")).unwrap();
    let told = "s/operator/lending_database_url leads to another server";
    refused(&directory, &["secrets", "s", "--postgres", "db.example.org"], told).await;
}

#[test]
fn secrets_are_made_whether_or_not_somebody_listens() {
    let directory = tempdir().unwrap();
    let (listener, said) = std::io::pipe().unwrap();
    drop(listener);

    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bibliotique"));
    let ended = command.args(["secrets", "s"]).current_dir(directory.path()).stdout(said).output().unwrap();

    let complaint = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success() && complaint.is_empty(), "{complaint}");
    assert!(directory.path().join("s/operator/lending_database_url").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn several_at_once_make_everything_once() {
    let directory = tempdir().unwrap();

    let all = (0..6).map(|_| Setup::new(&directory, &["secrets", "s"]).spawn()).collect::<Vec<_>>();
    for mut one in all {
        assert!(one.ends(process::PATIENCE).await.status.success(), "{}", one.logged());
    }

    let all = files(&directory.path().join("s"));
    for role in ["catalog", "lending", "gateway", "operator"] {
        assert_eq!(all[&format!("{role}/internal_key")], all["identity/internal_key"], "{role}");
        assert_eq!(all[&format!("{role}/ca.crt")], all["ca/ca.crt"], "{role}");
    }
    for service in ["identity", "catalog", "lending"] {
        let password = &all[&format!("postgres/{service}_password")].1;
        assert!(all[&format!("{service}/database_url")].1.contains(password.as_str()), "{service}");
    }
    assert!(done(&directory, &["certs", "s", "--renew"]).await.contains("made a certificate for lending"));
}
