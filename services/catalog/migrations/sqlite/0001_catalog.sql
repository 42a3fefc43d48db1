CREATE TABLE category (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    CONSTRAINT category_name_key UNIQUE (name_key)
);

-- number: the order in which books came, which is the order of lists; never given twice. *_key: what is sorted and compared, texts folded, and an
-- unknown year before all others.
CREATE TABLE book (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    isbn TEXT,
    title TEXT NOT NULL,
    title_key TEXT NOT NULL,
    author TEXT NOT NULL,
    author_key TEXT NOT NULL,
    publication_year INTEGER,
    year_key INTEGER NOT NULL,
    publisher TEXT NOT NULL,
    language TEXT NOT NULL,
    language_key TEXT NOT NULL,
    description TEXT NOT NULL,
    category_id TEXT REFERENCES category (id),
    copies INTEGER NOT NULL,
    available INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    CONSTRAINT book_id UNIQUE (id),
    CONSTRAINT book_isbn UNIQUE (isbn)
);
CREATE INDEX book_by_title ON book (title_key, number);
CREATE INDEX book_by_author ON book (author_key, number);
CREATE INDEX book_by_year ON book (year_key, number);
CREATE INDEX book_by_category ON book (category_id, number);
CREATE INDEX book_by_language ON book (language_key, number);

-- Blocks of 65,536 books. Whoever changes the postings of one has its row, so that one does at a time.
CREATE TABLE posting_block (
    block INTEGER NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL
);

-- The words of a block's books that begin alike, and which books have each: in the title, in the author, elsewhere
-- (store/postings.rs).
CREATE TABLE posting (
    block INTEGER NOT NULL,
    beginning TEXT NOT NULL,
    words BLOB NOT NULL,
    PRIMARY KEY (block, beginning)
) WITHOUT ROWID;

-- One row: whoever imports has it.
CREATE TABLE import_lock (
    id INTEGER NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
);

-- Batches of an import that added copies, so that the same batch sent again adds none.
CREATE TABLE import_batch (
    request_id TEXT NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL
);
CREATE INDEX import_batch_by_age ON import_batch (created_at);
