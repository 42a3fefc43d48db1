-- As on SQLite: rows lie in no order here, and their key beside them.
SELECT 1;
