-- What operators did that is in no pool's log, because it must be written while
-- a pool cannot be had.

-- +goose Up
CREATE TABLE IF NOT EXISTS audit (
    id          VARBINARY(26) NOT NULL PRIMARY KEY, -- ULID
    happened_at DATETIME(6)   NOT NULL,
    kind        VARBINARY(32) NOT NULL,
    actor       VARCHAR(400)  NOT NULL, -- name of the token or of the database account, may be empty
    data        LONGTEXT      NOT NULL  -- JSON, by kind
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS audit;
