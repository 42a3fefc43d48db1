//! The OpenAPI document (3.1) of everything that the gateway answers, made from the endpoints themselves, and the page to read it.

mod access;
mod answers;
mod body;
mod endpoint;
mod page;
pub mod schema;

use serde_json::{Map, Value, json};

pub use access::Access;
pub use answers::Answer;
pub use endpoint::{Endpoint, delete, get, patch, post, put};
pub use page::{Docs, DocsArgs, Page, endpoints, routes};

use crate::surfaces::{self, Surface};

/// The document.
fn document(endpoints: &[Endpoint]) -> Value {
    let schemas: Map<String, Value> = surfaces::schemas()
        .into_iter()
        .chain(shared_schemas())
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "bibliotique",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A lending platform behind five HTTP APIs. A token of one of them is good on all. Every answer has an `X-Request-Id`, \
                which a request may bring along. A path with another method is answered with 405 and `Allow`, in the words of its surface. \
                The paths of schools may end with a slash: `/v1/children/` is `/v1/children`.",
        },
        "servers": [{"url": "/"}],
        "tags": Surface::ALL.map(Surface::tag).map(|(name, description)| json!({"name": name, "description": description})),
        "paths": paths(endpoints),
        "components": {
            "schemas": schemas,
            "responses": responses(endpoints),
            "parameters": surfaces::parameters(),
            "headers": headers(),
            "securitySchemes": {
                "bearer": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "What `POST /api/clients/login` or `POST /v1/auth` answers.",
                },
                "apiKey": {
                    "type": "apiKey", "in": "header", "name": "x-api-key",
                    "description": "What an admin makes with `POST /api/admin/api-keys`.",
                },
            },
        },
    })
}

fn paths(endpoints: &[Endpoint]) -> Value {
    let mut paths = Map::new();
    for endpoint in endpoints {
        let (tag, _) = endpoint.surface().tag();
        let path = paths.entry(endpoint.path()).or_insert_with(|| Value::Object(Map::new()));
        if let Some(path) = path.as_object_mut() {
            path.insert(endpoint.method(), endpoint.operation(tag));
        }
    }
    Value::Object(paths)
}

/// What several endpoints answer alike.
fn responses(endpoints: &[Endpoint]) -> Map<String, Value> {
    endpoints.iter().flat_map(Endpoint::common_responses).collect()
}

fn shared_schemas() -> [(&'static str, Value); 2] {
    let token = json!({"type": "string", "pattern": "^[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+$", "description": "A JWT"});
    [("Id", schema::id_itself()), ("AccessToken", token)]
}

fn headers() -> Value {
    let header =
        |description: &str, schema: Value| json!({"description": description, "required": true, "schema": schema});
    json!({
        "X-Request-Id": header("What the log lines of this request carry in all roles", json!({"type": "string", "minLength": 1})),
        "X-Total-Count": header("Rows on all pages", json!({"type": "integer", "minimum": 0})),
        "Link": header("`first`, `prev`, `next` and `last` page (RFC 8288)", json!({"type": "string"})),
        "ETag": header("Names this state of it (RFC 9110, 8.8.3)", json!({"type": "string", "pattern": "^\"[^\"]*\"$"})),
        "Retry-After": {
            "description": "Seconds (RFC 9110, 10.2.3)",
            "schema": {"type": "integer", "minimum": 1},
        },
    })
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::{Path, PathBuf},
    };

    fn sources(directory: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
    }

    #[test]
    fn routes_are_made_of_endpoints_and_else_only_for_the_page() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let routes = format!(".{}(", "route");
        let making = sources(&root).into_iter().filter(|path| fs::read_to_string(path).unwrap().contains(&routes));
        let mut making: Vec<PathBuf> = making.map(|path| path.strip_prefix(&root).unwrap().to_owned()).collect();
        making.sort();

        // `Endpoint::route` is called where the application is put together.
        assert_eq!(making, ["lib.rs", "openapi/endpoint.rs", "openapi/page.rs"].map(PathBuf::from));
    }
}
