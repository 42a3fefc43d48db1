//! Operations 17, 18, 20 and 23, renewals, and rulings 2, 6, 8, 10 and 13.

use std::time::Duration;

use serde_json::{Value, json};
use testing::{
    Database, TestSuite,
    suite::{Answer, PASSWORD, Person, answer},
};

use crate::{
    BEGIN, DAY, DUE, NOBODY,
    elsewhere::{Elsewhere, Neighbour, silent},
    emprunt, etranger, id, id_of_the_admin, lent, livre, no, no_id, numbers, shelved, thing, with, yes,
};

const ABSENT: &str = "Emprunt not found!";

/// A suite with an admin, a client and a book.
pub struct Desk {
    pub suite: TestSuite,
    pub admin: String,
    pub royce: Person,
    pub livre: String,
}

impl Desk {
    pub async fn open(db: &Database, copies: u32) -> Self {
        let suite = TestSuite::start(db).await;
        let (admin, royce) = (suite.admin().await, suite.register("royce27@gmail.com").await);
        let livre = shelved(&suite, &admin, json!({"quantite": copies})).await;
        Self { suite, admin, royce, livre }
    }

    pub async fn borrow(&self, token: &str) -> Answer {
        self.post(token, &format!("/api/emprunts/{}", self.livre), None).await
    }

    pub async fn post(&self, token: &str, path: &str, body: Option<Value>) -> Answer {
        self.suite.send("POST", path, Some(token), body).await
    }

    pub async fn give_back(&self, token: &str, of: &Value) -> Answer {
        self.post(token, &format!("/api/emprunts/{}/return", id(of)), None).await
    }

    pub async fn renew(&self, token: &str, of: &Value) -> Answer {
        self.post(token, &format!("/api/emprunts/{}/renouveler", id(of)), None).await
    }

    /// Moves the clock; everybody signs in again.
    pub async fn later(&mut self, by: Duration) {
        self.suite.hand.advance(by);
        self.admin = self.suite.admin().await;
        self.royce.token = self.suite.log_in(&self.royce.email, PASSWORD).await.unwrap();
    }

    /// A loan of now, by royce.
    fn new_loan(&self, id: &str) -> Value {
        json!({
            "_id": id, "clientId": self.royce.id, "livreId": self.livre, "dateEmprunt": BEGIN, "dateRetourPrevu": DUE,
            "statut": "en cours",
        })
    }

    /// The book as it is shown with these numbers.
    fn book(&self, exemplaires: u32, quantite: u32) -> String {
        let ours = json!({
            "_id": self.livre, "isbn": "", "description": "", "exemplaires": exemplaires, "quantite": quantite,
            "disponible": quantite > 0,
        });
        livre(&with(&etranger(), &ours))
    }

    async fn refuse(&self, person: &Person) {
        let path = format!("/api/clients/{}", person.id);
        let blocked = self.suite.send("PUT", &path, Some(&self.admin), Some(json!({"active": false}))).await;
        assert_eq!(blocked.status, 200, "{}", blocked.text);
    }
}

/// `{"emprunt":…}`.
pub fn one(shown: &Value) -> String {
    format!(r#"{{"emprunt":{}}}"#, emprunt(shown))
}

testing::on_both! {
    async fn a_book_is_borrowed_seen_and_returned_once(db: Database) {
        let mut desk = Desk::open(&db, 2).await;
        let made = desk.borrow(&desk.royce.token).await;
        let loan = desk.new_loan(id(&thing(&made, 201, "emprunt")));
        let path = format!("/api/emprunts/{}", id(&loan));

        made.must_be(201, &yes("Emprunt created successfully!", &one(&loan)));
        for token in [&desk.royce.token, &desk.admin] {
            let seen = desk.suite.send("GET", &path, Some(token), None).await;
            seen.must_be(200, &yes("Emprunt fetched successfully!", &one(&loan)));
        }
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (2, 1));

        desk.later(DAY).await;
        let returned = desk.give_back(&desk.royce.token, &loan).await;

        let loan = with(&loan, &json!({"dateRetourEffectif": "2026-03-03T09:00:00.000Z", "statut": "retourné"}));
        let both = format!(r#"{{"emprunt":{},"livre":{}}}"#, emprunt(&loan), desk.book(2, 2));
        returned.must_be(200, &yes("Book returned successfully!", &both));
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (2, 2));
        for token in [&desk.royce.token, &desk.admin] {
            desk.give_back(token, &loan).await.must_be(409, &no("Book already returned!"));
        }
        let seen = desk.suite.send("GET", &path, Some(&desk.admin), None).await;
        seen.must_be(200, &yes("Emprunt fetched successfully!", &one(&loan)));
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (2, 2));
    }

    async fn a_loan_is_late_after_its_last_second(db: Database) {
        let mut desk = Desk::open(&db, 1).await;
        let loan = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
        let path = format!("/api/emprunts/{}", id(&loan));

        desk.later(14 * DAY).await;
        let seen = desk.suite.send("GET", &path, Some(&desk.royce.token), None).await;
        assert_eq!(thing(&seen, 200, "emprunt")["statut"], "en cours");
        desk.later(Duration::from_millis(1)).await;
        let seen = desk.suite.send("GET", &path, Some(&desk.royce.token), None).await;

        seen.must_be(200, &yes("Emprunt fetched successfully!", &one(&with(&loan, &json!({"statut": "en retard"})))));
        // It can be given back all the same, also at the desk.
        assert_eq!(thing(&desk.give_back(&desk.admin, &loan).await, 200, "emprunt")["statut"], "retourné");
    }

    async fn what_stands_in_the_way_of_a_loan_is_said(db: Database) {
        let mut desk = Desk::open(&db, 6).await;
        let other = desk.suite.register("other@example.org").await;
        for (livre, status, text) in [
            (NOBODY, 404, no("Book not found!")),
            ("x", 400, no_id("book id")),
            (&shelved(&desk.suite, &desk.admin, json!({"quantite": 0})).await, 400, no("Book not available!")),
        ] {
            desk.post(&desk.royce.token, &format!("/api/emprunts/{livre}"), None).await.must_be(status, &text);
        }
        let mut loans = vec![];
        for _ in 0..5 {
            loans.push(lent(&desk.suite, &desk.royce.token, &desk.livre).await);
        }

        desk.borrow(&desk.royce.token).await.must_be(403, &no("Loan limit reached!"));
        lent(&desk.suite, &other.token, &desk.livre).await;
        desk.borrow(&other.token).await.must_be(400, &no("Book not available!"));
        assert_eq!(desk.give_back(&desk.royce.token, &loans[0]).await.status, 200);
        desk.later(14 * DAY + Duration::from_secs(1)).await;
        desk.borrow(&desk.royce.token).await.must_be(403, &no("Client has overdue loans!"));
        for loan in &loans[1..] {
            assert_eq!(desk.give_back(&desk.royce.token, loan).await.status, 200);
        }
        assert_eq!(desk.borrow(&desk.royce.token).await.status, 201);

        desk.refuse(&other).await;
        let at_the_desk = json!({"livreId": desk.livre, "clientId": other.id});
        let refused = desk.post(&desk.admin, "/api/emprunts", Some(at_the_desk)).await;
        refused.must_be(403, &no("Client is blocked!"));
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (6, 4));
    }

    async fn a_book_is_lent_by_its_id_in_the_body_and_at_the_desk_to_anybody(db: Database) {
        let desk = Desk::open(&db, 4).await;
        let made = desk.post(&desk.royce.token, "/api/emprunts", Some(json!({"livreId": desk.livre}))).await;
        let loan = desk.new_loan(id(&thing(&made, 201, "emprunt")));
        made.must_be(201, &yes("Emprunt created successfully!", &one(&loan)));

        let own = json!({"livreId": desk.livre, "clientId": desk.royce.id});
        for token in [&desk.royce.token, &desk.admin] {
            let made = desk.post(token, "/api/emprunts", Some(own.clone())).await;

            let loan = desk.new_loan(id(&thing(&made, 201, "emprunt")));
            made.must_be(201, &yes("Emprunt created successfully!", &one(&loan)));
        }
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (4, 1));
    }

    async fn a_copy_is_lent_by_its_barcode_at_the_desk(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let copies = format!("/api/livres/{}/exemplaires", desk.livre);
        thing(&desk.post(&desk.admin, &copies, Some(json!({"codeBarres": "B-1"}))).await, 201, "exemplaire");
        let body = json!({"codeBarres": "B-1", "clientId": desk.royce.id});

        let made = desk.post(&desk.admin, "/api/emprunts", Some(body.clone())).await;

        let loan = desk.new_loan(id(&thing(&made, 201, "emprunt")));
        made.must_be(201, &yes("Emprunt created successfully!", &one(&loan)));
        // Another copy is there, but not this one.
        desk.post(&desk.admin, "/api/emprunts", Some(body)).await.must_be(400, &no("Exemplaire not available!"));
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (2, 1));
        let unknown = json!({"codeBarres": "B-2"});
        desk.post(&desk.admin, "/api/emprunts", Some(unknown)).await.must_be(404, &no("Exemplaire not found!"));
    }

    async fn what_no_loan_can_be_made_of_is_refused(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let (livre, admin) = (desk.livre.as_str(), id_of_the_admin(&desk.suite, &desk.admin).await);
        let (role, both) = ("Access denied. Insufficient permissions.", "livreId and codeBarres cannot be set together!");
        let barcode = "Invalid codeBarres! It must have 1 to 64 visible ASCII characters.";
        let required = "All fields are required (livreId)!";
        for (body, clients, admins) in [
            (json!({}), (400, no(required)), (400, no(required))),
            (json!({"livreId": null}), (400, no(required)), (400, no(required))),
            (json!({"livreId": ""}), (400, no(required)), (400, no(required))),
            (json!({"livreId": 1}), (400, no("livreId must be a string!")), (400, no("livreId must be a string!"))),
            (json!({"livreId": "x"}), (400, no_id("livreId")), (400, no_id("livreId"))),
            (json!({"livreId": NOBODY}), (404, no("Book not found!")), (404, no("Book not found!"))),
            (json!({"livreId": livre, "clientId": NOBODY}), (403, no(role)), (404, no("Client not found!"))),
            (json!({"livreId": livre, "clientId": "x"}), (403, no(role)), (400, no_id("clientId"))),
            (json!({"livreId": "x", "clientId": admin}), (403, no(role)), (400, no_id("livreId"))),
            (
                json!({"livreId": livre, "clientId": null}),
                (400, no("clientId must be a string!")),
                (400, no("clientId must be a string!")),
            ),
            (json!({"codeBarres": "B-1"}), (403, no(role)), (404, no("Exemplaire not found!"))),
            (json!({"codeBarres": ""}), (403, no(role)), (400, no(barcode))),
            (json!({"codeBarres": "é"}), (403, no(role)), (400, no(barcode))),
            (
                json!({"codeBarres": 1}),
                (400, no("codeBarres must be a string!")),
                (400, no("codeBarres must be a string!")),
            ),
            (json!({"codeBarres": "B-1", "livreId": livre}), (403, no(role)), (400, no(both))),
            (
                json!({"livreId": livre, "statut": "en cours", "x": 1}),
                (400, no("Invalid fields: statut, x")),
                (400, no("Invalid fields: statut, x")),
            ),
        ] {
            for (token, expected) in [(&desk.royce.token, clients), (&desk.admin, admins)] {
                let refused = desk.post(token, "/api/emprunts", Some(body.clone())).await;

                assert_eq!((refused.status, refused.text), expected, "{body}");
            }
        }
        let to_the_admin = json!({"livreId": livre, "clientId": admin});
        desk.post(&desk.royce.token, "/api/emprunts", Some(to_the_admin)).await.must_be(403, &no(role));
        // Where the path says all, a body has nothing to say.
        let loan = lent(&desk.suite, &desk.royce.token, livre).await;
        for path in [livre, &format!("{}/return", id(&loan)), &format!("{}/renouveler", id(&loan))] {
            let path = format!("/api/emprunts/{path}");
            let refused = desk.post(&desk.royce.token, &path, Some(json!({"clientId": NOBODY}))).await;
            refused.must_be(400, &no("Invalid fields: clientId"));
        }
        assert_eq!(numbers(&desk.suite, livre).await, (1, 0));
    }

    /// Ruling 2.
    async fn somebody_elses_loan_is_one_that_does_not_exist(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let other = desk.suite.register("other@example.org").await;
        let loan = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
        for (method, rest) in [("GET", ""), ("POST", "/return"), ("POST", "/renouveler")] {
            for (token, id) in
                [(&other.token, id(&loan)), (&other.token, NOBODY), (&desk.royce.token, NOBODY), (&desk.admin, NOBODY)]
            {
                let answer = desk.suite.send(method, &format!("/api/emprunts/{id}{rest}"), Some(token), None).await;

                answer.must_be(404, &no(ABSENT));
            }
        }
        for method in ["PUT", "DELETE"] {
            let body = (method == "PUT").then(|| json!({"statut": "retourné"}));
            let answer = desk.suite.send(method, &format!("/api/emprunts/{NOBODY}"), Some(&desk.admin), body).await;
            answer.must_be(404, &no(ABSENT));
        }
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (1, 0));
    }

    /// Ruling 8.
    async fn deleting_an_open_loan_gives_the_copy_back_and_deleting_a_returned_one_nothing(db: Database) {
        let desk = Desk::open(&db, 2).await;
        let open = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
        let returned = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
        let returned = thing(&desk.give_back(&desk.royce.token, &returned).await, 200, "emprunt");
        let delete = async |of: &Value| {
            desk.suite.send("DELETE", &format!("/api/emprunts/{}", id(of)), Some(&desk.admin), None).await
        };

        delete(&open).await.must_be(200, &yes("Emprunt deleted successfully!", &one(&open)));
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (2, 2));
        delete(&returned).await.must_be(200, &yes("Emprunt deleted successfully!", &one(&returned)));
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (2, 2));

        for loan in [&open, &returned] {
            delete(loan).await.must_be(404, &no(ABSENT));
            desk.give_back(&desk.royce.token, loan).await.must_be(404, &no(ABSENT));
            let path = format!("/api/emprunts/{}", id(loan));
            desk.suite.send("GET", &path, Some(&desk.royce.token), None).await.must_be(404, &no(ABSENT));
        }
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (2, 2));
    }

    async fn a_loan_is_renewed_from_the_day_on_which_it_is_asked_for(db: Database) {
        let mut desk = Desk::open(&db, 1).await;
        let loan = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
        desk.later(3 * DAY).await;

        let renewed = desk.renew(&desk.royce.token, &loan).await;

        let loan = with(&loan, &json!({"dateRetourPrevu": "2026-03-19T09:00:00.000Z"}));
        renewed.must_be(200, &yes("Emprunt renewed successfully!", &one(&loan)));
        assert_eq!(desk.renew(&desk.admin, &loan).await.status, 200);
        desk.renew(&desk.royce.token, &loan).await.must_be(409, &no("Renewal limit reached!"));
        assert_eq!(desk.give_back(&desk.royce.token, &loan).await.status, 200);
        desk.renew(&desk.royce.token, &loan).await.must_be(409, &no("Book already returned!"));
    }

    async fn a_loan_is_not_renewed_too_late_nor_while_somebody_waits_nor_for_the_blocked(db: Database) {
        let mut desk = Desk::open(&db, 1).await;
        let other = desk.suite.register("other@example.org").await;
        let loan = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
        let placed = desk.post(&other.token, "/api/reservations", Some(json!({"livreId": desk.livre}))).await;
        let hold = thing(&placed, 201, "reservation");

        desk.renew(&desk.royce.token, &loan).await.must_be(409, &no("Book is reserved by another client!"));
        let path = format!("/api/reservations/{}", id(&hold));
        assert_eq!(desk.suite.send("DELETE", &path, Some(&other.token), None).await.status, 200);
        assert_eq!(desk.renew(&desk.royce.token, &loan).await.status, 200);
        desk.later(15 * DAY).await;
        desk.renew(&desk.royce.token, &loan).await.must_be(409, &no("Emprunt is overdue!"));
        desk.refuse(&desk.royce).await;
        desk.renew(&desk.admin, &loan).await.must_be(403, &no("Client is blocked!"));
    }

    /// Operations 11 and 16.
    async fn who_has_a_book_and_what_somebody_has_is_not_deleted(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let loan = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
        let (client, book) = (format!("/api/clients/{}", desk.royce.id), format!("/api/livres/{}", desk.livre));
        let delete = async |path: &str| desk.suite.send("DELETE", path, Some(&desk.admin), None).await;

        delete(&client).await.must_be(409, &no("Client has books on loan!"));
        delete(&book).await.must_be(409, &no("Book is on loan!"));
        let seen = desk.suite.send("GET", "/api/clients/me", Some(&desk.royce.token), None).await;
        assert_eq!((seen.status, numbers(&desk.suite, &desk.livre).await), (200, (1, 0)));
        assert_eq!(desk.give_back(&desk.royce.token, &loan).await.status, 200);

        assert_eq!((delete(&client).await.status, delete(&book).await.status), (200, 200));
        delete(&client).await.must_be(404, &no("Client not found!"));
        delete(&book).await.must_be(404, &no("Book not found!"));
        desk.borrow(&desk.admin).await.must_be(404, &no("Book not found!"));
        // What remains of it is nobody's.
        let path = format!("/api/emprunts/{}", id(&loan));
        let kept = thing(&desk.suite.send("GET", &path, Some(&desk.admin), None).await, 200, "emprunt");
        assert_eq!((&kept["clientId"], &kept["statut"]), (&Value::Null, &json!("retourné")));
    }

    /// Ruling 10.
    async fn quantite_adds_copies_and_withdraws_those_on_the_shelf(db: Database) {
        let desk = Desk::open(&db, 2).await;
        let loan = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
        for (quantite, expected) in [(3, (4, 3)), (0, (1, 0)), (1, (2, 1)), (1, (2, 1))] {
            let path = format!("/api/livres/{}", desk.livre);
            let set = desk.suite.send("PUT", &path, Some(&desk.admin), Some(json!({"quantite": quantite}))).await;

            set.must_be(200, &yes("Book updated successfully!", &format!(
                r#"{{"livre":{}}}"#, desk.book(expected.0, expected.1),
            )));
            let (copies, available) = numbers(&desk.suite, &desk.livre).await;
            assert_eq!((copies, available), (expected.0.into(), expected.1.into()), "{quantite}");
        }
        assert_eq!(desk.give_back(&desk.royce.token, &loan).await.status, 200);
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (2, 2));
    }

    async fn borrowing_and_returning_do_without_catalog(db: Database) {
        let desk = Desk::open(&db, 1).await;
        for catalog in [Neighbour::Away, Neighbour::Fake(silent())] {
            let gateway = Elsewhere::start(&desk.suite, catalog, Neighbour::Real).await;
            let send = async |path: &str| answer(gateway.request("POST", path).bearer_auth(&desk.royce.token)).await;

            let loan = thing(&send(&format!("/api/emprunts/{}", desk.livre)).await, 201, "emprunt");
            let returned = send(&format!("/api/emprunts/{}/return", id(&loan))).await;

            let loan = with(&loan, &json!({"dateRetourEffectif": BEGIN, "statut": "retourné"}));
            let data = format!(r#"{{"emprunt":{},"livre":null}}"#, emprunt(&loan));
            returned.must_be(200, &yes("Book returned successfully!", &data));
            assert_eq!(numbers(&desk.suite, &desk.livre).await, (1, 1));
        }
    }

    async fn without_lending_nothing_is_lent_and_all_about_it_is_503(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let loan = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
        let gateway = Elsewhere::start(&desk.suite, Neighbour::Real, Neighbour::Away).await;
        let loan_path = format!("/api/emprunts/{}", id(&loan));
        for (method, path) in [
            ("POST", format!("/api/emprunts/{}", desk.livre)),
            ("POST", format!("{loan_path}/return")),
            ("POST", format!("{loan_path}/renouveler")),
            ("GET", loan_path.clone()),
            ("DELETE", loan_path),
            ("GET", "/api/emprunts".to_owned()),
            ("GET", "/api/clients/emprunts".to_owned()),
            ("GET", "/api/reservations".to_owned()),
            ("GET", format!("/api/livres/{}/exemplaires", desk.livre)),
        ] {
            let away = answer(gateway.request(method, &path).bearer_auth(&desk.admin)).await;

            away.must_be(503, &no("Service temporarily unavailable!"));
            assert_eq!(away.header("retry-after"), "1", "{method} {path}");
        }
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (1, 0));
    }
}
