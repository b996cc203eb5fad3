-- A count reads what was poured from its bottles since they were last counted.
-- +goose Up
CREATE INDEX dispensing_by_bottle ON dispensing (bottle, id);
