//! Operations 7 and 17 to 23, and renewals.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{choice, id_or_empty, id_or_null, misfit, query, says};
use crate::{
    fault::{Fault, Reason},
    openapi::{
        Access, Answer, Endpoint, delete, get, post, put,
        schema::{id, list, object, object_with, of, one_of, or_null, patterned, time},
    },
    surfaces::library::{
        emprunt_lists, emprunts,
        envelope::{BAD_DUE_TIME, BAD_STATUT, bad},
        patron::BOOK_REQUIRED,
    },
};

const STATES: [&str; 3] = ["en cours", "en retard", "retourné"];

pub fn endpoints() -> Vec<Endpoint> {
    [one_at_a_time(), lists()].into_iter().flatten().collect()
}

fn one_at_a_time() -> Vec<Endpoint> {
    let one = |status, message: &str| says(status, message, [("emprunt", of("Emprunt"))]);
    let made = || {
        one(StatusCode::CREATED, "Emprunt created successfully!")
            .leads_to("getLoan", "id", "/data/emprunt/_id")
            .leads_to("returnLoan", "id", "/data/emprunt/_id")
            .leads_to("renewLoan", "id", "/data/emprunt/_id")
    };
    vec![
        post("/api/emprunts/{id}", "borrowBook", emprunts::borrow)
            .access(Access::SignedIn)
            .does("Borrow a book")
            .notes("`id` is the book's: whichever copy of it is on the shelf, or set aside for the borrower. Takes no body.")
            .reads_nothing()
            .of_one("book", Reason::BookNotFound)
            .once()
            .answers(made())
            .lends(),
        post("/api/emprunts", "createLoan", emprunts::create)
            .access(Access::SignedIn)
            .does("Borrow a book; at the desk, lend it to somebody")
            .notes("Only an admin may name another client, or a single copy by its barcode instead of the book.")
            .reads(json!({"oneOf": [
                object_with([("livreId", id()), ("clientId", id())], &["livreId"]),
                object_with([("codeBarres", patterned(1, 64, "^[!-~]+$")), ("clientId", id())], &["codeBarres"]),
            ]}))
            .once()
            .answers(made())
            .refuses(bad(BOOK_REQUIRED))
            .refuses(misfit("barcode"))
            .refuses(Fault::Forbidden)
            .refuses(Reason::BookNotFound)
            .refuses(Reason::CopyNotFound)
            .refuses(Reason::PatronNotFound)
            .refuses(Reason::CopyNotAvailable)
            .lends(),
        get("/api/emprunts/{id}", "getLoan", emprunts::get)
            .access(Access::SignedIn)
            .does("A loan")
            .of_one("emprunt", Reason::LoanNotFound)
            .answers(one(StatusCode::OK, "Emprunt fetched successfully!")),
        put("/api/emprunts/{id}", "updateLoan", emprunts::update)
            .access(Access::Admin)
            .does("Change a loan")
            .notes("`statut: retourné` is a return. A date means its midnight in UTC.")
            .reads(json!({"minProperties": 1, "allOf": [object_with(
                [("statut", one_of(&STATES)), ("dateRetourPrevu", due_time())],
                &[],
            )]}))
            .of_one("emprunt", Reason::LoanNotFound)
            .answers(one(StatusCode::OK, "Emprunt updated successfully!"))
            .refuses(bad("Invalid updates!"))
            .refuses(bad(BAD_STATUT))
            .refuses(bad(BAD_DUE_TIME))
            .refuses(Reason::DueTimeTooEarly)
            .refuses(Reason::LoanReturned)
            .refuses(Reason::LoanStateContradicted),
        delete("/api/emprunts/{id}", "deleteLoan", emprunts::delete)
            .access(Access::Admin)
            .does("Delete a loan; of an open one the copy is given back")
            .of_one("emprunt", Reason::LoanNotFound)
            .answers(one(StatusCode::OK, "Emprunt deleted successfully!")),
        post("/api/emprunts/{id}/return", "returnLoan", emprunts::give_back)
            .access(Access::SignedIn)
            .does("Give a book back")
            .reads_nothing()
            .of_one("emprunt", Reason::LoanNotFound)
            .once()
            .answers(says(StatusCode::OK, "Book returned successfully!", [
                ("emprunt", of("Emprunt")),
                ("livre", or_null(of("Livre"))),
            ]))
            .refuses(Reason::LoanReturned),
        post("/api/emprunts/{id}/renouveler", "renewLoan", emprunts::renew)
            .access(Access::SignedIn)
            .does("Lend a book for another period")
            .reads_nothing()
            .of_one("emprunt", Reason::LoanNotFound)
            .once()
            .answers(one(StatusCode::OK, "Emprunt renewed successfully!"))
            .refuses(Reason::LoanReturned)
            .refuses(Reason::LoanOverdue)
            .refuses(Reason::BookAwaited)
            .refuses(Reason::RenewalLimitReached)
            .refuses(Reason::PatronBlocked),
    ]
}

fn lists() -> Vec<Endpoint> {
    let all = |message: &str| says(StatusCode::OK, message, [("emprunts", list(of("Emprunt")))]);
    let of_somebody = super::envelope(
        json!({"type": "string", "pattern": "'s emprunts fetched successfully!$"}),
        object([("emprunts", list(of("Emprunt")))]),
    );
    vec![
        get("/api/clients/emprunts", "listOwnLoans", emprunt_lists::own)
            .access(Access::SignedIn)
            .does("One's own loans")
            .paged(all("Emprunts fetched successfully!")),
        get("/api/emprunts", "listLoans", emprunt_lists::list)
            .access(Access::Admin)
            .does("All loans")
            .parameters([
                query("statut", "In this state", choice(&STATES)),
                query("clientId", "Of this client", id_or_empty()),
                query("livreId", "Of this book", id_or_empty()),
            ])
            .paged(all("All emprunts fetched successfully!"))
            .refuses(bad(BAD_STATUT)),
        get("/api/emprunts/client/{id}", "listLoansOfClient", emprunt_lists::of_client)
            .access(Access::SignedIn)
            .does("Somebody's loans: one's own, a family's child's, or for an admin anybody's")
            .of_one("client", Reason::AccountNotFound)
            .paged(Answer::json(StatusCode::OK, "Élodie's emprunts fetched successfully!", of_somebody)),
    ]
}

impl Endpoint {
    /// What the rules refuse of a loan.
    fn lends(self) -> Self {
        self.refuses(Reason::BookNotAvailable)
            .refuses(Fault::Forbidden)
            .refuses(Reason::PatronBlocked)
            .refuses(Reason::LoanLimitReached)
            .refuses(Reason::PatronHasOverdueLoans)
    }
}

/// A date, or a date-time that says how far from UTC it is.
fn due_time() -> Value {
    json!({"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]})
}

pub fn schemas() -> Vec<(&'static str, Value)> {
    let loan = object_with(
        [
            ("_id", id()),
            ("clientId", id_or_null()),
            ("livreId", id()),
            ("dateEmprunt", time()),
            ("dateRetourPrevu", time()),
            ("dateRetourEffectif", time()),
            ("statut", one_of(&STATES)),
        ],
        &["_id", "clientId", "livreId", "dateEmprunt", "dateRetourPrevu", "statut"],
    );
    vec![("Emprunt", loan)]
}
