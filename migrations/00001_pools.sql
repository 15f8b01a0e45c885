-- The ledger. Ids, keys and numbers are bytes (VARBINARY): no collation decides
-- what is equal. There are no foreign keys: every write of a pool happens behind
-- the lock on its row in pools, and a foreign key would take row locks of its
-- own in places where nothing else does.
--
-- The server commits each statement by itself. A change that was cut off is run
-- again from its start, so each statement must bear that.

-- +goose Up
CREATE TABLE IF NOT EXISTS pools (
    pool             VARBINARY(48) NOT NULL PRIMARY KEY,

    -- The position of the pool's latest assignment or event. Whoever holds this
    -- row decides; a writer whose seq is not the one it read must fail, which
    -- NOT NULL makes an error instead of an update of 0 rows.
    seq              BIGINT        NOT NULL,
    last_at          DATETIME(6)   NOT NULL, -- of that position; the pool's clock never runs backwards

    cooldown_seconds INT           NOT NULL,

    -- Counts that people ask for, kept because counting would cost the history.
    planners         BIGINT        NOT NULL,
    active           BIGINT        NOT NULL, -- planners
    assigned         BIGINT        NOT NULL,
    live             BIGINT        NOT NULL, -- assignments not released
    numbers          BIGINT        NOT NULL,
    numbers_active   BIGINT        NOT NULL, -- in a live assignment
    numbers_aside    BIGINT        NOT NULL, -- set aside

    -- No active planner comes before (pick_load, pick_seq, pick_planner) in the
    -- index pick, and no free number before (free_at, free_number) in next_free.
    -- Index entries of former picks that a long snapshot keeps from being purged
    -- lie before these, and are skipped.
    pick_load        BIGINT        NOT NULL,
    pick_seq         BIGINT        NOT NULL,
    pick_planner     VARBINARY(64) NOT NULL,
    free_at          DATETIME(6)   NOT NULL,
    free_number      VARBINARY(21) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS planners (
    pool         VARBINARY(48) NOT NULL,
    planner      VARBINARY(64) NOT NULL,
    name         VARCHAR(256)  NOT NULL,
    active       TINYINT       NOT NULL,
    base         BIGINT        NOT NULL,
    assigned     BIGINT        NOT NULL,
    live         BIGINT        NOT NULL, -- assignments not released
    planner_load BIGINT        NOT NULL, -- assigned + base
    last_seq     BIGINT        NOT NULL, -- of the latest assignment, 0 = never
    last_at      DATETIME(6)   NULL,     -- of the latest assignment, NULL = never

    PRIMARY KEY (pool, planner),
    -- The order in which planners are picked.
    KEY pick (pool, active, planner_load, last_seq, planner)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS assignments (
    pool         VARBINARY(48)  NOT NULL,
    seq          BIGINT         NOT NULL,
    id           VARBINARY(26)  NOT NULL, -- ULID
    planner      VARBINARY(64)  NOT NULL,
    planner_name VARCHAR(256)   NOT NULL, -- as it was then: an answer is repeated as it was given
    number       VARBINARY(21)  NULL,     -- NULL = without
    live_number  VARBINARY(21)  NULL,     -- number while the assignment is live, else NULL
    wish         VARBINARY(9)   NOT NULL, -- whether a number was wanted: preferred, required, none
    customer     VARCHAR(256)   NOT NULL,
    idem_key     VARBINARY(255) NOT NULL,
    fingerprint  BINARY(32)     NOT NULL, -- of the request, to tell a repeated one from a reused key
    assigned_at  DATETIME(6)    NOT NULL,
    released_at  DATETIME(6)    NULL,     -- NULL = live

    PRIMARY KEY (pool, seq),
    UNIQUE KEY by_id (id),
    UNIQUE KEY once_per_key (pool, idem_key),
    UNIQUE KEY once_per_number (live_number),
    -- A planner's own assignments, for people.
    KEY by_planner (pool, planner, seq)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS numbers (
    number     VARBINARY(21) NOT NULL PRIMARY KEY, -- in one pool only
    pool       VARBINARY(48) NOT NULL,
    state      VARBINARY(9)  NOT NULL, -- free, active, set_aside
    free_at    DATETIME(6)   NOT NULL, -- when it became free, or will after its cool-down
    assignment VARBINARY(26) NULL,     -- id of the live assignment

    -- The order in which free numbers are handed out.
    KEY next_free (pool, state, free_at, number),
    -- A pool's numbers, for people.
    KEY by_pool (pool, number)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS events (
    pool        VARBINARY(48) NOT NULL,
    seq         BIGINT        NOT NULL, -- in one numbering with assignments
    id          VARBINARY(26) NOT NULL, -- ULID of the call that caused it
    kind        VARBINARY(32) NOT NULL,
    happened_at DATETIME(6)   NOT NULL,
    actor       VARCHAR(64)   NOT NULL, -- name of the token, may be empty
    data        LONGTEXT      NOT NULL, -- JSON, by kind; text, since a JSON column would reorder it on some servers

    PRIMARY KEY (pool, seq)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS events;
DROP TABLE IF EXISTS numbers;
DROP TABLE IF EXISTS assignments;
DROP TABLE IF EXISTS planners;
DROP TABLE IF EXISTS pools;
