//! docker-compose.yml, read as Compose reads it. A key that is not known here fails the tests: it would not be tested.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde::Deserialize;
use serde_yaml_ng::Value;

/// The services of docker-compose.yml, by their names.
pub type Services = BTreeMap<String, Service>;

/// A service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub image: String,
    pub build: Option<Build>,
    pub command: Vec<String>,
    pub restart: String,
    pub read_only: bool,
    pub cap_drop: Vec<String>,
    #[serde(default)]
    pub cap_add: Vec<String>,
    pub security_opt: Vec<String>,
    pub stop_grace_period: String,
    pub mem_limit: String,
    pub shm_size: Option<String>,
    pub network_mode: Option<String>,
    #[serde(default)]
    pub networks: Vec<String>,
    #[serde(default)]
    pub tmpfs: Vec<String>,
    /// A variable without a value comes from the environment of Compose.
    #[serde(default)]
    pub environment: BTreeMap<String, Option<String>>,
    #[serde(default)]
    pub volumes: Vec<String>,
    #[serde(default)]
    pub ports: Vec<String>,
    #[serde(default)]
    pub depends_on: BTreeMap<String, Dependency>,
    #[serde(default)]
    pub profiles: Vec<String>,
    pub healthcheck: Option<Healthcheck>,
    pub logging: Logging,
}

/// What an image is made of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    pub context: String,
    pub target: String,
}

/// Where what a service says is kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logging {
    pub driver: String,
    pub options: BTreeMap<String, String>,
}

/// What has to be so before a service starts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    pub condition: Condition,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    ServiceCompletedSuccessfully,
    ServiceHealthy,
}

/// How a service is asked whether it is well.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Healthcheck {
    pub test: Vec<String>,
    pub interval: String,
    pub timeout: String,
    pub retries: u32,
    pub start_period: String,
}

/// The directory of docker-compose.yml.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file beside docker-compose.yml.
pub fn text(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// What stands in an environment file.
pub fn variables(name: &str) -> BTreeMap<String, String> {
    let lines = text(name);
    let assignments = lines.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    assignments.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What docker-compose.yml says with these variables.
pub fn services(variables: &BTreeMap<String, String>) -> Services {
    let mut file: Value = serde_yaml_ng::from_str(&interpolated(&text("docker-compose.yml"), variables)).unwrap();
    // A merged mapping may merge another one.
    loop {
        let before = file.clone();
        file.apply_merge().unwrap();
        if file == before {
            break;
        }
    }
    let mut services: Services = serde_yaml_ng::from_value(file["services"].clone()).unwrap();
    for (name, value) in services.values_mut().flat_map(|service| &mut service.environment) {
        if value.is_none() {
            *value = variables.get(name).cloned();
        }
    }
    services
}

/// The names of the volumes.
pub fn volumes() -> Vec<String> {
    let file: Value = serde_yaml_ng::from_str(&text("docker-compose.yml")).unwrap();
    let names = file["volumes"].as_mapping().unwrap().keys();
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// `${NAME:-default}`, the one form that is used.
fn interpolated(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut parts = text.split("${");
    let mut whole = parts.next().unwrap().to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}').unwrap();
        let (name, default) = variable.split_once(":-").unwrap();
        whole.push_str(variables.get(name).map_or(default, String::as_str));
        whole.push_str(rest);
    }
    whole
}

impl Service {
    /// Whether it is started, with these profiles.
    pub fn is_in(&self, profiles: &[&str]) -> bool {
        self.profiles.is_empty() || self.profiles.iter().any(|profile| profiles.contains(&profile.as_str()))
    }

    /// Whether it runs an image of ours.
    pub fn is_ours(&self) -> bool {
        self.image.starts_with("bibliotique")
    }

    /// The variables that it has.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.environment.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?)))
    }

    /// What it sees of volumes, of the source, and of other directories: from where, and where.
    pub fn mounts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.volumes.iter().map(|volume| {
            let mut parts = volume.split(':');
            (parts.next().unwrap(), parts.next().unwrap())
        })
    }
}
