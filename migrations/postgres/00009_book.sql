-- Registers are read by the time of the record.
-- +goose Up
CREATE INDEX move_by_record ON move USING brin (recorded) WITH (pages_per_range = 32);
