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
        for (variable, value) in &service.environment {
            let is_secret = settings.get(variable).is_some_and(|setting| setting.is_hide_env_values_set());
            assert!(!is_secret || value.is_none(), "{name}: {variable} is a secret in plain sight");
            assert!(settings.contains_key(variable) || files.contains(variable), "{name}: {variable}");
        }
    }
}

/// Settings that have no place in the file: what only a suite in one process keeps, and the first admin, whom the operator makes.
const ELSEWHERE: [&str; 4] =
    ["BIBLIOTIQUE_DATA_DIR", "BIBLIOTIQUE_ADMIN_EMAIL", "BIBLIOTIQUE_ADMIN_USERNAME", "BIBLIOTIQUE_ADMIN_PASSWORD"];

#[test]
fn every_setting_of_a_role_can_be_set_and_stays_what_it_is_by_default_where_nobody_sets_it() {
    let command = Cli::command();
    let serve = command.find_subcommand("serve").unwrap();
    let has = |variable: &str| services().values().any(|service| service.environment.contains_key(variable));
    for argument in serve.get_arguments() {
        let Some(variable) = argument.get_env().and_then(|variable| variable.to_str()) else { continue };
        let file = shared::secret::file_variable(argument);
        let in_the_file = file.as_deref().unwrap_or(variable);
        assert_eq!(has(in_the_file), !ELSEWHERE.contains(&variable), "{variable}");
    }

    let given = BTreeMap::from([("BIBLIOTIQUE_LOAN_LIMIT".to_owned(), "3".to_owned())]);
    for (name, service) in file::services(&given) {
        let limit = service.variables().find(|(variable, _)| *variable == "BIBLIOTIQUE_LOAN_LIMIT");
        assert_eq!(limit.is_some_and(|(_, limit)| limit == "3"), name.starts_with("lending"), "{name}");
    }
    assert!(services()["lending"].variables().all(|(variable, _)| variable != "BIBLIOTIQUE_LOAN_LIMIT"));
}

/// Two that build one name at the same time are in each other's way.
#[test]
fn each_image_is_built_once_and_by_whoever_starts_first() {
    let services = services();
    let dockerfile = text("Dockerfile");
    let ours = services.values().filter(|service| service.is_ours()).map(|service| service.image.as_str());
    for image in ours.collect::<BTreeSet<_>>() {
        let makers: Vec<_> =
            services.iter().filter(|(_, service)| service.image == image && service.build.is_some()).collect();
        let [(name, maker)] = makers.as_slice() else { panic!("{image} has {} makers", makers.len()) };
        let users = services.iter().filter(|(user, service)| service.image == image && user != name);
        for (user, service) in users {
            assert!(maker.profiles.is_empty() && needs(&services, service, name), "{user} may come before {image}");
        }
        let build = maker.build.as_ref().unwrap();
        let stage = format!(" AS {}\n", build.target);
        assert!(build.context == "." && dockerfile.contains(&stage), "{image}: {build:?}");
    }
}

/// Whether a service waits for another one, by way of others too.
fn needs(services: &Services, service: &file::Service, other: &str) -> bool {
    service.depends_on.keys().any(|name| name == other || needs(services, &services[name], other))
}

#[test]
fn what_services_say_is_kept_within_bounds() {
    for (name, service) in services() {
        assert_eq!(service.logging.driver, "local", "{name}");
        assert!(["max-size", "max-file"].iter().all(|bound| service.logging.options.contains_key(*bound)), "{name}");
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
        assert!(!service.is_ours() || service.cap_add.is_empty(), "{name}");
        assert_eq!(service.tmpfs.is_empty(), !["postgres", "operator"].contains(&name.as_str()), "{name}");
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
        let seconds = |text: &str| match text.strip_suffix('m') {
            Some(minutes) => minutes.parse::<u32>().unwrap() * 60,
            None => text.strip_suffix('s').unwrap().parse().unwrap(),
        };
        assert!(!service.is_ours() || seconds(&check.timeout) > 10, "{name}");
        assert!(seconds(&check.interval) * check.retries < 30, "{name} is called healthy for too long");
        // Migrations and crash recovery take long on a large database. A gateway has neither.
        let at_least = if name.starts_with("gateway") { 60 } else { 600 };
        assert!(seconds(&check.start_period) >= at_least, "{name}");
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
    // The server's image is the operator's too, but for its entry point and its user, which may prepare a server's data.
    let (_, images) = dockerfile.split_once("\nFROM ").unwrap();
    for image in images.split("\nFROM ").skip(1) {
        for line in [
            r#"ENTRYPOINT ["/usr/local/bin/bibliotique"]"#,
            "USER 65532:65532",
            "COPY --from=builder /image/usr/ /usr/",
        ] {
            assert!(image.contains(line), "{line} is missing in {image}");
        }
    }
    let server = services()["postgres"].image.clone();
    assert!(images.contains(&format!("\nFROM {server} AS operator\n")), "another version than {server}");
    let volumes = services()["secrets"].volumes.clone();
    for volume in &volumes {
        let target = volume.split(':').nth(1).unwrap();
        assert!(dockerfile.contains(&format!("/image{target}")), "{target} would be made by root");
    }
}
