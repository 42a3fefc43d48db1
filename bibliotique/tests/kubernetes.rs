//! The manifests under deploy/kubernetes: that they name what there is. Whether they fit the schemas, .ci/manifests looks.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use bibliotique::cli::Cli;
use clap::{Command, CommandFactory as _};
use serde::Deserialize as _;
use serde_yaml_ng::{Deserializer, Value};

const ROLES: [(&str, u64); 4] = [("identity", 50051), ("catalog", 50052), ("lending", 50053), ("gateway", 8888)];

/// What kustomization.yaml does not take in by itself.
const BACKUP: &str = "backup.yaml";

const NAME: &str = "app.kubernetes.io/name";

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/kubernetes")
}

fn file(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(directory().join(name)).unwrap();
    Deserializer::from_str(&text).map(|document| Value::deserialize(document).unwrap()).collect()
}

fn names(value: &Value) -> Vec<&str> {
    value.as_sequence().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

/// What kustomization.yaml takes in.
fn manifests() -> Vec<Value> {
    names(&file("kustomization.yaml")[0]["resources"]).into_iter().flat_map(file).collect()
}

fn of_kind<'a>(kind: &'a str, manifests: &'a [Value]) -> impl Iterator<Item = &'a Value> {
    manifests.iter().filter(move |manifest| manifest["kind"] == kind)
}

fn one<'a>(kind: &str, name: &str, manifests: &'a [Value]) -> &'a Value {
    let is_it = |manifest: &&Value| manifest["kind"] == kind && manifest["metadata"]["name"] == name;
    manifests.iter().find(is_it).unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// The variables of a role, as its container has them.
fn variables(role: &str, manifests: &[Value]) -> BTreeMap<String, String> {
    let container = &one("Deployment", role, manifests)["spec"]["template"]["spec"]["containers"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let settings = container["envFrom"][0]["configMapRef"]["name"].as_str().unwrap();
    let common = one("ConfigMap", settings, manifests)["data"].as_mapping().unwrap().clone();
    let mut variables: BTreeMap<_, _> = common.iter().map(|(name, value)| (text(name), text(value))).collect();
    let own = container["env"].as_sequence().unwrap().iter();
    variables.extend(own.map(|variable| (text(&variable["name"]), text(&variable["value"]))));
    variables
}

fn settings(command: &Command, plain: &mut BTreeSet<String>, files: &mut BTreeSet<String>) {
    for argument in command.get_arguments().filter(|argument| argument.get_env().is_some()) {
        match shared::secret::file_variable(argument) {
            Some(variable) => files.insert(variable),
            None => plain.insert(argument.get_env().unwrap().to_str().unwrap().to_owned()),
        };
    }
    command.get_subcommands().for_each(|command| settings(command, plain, files));
}

/// What `bibliotique secrets` puts into the directory of each role.
fn secrets_made() -> tempfile::TempDir {
    let made = tempfile::tempdir().unwrap();
    let arguments = ["bibliotique", "secrets", made.path().to_str().unwrap()];
    let Some(bibliotique::cli::Command::Secrets(args)) = Cli::try_read_from(arguments).unwrap().command else {
        panic!("another command")
    };
    bibliotique::deployment::run(&args).unwrap();
    made
}

#[test]
fn every_file_is_taken_in() {
    let taken: BTreeSet<String> =
        names(&file("kustomization.yaml")[0]["resources"]).into_iter().map(str::to_owned).collect();
    let all = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut manifests: BTreeSet<String> = all.filter(|name| name != "kustomization.yaml").collect();
    assert!(manifests.remove(BACKUP), "its place is the operator's to name first");
    assert_eq!(manifests, taken);
}

#[test]
fn a_backup_has_the_operators_image_secrets_and_rights() {
    let (manifests, kustomization) = (file(BACKUP), file("kustomization.yaml").remove(0));
    let job = &one("CronJob", "backup", &manifests)["spec"]["jobTemplate"]["spec"]["template"];
    let pod = &job["spec"];
    let container = &pod["containers"][0];
    let images = kustomization["images"].as_sequence().unwrap();
    assert!(images.iter().any(|image| image["name"] == container["image"]), "an image from nowhere");
    assert!(
        container["image"] == "bibliotique-operator" && container["command"][2].as_str().unwrap().contains("/backups/")
    );

    let made = secrets_made();
    let kept = &pod["volumes"][0]["secret"];
    let keys: BTreeSet<&str> =
        kept["items"].as_sequence().unwrap().iter().map(|item| item["key"].as_str().unwrap()).collect();
    assert!(kept["secretName"] == "operator" && keys.iter().all(|key| made.path().join("operator").join(key).exists()));
    let files = container["env"].as_sequence().unwrap().iter().map(|variable| variable["value"].as_str().unwrap());
    assert_eq!(files.map(|file| file.strip_prefix("/run/secrets/").unwrap()).collect::<BTreeSet<_>>(), keys);
    let (mut plain, mut secret) = Default::default();
    settings(&Cli::command(), &mut plain, &mut secret);
    for variable in container["env"].as_sequence().unwrap() {
        assert!(secret.contains(variable["name"].as_str().unwrap()), "{variable:?}");
    }

    can_do_no_more_than_it_has_to(pod);
    let claim = &pod["volumes"][1]["persistentVolumeClaim"]["claimName"];
    one("PersistentVolumeClaim", claim.as_str().unwrap(), &manifests);
    let policy = &one("NetworkPolicy", "backup", &manifests)["spec"];
    assert_eq!(policy["podSelector"]["matchLabels"][NAME], job["metadata"]["labels"][NAME]);
    assert!(policy["ingress"].is_null() && policy["egress"][0]["ports"][0]["port"] == 5432);
}

/// Figures are read where the roles have them, by nobody but who watches.
#[test]
fn figures_are_where_prometheus_looks_for_them() {
    let manifests = manifests();
    for (role, _) in ROLES {
        let port = variables(role, &manifests)["BIBLIOTIQUE_METRICS_ADDR"].strip_prefix("0.0.0.0:").unwrap().to_owned();
        let template = &one("Deployment", role, &manifests)["spec"]["template"];
        let annotations = &template["metadata"]["annotations"];
        assert_eq!(annotations["prometheus.io/port"], port.as_str(), "{role}");
        assert_eq!(
            (&annotations["prometheus.io/scrape"], &annotations["prometheus.io/path"]),
            (&"true".into(), &"/metrics".into())
        );
        let ports = template["spec"]["containers"][0]["ports"].as_sequence().unwrap();
        let metrics = ports.iter().find(|port| port["name"] == "metrics").unwrap();
        let policy = &one("NetworkPolicy", "watching", &manifests)["spec"];
        let let_in = &policy["ingress"][0];
        assert_eq!(metrics["containerPort"].as_u64().unwrap().to_string(), port);
        assert_eq!(let_in["ports"][0]["port"], metrics["containerPort"]);
        assert!(!let_in["from"][0]["namespaceSelector"]["matchLabels"].is_null() && policy["egress"].is_null());
        let (label, value) = policy["podSelector"]["matchLabels"].as_mapping().unwrap().iter().next().unwrap();
        assert_eq!(template["metadata"]["labels"][label], *value, "{role}");
    }
}

#[test]
fn every_variable_is_a_setting_and_every_secret_a_file_of_the_roles_own() {
    let (manifests, mut plain, mut files) = (manifests(), BTreeSet::new(), BTreeSet::new());
    settings(&Cli::command(), &mut plain, &mut files);
    let made = secrets_made();

    for (role, _) in ROLES {
        let pod = &one("Deployment", role, &manifests)["spec"]["template"]["spec"];
        assert_eq!(pod["volumes"][0]["secret"]["secretName"], role);
        assert_eq!(pod["containers"][0]["volumeMounts"][0]["mountPath"], "/run/secrets");
        for (variable, value) in variables(role, &manifests) {
            assert!(plain.contains(&variable) || files.contains(&variable), "{role}: {variable}");
            if let Some(name) = value.strip_prefix("/run/secrets/") {
                assert!(made.path().join(role).join(name).exists(), "{role} has no {name}");
            }
        }
    }
}

#[test]
fn every_role_is_where_the_others_look_for_it() {
    let manifests = manifests();
    for (role, port) in ROLES {
        let deployment = one("Deployment", role, &manifests);
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(names(&container["args"]), ["serve", role]);
        assert_eq!(container["ports"][0]["containerPort"], port);
        let listens = if role == "gateway" { "HTTP".to_owned() } else { role.to_uppercase() };
        let variable = format!("BIBLIOTIQUE_{listens}_ADDR");
        assert_eq!(variables(role, &manifests)[&variable], format!("0.0.0.0:{port}"));

        let service = &one("Service", role, &manifests)["spec"]["ports"][0];
        assert_eq!(service["targetPort"], container["ports"][0]["name"]);
        if role != "gateway" {
            assert_eq!(
                variables("gateway", &manifests)[&variable],
                format!("{role}:{}", service["port"].as_u64().unwrap())
            );
        }
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            let probe = &container[probe];
            let asked =
                [&probe["httpGet"]["port"], &probe["tcpSocket"]["port"]].into_iter().find(|port| !port.is_null());
            match asked {
                Some(port) => assert_eq!(port, &container["ports"][0]["name"]),
                None => assert_eq!(names(&probe["exec"]["command"]), ["bibliotique", "health", role]),
            }
        }
    }
}

#[test]
fn every_selector_finds_what_it_is_for() {
    let manifests = manifests();
    let labels = |role: &str| one("Deployment", role, &manifests)["spec"]["template"]["metadata"]["labels"].clone();
    for (role, _) in ROLES {
        let deployment = &one("Deployment", role, &manifests)["spec"];
        let service = &one("Service", role, &manifests)["spec"];
        let budget = &one("PodDisruptionBudget", role, &manifests)["spec"];
        for selector in
            [&deployment["selector"]["matchLabels"], &service["selector"], &budget["selector"]["matchLabels"]]
        {
            let wanted = selector.as_mapping().unwrap();
            assert!(!wanted.is_empty() && wanted.iter().all(|(name, value)| labels(role)[name] == *value), "{role}");
        }
        assert!(budget["minAvailable"].as_u64() < deployment["replicas"].as_u64(), "{role} could never be moved");
    }
}

/// Who may call whom is who calls whom: both ends of every way are open, at the port where the other listens.
#[test]
fn every_role_reaches_those_that_it_calls_and_nobody_else() {
    const CALLS: [(&str, &str); 6] = [
        ("gateway", "identity"),
        ("gateway", "catalog"),
        ("gateway", "lending"),
        ("identity", "lending"),
        ("catalog", "lending"),
        ("lending", "identity"),
    ];
    let manifests = manifests();
    let ports: BTreeMap<&str, u64> = ROLES.into();
    let (mut leave, mut enter) = (BTreeSet::new(), BTreeSet::new());
    let nobody = &one("NetworkPolicy", "nobody", &manifests)["spec"];
    assert_eq!((nobody["podSelector"].as_mapping().unwrap().len(), nobody["ingress"].is_null()), (0, true));
    for (role, _) in ROLES {
        let policy = &one("NetworkPolicy", role, &manifests)["spec"];
        assert_eq!(policy["podSelector"]["matchLabels"][NAME], role);
        for rule in policy["egress"].as_sequence().unwrap().iter().filter(|rule| !rule["to"].is_null()) {
            let to = rule["to"][0]["podSelector"]["matchLabels"][NAME].as_str().unwrap();
            assert_eq!(rule["ports"][0]["port"], ports[to]);
            leave.insert((role, to));
        }
        for rule in policy["ingress"].as_sequence().unwrap() {
            assert_eq!(rule["ports"][0]["port"], ports[role]);
            if role != "gateway" {
                let from = &rule["from"][0]["podSelector"]["matchExpressions"][0];
                assert_eq!((&from["key"], &from["operator"]), (&NAME.into(), &"In".into()));
                enter.extend(names(&from["values"]).into_iter().map(|from| (from, role)));
            }
        }
    }
    assert_eq!((leave, enter), (CALLS.into(), CALLS.into()));
}

#[test]
fn every_role_can_do_no_more_than_it_has_to() {
    let manifests = manifests();
    for deployment in of_kind("Deployment", &manifests) {
        can_do_no_more_than_it_has_to(&deployment["spec"]["template"]["spec"]);
    }
}

fn can_do_no_more_than_it_has_to(pod: &Value) {
    let container = &pod["containers"][0];
    let (pods, containers) = (&pod["securityContext"], &container["securityContext"]);
    assert_eq!((&pods["runAsNonRoot"], &pods["seccompProfile"]["type"]), (&true.into(), &"RuntimeDefault".into()));
    assert_eq!(containers["readOnlyRootFilesystem"], true);
    assert_eq!(containers["allowPrivilegeEscalation"], false);
    assert_eq!(names(&containers["capabilities"]["drop"]), ["ALL"]);
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert!(!container["resources"]["limits"]["memory"].is_null());
}
