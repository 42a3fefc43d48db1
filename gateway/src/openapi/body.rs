//! What the document says of the bodies that endpoints read.

use serde_json::{Map, Value, json};

/// What an endpoint reads of a body.
pub enum Body {
    /// Nothing but `{}`, or no body at all.
    Nothing,
    /// What fits a schema.
    Fields { schema: Value, is_required: bool, examples: Vec<(&'static str, Value)> },
}

impl Body {
    /// As the document has it, if it says anything.
    pub fn told(&self) -> Option<Value> {
        let Self::Fields { schema, is_required, examples } = self else { return None };
        let examples: Map<String, Value> =
            examples.iter().map(|(name, value)| ((*name).to_owned(), json!({"value": value}))).collect();
        let mut content = json!({"schema": schema});
        if let Some(content) = content.as_object_mut().filter(|_| !examples.is_empty()) {
            content.insert("examples".to_owned(), Value::Object(examples));
        }
        Some(json!({"required": is_required, "content": {"application/json": content}}))
    }
}
