//! Categories.

use shared::{
    on, once,
    page::Page,
    replay::{Message, Replay},
    tx,
};

use super::{CategoryRow, Result, Store, Total};
use crate::domain::{
    CategoryId, Refusal,
    category::{Category, name_key},
};

/// Keeps a new category.
macro_rules! insert {
    ($tx:expr, $category:expr) => {
        sqlx::query(
            "INSERT INTO category (id, name, name_key, description, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind($category.id.to_string())
        .bind($category.name.as_str())
        .bind($crate::domain::category::name_key(&$category.name))
        .bind($category.description.as_str())
        .bind($category.created)
        .bind($category.updated)
        .execute(&mut *$tx)
        .await?
    };
}
pub(super) use insert;

/// Locks a category by updating it.
macro_rules! lock {
    ($tx:expr, $id:expr) => {{
        let row: Option<CategoryRow> = sqlx::query_as(
            "UPDATE category SET version = version WHERE id = $1
             RETURNING id, name, description, created_at, updated_at, version",
        )
        .bind($id.to_string())
        .fetch_optional(&mut *$tx)
        .await?;
        Category::try_from(row.ok_or(shared::Error::Refused(Refusal::CategoryNotFound))?)?
    }};
}

impl Store {
    /// Keeps a new category; answers with what `render` makes of it.
    ///
    /// # Errors
    /// [`Refusal::CategoryTaken`], [`Refusal::RequestIdReused`]
    pub async fn create_category<M: Message + Default>(
        &self,
        category: &Category,
        replay: Option<&Replay>,
        render: impl Fn(&Category) -> M,
    ) -> Result<M> {
        let made = tx!(&self.db, |tx| {
            once!(tx, replay, Refusal::RequestIdReused, {
                insert!(tx, category);
                render(category)
            })
        });
        made.map_err(taken)
    }

    /// One category.
    pub async fn category(&self, id: CategoryId) -> Result<Option<Category>> {
        let row: Option<CategoryRow> = on!(&self.db, |db| {
            sqlx::query_as("SELECT id, name, description, created_at, updated_at, version FROM category WHERE id = $1")
                .bind(id.to_string())
                .fetch_optional(db)
                .await
        })?;
        row.map(Category::try_from).transpose()
    }

    /// A page of categories in order of age, with one row more than the page holds if there is one, and how many there are.
    pub async fn categories(&self, page: &Page) -> Result<(Vec<Category>, i64)> {
        let (rows, total): (Vec<CategoryRow>, Total) = on!(&self.db, |db| {
            let rows = sqlx::query_as(
                "SELECT id, name, description, created_at, updated_at, version FROM category
                 WHERE id > $1 ORDER BY id LIMIT $2 OFFSET $3",
            )
            .bind(&page.after)
            .bind(page.probe())
            .bind(page.skip)
            .fetch_all(db)
            .await?;
            (rows, sqlx::query_as("SELECT COUNT(*) AS count FROM category").fetch_one(db).await?)
        });
        let categories: Result<Vec<Category>> = rows.into_iter().map(Category::try_from).collect();
        Ok((categories?, total.count))
    }

    /// Changes a category by `rule`.
    ///
    /// # Errors
    /// [`Refusal::CategoryNotFound`], [`Refusal::CategoryTaken`], and what `rule` refuses.
    pub async fn update_category(
        &self,
        id: CategoryId,
        rule: impl Fn(&Category) -> std::result::Result<Category, Refusal>,
    ) -> Result<Category> {
        let changed = tx!(&self.db, |tx| {
            let before = lock!(tx, id);
            let after = rule(&before).map_err(shared::Error::Refused)?;
            let after = Category { version: before.version + 1, ..after };
            sqlx::query(
                "UPDATE category SET name = $2, name_key = $3, description = $4, updated_at = $5, version = $6 WHERE id = $1",
            )
            .bind(id.to_string())
            .bind(after.name.as_str())
            .bind(name_key(&after.name))
            .bind(after.description.as_str())
            .bind(after.updated)
            .bind(after.version)
            .execute(&mut *tx)
            .await?;
            after
        });
        changed.map_err(taken)
    }

    /// Deletes a category in which no book stands, if `rule` lets it go.
    ///
    /// # Errors
    /// [`Refusal::CategoryNotFound`], [`Refusal::CategoryInUse`], and what `rule` refuses.
    pub async fn delete_category(
        &self,
        id: CategoryId,
        rule: impl Fn(&Category) -> std::result::Result<(), Refusal>,
    ) -> Result<Category> {
        let deleted = tx!(&self.db, |tx| {
            let category = lock!(tx, id);
            rule(&category).map_err(shared::Error::Refused)?;
            sqlx::query("DELETE FROM category WHERE id = $1").bind(id.to_string()).execute(&mut *tx).await?;
            category
        });
        // The foreign key decides, so no book can slip in meanwhile.
        deleted.map_err(|error| match error {
            shared::Error::Database(cause) if shared::database::violates_reference(&cause) => {
                shared::Error::Refused(Refusal::CategoryInUse)
            }
            error => error,
        })
    }
}

/// Another category has the name.
fn taken(error: shared::Error<Refusal>) -> shared::Error<Refusal> {
    error.or_taken("category_name_key", Refusal::CategoryTaken)
}
