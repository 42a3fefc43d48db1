//! Lists of books: by filter in an order, and how many there are of each kind. Lists by words: `search.rs`.

use shared::{on, page::Page};
use sqlx::{AssertSqlSafe, FromRow};

use super::{BookRow, Result, Store, columns};
use crate::domain::{
    CategoryId,
    book::{Book, Column, Order},
    words::Question,
};

/// The most values of a facet.
const FACET: i64 = 100;

/// What the books of a list have in common.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Where they stand.
    pub category: Option<CategoryId>,
    /// Words of the author, all of them; `None` for whoever it is.
    pub author: Option<Vec<String>>,
    /// The language by its case key.
    pub language: Option<String>,
    /// Whether a copy can be borrowed.
    pub available: bool,
}

/// What a list is asked for.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The words.
    pub question: Question,
    /// See [`Filter`].
    pub filter: Filter,
    /// Without it the best matches come first, or the oldest books.
    pub order: Option<Order>,
    /// Which page.
    pub page: Page,
}

/// A page of books.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The books.
    pub books: Vec<Book>,
    /// Of the next page; empty on the last.
    pub next_page_token: String,
    /// How many books there are on all pages.
    pub total: i64,
    /// The total is a lower bound.
    pub total_is_least: bool,
}

/// A value and how many books have it.
#[derive(Clone, Debug)]
pub struct Count {
    /// The value.
    pub value: String,
    /// How many.
    pub count: i64,
}

/// By what books are counted: the column, and what tells its values from each other.
const FACETS: [(&str, &str); 3] =
    [("category_id", "category_id"), ("language", "language_key"), ("author", "author_key")];

/// A value of one of them, by its place there.
#[derive(FromRow)]
struct Counted {
    facet: i32,
    value: String,
    count: i64,
}

/// How many books there are of each kind, most frequent first.
#[derive(Clone, Debug, Default)]
pub struct Facets {
    /// By id.
    pub categories: Vec<Count>,
    /// By language.
    pub languages: Vec<Count>,
    /// By author.
    pub authors: Vec<Count>,
}

/// A value that a condition compares with.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Number(i64),
}

/// Conditions on a book `b`, and what they compare with, in the order of the parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    sql: String,
    values: Vec<Value>,
}

/// Binds the values of conditions to a query, one after the other.
macro_rules! bind {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                $crate::store::lists::Value::Text(text) => query.bind(text.clone()),
                $crate::store::lists::Value::Number(number) => query.bind(*number),
            };
        }
        query
    }};
}
pub(super) use bind;

/// `$first, $first+1, …`: so many parameters.
pub(super) fn places(first: usize, many: usize) -> String {
    (first..first + many).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}

impl Conditions {
    /// Of a filter, but for the words of its author.
    pub(super) fn of(filter: &Filter) -> Self {
        let mut conditions = Self::default();
        if let Some(category) = filter.category {
            conditions.and("b.category_id = ?", [Value::Text(category.to_string())]);
        }
        if let Some(language) = &filter.language {
            conditions.and("b.language_key = ?", [Value::Text(language.clone())]);
        }
        if filter.available {
            conditions.and("b.available > 0", []);
        }
        conditions
    }

    /// One more. Each `?` stands for the next of `values`.
    pub(super) fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(if self.sql.is_empty() { "" } else { " AND " });
        let mut values = values.into_iter();
        for (at, part) in condition.split('?').enumerate() {
            if at > 0 {
                self.values.extend(values.next());
                self.sql.push_str(&format!("${}", self.values.len()));
            }
            self.sql.push_str(part);
        }
    }

    /// Whether there are any.
    pub(super) fn is_empty(&self) -> bool {
        self.sql.is_empty()
    }

    /// ` WHERE …`, or nothing.
    pub(super) fn clause(&self) -> String {
        if self.is_empty() { String::new() } else { format!(" WHERE {}", self.sql) }
    }

    /// What they compare with.
    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }
}

/// Where a list that is sorted goes on: behind the book `number`, and what it is sorted by.
struct Position {
    number: i64,
    key: String,
}

impl Position {
    /// Out of a page token; `None` on the first page.
    fn parse(token: &str) -> Result<Option<Self>> {
        if token.is_empty() {
            return Ok(None);
        }
        let (number, key) = token.split_once(' ').unwrap_or((token, ""));
        match number.parse() {
            Ok(number) => Ok(Some(Self { number, key: key.to_owned() })),
            Err(_) => {
                Err(shared::Error::invalid("page_token", "must come from an earlier answer to the same question"))
            }
        }
    }
}

/// What a year is sorted by: an unknown one comes before all others.
pub(super) const fn year_key(year: Option<i32>) -> i32 {
    match year {
        Some(year) => year,
        None => -10_000,
    }
}

/// What a column is sorted by; each has an index.
const fn key_column(column: Column) -> &'static str {
    match column {
        Column::Title => "b.title_key",
        Column::Author => "b.author_key",
        Column::PublicationYear => "b.year_key",
    }
}

impl Store {
    /// A page of books.
    ///
    /// # Errors
    /// When the page's token is of another question.
    pub async fn list_books(&self, listing: &Listing) -> Result<Found> {
        match &listing.question {
            Question::Wordless => Ok(Found::default()),
            Question::Words(query) if listing.order.is_none() => self.search(query, listing).await,
            _ => self.sorted(listing).await,
        }
    }

    /// How many of the books of a list there are of each kind.
    pub async fn count_books(&self, question: &Question, filter: &Filter) -> Result<Facets> {
        if *question == Question::Wordless {
            return Ok(Facets::default());
        }
        let conditions = self.conditions(question, filter).await?;
        let counts = match question {
            Question::Words(_) => self.count_together(&conditions).await?,
            _ => self.count_apart(&conditions).await?,
        };
        let [mut categories, mut languages, mut authors] = [const { Vec::new() }; 3];
        for Counted { facet, value, count } in counts {
            let counts = match facet {
                0 => &mut categories,
                1 => &mut languages,
                _ => &mut authors,
            };
            counts.push(Count { value, count });
        }
        Ok(Facets { categories, languages, authors })
    }

    /// Few books, which are looked up once.
    async fn count_together(&self, conditions: &Conditions) -> Result<Vec<Counted>> {
        let counted = (0..).zip(FACETS).map(|(facet, (column, key))| {
            format!(
                "SELECT * FROM (SELECT {facet} AS facet, MIN({column}) AS value, COUNT(*) AS count FROM found
                     WHERE {key} > '' GROUP BY {key} ORDER BY 3 DESC, 2 LIMIT {FACET}) f{facet}"
            )
        });
        let sql = format!(
            "WITH found AS MATERIALIZED
                 (SELECT b.category_id, b.language, b.language_key, b.author, b.author_key FROM book b{})
             SELECT facet, value, count FROM ({}) counted ORDER BY 1, 3 DESC, 2",
            conditions.clause(),
            counted.collect::<Vec<_>>().join(" UNION ALL ")
        );
        Ok(on!(&self.db, |db| bind!(sqlx::query_as(AssertSqlSafe(sql)), conditions.values()).fetch_all(db).await)?)
    }

    /// Any number of books: an index leads from value to value.
    async fn count_apart(&self, conditions: &Conditions) -> Result<Vec<Counted>> {
        let mut counts: Vec<Counted> = Vec::new();
        for (facet, (column, key)) in (0..).zip(FACETS) {
            let mut conditions = conditions.clone();
            conditions.and(&format!("b.{key} > ''"), []);
            let sql = format!(
                "SELECT {facet} AS facet, MIN(b.{column}) AS value, COUNT(*) AS count FROM book b{} GROUP BY b.{key}
                 ORDER BY 3 DESC, 2 LIMIT {FACET}",
                conditions.clause()
            );
            let more: Vec<Counted> =
                on!(&self.db, |db| bind!(sqlx::query_as(AssertSqlSafe(sql)), conditions.values()).fetch_all(db).await)?;
            counts.extend(more);
        }
        Ok(counts)
    }

    /// In an order, or by age.
    async fn sorted(&self, listing: &Listing) -> Result<Found> {
        let conditions = self.conditions(&listing.question, &listing.filter).await?;
        let rows = self.rows(listing, conditions.clone()).await?;
        let total = self.total(&conditions).await?;
        let key = |row: &BookRow| match listing.order.map(|order| order.column) {
            None => row.number.to_string(),
            Some(column) => format!("{} {}", row.number, sort_key(row, column)),
        };
        close(rows, &listing.page, key, total)
    }

    async fn rows(&self, listing: &Listing, mut conditions: Conditions) -> Result<Vec<BookRow>> {
        let descending = listing.order.is_some_and(|order| order.descending);
        let (comparison, way) = if descending { ("<", " DESC") } else { (">", "") };
        let column = listing.order.map(|order| key_column(order.column));
        if let Some(Position { number, key }) = Position::parse(&listing.page.after)? {
            let key = match listing.order.map(|order| order.column) {
                Some(Column::PublicationYear) => Value::Number(key.parse().unwrap_or_default()),
                _ => Value::Text(key),
            };
            match column {
                None => conditions.and("b.number > ?", [Value::Number(number)]),
                Some(column) => {
                    conditions.and(&format!("({column}, b.number) {comparison} (?, ?)"), [key, Value::Number(number)]);
                }
            }
        }
        let order = column.map_or_else(|| "b.number".to_owned(), |column| format!("{column}{way}, b.number{way}"));
        let mut values = conditions.values().to_vec();
        values.extend([Value::Number(listing.page.probe()), Value::Number(listing.page.skip)]);
        let sql = format!(
            concat!("SELECT ", columns!(), " FROM book b{} ORDER BY {} LIMIT ${} OFFSET ${}"),
            conditions.clause(),
            order,
            values.len() - 1,
            values.len()
        );
        Ok(on!(&self.db, |db| bind!(sqlx::query_as(AssertSqlSafe(sql)), &values).fetch_all(db).await)?)
    }

    /// How many books meet the conditions.
    pub(super) async fn total(&self, conditions: &Conditions) -> Result<i64> {
        let sql = format!("SELECT COUNT(*) FROM book b{}", conditions.clause());
        let count = on!(&self.db, |db| {
            bind!(sqlx::query_scalar(AssertSqlSafe(sql)), conditions.values()).fetch_one(db).await
        });
        Ok(count?)
    }
}

/// What a row is sorted by.
fn sort_key(row: &BookRow, column: Column) -> String {
    match column {
        Column::Title => crate::domain::fold::key(&row.title),
        Column::Author => crate::domain::fold::key(&row.author),
        Column::PublicationYear => year_key(row.publication_year).to_string(),
    }
}

/// A page of rows, with the token of the next.
fn close(mut rows: Vec<BookRow>, page: &Page, key: impl Fn(&BookRow) -> String, total: i64) -> Result<Found> {
    let next_page_token = page.close(&mut rows, key);
    let books: Result<Vec<Book>> = rows.into_iter().map(Book::try_from).collect();
    Ok(Found { books: books?, next_page_token, total, total_is_least: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_gets_the_next_parameter() {
        let mut conditions = Conditions::default();
        conditions.and("a = ?", [Value::Number(1)]);
        conditions.and("b > 0", []);
        conditions.and("(c, d) > (?, ?)", [Value::Text("x".to_owned()), Value::Number(2)]);

        assert_eq!(conditions.clause(), " WHERE a = $1 AND b > 0 AND (c, d) > ($2, $3)");
        assert_eq!(conditions.values().len(), 3);
        assert_eq!(Conditions::default().clause(), "");
    }
}
