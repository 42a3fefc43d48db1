//! An endpoint: a route, and what the document says of it. They are declared together, and there is no other way to make a route.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Extension, Router,
    handler::Handler,
    http::Method,
    routing::{MethodFilter, MethodRouter, on},
};
use serde_json::{Value, json};

use super::{
    access::Access,
    answers::{Answer, Header, Refusal},
    body::Body,
};
use crate::{
    Shared,
    body::Limit,
    fault::{Ending, Fault, Reason},
    probes,
    surfaces::Surface,
};

/// See the module.
pub struct Endpoint {
    method: Method,
    path: &'static str,
    id: &'static str,
    handler: MethodRouter<Shared>,
    access: Access,
    limit: Option<usize>,
    slash: bool,
    summary: String,
    description: String,
    parameters: Vec<Value>,
    body: Option<Body>,
    answers: Vec<Answer>,
    refusals: Vec<Refusal>,
    headers: Vec<Header>,
}

/// An endpoint whose handler answers requests of this method.
fn endpoint<H, T>(method: Method, path: &'static str, id: &'static str, handler: H) -> Endpoint
where
    H: Handler<T, Shared>,
    T: 'static,
{
    let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
    Endpoint::new(method, path, id, on(filter, handler))
}

macro_rules! methods {
    ($($name:ident $method:ident)+) => {$(
        #[doc = concat!("`", stringify!($method), "`, with the id by which programs know the operation.")]
        pub fn $name<H, T>(path: &'static str, id: &'static str, handler: H) -> Endpoint
        where
            H: Handler<T, Shared>,
            T: 'static,
        {
            endpoint(Method::$method, path, id, handler)
        }
    )+};
}

methods! { get GET  post POST  put PUT  patch PATCH  delete DELETE }

impl Endpoint {
    /// An endpoint of a handler that already knows its method.
    pub fn new(method: Method, path: &'static str, id: &'static str, handler: MethodRouter<Shared>) -> Self {
        Self {
            method,
            path,
            id,
            handler,
            access: Access::Public,
            limit: None,
            slash: false,
            summary: String::new(),
            description: String::new(),
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            refusals: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// Who may use it; without this, everybody.
    #[must_use]
    pub fn access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// The largest body in bytes, where it is not the usual one.
    #[must_use]
    pub fn limit(self, bytes: usize) -> Self {
        Self { limit: Some(bytes), ..self }
    }

    /// A slash may follow the path.
    #[must_use]
    pub fn slash(self) -> Self {
        Self { slash: true, ..self }
    }

    /// What it does, in a few words.
    #[must_use]
    pub fn does(self, summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), ..self }
    }

    /// What else there is to say, in Markdown.
    #[must_use]
    pub fn notes(self, description: impl Into<String>) -> Self {
        Self { description: description.into(), ..self }
    }

    /// Parameters of the query and headers; those of the path are known.
    #[must_use]
    pub fn parameters(mut self, parameters: impl IntoIterator<Item = Value>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// It reads a body, which has to say something.
    #[must_use]
    pub fn reads(self, schema: Value) -> Self {
        Self { body: Some(Body::Fields { schema, is_required: true, examples: Vec::new() }), ..self }
    }

    /// It reads a body, if there is one.
    #[must_use]
    pub fn may_read(self, schema: Value) -> Self {
        Self { body: Some(Body::Fields { schema, is_required: false, examples: Vec::new() }), ..self }
    }

    /// It reads a body to see that there is nothing in it.
    #[must_use]
    pub fn reads_nothing(self) -> Self {
        Self { body: Some(Body::Nothing), ..self }
    }

    /// A body that a document prints.
    #[must_use]
    pub fn for_example(mut self, name: &'static str, body: Value) -> Self {
        if let Some(Body::Fields { examples, .. }) = &mut self.body {
            examples.push((name, body));
        }
        self
    }

    /// What it answers when it does what it was asked for.
    #[must_use]
    pub fn answers(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    /// What else it answers: in the words of its surface, or rendered already.
    #[must_use]
    pub fn refuses(mut self, no: impl Into<Ending>) -> Self {
        self.refusals.push(Refusal::of(self.surface(), no.into()));
        self
    }

    /// Headers on each of its answers.
    #[must_use]
    pub fn always_with(mut self, headers: impl IntoIterator<Item = Header>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// The refusals of a new password that is too weak, by the policy that is set, and of too many guesses at the old one.
    #[must_use]
    pub fn changes_password(self) -> Self {
        self.refuses(Reason::WeakPassword)
            .refuses(Reason::ShortPassword)
            .refuses(Reason::CommonPassword)
            .refuses(Fault::PasswordLength { least: "8".to_owned(), most: "128".to_owned() })
            .refuses(Fault::TooMany { retry_after: Some(Duration::from_secs(60)) })
    }

    /// What everybody is refused alike, whatever the endpoint does.
    #[must_use]
    pub fn complete(mut self) -> Self {
        let of_body =
            [Fault::Malformed("is not valid JSON"), Fault::TooSlow, Fault::TooLarge, Fault::UnsupportedMediaType];
        let of_body = if self.body.is_some() { of_body.to_vec() } else { Vec::new() };
        // Probes are not counted; what belongs to no surface asks no role, or says itself how they are.
        let (surface, is_counted) = (self.surface(), !probes::PATHS.contains(&self.path));
        let too_many = is_counted.then_some(Fault::TooMany { retry_after: Some(Duration::from_secs(1)) });
        let unavailable = (surface != Surface::Other).then_some(Fault::Unavailable);
        let of_all = too_many.into_iter().chain([Fault::Internal]).chain(unavailable);
        let all = self.access.faults().into_iter().chain(of_body).chain(of_all);
        self.refusals.extend(all.map(|fault| Refusal::of(surface, fault.into()).in_common()));
        self
    }

    /// Whose words it speaks.
    pub fn surface(&self) -> Surface {
        Surface::of(self.path)
    }

    /// Its path, with the names of its parameters in braces.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// The key of its operation among those of its path.
    pub fn method(&self) -> String {
        self.method.as_str().to_lowercase()
    }

    /// The operation, as the document has it.
    pub fn operation(&self, tag: &str) -> Value {
        let mut operation = json!({
            "operationId": self.id,
            "tags": [tag],
            "summary": self.summary,
            "parameters": self.all_parameters(),
            "security": self.access.security(),
            "responses": self.responses(),
        });
        let optional = [
            ("description", Some(self.description_with_access()).filter(|text| !text.is_empty()).map(Value::from)),
            ("requestBody", self.body.as_ref().and_then(Body::told)),
            ("x-scopes", self.access.scopes()),
        ];
        if let Some(operation) = operation.as_object_mut() {
            let there = optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            operation.extend(there);
        }
        operation
    }

    fn description_with_access(&self) -> String {
        let parts = [self.access.told(), self.description.as_str()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
    }

    /// Those of the path first.
    fn all_parameters(&self) -> Vec<Value> {
        let names = self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let of_path =
            names.map(|name| json!({"name": name, "in": "path", "required": true, "schema": super::schema::id()}));
        of_path.chain(self.parameters.iter().cloned()).collect()
    }

    /// The answers that its surface's endpoints have in common stand elsewhere in the document.
    fn responses(&self) -> Value {
        let answers = self.answers.iter().map(|answer| (answer.status().to_string(), answer.told(&self.headers)));
        let refusals = self.refusals_by_status().into_iter().map(|(status, same)| {
            let is_common = same.iter().all(|refusal| refusal.is_common());
            let reference = || json!({"$ref": format!("#/components/responses/{}", self.common_name(status))});
            (status.to_string(), if is_common { reference() } else { self.told(status, &same) })
        });
        Value::Object(answers.chain(refusals).collect())
    }

    /// The answers that it has in common with others, by their names.
    pub fn common_responses(&self) -> Vec<(String, Value)> {
        let all =
            self.refusals_by_status().into_iter().filter(|(_, same)| same.iter().all(|refusal| refusal.is_common()));
        all.map(|(status, same)| (self.common_name(status), self.told(status, &same))).collect()
    }

    fn refusals_by_status(&self) -> BTreeMap<u16, Vec<&Refusal>> {
        let mut all: BTreeMap<u16, Vec<&Refusal>> = BTreeMap::new();
        for refusal in &self.refusals {
            all.entry(refusal.status()).or_default().push(refusal);
        }
        all
    }

    fn told(&self, status: u16, same: &[&Refusal]) -> Value {
        Refusal::told(self.surface(), status, same, &self.headers)
    }

    fn common_name(&self, status: u16) -> String {
        format!("{}-{status}", self.surface().tag().0)
    }

    /// Its route, on a router of others.
    pub fn route(self, router: Router<Shared>, gateway: &Shared) -> Router<Shared> {
        let Self { path, access, limit, slash, handler, .. } = self;
        let handler = match limit {
            Some(bytes) => handler.route_layer(Extension(Limit(bytes))),
            None => handler,
        };
        let handler = access.guard(handler, gateway);
        let router = router.route(path, handler.clone());
        if slash { router.route(&format!("{path}/"), handler) } else { router }
    }
}
