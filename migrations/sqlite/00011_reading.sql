-- What pages are read by, so that a page costs what it shows.
-- +goose Up

-- A register reads the moves of its own lots, and not what the other clinics recorded meanwhile.
CREATE INDEX move_by_lot_record ON move (lot, recorded);
DROP INDEX move_by_record;

-- Every session is shown with its last count.
CREATE INDEX stock_count_by_session ON stock_count (session, started_at);
