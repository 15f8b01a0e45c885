-- The whole life of a number, the ends of an assignment, and phones.
--
-- A change of a table is one statement, which the server makes whole or not at
-- all, and is passed over where it was made before: MySQL has no ADD COLUMN IF
-- NOT EXISTS. Columns and indexes are added apart. Columns alone cost nothing
-- (ALGORITHM=INSTANT), and an index alone is built while the table is written
-- to; together they would copy the table.

-- +goose Up
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'pools' AND COLUMN_NAME = 'sticky') > 0, 'DO 0',
    'ALTER TABLE pools
        ADD COLUMN number_ttl_seconds INT     NOT NULL DEFAULT 0, -- 0 = for ever
        ADD COLUMN ttl_from_use       TINYINT NOT NULL DEFAULT 0, -- from the last call, else from the assignment
        ADD COLUMN sticky             TINYINT NOT NULL DEFAULT 0,
        ADD COLUMN number_or_fail     TINYINT NOT NULL DEFAULT 0, -- for requests that do not say
        ADD COLUMN numbers_draining   BIGINT  NOT NULL DEFAULT 0,
        ADD COLUMN numbers_suspended  BIGINT  NOT NULL DEFAULT 0,
        ADD COLUMN numbers_expiring   BIGINT  NOT NULL DEFAULT 0  -- live, with expires_at
    ');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

SET @ddl = IF((SELECT COUNT(*) FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'numbers' AND COLUMN_NAME = 'expires_at') > 0, 'DO 0',
    'ALTER TABLE numbers
        ADD COLUMN expires_at    DATETIME(6)   NULL, -- of the assignment that it is in; NULL = in none, or never
        ADD COLUMN used_at       DATETIME(6)   NULL, -- of the latest call that came in on it
        ADD COLUMN released_at   DATETIME(6)   NULL, -- when its latest assignment ended
        ADD COLUMN last_customer VARBINARY(32) NULL, -- SHA-256 of whose it was, where that customer may have it again
        ADD COLUMN last_planner  VARBINARY(64) NULL  -- who had it for that customer
    ');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

SET @ddl = IF((SELECT COUNT(*) FROM information_schema.STATISTICS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'numbers' AND INDEX_NAME = 'expiring') > 0, 'DO 0',
    'ALTER TABLE numbers ADD KEY expiring (pool, expires_at, number), ADD KEY by_customer (pool, last_customer)');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

SET @ddl = IF((SELECT COUNT(*) FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'assignments' AND COLUMN_NAME = 'voided_at') > 0, 'DO 0',
    'ALTER TABLE assignments
        ADD COLUMN voided_at   DATETIME(6)   NULL,
        ADD COLUMN turn        TINYINT       NOT NULL DEFAULT 1, -- whether it counts for the planner who was picked
        ADD COLUMN now_planner VARBINARY(64) NULL,               -- who has it after a reassignment
        ADD COLUMN now_name    VARCHAR(256)  NULL
    ');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

SET @ddl = IF((SELECT COUNT(*) FROM information_schema.STATISTICS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'assignments' AND INDEX_NAME = 'live') > 0, 'DO 0',
    'ALTER TABLE assignments ADD KEY live (pool, released_at)');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- Turns that planners got by reassignments, at the positions of their events.
CREATE TABLE IF NOT EXISTS reassignments (
    pool       VARBINARY(48)  NOT NULL,
    seq        BIGINT         NOT NULL,
    assignment BIGINT         NOT NULL, -- its seq
    planner    VARBINARY(64)  NOT NULL,
    turn       TINYINT        NOT NULL, -- whether it counts for the planner
    at         DATETIME(6)    NOT NULL,

    -- Of the call, to know it again.
    idem_key    VARBINARY(255) NOT NULL,
    fingerprint BINARY(32)     NOT NULL,

    PRIMARY KEY (pool, seq),
    KEY of_assignment (pool, assignment, seq),
    KEY by_planner (pool, planner, seq)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Real phones, and nothing else has them. Without the key, which is never in
-- the database, a row tells only whether two phones are the same.
CREATE TABLE IF NOT EXISTS phones (
    pool   VARBINARY(48)  NOT NULL,
    kind   VARBINARY(8)   NOT NULL, -- whose: planner, customer
    owner  VARBINARY(64)  NOT NULL, -- planner, or id of the customer's assignment
    key_id VARBINARY(16)  NOT NULL,
    box    VARBINARY(255) NOT NULL, -- sealed; empty = none any more
    mark   VARBINARY(32)  NOT NULL, -- HMAC under the same key

    PRIMARY KEY (pool, kind, owner),
    KEY by_mark (pool, kind, mark),
    KEY by_key (key_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS phones;
DROP TABLE IF EXISTS reassignments;

SET @ddl = IF((SELECT COUNT(*) FROM information_schema.STATISTICS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'assignments' AND INDEX_NAME = 'live') = 0, 'DO 0',
    'ALTER TABLE assignments DROP KEY live');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

SET @ddl = IF((SELECT COUNT(*) FROM information_schema.STATISTICS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'numbers' AND INDEX_NAME = 'expiring') = 0, 'DO 0',
    'ALTER TABLE numbers DROP KEY expiring, DROP KEY by_customer');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

SET @ddl = IF((SELECT COUNT(*) FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'assignments' AND COLUMN_NAME = 'voided_at') = 0, 'DO 0',
    'ALTER TABLE assignments DROP COLUMN voided_at, DROP COLUMN turn,
        DROP COLUMN now_planner, DROP COLUMN now_name');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

SET @ddl = IF((SELECT COUNT(*) FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'numbers' AND COLUMN_NAME = 'expires_at') = 0, 'DO 0',
    'ALTER TABLE numbers DROP COLUMN expires_at, DROP COLUMN used_at,
        DROP COLUMN released_at, DROP COLUMN last_customer, DROP COLUMN last_planner');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

SET @ddl = IF((SELECT COUNT(*) FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'pools' AND COLUMN_NAME = 'sticky') = 0, 'DO 0',
    'ALTER TABLE pools DROP COLUMN number_ttl_seconds, DROP COLUMN ttl_from_use, DROP COLUMN sticky,
        DROP COLUMN number_or_fail, DROP COLUMN numbers_draining, DROP COLUMN numbers_suspended, DROP COLUMN numbers_expiring');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;
