//! Institutions.

use shared::{Timestamp, on, tx};
use sqlx::{AssertSqlSafe, FromRow};

use super::{
    Result, Store, kept,
    listing::{INSTITUTIONS, Where, bind, ordered},
    record,
};
use crate::domain::{
    InstitutionId, Refusal,
    audit::{Event, Origin},
    institution::{Changes, Institution},
    label::Label,
    listing::{Query, fold, order},
};

#[derive(FromRow)]
struct InstitutionRow {
    id: String,
    name: String,
    r#type: String,
    address: Option<String>,
    latitude: Option<String>,
    longitude: Option<String>,
    created_at: Timestamp,
}

impl TryFrom<InstitutionRow> for Institution {
    type Error = shared::Error<Refusal>;

    fn try_from(row: InstitutionRow) -> Result<Self> {
        let optional = |text: Option<String>| text.as_deref().map(kept).transpose();
        Ok(Self {
            id: kept(&row.id)?,
            name: kept(&row.name)?,
            kind: kept(&row.r#type)?,
            address: optional(row.address)?,
            latitude: optional(row.latitude)?,
            longitude: optional(row.longitude)?,
            created: row.created_at,
        })
    }
}

/// Writes the whole of an institution, a new one or one that is there.
macro_rules! put {
    ($tx:expr, $institution:expr) => {{
        let institution: &Institution = $institution;
        let texts = [
            Some(&institution.name),
            Some(&institution.kind),
            institution.address.as_ref(),
            institution.latitude.as_ref(),
            institution.longitude.as_ref(),
        ];
        let mut query = sqlx::query(
            "INSERT INTO institution (id, created_at, name, name_fold, name_order, type, type_fold, type_order,
                 address, address_fold, address_order, latitude, latitude_fold, latitude_order,
                 longitude, longitude_fold, longitude_order)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_fold = excluded.name_fold,
                 name_order = excluded.name_order, type = excluded.type, type_fold = excluded.type_fold,
                 type_order = excluded.type_order, address = excluded.address, address_fold = excluded.address_fold,
                 address_order = excluded.address_order, latitude = excluded.latitude,
                 latitude_fold = excluded.latitude_fold, latitude_order = excluded.latitude_order,
                 longitude = excluded.longitude, longitude_fold = excluded.longitude_fold,
                 longitude_order = excluded.longitude_order",
        )
        .bind(institution.id.to_string())
        .bind(institution.created);
        for label in texts {
            let text = label.map(Label::as_str);
            query = query.bind(text.map(str::to_owned));
            query = query.bind(text.map(fold).unwrap_or_default()).bind(text.map(order).unwrap_or_default());
        }
        query.execute(&mut *$tx).await?
    }};
}

impl Store {
    /// Keeps a new institution.
    ///
    /// # Errors
    /// [`Refusal::InstitutionTaken`]
    pub async fn create_institution(&self, institution: &Institution, by: &Origin) -> Result<()> {
        let created = tx!(&self.db, |tx| {
            put!(tx, institution);
            record!(tx, by, Event::SensitiveCreate, None, format!("institution={}", institution.id));
        });
        created.map_err(taken)
    }

    /// One institution.
    pub async fn institution(&self, id: InstitutionId) -> Result<Option<Institution>> {
        let row: Option<InstitutionRow> = on!(&self.db, |db| {
            sqlx::query_as(
                "SELECT id, name, type, address, latitude, longitude, created_at FROM institution WHERE id = $1",
            )
            .bind(id.to_string())
            .fetch_optional(db)
            .await
        })?;
        row.map(Institution::try_from).transpose()
    }

    /// A part of the list, and how long the whole of it is.
    pub async fn institutions(&self, query: &Query) -> Result<(Vec<Institution>, i64)> {
        let found = Where::of(&self.db, "1 = 1", &[], INSTITUTIONS, query);
        let count = format!("SELECT COUNT(*) FROM institution{}", found.clause());
        let list = format!(
            "SELECT id, name, type, address, latitude, longitude, created_at FROM institution{}{}{}",
            found.clause(),
            ordered(&self.db, INSTITUTIONS, query, "id DESC"),
            found.page()
        );
        let (rows, total): (Vec<InstitutionRow>, i64) = on!(&self.db, |db| {
            let rows = bind!(sqlx::query_as(AssertSqlSafe(list)), &found.values).bind(query.size).bind(query.skip);
            let rows = rows.fetch_all(db).await?;
            (rows, bind!(sqlx::query_scalar(AssertSqlSafe(count)), &found.values).fetch_one(db).await?)
        });
        let institutions: Result<Vec<Institution>> = rows.into_iter().map(Institution::try_from).collect();
        Ok((institutions?, total))
    }

    /// Changes an institution. A name that is taken is told before an institution that is gone.
    ///
    /// # Errors
    /// [`Refusal::InstitutionTaken`], [`Refusal::InstitutionNotFound`]
    pub async fn update_institution(&self, id: InstitutionId, changes: &Changes, by: &Origin) -> Result<Institution> {
        let updated = tx!(&self.db, |tx| {
            if let Some(name) = &changes.name {
                let other: Option<String> =
                    sqlx::query_scalar("SELECT id FROM institution WHERE name = $1 AND id <> $2")
                        .bind(name.as_str())
                        .bind(id.to_string())
                        .fetch_optional(&mut *tx)
                        .await?;
                if other.is_some() {
                    return Err(shared::Error::Refused(Refusal::InstitutionTaken));
                }
            }
            let row: Option<InstitutionRow> = sqlx::query_as(
                "UPDATE institution SET id = id WHERE id = $1
                 RETURNING id, name, type, address, latitude, longitude, created_at",
            )
            .bind(id.to_string())
            .fetch_optional(&mut *tx)
            .await?;
            let before = Institution::try_from(row.ok_or(shared::Error::Refused(Refusal::InstitutionNotFound))?)?;
            let after = before.change(changes.clone());
            put!(tx, &after);
            record!(tx, by, Event::SensitiveUpdate, None, format!("institution={id}"));
            after
        });
        updated.map_err(taken)
    }

    /// Deletes an institution that no account belongs to.
    ///
    /// # Errors
    /// [`Refusal::InstitutionNotFound`], [`Refusal::InstitutionInUse`]
    pub async fn delete_institution(&self, id: InstitutionId, by: &Origin) -> Result<Institution> {
        let deleted: Result<Institution> = tx!(&self.db, |tx| {
            let row: Option<InstitutionRow> = sqlx::query_as(
                "DELETE FROM institution WHERE id = $1
                 RETURNING id, name, type, address, latitude, longitude, created_at",
            )
            .bind(id.to_string())
            .fetch_optional(&mut *tx)
            .await?;
            let deleted = Institution::try_from(row.ok_or(shared::Error::Refused(Refusal::InstitutionNotFound))?)?;
            record!(tx, by, Event::SensitiveDelete, None, format!("institution={id}"));
            deleted
        });
        match deleted {
            Err(shared::Error::Database(cause)) if shared::database::violates_reference(&cause) => {
                Err(shared::Error::Refused(Refusal::InstitutionInUse))
            }
            deleted => deleted,
        }
    }
}

/// Another institution has the name.
fn taken(error: shared::Error<Refusal>) -> shared::Error<Refusal> {
    error.or_taken("institution_name", Refusal::InstitutionTaken)
}
