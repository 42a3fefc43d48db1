//! A library whose four roles are processes of their own, each of which can die and come back.

use serde_json::{Value, json};
use shared::secret::{ExposeSecret as _, Secret};
use tempfile::TempDir;
use testing::{
    Database,
    suite::{ADMIN, Answer, beside},
};

use super::{PASSWORD, PATIENCE, Process, Setup, door::Door, eventually, free_address};

/// Which role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Identity,
    Catalog,
    Lending,
}

/// The processes, and a way in.
pub struct Library {
    identity: Process,
    catalog: Process,
    lending: Process,
    front: Setup,
    _gateway: Process,
    check: Setup,
    /// The way in.
    pub door: Door,
    /// A token of the admin.
    pub admin: String,
}

impl Library {
    /// Opens one on a database.
    pub async fn open(directory: &TempDir, database: &Database) -> Self {
        database.make_schema("catalog").await;
        database.make_schema("lending").await;
        let url = |role: &str| -> Secret { beside(database.url(), role) };
        let (catalog_url, lending_url) = (url("catalog"), url("lending"));
        let (catalog_url, lending_url) = (catalog_url.expose_secret(), lending_url.expose_secret());
        let [identity_at, catalog_at, lending_at] = [free_address(), free_address(), free_address()];
        let on_these = |setup: Setup| {
            setup
                .with("IDENTITY_ADDR", &identity_at)
                .with("CATALOG_ADDR", &catalog_at)
                .with("LENDING_ADDR", &lending_at)
        };
        let identity = on_these(Setup::identity(directory, database.url()).with_admin()).start().await;
        let lending = on_these(Setup::lending(directory, lending_url, &identity_at)).start().await;
        let catalog = on_these(Setup::catalog(directory, catalog_url, &lending_at)).start().await;
        let front = on_these(Setup::gateway(directory, &identity_at));
        let gateway = front.start().await;
        let check = Setup::new(directory, &["check"])
            .with("IDENTITY_DATABASE_URL", database.url())
            .with("CATALOG_DATABASE_URL", catalog_url)
            .with("LENDING_DATABASE_URL", lending_url);
        let door = gateway.door();
        eventually(PATIENCE, "the gateway is ready", async || door.is_ready().await).await;
        let admin = door.token(ADMIN, PASSWORD).await;
        Self { identity, catalog, lending, front, _gateway: gateway, check, door, admin }
    }

    /// A second gateway in front of the same roles.
    pub async fn another_gateway(&self) -> Process {
        let gateway = self.front.start().await;
        let door = gateway.door();
        eventually(PATIENCE, "the second gateway is ready", async || door.is_ready().await).await;
        gateway
    }

    fn process(&mut self, role: Role) -> &mut Process {
        match role {
            Role::Identity => &mut self.identity,
            Role::Catalog => &mut self.catalog,
            Role::Lending => &mut self.lending,
        }
    }

    /// Kills a role, as a power cut would.
    pub fn kill(&mut self, role: Role) {
        self.process(role).kill();
    }

    /// Stops a role: its connections stay, and nothing comes back over them.
    pub fn stop(&mut self, role: Role) {
        self.process(role).signal("STOP");
    }

    /// A role that was stopped goes on.
    pub fn go_on(&mut self, role: Role) {
        self.process(role).signal("CONT");
    }

    /// Ends a role in order and starts it again.
    pub async fn end_and_restart(&mut self, role: Role) {
        self.process(role).restart(PATIENCE).await;
    }

    /// A role comes again, and dies at this point when it comes to it.
    pub async fn doom(&mut self, role: Role, point: &str) {
        let process = self.process(role);
        process.kill();
        *process = process.again().clone().with("CRASH_AT", point).start().await;
        // The gateway may still hold connections to the one before, and sends what is no mere question over each only once.
        let question = match role {
            Role::Identity => "/api/clients/me",
            Role::Catalog => "/api/livres?limit=1",
            Role::Lending => "/api/emprunts?limit=1",
        };
        for _ in 0..16 {
            self.insist("GET", question, &self.admin, "", None).await;
        }
    }

    /// Waits for a role to die; then it comes again.
    pub async fn revive(&mut self, role: Role) {
        let process = self.process(role);
        process.ends(PATIENCE).await;
        *process = process.again().clone().with("CRASH_AT", "").start().await;
    }

    /// A role that was killed comes again.
    pub async fn restart(&mut self, role: Role) {
        let process = self.process(role);
        *process = process.again().start().await;
    }

    /// Asks once; `None` when nobody answers.
    pub async fn ask(&self, method: &str, path: &str, token: &str, key: &str, body: Option<&Value>) -> Option<Answer> {
        let mut request = self.door.request(method, path).bearer_auth(token);
        if !key.is_empty() {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Some(Answer { status, headers, text: response.text().await.ok()? })
    }

    /// Asks until the answer is not that something is away.
    pub async fn insist(&self, method: &str, path: &str, token: &str, key: &str, body: Option<&Value>) -> Answer {
        let mut answer = None;
        eventually(PATIENCE, &format!("{method} {path} is answered"), async || {
            answer = self.ask(method, path, token, key, body).await;
            // 409: the gateway still waits for the one before.
            answer.as_ref().is_some_and(|answer| answer.status != 503 && !answer.text.contains("still running"))
        })
        .await;
        answer.unwrap()
    }

    /// A new book with so many copies; its id.
    pub async fn book(&self, title: &str, copies: i64) -> String {
        let made = self.insist("POST", "/api/livres", &self.admin, "", Some(&livre(title, copies))).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()["data"]["livre"]["_id"].as_str().unwrap().to_owned()
    }

    /// How many copies of a book there are, and can be borrowed; `None` when it is gone.
    pub async fn copies(&self, book: &str) -> Option<(i64, i64)> {
        let answer = self.insist("GET", &format!("/api/livres/{book}"), &self.admin, "", None).await;
        let livre = &answer.json()["data"]["livre"];
        (answer.status == 200).then(|| (livre["exemplaires"].as_i64().unwrap(), livre["quantite"].as_i64().unwrap()))
    }

    /// A book comes to be shown with so many copies, of which so many can be borrowed. While lending takes longer to answer than a
    /// page waits for it, as on a busy machine, it is shown with what catalog has heard.
    pub async fn comes_to_show(&self, book: &str, copies: (i64, i64), after: &str) {
        let shows = async || self.copies(book).await == Some(copies);
        eventually(PATIENCE, &format!("{copies:?} are shown after {after}"), shows).await;
    }

    /// Within thirty seconds everything fits together, by itself.
    pub async fn comes_into_order(&self, after: &str) {
        eventually(PATIENCE, &format!("everything fits together after {after}"), async || {
            let checked = self.check.run().await;
            if !checked.status.success() {
                eprintln!("after {after}: {}", checked.said);
            }
            checked.status.success()
        })
        .await;
    }
}

/// A book for a body.
pub fn livre(title: &str, copies: i64) -> Value {
    json!({
        "isbn": "", "titre": title, "auteur": "Albert Camus", "anneePublication": 1942, "editeur": "Gallimard",
        "langue": "fr", "quantite": copies,
    })
}
