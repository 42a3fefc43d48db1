//! Rows of text in columns, in Markdown.

use std::fmt;

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Table(Vec<Vec<String>>);

impl Table {
    /// With the heads of its columns.
    pub fn new(heads: &[&str]) -> Self {
        let rule = heads.iter().map(|_| "---".to_owned()).collect();
        Self(vec![heads.iter().map(ToString::to_string).collect(), rule])
    }

    /// Adds a row.
    pub fn row(&mut self, cells: &[String]) {
        self.0.push(cells.to_vec());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))
    }
}
