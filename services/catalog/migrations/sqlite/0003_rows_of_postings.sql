-- The rows by number, with their key beside them: as they are long, a tree that is ordered by their key and holds them would have
-- few to a page, and twice as many pages to go through.
ALTER TABLE posting RENAME TO posting_before;
CREATE TABLE posting (
    block INTEGER NOT NULL,
    beginning TEXT NOT NULL,
    words BLOB NOT NULL,
    CONSTRAINT posting_key UNIQUE (block, beginning)
);
INSERT INTO posting (block, beginning, words) SELECT block, beginning, words FROM posting_before ORDER BY block, beginning;
DROP TABLE posting_before;
