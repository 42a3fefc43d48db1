//! What stands in docker-compose.yml and Dockerfile, against what there is.

use std::collections::{BTreeMap, BTreeSet};

use bibliotique::cli::Cli;
use clap::{Arg, Command, CommandFactory as _};

use crate::file::{self, Services, root, text};

/// All settings of the binary, with their arguments.
fn settings() -> BTreeMap<String, Arg> {
    fn collect(command: &Command, into: &mut BTreeMap<String, Arg>) {
        for argument in command.get_arguments() {
            if let Some(variable) = argument.get_env() {
                into.insert(variable.to_str().unwrap().to_owned(), argument.clone());
            }
        }
        command.get_subcommands().for_each(|command| collect(command, into));
    }
    let mut settings = BTreeMap::new();
    collect(&Cli::command(), &mut settings);
    settings
}

fn services() -> Services {
    file::services(&BTreeMap::new())
}

#[test]
fn every_variable_is_a_setting_and_secrets_stand_in_files() {
    let settings = settings();
    let files: BTreeSet<String> = settings.values().filter_map(shared::secret::file_variable).collect();
    for (name, service) in services().into_iter().filter(|(_, service)| service.is_ours()) {
        for variable in service.environment.keys() {
            let is_secret = settings.get(variable).is_some_and(|setting| setting.is_hide_env_values_set());
            assert!(!is_secret, "{name}: {variable} is a secret in plain sight");
            assert!(settings.contains_key(variable) || files.contains(variable), "{name}: {variable}");
        }
    }
}

#[test]
fn only_gateways_are_reached_from_outside_and_only_from_this_machine() {
    for (name, service) in services() {
        assert_eq!(!service.ports.is_empty(), name.starts_with("gateway"), "{name}");
        assert!(service.ports.iter().all(|port| port.starts_with("127.0.0.1:")), "{name}: {:?}", service.ports);
        let networks: &[&str] = match name.as_str() {
            "secrets" => &[],
            "postgres" => &["database"],
            "gateway" | "gateway-2" => &["roles"],
            _ => &["roles", "database"],
        };
        assert_eq!(service.networks, networks, "{name}");
    }
}

#[test]
fn every_service_can_do_no_more_than_it_has_to() {
    for (name, service) in services() {
        assert!(service.read_only, "{name}");
        assert_eq!(service.cap_drop, ["ALL"], "{name}");
        assert_eq!(service.security_opt, ["no-new-privileges:true"], "{name}");
        assert!(!service.is_ours() || service.cap_add.is_empty() && service.tmpfs.is_empty(), "{name}");
        assert!(
            service
                .mounts()
                .all(|(source, _)| source.starts_with("./") || file::volumes().contains(&source.to_owned()))
        );
        assert_eq!(service.stop_grace_period, "30s", "{name}");
        assert!(!service.mem_limit.is_empty(), "{name}");
        assert_eq!(service.restart == "unless-stopped", service.healthcheck.is_some(), "{name}");
        assert_eq!(service.network_mode.is_some(), name == "secrets", "{name}");
        assert_eq!(service.shm_size.is_some(), name == "postgres", "{name}");
    }
    let shared: BTreeSet<_> = services()["secrets"].mounts().map(|(volume, _)| volume.to_owned()).collect();
    for (name, service) in services().into_iter().filter(|(name, _)| name != "secrets") {
        let secrets: Vec<_> = service.volumes.iter().filter(|volume| volume.starts_with("secrets-")).collect();
        let own = name.trim_end_matches("-2");
        assert_eq!(secrets, [&format!("secrets-{own}:/run/secrets:ro")], "{name}");
        assert!(shared.contains(&format!("secrets-{own}")), "{name}");
    }
}

/// `bibliotique health` gives up after ten seconds: it must not be cut off before it can say why.
#[test]
fn a_health_command_has_time_to_say_why() {
    for (name, service) in services() {
        let Some(check) = &service.healthcheck else { continue };
        let seconds = |text: &str| text.strip_suffix('s').unwrap().parse::<u32>().unwrap();
        assert!(!service.is_ours() || seconds(&check.timeout) > 10, "{name}");
        assert!(seconds(&check.interval) * check.retries < 30, "{name} is called healthy for too long");
        assert!(seconds(&check.start_period) >= 60, "{name}");
    }
}

#[test]
fn both_of_two_replicas_are_the_same() {
    let services = services();
    for role in ["identity", "catalog", "lending", "gateway"] {
        let (first, second) = (&services[role], &services[&format!("{role}-2")]);
        assert_eq!((&first.command, &first.environment), (&second.command, &second.environment));
        let addresses = file::variables("deploy/replicas.env");
        if role != "gateway" {
            let at = &addresses[&format!("BIBLIOTIQUE_{}_AT", role.to_uppercase())];
            assert!(at.split(',').map(|at| at.split_once(':').unwrap().0).eq([role, &format!("{role}-2")]), "{at}");
        }
    }
}

#[test]
fn the_image_is_built_from_what_there_is() {
    let dockerfile = text("Dockerfile");
    let let_in = text(".dockerignore");
    let from_the_source = |line: &&str| line.starts_with("COPY ") && !line.contains("--from=");
    let mut copied: Vec<&str> = Vec::new();
    for line in dockerfile.lines().filter(from_the_source) {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        copied.extend(&words[..words.len() - 1]);
    }
    for source in &copied {
        assert!(root().join(source).exists(), "{source}");
        assert!(let_in.lines().any(|line| line == format!("!{source}")), "{source} is not let into the build");
    }
    let manifest = text("Cargo.toml");
    let members = manifest.split_once("members = [").unwrap().1.split_once(']').unwrap().0;
    for member in members.split(',').map(|member| member.trim().trim_matches('"')) {
        assert!(copied.iter().any(|source| member.split('/').next() == Some(source)), "{member}");
    }
    assert!(dockerfile.contains("/image/usr/local/bin/bibliotique"));
    assert!(dockerfile.contains(r#"ENTRYPOINT ["/usr/local/bin/bibliotique"]"#));
    let volumes = services()["secrets"].volumes.clone();
    for volume in &volumes {
        let target = volume.split(':').nth(1).unwrap();
        assert!(dockerfile.contains(&format!("/image{target}")), "{target} would be made by root");
    }
}
