-- Clinics, the people who work there, the people treated there, and what the doctors ordered.
-- +goose Up

-- What is true of the database itself: the demonstration marker, the check of the sealing key.
CREATE TABLE meta (
    name  TEXT    NOT NULL,
    value BLOB    NOT NULL,
    CONSTRAINT meta_pk PRIMARY KEY (name)
) STRICT;

CREATE TABLE clinic (
    id                TEXT    NOT NULL,
    number            INTEGER NOT NULL,
    name              TEXT    NOT NULL,
    province          TEXT    NOT NULL,
    kind              TEXT    NOT NULL,
    zone              TEXT    NOT NULL,
    cut_over_s        INTEGER NOT NULL,
    rule_pack         TEXT    NOT NULL,
    rule_pack_version INTEGER NOT NULL,
    adopted_by        TEXT    NOT NULL,
    adopted_at        TEXT,
    demo              INTEGER NOT NULL,
    CONSTRAINT clinic_pk PRIMARY KEY (id),
    CONSTRAINT clinic_number_once UNIQUE (number),
    CONSTRAINT clinic_kind_known CHECK (kind IN ('treatment_facility', 'dispensing_point')),
    CONSTRAINT clinic_cut_over_in_day CHECK (cut_over_s >= 0 AND cut_over_s < 86400)
) STRICT;

CREATE TABLE closure (
    clinic TEXT    NOT NULL,
    day    TEXT    NOT NULL,
    reason TEXT    NOT NULL,
    CONSTRAINT closure_pk PRIMARY KEY (clinic, day),
    CONSTRAINT closure_clinic FOREIGN KEY (clinic) REFERENCES clinic (id)
) STRICT;

-- Every signature under a rule pack, also those that a later one replaced.
CREATE TABLE rule_adoption (
    clinic     TEXT    NOT NULL,
    adopted_at TEXT    NOT NULL,
    pack       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    adopted_by TEXT    NOT NULL,
    CONSTRAINT rule_adoption_pk PRIMARY KEY (clinic, adopted_at, pack, version),
    CONSTRAINT rule_adoption_clinic FOREIGN KEY (clinic) REFERENCES clinic (id)
) STRICT;

-- The last number given out, by what it numbers: 'patient', 'staff', 'bottle', 'ticket 2026-03-02'.
CREATE TABLE serial (
    clinic TEXT    NOT NULL,
    name   TEXT    NOT NULL,
    last   INTEGER NOT NULL,
    CONSTRAINT serial_pk PRIMARY KEY (clinic, name),
    CONSTRAINT serial_clinic FOREIGN KEY (clinic) REFERENCES clinic (id)
) STRICT;

CREATE TABLE staff (
    id            TEXT    NOT NULL,
    clinic        TEXT    NOT NULL,
    username      TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    roles         TEXT    NOT NULL,
    badge         TEXT,
    password_hash TEXT    NOT NULL,
    pin_hash      TEXT    NOT NULL,
    active        INTEGER NOT NULL,
    CONSTRAINT staff_pk PRIMARY KEY (id),
    CONSTRAINT staff_username_once UNIQUE (username),
    CONSTRAINT staff_badge_once UNIQUE (clinic, badge),
    CONSTRAINT staff_clinic FOREIGN KEY (clinic) REFERENCES clinic (id)
) STRICT;

-- Failures of one credential since its last success. A lock-out survives a restart.
CREATE TABLE sign_in_failure (
    name         TEXT    NOT NULL,
    failures     INTEGER NOT NULL,
    last_at      TEXT,
    locked_until TEXT,
    CONSTRAINT sign_in_failure_pk PRIMARY KEY (name),
    CONSTRAINT sign_in_failure_count CHECK (failures >= 0)
) STRICT;

-- Signed-in browsers. The token is stored as its hash.
CREATE TABLE session (
    token  TEXT    NOT NULL,
    data   BLOB    NOT NULL,
    expiry TEXT    NOT NULL,
    CONSTRAINT session_pk PRIMARY KEY (token)
) STRICT;
CREATE INDEX session_expiry ON session (expiry);

CREATE TABLE patient (
    id          TEXT    NOT NULL,
    clinic      TEXT    NOT NULL,
    code        TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    name_fold   TEXT    NOT NULL,
    birth_year  INTEGER NOT NULL,
    sex         TEXT    NOT NULL,
    national_id BLOB,
    national_id_mark BLOB,
    has_photo   INTEGER NOT NULL,
    status      TEXT    NOT NULL,
    phase       TEXT    NOT NULL,
    enrolled_on TEXT,
    ended_on    TEXT,
    end_reason  TEXT    NOT NULL,
    previous    TEXT,
    version     INTEGER NOT NULL,
    CONSTRAINT patient_pk PRIMARY KEY (id),
    CONSTRAINT patient_tenant UNIQUE (id, clinic),
    CONSTRAINT patient_code_once UNIQUE (clinic, code),
    CONSTRAINT patient_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT patient_previous FOREIGN KEY (previous) REFERENCES patient (id),
    CONSTRAINT patient_sex_known CHECK (sex IN ('male', 'female')),
    CONSTRAINT patient_status_known CHECK (status IN ('applied', 'awaiting_start', 'in_treatment', 'suspended', 'ended')),
    CONSTRAINT patient_phase_known CHECK (phase IN ('induction', 'adjustment', 'maintenance', 'taper'))
) STRICT;
CREATE INDEX patient_by_clinic ON patient (clinic, id);
CREATE INDEX patient_national_id ON patient (clinic, national_id_mark);

CREATE TABLE patient_photo (
    patient    TEXT    NOT NULL,
    clinic     TEXT    NOT NULL,
    media_type TEXT    NOT NULL,
    data       BLOB    NOT NULL,
    taken_at   TEXT    NOT NULL,
    CONSTRAINT patient_photo_pk PRIMARY KEY (patient),
    CONSTRAINT patient_photo_patient FOREIGN KEY (patient, clinic) REFERENCES patient (id, clinic)
) STRICT;

CREATE TABLE prescription (
    id         TEXT    NOT NULL,
    clinic     TEXT    NOT NULL,
    patient    TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    dose_ug    INTEGER NOT NULL,
    parts_ug   TEXT    NOT NULL,
    from_day   TEXT    NOT NULL,
    to_day     TEXT    NOT NULL,
    phase      TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    prescriber TEXT    NOT NULL,
    signed_at  TEXT    NOT NULL,
    status     TEXT    NOT NULL,
    supersedes TEXT,
    ended_at   TEXT,
    ended_by   TEXT    NOT NULL,
    CONSTRAINT prescription_pk PRIMARY KEY (id),
    CONSTRAINT prescription_tenant UNIQUE (id, clinic),
    CONSTRAINT prescription_version_once UNIQUE (patient, version),
    CONSTRAINT prescription_patient FOREIGN KEY (patient, clinic) REFERENCES patient (id, clinic),
    CONSTRAINT prescription_prescriber FOREIGN KEY (prescriber) REFERENCES staff (id),
    CONSTRAINT prescription_supersedes FOREIGN KEY (supersedes) REFERENCES prescription (id),
    CONSTRAINT prescription_dose_positive CHECK (dose_ug > 0),
    CONSTRAINT prescription_days_in_order CHECK (from_day <= to_day),
    CONSTRAINT prescription_status_known CHECK (status IN ('active', 'superseded', 'cancelled'))
) STRICT;
CREATE INDEX prescription_active ON prescription (clinic, to_day) WHERE status = 'active';

CREATE TABLE hold (
    id         TEXT    NOT NULL,
    clinic     TEXT    NOT NULL,
    patient    TEXT    NOT NULL,
    severity   TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    cleared_by TEXT    NOT NULL,
    placed_by  TEXT    NOT NULL,
    placed_at  TEXT    NOT NULL,
    lifted_by  TEXT    NOT NULL,
    lifted_at  TEXT,
    lift_note  TEXT    NOT NULL,
    CONSTRAINT hold_pk PRIMARY KEY (id),
    CONSTRAINT hold_patient FOREIGN KEY (patient, clinic) REFERENCES patient (id, clinic),
    CONSTRAINT hold_severity_known CHECK (severity IN ('information', 'warning', 'stop'))
) STRICT;
CREATE INDEX hold_by_patient ON hold (patient, id);
CREATE INDEX hold_open ON hold (clinic, id) WHERE lifted_at IS NULL;

CREATE TABLE clearance (
    id       TEXT    NOT NULL,
    clinic   TEXT    NOT NULL,
    patient  TEXT    NOT NULL,
    rule     TEXT    NOT NULL,
    day      TEXT    NOT NULL,
    note     TEXT    NOT NULL,
    by_staff TEXT    NOT NULL,
    recorded TEXT    NOT NULL,
    CONSTRAINT clearance_pk PRIMARY KEY (id),
    CONSTRAINT clearance_patient FOREIGN KEY (patient, clinic) REFERENCES patient (id, clinic)
) STRICT;
CREATE INDEX clearance_by_patient ON clearance (patient, day, id);
