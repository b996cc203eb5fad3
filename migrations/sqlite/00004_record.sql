-- The record of who changed what, the tables that only ever grow. REPLACE deletes before it inserts: the
-- connection's recursive_triggers makes that delete fire the triggers too.
-- +goose Up

-- The end of each clinic's chain. Its row is locked last, right before COMMIT.
CREATE TABLE audit_head (
    clinic TEXT    NOT NULL,
    seq    INTEGER NOT NULL,
    prev   BLOB    NOT NULL,
    hash   BLOB    NOT NULL,
    CONSTRAINT audit_head_pk PRIMARY KEY (clinic),
    CONSTRAINT audit_head_clinic FOREIGN KEY (clinic) REFERENCES clinic (id)
) STRICT;

-- payload holds the bytes that are hashed; the columns beside it are copies to search by.
CREATE TABLE audit_event (
    clinic     TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    recorded   TEXT    NOT NULL,
    actor_kind TEXT    NOT NULL,
    actor      TEXT    NOT NULL,
    witness    TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    payload    BLOB    NOT NULL,
    prev       BLOB    NOT NULL,
    hash       BLOB    NOT NULL,
    CONSTRAINT audit_event_pk PRIMARY KEY (clinic, seq),
    CONSTRAINT audit_event_seq_positive CHECK (seq > 0)
) STRICT;
CREATE INDEX audit_event_by_subject ON audit_event (clinic, subject, seq);
CREATE INDEX audit_event_by_time ON audit_event (recorded);

-- +goose StatementBegin
CREATE TRIGGER clinic_day_fixed BEFORE UPDATE ON clinic
WHEN OLD.zone <> NEW.zone OR OLD.cut_over_s <> NEW.cut_over_s OR OLD.number <> NEW.number
BEGIN
    SELECT RAISE(ABORT, 'clinic_day_fixed');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER rule_adoption_no_update BEFORE UPDATE ON rule_adoption
BEGIN
    SELECT RAISE(ABORT, 'append_only: rule_adoption');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER rule_adoption_no_delete BEFORE DELETE ON rule_adoption
BEGIN
    SELECT RAISE(ABORT, 'append_only: rule_adoption');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER clearance_no_update BEFORE UPDATE ON clearance
BEGIN
    SELECT RAISE(ABORT, 'append_only: clearance');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER clearance_no_delete BEFORE DELETE ON clearance
BEGIN
    SELECT RAISE(ABORT, 'append_only: clearance');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER move_no_update BEFORE UPDATE ON move
BEGIN
    SELECT RAISE(ABORT, 'append_only: move');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER move_no_delete BEFORE DELETE ON move
BEGIN
    SELECT RAISE(ABORT, 'append_only: move');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER document_no_update BEFORE UPDATE ON document
BEGIN
    SELECT RAISE(ABORT, 'append_only: document');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER document_no_delete BEFORE DELETE ON document
BEGIN
    SELECT RAISE(ABORT, 'append_only: document');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER verification_no_update BEFORE UPDATE ON verification
BEGIN
    SELECT RAISE(ABORT, 'append_only: verification');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER verification_no_delete BEFORE DELETE ON verification
BEGIN
    SELECT RAISE(ABORT, 'append_only: verification');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER station_record_no_update BEFORE UPDATE ON station_record
BEGIN
    SELECT RAISE(ABORT, 'append_only: station_record');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER station_record_no_delete BEFORE DELETE ON station_record
BEGIN
    SELECT RAISE(ABORT, 'append_only: station_record');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER dispensing_no_update BEFORE UPDATE ON dispensing
BEGIN
    SELECT RAISE(ABORT, 'append_only: dispensing');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER dispensing_no_delete BEFORE DELETE ON dispensing
BEGIN
    SELECT RAISE(ABORT, 'append_only: dispensing');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER dispensing_step_no_update BEFORE UPDATE ON dispensing_step
BEGIN
    SELECT RAISE(ABORT, 'append_only: dispensing_step');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER dispensing_step_no_delete BEFORE DELETE ON dispensing_step
BEGIN
    SELECT RAISE(ABORT, 'append_only: dispensing_step');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER dose_no_update BEFORE UPDATE ON dose
BEGIN
    SELECT RAISE(ABORT, 'append_only: dose');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER dose_no_delete BEFORE DELETE ON dose
BEGIN
    SELECT RAISE(ABORT, 'append_only: dose');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER incident_no_update BEFORE UPDATE ON incident
BEGIN
    SELECT RAISE(ABORT, 'append_only: incident');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER incident_no_delete BEFORE DELETE ON incident
BEGIN
    SELECT RAISE(ABORT, 'append_only: incident');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event
BEGIN
    SELECT RAISE(ABORT, 'append_only: audit_event');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event
BEGIN
    SELECT RAISE(ABORT, 'append_only: audit_event');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER station_key_no_update BEFORE UPDATE ON station_key
BEGIN
    SELECT RAISE(ABORT, 'append_only: station_key');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER station_key_no_delete BEFORE DELETE ON station_key
BEGIN
    SELECT RAISE(ABORT, 'append_only: station_key');
END;
-- +goose StatementEnd
