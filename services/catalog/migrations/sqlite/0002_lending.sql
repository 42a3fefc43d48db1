-- What is ordered of lending, which owns the copies: an outbox, emptied from the front. Rows with one request_id are one request,
-- and stay together until it is done: the same id never says something else. kind: 'add', 'set'.
CREATE TABLE copies_order (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    book_id TEXT NOT NULL,
    copies INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX copies_order_by_request ON copies_order (request_id);
CREATE INDEX copies_order_by_book ON copies_order (book_id);

-- Lending has never heard of the books that are here: each is made known with the copies that can be borrowed. So many together
-- as lending takes at once, under the name of the first.
INSERT INTO copies_order (request_id, kind, book_id, copies, created_at)
SELECT 'known-' || MIN(id) OVER (PARTITION BY books, heap), 'add', id, available, created_at
FROM (
    SELECT number, id, available, created_at, number / 1000 AS books,
        SUM(available) OVER (ORDER BY number) / 10000 AS heap
    FROM book
) AS numbered
ORDER BY number;

-- A book that is to be deleted once lending has withdrawn it, since when, and who asked for that in which request. attempt tells
-- those apart who see to it: only the last one may find that it stays.
CREATE TABLE departure (
    book_id TEXT NOT NULL PRIMARY KEY REFERENCES book (id) ON DELETE CASCADE,
    asked_at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    request_id TEXT NOT NULL,
    attempt TEXT NOT NULL
);
CREATE INDEX departure_by_age ON departure (asked_at);

-- How new what lending said of a book is: a feed may tell what was before an answer, and two may follow it.
ALTER TABLE book ADD COLUMN stock_revision INTEGER NOT NULL DEFAULT -1;

-- How far a feed has been followed. Written with what came.
CREATE TABLE feed (
    source TEXT NOT NULL PRIMARY KEY,
    token TEXT NOT NULL
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
