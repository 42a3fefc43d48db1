-- An account that is to be deleted once lending has closed it, since when, and who asked for that in which request. leaving_attempt
-- tells those apart who see to it: only the last one may find that it stays.
ALTER TABLE account ADD COLUMN leaving_at INTEGER;
ALTER TABLE account ADD COLUMN leaving_actor TEXT;
ALTER TABLE account ADD COLUMN leaving_request_id TEXT;
ALTER TABLE account ADD COLUMN leaving_attempt INTEGER NOT NULL DEFAULT 0;
CREATE INDEX account_leaving ON account (leaving_at) WHERE leaving_at IS NOT NULL;

-- See shared/src/replay.rs. Answers hold tokens, so they are sealed as signing keys are; digests are those of a key that is not
-- in the database, because what they are of holds a password. account_id: whose answer it is, which goes with his password.
CREATE TABLE request (
    caller TEXT NOT NULL,
    id TEXT NOT NULL,
    digest BLOB NOT NULL,
    answer BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    account_id TEXT,
    PRIMARY KEY (caller, id)
);
CREATE INDEX request_by_expiry ON request (expires_at);
CREATE INDEX request_by_account ON request (account_id) WHERE account_id IS NOT NULL;
