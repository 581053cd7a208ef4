-- The raw lines of epochs, as they lie in the results folder of who measured: the truth from which every row
-- can be made again. In parts, so that nobody holds a file at once, and PostgreSQL compresses each.
CREATE TABLE raw_files (
    test_id TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    first TEXT NOT NULL             -- the first line: who the epoch is
) STRICT;
CREATE TABLE raw_parts (
    test_id TEXT NOT NULL REFERENCES raw_files (test_id) ON DELETE CASCADE,
    part INTEGER NOT NULL,          -- from 0
    content BLOB NOT NULL,
    PRIMARY KEY (test_id, part)
) STRICT;
