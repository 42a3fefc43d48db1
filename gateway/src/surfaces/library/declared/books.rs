//! Operations 12 to 16 and 24 to 28, and single copies.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{bad_id, choice, copies, id_or_empty, id_or_null, misfit, query, says};
use crate::{
    fault::Reason,
    openapi::{
        Access, Answer, Endpoint, delete, get, patch, post, put,
        schema::{
            closed, described, filled, id, lines, list, object, object_with, of, one_of, or_null, patterned, whole,
        },
    },
    surfaces::library::{
        books::{self, BAD_SORT, REQUIRED},
        categories,
        envelope::{BAD_ETAT, bad, tell},
        exemplaires,
    },
};

pub fn endpoints() -> Vec<Endpoint> {
    [books(), categories(), copies_of_books()].into_iter().flatten().collect()
}

fn books() -> Vec<Endpoint> {
    let one = |status, message: &str| says(status, message, [("livre", of("Livre"))]);
    let taken = || tell(StatusCode::CONFLICT, "ISBN already exists: \"L'Étranger\" (67b149304cc6b12143ecf7d1)!");
    let unfit = || bad("Invalid fields: titre is required; isbn has a wrong check digit");
    vec![
        get("/api/livres", "listBooks", books::list)
            .does("Books: searched, filtered, sorted")
            .parameters([
                query("q", "Words in title, author, publisher and description, in any order, the last one by its beginning; or an ISBN", json!({"type": "string", "maxLength": 500})),
                query("categorieId", "Of this category", id_or_empty()),
                query("auteur", "With these words in the author's name", json!({"type": "string", "maxLength": 500})),
                query("langue", "In this language, whatever its case", json!({"type": "string"})),
                query("disponible", "Only those that can be borrowed now", choice(&["true", "false"])),
                query("sort", "By what; without it best matches first, or oldest books", choice(&["titre", "-titre", "auteur", "-auteur", "anneePublication", "-anneePublication"])),
                query("facettes", "Whether to count categories, languages and authors", choice(&["true", "false"])),
            ])
            .paged(says_books())
            .refuses(bad(BAD_SORT))
            .refuses(misfit("query"))
            .refuses(misfit("filter.author")),
        get("/api/livres/{id}", "getBook", books::get)
            .does("A book")
            .of_one("book", Reason::BookNotFound)
            .answers(one(StatusCode::OK, "Book found successfully!").with(["ETag"])),
        post("/api/livres", "createBook", books::create)
            .access(Access::Admin)
            .limit(books::BYTES)
            .does("Make a book, and `quantite` copies of it")
            .reads(written(true))
            .for_example("a book", json!({
                "isbn": "2-07-036002-4", "titre": "L'Étranger", "auteur": "Albert Camus", "anneePublication": 1942,
                "editeur": "Gallimard", "langue": "français", "quantite": 2,
            }))
            .once()
            .answers(
                one(StatusCode::CREATED, "Book created successfully!")
                    .with(["ETag"])
                    .leads_to("getBook", "id", "/data/livre/_id")
                    .leads_to("updateBook", "id", "/data/livre/_id")
                    .leads_to("deleteBook", "id", "/data/livre/_id")
                    .leads_to("borrowBook", "id", "/data/livre/_id"),
            )
            .refuses(unfit())
            .refuses(taken()),
        put("/api/livres/{id}", "updateBook", books::update)
            .access(Access::Admin)
            .limit(books::BYTES)
            .does("Change a book")
            .may_read(written(false))
            .of_one("book", Reason::BookNotFound)
            .if_unchanged()
            .answers(one(StatusCode::OK, "Book updated successfully!").with(["ETag"]))
            .refuses(unfit())
            .refuses(taken()),
        delete("/api/livres/{id}", "deleteBook", books::delete)
            .access(Access::Admin)
            .does("Delete a book with its copies")
            .of_one("book", Reason::BookNotFound)
            .if_unchanged()
            .answers(one(StatusCode::OK, "Book deleted successfully!"))
            .refuses(Reason::BookOnLoan),
    ]
}

fn says_books() -> Answer {
    let data = object_with([("livres", list(of("Livre"))), ("facettes", of("Facettes"))], &["livres"]);
    let message = "Books found successfully!";
    Answer::json(StatusCode::OK, message, super::envelope(json!({"const": message}), data))
}

fn categories() -> Vec<Endpoint> {
    let one = |status, message: &str| says(status, message, [("categorie", of("Categorie"))]);
    let fields = || [("nom", filled(100)), ("description", filled(1000))];
    vec![
        get("/api/categories", "listCategories", categories::list).does("All categories").paged(says(
            StatusCode::OK,
            "All categories fetched successfully!",
            [("categories", list(of("Categorie")))],
        )),
        get("/api/categories/{id}", "getCategory", categories::get)
            .does("A category")
            .of_one("category", Reason::CategoryNotFound)
            .answers(one(StatusCode::OK, "Category fetched successfully!").with(["ETag"])),
        post("/api/categories", "createCategory", categories::create)
            .access(Access::Admin)
            .does("Make a category")
            .reads(object(fields()))
            .for_example("a category", json!({"nom": "Romans", "description": "Rez-de-chaussée, à gauche"}))
            .once()
            .answers(
                one(StatusCode::CREATED, "Category created successfully!")
                    .with(["ETag"])
                    .leads_to("getCategory", "id", "/data/categorie/_id")
                    .leads_to("updateCategory", "id", "/data/categorie/_id")
                    .leads_to("deleteCategory", "id", "/data/categorie/_id"),
            )
            .writes_category(),
        put("/api/categories/{id}", "updateCategory", categories::update)
            .access(Access::Admin)
            .does("Change a category")
            .may_read(object_with(fields(), &[]))
            .of_one("category", Reason::CategoryNotFound)
            .if_unchanged()
            .answers(one(StatusCode::OK, "Category updated successfully!").with(["ETag"]))
            .writes_category(),
        delete("/api/categories/{id}", "deleteCategory", categories::delete)
            .access(Access::Admin)
            .does("Delete a category without books")
            .of_one("category", Reason::CategoryNotFound)
            .if_unchanged()
            .answers(one(StatusCode::OK, "Category deleted successfully!"))
            .refuses(Reason::CategoryInUse),
    ]
}

fn copies_of_books() -> Vec<Endpoint> {
    const BOOKS: &str = "/api/livres/{id}/exemplaires";
    const ONE: &str = "/api/livres/{id}/exemplaires/{exemplaire_id}";
    let one = |status, message: &str| says(status, message, [("exemplaire", of("Exemplaire"))]);
    let barcode = || described(patterned(0, 64, "^[!-~]*$"), "`\"\"` for none");
    vec![
        get(BOOKS, "listCopies", exemplaires::list)
            .access(Access::Admin)
            .does("The copies of a book, without the withdrawn ones")
            .of_one("book", Reason::BookNotFound)
            .paged(says(
                StatusCode::OK,
                "Exemplaires fetched successfully!",
                [("exemplaires", list(of("Exemplaire")))],
            )),
        post(BOOKS, "createCopy", exemplaires::create)
            .access(Access::Admin)
            .does("Add a copy")
            .may_read(object_with([("codeBarres", barcode())], &[]))
            .of_one("book", Reason::BookNotFound)
            .once()
            .answers(one(StatusCode::CREATED, "Exemplaire created successfully!"))
            .refuses(misfit("copy.barcode"))
            .refuses(Reason::BarcodeTaken)
            .refuses(Reason::TooManyCopies),
        get(ONE, "getCopy", exemplaires::get)
            .access(Access::Admin)
            .does("A copy")
            .of_copy()
            .answers(one(StatusCode::OK, "Exemplaire fetched successfully!")),
        patch(ONE, "updateCopy", exemplaires::update)
            .access(Access::Admin)
            .does("Give a copy a barcode or take it away, lose it or find it")
            .reads(at_least_one(object_with(
                [("codeBarres", barcode()), ("etat", one_of(&["perdu", "en rayon"]))],
                &[],
            )))
            .of_copy()
            .answers(one(StatusCode::OK, "Exemplaire updated successfully!"))
            .refuses(bad("Invalid updates!"))
            .refuses(bad(BAD_ETAT))
            .refuses(misfit("copy.barcode"))
            .refuses(Reason::BarcodeTaken)
            .refuses(Reason::CopyStateContradicted),
        delete(ONE, "deleteCopy", exemplaires::delete)
            .access(Access::Admin)
            .does("Withdraw a copy for good")
            .of_copy()
            .answers(one(StatusCode::OK, "Exemplaire deleted successfully!"))
            .refuses(Reason::CopyOnLoan)
            .refuses(Reason::CopySetAside),
    ]
}

impl Endpoint {
    fn of_copy(self) -> Self {
        self.refuses_each(bad_id("book")).of_one("exemplaire", Reason::CopyNotFound)
    }

    fn writes_category(self) -> Self {
        self.refuses(bad(categories::MISSING))
            .refuses(bad("Invalid fields: nom must have at most 100 characters"))
            .refuses(Reason::CategoryTaken)
    }
}

/// What may be written of a book: the fields of the handler's own table.
fn written(is_new: bool) -> Value {
    let fields: Map<String, Value> =
        books::fields().map(|name| (name.to_owned(), field(name, is_new && REQUIRED.contains(&name)))).collect();
    let required = if is_new { REQUIRED.map(str::to_owned).to_vec() } else { Vec::new() };
    closed(fields, required)
}

/// A field of a book; where it is required, `null` and blanks do not do.
fn field(name: &str, is_required: bool) -> Value {
    let text = |most| if is_required { filled(most) } else { lines(most) };
    let optional = |schema| if is_required { schema } else { or_null(schema) };
    match name {
        "isbn" => optional(described(isbn(), "With a right check digit; `\"\"` for a book without one")),
        "titre" => filled(500),
        "auteur" => text(2000),
        "anneePublication" => optional(whole(-9999, 9999)),
        "editeur" => text(200),
        "langue" => text(50),
        "description" => or_null(lines(10_000)),
        "quantite" => copies(),
        _ => category(),
    }
}

/// ISBN-10 or ISBN-13, with hyphens and blanks, or nothing.
fn isbn() -> Value {
    let digits = "^([0-9]([- ]?[0-9]){8}[- ]?[0-9Xx]|97[89]([- ]?[0-9]){10})$";
    json!({"anyOf": [{"const": ""}, {"type": "string", "pattern": digits}]})
}

/// A category that there is, or none.
fn category() -> Value {
    json!({"anyOf": [{"const": ""}, id(), {"type": "null"}]})
}

fn at_least_one(mut schema: Value) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("minProperties".to_owned(), Value::from(1));
    }
    schema
}

pub fn schemas() -> Vec<(&'static str, Value)> {
    let text = || json!({"type": "string"});
    let counted = || list(object([("valeur", text()), ("nombre", whole(0, i64::MAX))]));
    vec![
        (
            "Livre",
            object([
                ("_id", id()),
                ("isbn", patterned(0, 13, "^(97[89][0-9]{10})?$")),
                ("titre", text()),
                ("auteur", text()),
                ("anneePublication", or_null(whole(-9999, 9999))),
                ("editeur", text()),
                ("langue", text()),
                ("description", text()),
                ("quantite", described(copies(), "Copies that can be borrowed now")),
                ("categorieId", id_or_null()),
                ("exemplaires", described(copies(), "Copies that there are")),
                ("disponible", json!({"type": "boolean"})),
            ]),
        ),
        ("Facettes", object([("categorieId", counted()), ("langue", counted()), ("auteur", counted())])),
        ("Categorie", object([("_id", id()), ("nom", text()), ("description", text())])),
        (
            "Exemplaire",
            object([
                ("_id", id()),
                ("livreId", id()),
                ("codeBarres", text()),
                ("etat", one_of(&["en rayon", "prêté", "réservé", "perdu", "retiré"])),
            ]),
        ),
    ]
}
