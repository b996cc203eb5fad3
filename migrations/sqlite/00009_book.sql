-- Registers are read by the time of the record.
-- +goose Up
CREATE INDEX move_by_record ON move (recorded);
