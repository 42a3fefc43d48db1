-- Accounts of all realms. login_key is the normalised e-mail address or user name: one login, one account.
CREATE TABLE account (
    id TEXT NOT NULL PRIMARY KEY,
    realm TEXT NOT NULL,
    login_key TEXT NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    role TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT account_login_key UNIQUE (login_key)
);
CREATE INDEX account_by_realm ON account (realm, id);
CREATE INDEX account_by_role ON account (role);

-- Apart from the account, so that no query of accounts can carry a hash away.
CREATE TABLE credential (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    password_hash TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 0
);

-- Wrong passwords in a row. Subjects are accounts, and a fixed number of decoys for logins that do not exist.
CREATE TABLE failure_budget (
    subject TEXT NOT NULL PRIMARY KEY,
    in_a_row INTEGER NOT NULL,
    in_window INTEGER NOT NULL,
    window_start INTEGER,
    locked_until INTEGER
);

CREATE TABLE session (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX session_by_account ON session (account_id, id);
CREATE INDEX session_by_expiry ON session (expires_at);

-- The private half is sealed (AES-256-GCM) under a key that is not in the database.
CREATE TABLE signing_key (
    id TEXT NOT NULL PRIMARY KEY,
    sealed_key BLOB NOT NULL,
    public_key BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER
);

CREATE TABLE api_key (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    digest BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER,
    CONSTRAINT api_key_digest UNIQUE (digest)
);

-- Outlives what it is about, so it refers to nothing.
CREATE TABLE audit_event (
    id TEXT NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    event TEXT NOT NULL,
    account_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    request_id TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_event_by_account ON audit_event (account_id, id);
