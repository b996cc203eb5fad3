-- Registers name whom a narcotic went to, with the address.
-- +goose Up
ALTER TABLE patient ADD COLUMN address TEXT NOT NULL DEFAULT '';
