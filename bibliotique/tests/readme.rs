//! The README's lines under "Try it" work when pasted, as they stand there and in their order.
#![expect(clippy::unwrap_used, reason = "a test")]
#![expect(dead_code, reason = "each test file uses its part of the harness")]

mod process;

use std::{path::Path, process::Command};

use process::Setup;
use serde_json::Value;
use tempfile::tempdir;

const README: &str = include_str!("../../README.md");

/// The shell lines of a section.
fn lines_of(section: &str) -> String {
    let (_, section) = README.split_once(&format!("\n## {section}\n")).unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_under_try_it_work_when_pasted() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: curl is not installed");
        return;
    }
    let directory = tempdir().unwrap();
    let suite = Setup::suite(&directory).start().await;
    let binary = Path::new(env!("CARGO_BIN_EXE_bibliotique"));
    let script = lines_of("Try it")
        .replace("127.0.0.1:8888", &suite.http)
        .replace("cargo run -q --", &binary.display().to_string());
    // Each answer on a line of its own.
    let each = |line: &str| format!("{line}{}\n", if line.starts_with("curl") { "; echo" } else { "" });
    let script: String = script.lines().map(each).collect();

    let mut shell = Command::new("sh");
    shell.args(["-eu", "-c", &script]).current_dir(directory.path());
    shell.env("BIBLIOTIQUE_DATA_DIR", "data").env("BIBLIOTIQUE_IDENTITY_ADDR", &suite.grpc);
    shell.env("BIBLIOTIQUE_CATALOG_ADDR", &suite.catalog).env("BIBLIOTIQUE_LENDING_ADDR", &suite.lending);
    let pasted = tokio::task::spawn_blocking(move || shell.output()).await.unwrap().unwrap();

    let (said, complained) = (String::from_utf8(pasted.stdout).unwrap(), String::from_utf8(pasted.stderr).unwrap());
    assert!(pasted.status.success(), "{said}{complained}");
    let answers: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(answers.len(), 14, "{said}{complained}");
    let is_good = |answer: &Value| {
        let child = if answer.is_array() { &answer[0] } else { answer };
        answer["success"] == true || answer["status"] == true || answer["code"] == 200 || child["username"] == "BR0001"
    };
    assert!(answers.iter().all(is_good), "{said}");
    assert!(said.contains("you@example.org") && said.contains("is an admin now"), "{said}");
    assert_eq!(said.matches("\"titre\":\"L'Étranger\"").count(), 3, "found twice and given back: {said}");
    assert!(said.contains("\"statut\":\"retourné\"") && said.contains("Everything fits together."), "{said}");
    suite.door().token("elodie@example.org", "Lis-5-livres").await;
}
