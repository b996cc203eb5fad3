-- A register reads the moves of its own lots alone, and not what the other clinics recorded meanwhile.
-- +goose Up
CREATE INDEX move_by_lot_record ON move (lot, recorded);
DROP INDEX move_by_record;
