-- A reading of one bottle before its rest leaves it is a count that belongs to a paper.
-- +goose Up
ALTER TABLE stock_count ADD COLUMN document uuid;
