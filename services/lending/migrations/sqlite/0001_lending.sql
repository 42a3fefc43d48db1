-- What there is of a book. Whoever moves a copy of it has its row, and the counts are those of its copies by state. Never
-- deleted: a withdrawn book stays withdrawn, and the feed tells so. changed: see shared/src/feed.rs.
CREATE TABLE stock (
    book_id TEXT NOT NULL PRIMARY KEY,
    on_shelf INTEGER NOT NULL DEFAULT 0,
    on_loan INTEGER NOT NULL DEFAULT 0,
    on_hold_shelf INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0,
    withdrawn_at INTEGER,
    changed INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX stock_by_change ON stock (changed, book_id);

-- number: the order in which copies came.
CREATE TABLE copy (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    book_id TEXT NOT NULL REFERENCES stock (book_id),
    barcode TEXT,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT copy_id UNIQUE (id)
);
-- A barcode that went with its copy may be printed on another one.
CREATE UNIQUE INDEX copy_barcode ON copy (barcode) WHERE state <> 'withdrawn';
CREATE INDEX copy_by_book ON copy (book_id, state, number);

-- Who borrowed here, or was closed. Whoever changes what somebody has out, or his holds, has his row first, before any of stock.
CREATE TABLE patron (
    id TEXT NOT NULL PRIMARY KEY,
    open_loans INTEGER NOT NULL DEFAULT 0,
    closed_at INTEGER,
    version INTEGER NOT NULL DEFAULT 0
);

-- patron_id is NULL when a returned loan is nobody's any more. loan_limit: of the policy under which it was lent.
CREATE TABLE loan (
    id TEXT NOT NULL PRIMARY KEY,
    patron_id TEXT REFERENCES patron (id),
    book_id TEXT NOT NULL REFERENCES stock (book_id),
    copy_id TEXT NOT NULL REFERENCES copy (id),
    borrowed_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    returned_at INTEGER,
    renewals INTEGER NOT NULL DEFAULT 0,
    lost BOOLEAN NOT NULL DEFAULT FALSE,
    loan_limit INTEGER NOT NULL
);
-- A copy is lent once at a time, whatever the code above does.
CREATE UNIQUE INDEX loan_copy_id ON loan (copy_id) WHERE returned_at IS NULL;
CREATE INDEX loan_by_patron ON loan (patron_id, id);
CREATE INDEX loan_open_by_patron ON loan (patron_id, due_at) WHERE returned_at IS NULL;
CREATE INDEX loan_by_book ON loan (book_id, id);
CREATE INDEX loan_open ON loan (id) WHERE returned_at IS NULL;
CREATE INDEX loan_open_by_due ON loan (due_at) WHERE returned_at IS NULL;
CREATE INDEX loan_returned ON loan (returned_at) WHERE returned_at IS NOT NULL AND patron_id IS NOT NULL;

-- number: the order in the queue, given while the book's row is held. hold_days: as the policy was when it was placed.
CREATE TABLE hold (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    patron_id TEXT REFERENCES patron (id),
    book_id TEXT NOT NULL REFERENCES stock (book_id),
    placed_at INTEGER NOT NULL,
    hold_days INTEGER NOT NULL,
    copy_id TEXT REFERENCES copy (id),
    expires_at INTEGER,
    ended_at INTEGER,
    outcome TEXT,
    CONSTRAINT hold_id UNIQUE (id)
);
CREATE UNIQUE INDEX hold_patron_id_book_id ON hold (patron_id, book_id) WHERE ended_at IS NULL;
-- Not of holds without a copy: SQLite would look for those who wait for a book among all who wait.
CREATE UNIQUE INDEX hold_copy_id ON hold (copy_id) WHERE ended_at IS NULL AND copy_id IS NOT NULL;
CREATE INDEX hold_by_patron ON hold (patron_id, id);
CREATE INDEX hold_by_book ON hold (book_id, id);
CREATE INDEX hold_ended ON hold (ended_at) WHERE ended_at IS NOT NULL AND patron_id IS NOT NULL;
CREATE INDEX hold_queue ON hold (book_id, number) WHERE ended_at IS NULL;
CREATE INDEX hold_by_expiry ON hold (expires_at) WHERE ended_at IS NULL;

-- Policies that an admin set; category '' is everybody's. What is not here is as the settings say.
CREATE TABLE policy (
    category TEXT NOT NULL PRIMARY KEY,
    loan_limit INTEGER NOT NULL,
    loan_days INTEGER NOT NULL,
    renewal_limit INTEGER NOT NULL,
    hold_limit INTEGER NOT NULL,
    hold_days INTEGER NOT NULL,
    borrow_while_overdue BOOLEAN NOT NULL,
    version INTEGER NOT NULL DEFAULT 0
);

-- See shared/src/replay.rs.
CREATE TABLE request (
    caller TEXT NOT NULL,
    id TEXT NOT NULL,
    digest BLOB NOT NULL,
    answer BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (caller, id)
);
CREATE INDEX request_by_expiry ON request (expires_at);

-- Outlives what it is about, so it refers to nothing.
CREATE TABLE audit_event (
    id TEXT NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    event TEXT NOT NULL,
    subject TEXT NOT NULL,
    actor TEXT NOT NULL,
    request_id TEXT NOT NULL,
    detail TEXT NOT NULL
);
