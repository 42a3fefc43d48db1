//! Operation 19, and ruling 9: an admin changes a loan.

use serde_json::{Value, json};
use testing::{Database, suite::Answer};

use crate::{
    BEGIN, DAY,
    emprunts::{Desk, one},
    id, lent, no, numbers, with, yes,
};

const UPDATED: &str = "Emprunt updated successfully!";
const NOTHING: &str = "Invalid updates!";
const STATUT: &str = "Invalid statut! It must be en cours, en retard or retourné.";
const FACTS: &str = "Invalid statut! It contradicts the facts.";
const EARLY: &str = "Invalid dateRetourPrevu! It must not be before dateEmprunt.";
const DATE: &str = "Invalid dateRetourPrevu! It must be an ISO 8601 date, or date-time with Z or an offset, between the years 1970 and 2200.";

async fn put(desk: &Desk, of: &Value, body: Value) -> Answer {
    desk.suite.send("PUT", &format!("/api/emprunts/{}", id(of)), Some(&desk.admin), Some(body)).await
}

testing::on_both! {
    async fn a_loan_gets_another_due_time(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let loan = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
        for (date, shown) in [
            ("2026-04-01", "2026-04-01T00:00:00.000Z"),
            ("2026-04-01T18:30:00Z", "2026-04-01T18:30:00.000Z"),
            ("2026-04-01T18:30:00.5+02:00", "2026-04-01T16:30:00.500Z"),
            (BEGIN, BEGIN),
        ] {
            let changed = put(&desk, &loan, json!({"dateRetourPrevu": date})).await;

            changed.must_be(200, &yes(UPDATED, &one(&with(&loan, &json!({"dateRetourPrevu": shown})))));
        }
    }

    async fn a_statut_has_to_be_what_the_loan_is(db: Database) {
        let mut desk = Desk::open(&db, 1).await;
        let loan = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
        let late = with(&loan, &json!({"dateRetourPrevu": "2026-03-03T00:00:00.000Z", "statut": "en retard"}));

        put(&desk, &loan, json!({"statut": "en cours"})).await.must_be(200, &yes(UPDATED, &one(&loan)));
        put(&desk, &loan, json!({"statut": "en retard"})).await.must_be(400, &no(FACTS));
        desk.later(DAY).await;
        // Together they are looked at together.
        let both = json!({"statut": "en cours", "dateRetourPrevu": "2026-03-03"});
        put(&desk, &loan, both).await.must_be(400, &no(FACTS));
        let both = json!({"statut": "en retard", "dateRetourPrevu": "2026-03-03"});
        put(&desk, &loan, both).await.must_be(200, &yes(UPDATED, &one(&late)));
        put(&desk, &loan, json!({"statut": "en cours"})).await.must_be(400, &no(FACTS));
        put(&desk, &loan, json!({"statut": "en retard"})).await.must_be(200, &yes(UPDATED, &one(&late)));
    }

    async fn retourne_is_a_return_and_once(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let loan = lent(&desk.suite, &desk.royce.token, &desk.livre).await;

        let returned = put(&desk, &loan, json!({"statut": "retourné"})).await;

        let loan = with(&loan, &json!({"dateRetourEffectif": BEGIN, "statut": "retourné"}));
        returned.must_be(200, &yes(UPDATED, &one(&loan)));
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (1, 1));
        for (body, status, message) in [
            (json!({"statut": "retourné"}), 409, "Book already returned!"),
            (json!({"dateRetourPrevu": "2026-04-01"}), 409, "Book already returned!"),
            (json!({"statut": "en cours"}), 400, FACTS),
            (json!({"statut": "en retard"}), 400, FACTS),
        ] {
            put(&desk, &loan, body).await.must_be(status, &no(message));
        }
        desk.give_back(&desk.royce.token, &loan).await.must_be(409, &no("Book already returned!"));
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (1, 1));
    }

    async fn what_is_no_change_of_a_loan_is_refused(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let loan = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
        for (body, message) in [
            (json!({}), NOTHING),
            (json!({"clientId": desk.royce.id}), NOTHING),
            (json!({"dateRetourEffectif": "2026-03-03"}), NOTHING),
            (json!({"statut": "en cours", "_id": id(&loan)}), NOTHING),
            (json!({"statut": "perdu"}), STATUT),
            (json!({"statut": "En cours"}), STATUT),
            (json!({"statut": ""}), STATUT),
            (json!({"statut": null}), STATUT),
            (json!({"statut": 1}), STATUT),
            (json!({"dateRetourPrevu": null}), DATE),
            (json!({"dateRetourPrevu": ""}), DATE),
            (json!({"dateRetourPrevu": 1_774_000_000}), DATE),
            (json!({"dateRetourPrevu": "demain"}), DATE),
            (json!({"dateRetourPrevu": "2026-04-31"}), DATE),
            (json!({"dateRetourPrevu": "2026-04-01T18:30:00"}), DATE),
            (json!({"dateRetourPrevu": "2026-03-02T08:59:59.999Z"}), EARLY),
            (json!({"dateRetourPrevu": "0001-01-01"}), DATE),
            (json!({"dateRetourPrevu": "-000001-01-01T00:00:00Z"}), DATE),
            (json!({"dateRetourPrevu": "2026-03-02"}), EARLY),
            (json!({"dateRetourPrevu": "1970-01-01"}), EARLY),
            (json!({"dateRetourPrevu": "2200-01-01"}), DATE),
            (json!({"dateRetourPrevu": "9999-12-31T23:59:59Z"}), DATE),
        ] {
            let refused = put(&desk, &loan, body.clone()).await;

            assert_eq!((refused.status, refused.text), (400, no(message)), "{body}");
        }
        let path = format!("/api/emprunts/{}", id(&loan));
        desk.suite.send("PUT", &path, Some(&desk.admin), None).await.must_be(400, &no(NOTHING));
    }
}
