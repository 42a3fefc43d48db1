//! Roles die at named points in the middle of a borrow, a return, a new book, a deletion: whoever asked asks again and gets a true
//! answer, and within thirty seconds everything fits together without anybody's help.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use process::{
    door::registration,
    library::{Library, Role, livre},
};
use shared::secret::ExposeSecret as _;
use tempfile::tempdir;
use testing::{Database, suite::beside};
use tokio::task::JoinSet;

/// Where roles die while a book is borrowed.
const BORROW: [&str; 2] = ["lending.borrow.before_commit", "lending.borrow.after_commit"];

/// Where roles die while a loan is returned.
const RETURN: [&str; 2] = ["lending.return.before_commit", "lending.return.after_commit"];

/// Where roles die while a book is made.
const CREATE: [(Role, &str); 4] = [
    (Role::Catalog, "catalog.create.committed"),
    (Role::Catalog, "catalog.create.ordered"),
    (Role::Lending, "lending.add_copies.before_commit"),
    (Role::Lending, "lending.add_copies.after_commit"),
];

/// Where roles die while a book is deleted.
const DELETE_BOOK: [(Role, &str); 5] = [
    (Role::Catalog, "catalog.delete.marked"),
    (Role::Catalog, "catalog.delete.withdrawn"),
    (Role::Catalog, "catalog.delete.deleted"),
    (Role::Lending, "lending.withdraw_book.before_commit"),
    (Role::Lending, "lending.withdraw_book.after_commit"),
];

/// Where roles die while a client is deleted.
const DELETE_CLIENT: [(Role, &str); 5] = [
    (Role::Identity, "identity.delete.marked"),
    (Role::Identity, "identity.delete.closed"),
    (Role::Identity, "identity.delete.deleted"),
    (Role::Lending, "lending.close_patron.before_commit"),
    (Role::Lending, "lending.close_patron.after_commit"),
];

/// Somebody who borrows: his id and his token.
async fn reader(library: &Library, email: &str) -> (String, String) {
    let made = library.door.post("/api/clients/register", None, registration(email, process::PASSWORD)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let data = &made.json()["data"];
    (data["client"]["_id"].as_str().unwrap().to_owned(), data["token"].as_str().unwrap().to_owned())
}

/// The loans of somebody that are out.
async fn open_loans(library: &Library, token: &str) -> usize {
    let listed = library.insist("GET", "/api/clients/emprunts", token, "", None).await;
    let loans = listed.json()["data"]["emprunts"].as_array().unwrap().clone();
    loans.iter().filter(|loan| loan["statut"] == "en cours").count()
}

testing::on_both! {
    async fn a_role_that_dies_while_a_book_is_lent_or_returned_has_done_it_once(database: Database) {
        let directory = tempdir().unwrap();
        let mut library = Library::open(&directory, &database).await;
        let (_, token) = reader(&library, "elodie@example.org").await;
        let book = library.book("L'Étranger", 2).await;
        let borrow = format!("/api/emprunts/{book}");

        for (point, give_back) in BORROW.into_iter().zip(RETURN) {
            library.doom(Role::Lending, point).await;
            // Many at once: all of them are cut off.
            let mut senders = JoinSet::new();
            for _ in 0..50 {
                let request = library.door.request("POST", &borrow).bearer_auth(&token).header("Idempotency-Key", point);
                senders.spawn(request.send());
            }
            let first = senders.join_all().await;
            assert!(first.iter().flatten().all(|answer| [503, 409].contains(&answer.status().as_u16())), "{point}");
            library.revive(Role::Lending).await;

            let lent = library.insist("POST", &borrow, &token, point, None).await;
            let again = library.insist("POST", &borrow, &token, point, None).await;
            assert_eq!((lent.status, &lent.text), (201, &again.text), "{point}: {}", lent.text);
            assert_eq!(open_loans(&library, &token).await, 1, "{point}");
            library.comes_to_show(&book, (2, 1), point).await;
            library.comes_into_order(point).await;

            library.doom(Role::Lending, give_back).await;
            let loan = lent.json()["data"]["emprunt"]["_id"].as_str().unwrap().to_owned();
            let path = format!("/api/emprunts/{loan}/return");
            let cut_off = library.ask("POST", &path, &token, give_back, None).await.map(|answer| answer.status);
            assert_eq!(cut_off, Some(503), "{give_back}");
            library.revive(Role::Lending).await;
            let returned = library.insist("POST", &path, &token, give_back, None).await;
            assert_eq!(returned.status, 200, "{give_back}: {}", returned.text);
            let once_more = library.insist("POST", &path, &token, "", None).await;
            assert_eq!(once_more.status, 409, "{give_back}: {}", once_more.text);
            assert_eq!(open_loans(&library, &token).await, 0, "{give_back}");
            library.comes_to_show(&book, (2, 2), give_back).await;
            library.comes_into_order(give_back).await;
        }
    }

    async fn a_role_that_dies_while_a_book_is_made_leaves_one_book_with_its_copies(database: Database) {
        let directory = tempdir().unwrap();
        let mut library = Library::open(&directory, &database).await;
        let admin = library.admin.clone();

        for (role, point) in CREATE {
            let body = livre(point, 3);
            library.doom(role, point).await;
            // Lending may die without catalog's answer being any the worse for it.
            let first = library.ask("POST", "/api/livres", &admin, point, Some(&body)).await;
            assert!(first.is_some_and(|answer| [201, 503].contains(&answer.status)), "{point}");
            library.revive(role).await;

            let made = library.insist("POST", "/api/livres", &admin, point, Some(&body)).await;
            assert_eq!(made.status, 201, "{point}: {}", made.text);
            let book = made.json()["data"]["livre"]["_id"].as_str().unwrap().to_owned();
            library.comes_into_order(point).await;
            library.comes_to_show(&book, (3, 3), point).await;
            let found = library.door.get(&format!("/api/livres?q={point}"), None).await;
            assert_eq!(found.header("x-total-count"), "1", "{point}: {}", found.text);
            let lent = library.insist("POST", &format!("/api/emprunts/{book}"), &admin, point, None).await;
            assert_eq!(lent.status, 201, "{point}: {}", lent.text);
            let loan = lent.json()["data"]["emprunt"]["_id"].as_str().unwrap().to_owned();
            library.insist("POST", &format!("/api/emprunts/{loan}/return"), &admin, "", None).await;
        }
    }

    async fn a_role_that_dies_while_a_book_or_a_client_is_deleted_finishes_it(database: Database) {
        let directory = tempdir().unwrap();
        let mut library = Library::open(&directory, &database).await;
        let admin = library.admin.clone();

        for (role, point) in DELETE_BOOK {
            let book = library.book(point, 2).await;
            let path = format!("/api/livres/{book}");
            library.comes_into_order("a new book").await;
            library.doom(role, point).await;
            let cut_off = library.ask("DELETE", &path, &admin, "", None).await.map(|answer| answer.status);
            assert_eq!(cut_off, Some(503), "{point}");
            library.revive(role).await;

            let again = library.insist("DELETE", &path, &admin, "", None).await;
            assert!([200, 404].contains(&again.status), "{point}: {}", again.text);
            assert_eq!(library.copies(&book).await, None, "{point}");
            let lent = library.insist("POST", &format!("/api/emprunts/{book}"), &admin, "", None).await;
            assert_eq!(lent.status, 404, "{point}: {}", lent.text);
            library.comes_into_order(point).await;
        }

        let book = library.book("La Peste", 1).await;
        for (role, point) in DELETE_CLIENT {
            let (client, token) = reader(&library, &format!("{point}@example.org")).await;
            let path = format!("/api/clients/{client}");
            library.doom(role, point).await;
            let admin = library.admin.clone();
            let cut_off = library.ask("DELETE", &path, &admin, "", None).await.map(|answer| answer.status);
            assert_eq!(cut_off, Some(503), "{point}");
            library.revive(role).await;

            let again = library.insist("DELETE", &path, &admin, "", None).await;
            assert!([200, 404].contains(&again.status), "{point}: {}", again.text);
            let lent = library.insist("POST", &format!("/api/emprunts/{book}"), &token, "", None).await;
            assert_eq!(lent.status, 401, "{point}: {}", lent.text);
            library.comes_into_order(point).await;
        }
    }

    async fn a_book_that_nobody_asks_about_again_is_deleted_all_the_same(database: Database) {
        let directory = tempdir().unwrap();
        let mut library = Library::open(&directory, &database).await;
        let book = library.book("La Chute", 1).await;

        library.doom(Role::Catalog, "catalog.delete.withdrawn").await;
        library.ask("DELETE", &format!("/api/livres/{book}"), &library.admin, "", None).await;
        library.revive(Role::Catalog).await;

        library.comes_into_order("a deletion that nobody asks about again").await;
        process::eventually(process::PATIENCE, "the book is gone", async || library.copies(&book).await.is_none()).await;
    }

    async fn without_catalog_books_are_lent_and_without_lending_they_are_found(database: Database) {
        let directory = tempdir().unwrap();
        let mut library = Library::open(&directory, &database).await;
        let (_, token) = reader(&library, "elodie@example.org").await;
        let book = library.book("La Peste", 2).await;
        let borrow = format!("/api/emprunts/{book}");

        library.kill(Role::Catalog);
        let lent = library.ask("POST", &borrow, &token, "", None).await.unwrap();
        assert_eq!(lent.status, 201, "{}", lent.text);
        let kept = library.ask("POST", &borrow, &token, "", None).await.unwrap();
        assert_eq!(kept.status, 201, "{}", kept.text);
        let loan = lent.json()["data"]["emprunt"]["_id"].as_str().unwrap().to_owned();
        let returned = library.ask("POST", &format!("/api/emprunts/{loan}/return"), &token, "", None).await.unwrap();
        assert_eq!((returned.status, &returned.json()["data"]["livre"]), (200, &serde_json::Value::Null), "{}", returned.text);
        library.restart(Role::Catalog).await;
        // Not through the door: the gateway still asks lending of a book that was lent there a moment ago.
        let catalogs = beside(database.url(), "catalog");
        let followed = async || process::count(catalogs.expose_secret(), "SELECT CAST(MAX(available) AS BIGINT) FROM book").await == 1;
        process::eventually(process::PATIENCE, "catalog has followed", followed).await;

        library.kill(Role::Lending);
        let found = library.door.get("/api/livres?q=peste&disponible=true", None).await;
        assert_eq!((found.status, &found.json()["data"]["livres"][0]["quantite"]), (200, &1.into()), "{}", found.text);
        let refused = library.ask("POST", &borrow, &token, "", None).await.unwrap();
        assert_eq!((refused.status, refused.header("retry-after").is_empty()), (503, false), "{}", refused.text);
        let kept = library.ask("DELETE", &format!("/api/livres/{book}"), &library.admin, "", None).await.unwrap();
        assert_eq!(kept.status, 503, "{}", kept.text);
    }
}
