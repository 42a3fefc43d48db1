//! The few places where the two databases want other words.

use super::Db;

impl Db {
    /// A statement with very many parameters, `$1` to `$n`, each once and in this order, as the database takes it soonest: the
    /// driver asks SQLite for the name of each, and SQLite looks for it among all of them.
    pub fn in_order(&self, sql: String) -> String {
        match self {
            Self::Postgres(_) => sql,
            Self::Sqlite { .. } => {
                let mut parts = sql.split('$');
                let first = parts.next().unwrap_or_default().to_owned();
                let nameless =
                    |part: &str| format!("?{}", part.trim_start_matches(|digit: char| digit.is_ascii_digit()));
                first + &parts.map(nameless).collect::<String>()
            }
        }
    }

    /// Keys and their places, for `IN (…)` in a statement that has no other parameters. They are filled up with the last one to
    /// one of a few lengths, so that connections know the statement. At least one, and at most 16,384: SQLite takes no more parameters
    /// than 32,766.
    pub fn listed<K: Clone>(&self, mut keys: Vec<K>) -> (Vec<K>, String) {
        if let Some(last) = keys.last().cloned() {
            keys.resize(keys.len().next_power_of_two(), last);
        }
        let place = |number: usize| match self {
            Self::Postgres(_) => format!("${number}"),
            Self::Sqlite { .. } => "?".to_owned(),
        };
        let places = (1..=keys.len()).map(place).collect::<Vec<_>>().join(", ");
        (keys, places)
    }

    /// That `column` is one of the whole numbers of a JSON array, which the parameter `place` is: a list of any length is one value.
    pub fn is_among(&self, column: &str, place: &str) -> String {
        match self {
            Self::Sqlite { .. } => format!("{column} IN (SELECT value FROM json_each({place}))"),
            // As an array, which an index is asked for whole: of a subquery PostgreSQL makes a loop that takes twice the time.
            Self::Postgres(_) => {
                format!("{column} = ANY (ARRAY(SELECT value::bigint FROM json_array_elements_text({place}::json)))")
            }
        }
    }

    /// A subquery for the texts of a JSON array, which the parameter `place` is: a list of any length is one value.
    pub fn texts_in_json(&self, place: &str) -> String {
        match self {
            Self::Sqlite { .. } => format!("SELECT value FROM json_each({place})"),
            Self::Postgres(_) => format!("SELECT value FROM json_array_elements_text({place}::json)"),
        }
    }

    /// A column, where rows are better found by another one than looked up or read in the order of this one. SQLite, which does not
    /// count what it has, may take this one's index for cheaper.
    pub fn unindexed(&self, column: &str) -> String {
        match self {
            Self::Sqlite { .. } => format!("+{column}"),
            Self::Postgres(_) => column.to_owned(),
        }
    }

    /// A subquery for the texts of a JSON array, which the parameter `place` is, and their numbers from 0 on: `number`, `text`.
    pub fn numbered_texts_in_json(&self, place: &str) -> String {
        match self {
            Self::Sqlite { .. } => format!("SELECT key AS number, value AS text FROM json_each({place})"),
            Self::Postgres(_) => format!(
                "SELECT n.ordinality - 1 AS number, n.value AS text
                 FROM json_array_elements_text({place}::json) WITH ORDINALITY AS n (value, ordinality)"
            ),
        }
    }

    /// An aggregate: the bytes of all rows, one behind the other.
    pub fn joined_bytes(&self, column: &str) -> String {
        match self {
            // As a text only in name: its bytes are not looked at.
            Self::Sqlite { .. } => format!("CAST(group_concat({column}, '') AS BLOB)"),
            Self::Postgres(_) => format!("string_agg({column}, ''::bytea)"),
        }
    }
}
