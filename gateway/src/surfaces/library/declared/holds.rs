//! Reservations.

use axum::http::StatusCode;
use serde_json::Value;

use super::{choice, id_or_empty, id_or_null, query, says};
use crate::{
    fault::{Fault, Reason},
    openapi::{
        Access, Endpoint, delete, get, post,
        schema::{id, list, object_with, of, one_of, time, whole},
    },
    surfaces::library::{envelope::bad, patron::BOOK_REQUIRED, reservations},
};

pub fn endpoints() -> Vec<Endpoint> {
    let one = |status, message: &str| says(status, message, [("reservation", of("Reservation"))]);
    vec![
        get("/api/reservations", "listHolds", reservations::list)
            .access(Access::SignedIn)
            .does("One's own reservations, or for an admin everybody's")
            .parameters([
                query("clientId", "Of this client", id_or_empty()),
                query("livreId", "Of this book", id_or_empty()),
                query("ouvertes", "Only those that wait or are ready", choice(&["true", "false"])),
            ])
            .paged(says(
                StatusCode::OK,
                "Reservations fetched successfully!",
                [("reservations", list(of("Reservation")))],
            ))
            .refuses(Reason::PatronNotFound),
        post("/api/reservations", "createHold", reservations::create)
            .access(Access::SignedIn)
            .does("Queue for a book")
            .notes("Only an admin may name another client.")
            .reads(object_with([("livreId", id()), ("clientId", id())], &["livreId"]))
            .once()
            .answers(
                one(StatusCode::CREATED, "Reservation created successfully!")
                    .leads_to("getHold", "id", "/data/reservation/_id")
                    .leads_to("cancelHold", "id", "/data/reservation/_id"),
            )
            .refuses(bad(BOOK_REQUIRED))
            .refuses(Reason::BookNotFound)
            .refuses(Reason::PatronNotFound)
            .refuses(Reason::HoldExists)
            .refuses(Fault::Forbidden)
            .refuses(Reason::PatronBlocked)
            .refuses(Reason::HoldLimitReached),
        get("/api/reservations/{id}", "getHold", reservations::get)
            .access(Access::SignedIn)
            .does("A reservation")
            .of_one("reservation", Reason::HoldNotFound)
            .answers(one(StatusCode::OK, "Reservation fetched successfully!")),
        delete("/api/reservations/{id}", "cancelHold", reservations::cancel)
            .access(Access::SignedIn)
            .does("Leave the queue")
            .of_one("reservation", Reason::HoldNotFound)
            .answers(one(StatusCode::OK, "Reservation cancelled successfully!"))
            .refuses(Reason::HoldEnded),
    ]
}

pub fn schemas() -> Vec<(&'static str, Value)> {
    let hold = object_with(
        [
            ("_id", id()),
            ("clientId", id_or_null()),
            ("livreId", id()),
            ("dateReservation", time()),
            ("statut", one_of(&["en attente", "prête", "terminée", "annulée", "expirée"])),
            ("position", whole(1, i64::from(i32::MAX))),
            ("dateLimite", time()),
        ],
        &["_id", "clientId", "livreId", "dateReservation", "statut"],
    );
    vec![("Reservation", hold)]
}
