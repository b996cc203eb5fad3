-- What the patients' figures of clinics and provinces are counted from, beside the files themselves.
-- +goose Up

ALTER TABLE patient ADD COLUMN entry TEXT NOT NULL DEFAULT 'new'
    CONSTRAINT patient_entry_known CHECK (entry IN ('new', 'returned', 'transferred_in'));
UPDATE patient SET entry = 'returned' WHERE previous IS NOT NULL;

ALTER TABLE clinic ADD COLUMN district TEXT NOT NULL DEFAULT '';

-- How many patients a clinic is to have in treatment, by year. The newest row of a year counts.
CREATE TABLE treatment_target (
    clinic   TEXT    NOT NULL,
    year     INTEGER NOT NULL,
    recorded TEXT    NOT NULL,
    patients INTEGER NOT NULL,
    by_staff TEXT    NOT NULL,
    CONSTRAINT treatment_target_pk PRIMARY KEY (clinic, year, recorded),
    CONSTRAINT treatment_target_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT treatment_target_positive CHECK (patients > 0)
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER treatment_target_no_update BEFORE UPDATE ON treatment_target
BEGIN
    SELECT RAISE(ABORT, 'append_only: treatment_target');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER treatment_target_no_delete BEFORE DELETE ON treatment_target
BEGIN
    SELECT RAISE(ABORT, 'append_only: treatment_target');
END;
-- +goose StatementEnd
