//! What happens to a copy and the counts of its book, in a transaction that holds the book's row.

/// Takes a book's row, by updating it. `None` when the book is not known or was withdrawn.
macro_rules! lock_stock {
    ($tx:expr, $book:expr) => {{
        let row: Option<$crate::store::StockRow> = sqlx::query_as(
            "UPDATE stock SET version = version + 1 WHERE book_id = $1 AND withdrawn_at IS NULL
             RETURNING on_shelf, on_loan, on_hold_shelf, lost, version",
        )
        .bind($book.to_string())
        .fetch_optional(&mut *$tx)
        .await?;
        row.map($crate::domain::shelf::Stock::from)
    }};
}
pub(super) use lock_stock;

/// Changes a book's counts: by how much on the shelf, on loan, on the hold shelf, lost.
macro_rules! count {
    ($tx:expr, $db:expr, $book:expr, $deltas:expr) => {{
        let (on_shelf, on_loan, on_hold_shelf, lost): (i64, i64, i64, i64) = $deltas;
        let sql = format!(
            "UPDATE stock SET on_shelf = on_shelf + $2, on_loan = on_loan + $3, on_hold_shelf = on_hold_shelf + $4,
                 lost = lost + $5, changed = {}, version = version + 1 WHERE book_id = $1",
            $db.change_of("stock")
        );
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind($book.to_string())
            .bind(on_shelf)
            .bind(on_loan)
            .bind(on_hold_shelf)
            .bind(lost)
            .execute(&mut *$tx)
            .await?;
    }};
}
pub(super) use count;

/// By how much the counts change when a copy goes from one state to another.
pub(super) fn deltas(from: State, to: State) -> (i64, i64, i64, i64) {
    let of = |state: State| i64::from(to == state) - i64::from(from == state);
    (of(State::OnShelf), of(State::OnLoan), of(State::OnHoldShelf), of(State::Lost))
}

/// Moves a copy from one state to another.
macro_rules! move_copy {
    ($tx:expr, $db:expr, $book:expr, $copy:expr, $from:expr, $to:expr) => {{
        let (from, to): ($crate::domain::copy::State, $crate::domain::copy::State) = ($from, $to);
        let moved = sqlx::query("UPDATE copy SET state = $2 WHERE id = $1 AND state = $3")
            .bind($copy.to_string())
            .bind(to.name())
            .bind(from.name())
            .execute(&mut *$tx)
            .await?;
        if moved.rows_affected() != 1 {
            return Err(shared::Error::internal("a copy is not where its book's row says"));
        }
        $crate::store::moves::count!($tx, $db, $book, $crate::store::moves::deltas(from, to));
    }};
}
pub(super) use move_copy;

/// A copy is free: it goes to the first who waits for the book, and otherwise on the shelf. Answers with the hold that it was set
/// aside for.
macro_rules! release {
    ($tx:expr, $db:expr, $book:expr, $copy:expr, $from:expr, $now:expr) => {{
        let next: Option<(String, i64)> = sqlx::query_as(
            "SELECT id, hold_days FROM hold WHERE book_id = $1 AND ended_at IS NULL AND copy_id IS NULL
             ORDER BY number LIMIT 1",
        )
        .bind($book.to_string())
        .fetch_optional(&mut *$tx)
        .await?;
        let to = match &next {
            Some((hold, days)) => {
                let days = $crate::domain::policy::Days::try_from(*days).map_err(shared::Error::internal)?;
                sqlx::query("UPDATE hold SET copy_id = $2, expires_at = $3 WHERE id = $1")
                    .bind(hold)
                    .bind($copy.to_string())
                    .bind($now + days.duration())
                    .execute(&mut *$tx)
                    .await?;
                $crate::domain::copy::State::OnHoldShelf
            }
            None => $crate::domain::copy::State::OnShelf,
        };
        // A lost copy that is found, and one that was set aside for somebody who did not come, may come back to where it is.
        if to != $from {
            $crate::store::moves::move_copy!($tx, $db, $book, $copy, $from, to);
        }
        next.map(|(hold, _)| hold)
    }};
}
pub(super) use release;

/// Takes a hold out of the queue.
macro_rules! end_hold {
    ($tx:expr, $hold:expr, $outcome:expr, $now:expr) => {
        sqlx::query("UPDATE hold SET ended_at = $2, outcome = $3, copy_id = NULL, expires_at = NULL WHERE id = $1")
            .bind($hold.to_string())
            .bind($now)
            .bind($outcome.name())
            .execute(&mut *$tx)
            .await?
    };
}
pub(super) use end_hold;

/// Ends the holds on a book whose copies were not fetched in time, and gives these copies to the next.
macro_rules! expire_holds {
    ($tx:expr, $db:expr, $book:expr, $now:expr) => {{
        let expired: Vec<(String, String)> = sqlx::query_as(
            "SELECT id, copy_id FROM hold
             WHERE book_id = $1 AND ended_at IS NULL AND copy_id IS NOT NULL AND expires_at < $2 ORDER BY number",
        )
        .bind($book.to_string())
        .bind($now)
        .fetch_all(&mut *$tx)
        .await?;
        for (hold, copy) in expired {
            $crate::store::moves::end_hold!($tx, hold, $crate::domain::hold::Outcome::Expired, $now);
            $crate::store::moves::release!($tx, $db, $book, copy, $crate::domain::copy::State::OnHoldShelf, $now);
        }
    }};
}
pub(super) use expire_holds;

use crate::domain::copy::State;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_takes_from_one_count_and_gives_to_another() {
        assert_eq!(deltas(State::OnShelf, State::OnLoan), (-1, 1, 0, 0));
        assert_eq!(deltas(State::OnLoan, State::OnHoldShelf), (0, -1, 1, 0));
        assert_eq!(deltas(State::Lost, State::Withdrawn), (0, 0, 0, -1));
    }
}
