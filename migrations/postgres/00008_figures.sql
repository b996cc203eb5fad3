-- What the patients' figures of clinics and provinces are counted from, beside the files themselves.
-- +goose Up

ALTER TABLE patient ADD COLUMN entry text NOT NULL DEFAULT 'new'
    CONSTRAINT patient_entry_known CHECK (entry IN ('new', 'returned', 'transferred_in'));
UPDATE patient SET entry = 'returned' WHERE previous IS NOT NULL;

ALTER TABLE clinic ADD COLUMN district text NOT NULL DEFAULT '';

-- How many patients a clinic is to have in treatment, by year. The newest row of a year counts.
CREATE TABLE treatment_target (
    clinic   uuid        NOT NULL,
    year     integer     NOT NULL,
    recorded timestamptz NOT NULL,
    patients integer     NOT NULL,
    by_staff text        NOT NULL,
    CONSTRAINT treatment_target_pk PRIMARY KEY (clinic, year, recorded),
    CONSTRAINT treatment_target_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT treatment_target_positive CHECK (patients > 0)
);

CREATE TRIGGER treatment_target_append_only BEFORE UPDATE OR DELETE ON treatment_target
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER treatment_target_no_truncate BEFORE TRUNCATE ON treatment_target
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON treatment_target TO lieu_app;
