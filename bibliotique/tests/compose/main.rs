//! docker-compose.yml, tried without Docker: what stands there is what is started, only as plain processes.
#![expect(clippy::unwrap_used, reason = "a test")]

mod file;
mod library;
mod load;
mod machine;
#[expect(dead_code, reason = "each test file uses its part of the harness")]
#[path = "../process/mod.rs"]
mod process;
mod recovery;
mod words;

use std::{collections::BTreeSet, fs, sync::Arc, time::Duration};

use library::Doors;
use load::Load;
use machine::Machine;
use sqlx::{Connection as _, PgConnection};
use testing::suite::ADMIN;
use tokio::time::sleep;

/// How long it goes on before somebody dies, and before he comes again.
const A_WHILE: Duration = Duration::from_millis(1200);

/// Two of each role, as `docker compose --env-file deploy/replicas.env --profile replicas up` starts them, and the doors of
/// both gateways; and a token of an admin whom the operator's command has made.
async fn two_of_each() -> Option<(Machine, Arc<Doors>, String)> {
    let machine = Machine::start(&["replicas"], Some("deploy/replicas.env")).await?;
    assert_eq!(machine.running().len(), 8, "{:?}", machine.running());
    let doors = Arc::new(Doors::new(vec![machine.door("gateway"), machine.door("gateway-2")]));
    let made = machine.run("operator", &["admin", "create", "--email", ADMIN]);
    assert!(made.status.success(), "{}", made.logged);
    let password = made.said.split_whitespace().last().unwrap();
    let admin = doors.next().token(ADMIN, password).await;
    Some((machine, doors, admin))
}

fn everything_fits(machine: &Machine) {
    let checked = machine.run("operator", &["check"]);
    assert!(checked.status.success(), "{}{}", checked.said, checked.logged);
    assert_eq!(checked.said, "Everything fits together.\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_two_of_each_role_the_whole_library_works_through_either_gateway() {
    let Some((machine, doors, admin)) = two_of_each().await else { return };

    library::all_of_it(&doors, &admin).await;

    everything_fits(&machine);
    for name in machine.running() {
        assert!(!machine.logged(&name).contains("not let in"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_process_dies_under_load_nothing_acknowledged_is_lost_or_there_twice() {
    let Some((mut machine, doors, admin)) = two_of_each().await else { return };
    let books = [load::book(&doors, &admin, "La Peste").await, load::book(&doors, &admin, "La Chute").await];

    let load = Load::begin(&doors, &books);
    for name in machine.running() {
        sleep(A_WHILE).await;
        machine.kill(&name);
        sleep(A_WHILE).await;
        machine.spawn(&name);
        machine.is_healthy(&name).await;
    }
    sleep(A_WHILE).await;
    machine.crash_postgres();
    sleep(A_WHILE).await;
    machine.recover_postgres().await;
    for name in machine.running() {
        machine.is_healthy(&name).await;
    }
    sleep(A_WHILE).await;
    let acknowledged = load.end().await;

    let accounts = load::whole_list(&doors, &admin, "/api/clients", "clients").await;
    let emails: BTreeSet<&str> = accounts.iter().filter_map(|client| client["email"].as_str()).collect();
    let known: BTreeSet<&str> = acknowledged.accounts.iter().map(String::as_str).chain([ADMIN]).collect();
    assert_eq!((&emails, accounts.len()), (&known, known.len()));
    let loans = load::whole_list(&doors, &admin, "/api/emprunts", "emprunts").await;
    let kept = loans.iter().map(|loan| (loan["_id"].as_str().unwrap().to_owned(), loan["statut"] == "retourné"));
    assert_eq!((kept.collect(), loans.len()), (acknowledged.loans.clone(), acknowledged.loans.len()));
    everything_fits(&machine);
    assert!(accounts.len() > 8 && loans.len() > 8, "it was no load");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_is_healthy_by_its_own_command_only_while_it_serves() {
    let Some(mut machine) = Machine::start(&[], None).await else { return };
    let mut superuser = machine.superuser().await;
    for (setting, value) in [("max_connections", "200"), ("data_checksums", "on")] {
        let asked = sqlx::query_scalar("SELECT current_setting($1)").bind(setting);
        let is: String = asked.fetch_one(&mut superuser).await.unwrap();
        assert_eq!(is, value, "PostgreSQL is not what the file says: {setting}");
    }

    for name in ["gateway", "lending", "catalog", "identity"] {
        assert!(machine.health(name).success(), "{name}");
        let log = machine.logged(name);
        let is_json = |line: &str| line.starts_with('{') || line.starts_with("bibliotique ");
        assert!(log.lines().all(is_json), "{name} logs something else: {log}");
        assert!(machine.figures(name).await.contains("bibliotique_"), "{name} has no figures");
        machine.kill(name);
        assert!(!machine.health(name).success(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_without_a_certificate_of_the_same_authority() {
    let Some(machine) = Machine::start(&[], None).await else { return };
    let elsewhere = machine.volume("database", "elsewhere");
    let path = elsewhere.display().to_string();
    assert!(machine.run("secrets", &["certs", &path]).status.success());
    let [ca, certificate, key] = ["ca.crt", "tls.crt", "tls.key"].map(|file| elsewhere.join("gateway").join(file));
    let tls = ["BIBLIOTIQUE_TLS_CA", "BIBLIOTIQUE_TLS_CERT", "BIBLIOTIQUE_TLS_KEY"];

    for role in ["identity", "catalog", "lending"] {
        let ours = machine.run("gateway", &["health", role]);
        assert!(ours.status.success(), "{}", ours.logged);

        let without = machine.run_without("gateway", &["health", role], &tls);
        let foreign = [(tls[0], &*ca), (tls[1], &*certificate), (tls[2], &*key)];
        let foreign = machine.run_with("gateway", &["health", role], &foreign);
        // This one believes the suite, but shows a certificate of another authority.
        let disguised = fs::read_to_string(machine.volume("secrets-gateway", "ca.crt")).unwrap();
        let both = elsewhere.join("both.crt");
        fs::write(&both, format!("{disguised}{}", fs::read_to_string(&ca).unwrap())).unwrap();
        let disguised = [(tls[0], &*both), (tls[1], &*certificate), (tls[2], &*key)];
        let disguised = machine.run_with("gateway", &["health", role], &disguised);

        for refused in [without, foreign, disguised] {
            assert!(!refused.status.success(), "{}", refused.said);
            let told = [
                "as when it wants TLS",
                "as when it does not take our certificate",
                "invalid peer certificate",
                "UnknownCA",
            ];
            assert_eq!(refused.logged.lines().count(), 1, "{}", refused.logged);
            assert!(told.iter().any(|why| refused.logged.contains(why)), "{}", refused.logged);
        }
        // It may hear of it after the other side has given up.
        let says_so = async || machine.logged(role).contains("not let in");
        process::eventually(process::PATIENCE, &format!("{role} says so"), says_so).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_services_database_user_reaches_its_own_database_alone() {
    let Some(machine) = Machine::start(&[], None).await else { return };
    let services = ["identity", "catalog", "lending"];
    for own in services {
        let url = fs::read_to_string(machine.volume(&format!("secrets-{own}"), "database_url")).unwrap();
        let (server, _) = url.rsplit_once('/').unwrap();

        PgConnection::connect(&format!("{server}/{own}")).await.unwrap().close().await.unwrap();

        for other in services.into_iter().chain(["postgres", "template1"]).filter(|other| *other != own) {
            let refused = PgConnection::connect(&format!("{server}/{other}")).await.unwrap_err();
            let code = refused.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
            assert_eq!(code, "42501", "{own} in {other}: {refused}");
        }
        let stranger = server.replacen(own, "postgres", 1);
        assert!(PgConnection::connect(&format!("{stranger}/{own}")).await.is_err(), "by another one's password");
    }
}
