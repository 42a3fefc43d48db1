//! What there is over gRPC can be had without a server: every service, every rpc, and what the proto files say of them.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::{
    fs,
    process::{Command, Output},
};

use process::{Ended, Setup};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tempfile::tempdir;

fn descriptors(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bibliotique")).arg("descriptors").args(arguments).output().unwrap()
}

/// The services of a set, and how many of their rpcs have a comment.
fn services(bytes: &[u8]) -> Vec<(String, usize, usize)> {
    let set = FileDescriptorSet::decode(bytes).unwrap();
    let of_file = |file: &prost_types::FileDescriptorProto| {
        let comments = file.source_code_info.iter().flat_map(|info| &info.location);
        // services (6), one of them, its rpcs (2), one of them
        let told = comments.filter(|place| !place.leading_comments().trim().is_empty()).map(|place| place.path.clone());
        let told: Vec<Vec<i32>> = told.filter(|path| path.len() == 4 && path[0] == 6 && path[2] == 2).collect();
        let service = |(number, service): (usize, &prost_types::ServiceDescriptorProto)| {
            let told = told.iter().filter(|path| path[1] == i32::try_from(number).unwrap()).count();
            (format!("{}.{}", file.package(), service.name()), service.method.len(), told)
        };
        file.service.iter().enumerate().map(service).collect::<Vec<_>>()
    };
    set.file.iter().flat_map(of_file).collect()
}

#[test]
fn all_services_are_in_the_set_with_what_is_said_of_each_rpc() {
    let written = descriptors(&[]);
    assert!(written.status.success() && written.stderr.is_empty(), "{written:?}");

    let services = services(&written.stdout);

    let names: Vec<&str> =
        services.iter().map(|(name, ..)| name.as_str()).filter(|name| name.starts_with("bib")).collect();
    let expected = [
        "bibliotique.identity.v1.IdentityService",
        "bibliotique.identity.v1.SchoolService",
        "bibliotique.catalog.v1.CatalogService",
        "bibliotique.lending.v1.LendingService",
    ];
    assert!(expected.iter().all(|name| names.contains(name)) && names.len() == expected.len(), "{names:?}");
    for (name, rpcs, told) in services {
        assert!(rpcs > 5, "{name}");
        assert_eq!(told, rpcs, "{name} has rpcs of which nothing is said");
    }
}

#[test]
fn a_file_has_the_same_set() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("bibliotique.binpb");

    let written = descriptors(&["--output", file.to_str().unwrap()]);

    assert!(written.status.success() && written.stdout.is_empty(), "{written:?}");
    assert_eq!(fs::read(&file).unwrap(), descriptors(&[]).stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_written_is_told_in_one_sentence() {
    let directory = tempdir().unwrap();

    let Ended { status, logged, .. } =
        Setup::new(&directory, &["descriptors", "--output", "no/such/place"]).run().await;

    assert!(!status.success());
    assert!(
        logged.starts_with("bibliotique: no/such/place cannot be written") && logged.lines().count() == 1,
        "{logged}"
    );
}

#[test]
fn a_terminal_gets_a_sentence_and_no_bytes() {
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("skipped: `script`, which makes a terminal, is not installed");
        return;
    }
    let mut command = Command::new("script");
    let binary = env!("CARGO_BIN_EXE_bibliotique");

    let seen = command.args(["-qec", &format!("'{binary}' descriptors"), "/dev/null"]).output().unwrap();

    let seen_text = String::from_utf8(seen.stdout).unwrap();
    assert!(!seen.status.success());
    assert_eq!(
        seen_text.trim(),
        "bibliotique: the descriptors are binary: give --output FILE, or send the standard output somewhere"
    );
}
