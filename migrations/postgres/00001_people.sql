-- Clinics, the people who work there, the people treated there, and what the doctors ordered.
-- +goose Up

-- What is true of the database itself: the demonstration marker, the check of the sealing key.
CREATE TABLE meta (
    name  text  NOT NULL,
    value bytea NOT NULL,
    CONSTRAINT meta_pk PRIMARY KEY (name)
);

CREATE TABLE clinic (
    id                uuid    NOT NULL,
    number            integer NOT NULL,
    name              text    NOT NULL,
    province          text    NOT NULL,
    kind              text    NOT NULL,
    zone              text    NOT NULL,
    cut_over_s        integer NOT NULL,
    rule_pack         text    NOT NULL,
    rule_pack_version integer NOT NULL,
    adopted_by        text    NOT NULL,
    adopted_at        timestamptz,
    demo              boolean NOT NULL,
    CONSTRAINT clinic_pk PRIMARY KEY (id),
    CONSTRAINT clinic_number_once UNIQUE (number),
    CONSTRAINT clinic_kind_known CHECK (kind IN ('treatment_facility', 'dispensing_point')),
    CONSTRAINT clinic_cut_over_in_day CHECK (cut_over_s >= 0 AND cut_over_s < 86400)
);

CREATE TABLE closure (
    clinic uuid NOT NULL,
    day    date NOT NULL,
    reason text NOT NULL,
    CONSTRAINT closure_pk PRIMARY KEY (clinic, day),
    CONSTRAINT closure_clinic FOREIGN KEY (clinic) REFERENCES clinic (id)
);

-- Every signature under a rule pack, also those that a later one replaced.
CREATE TABLE rule_adoption (
    clinic     uuid        NOT NULL,
    adopted_at timestamptz NOT NULL,
    pack       text        NOT NULL,
    version    integer     NOT NULL,
    adopted_by text        NOT NULL,
    CONSTRAINT rule_adoption_pk PRIMARY KEY (clinic, adopted_at, pack, version),
    CONSTRAINT rule_adoption_clinic FOREIGN KEY (clinic) REFERENCES clinic (id)
);

-- The last number given out, by what it numbers: 'patient', 'staff', 'bottle', 'ticket 2026-03-02'.
CREATE TABLE serial (
    clinic uuid   NOT NULL,
    name   text   NOT NULL,
    last   bigint NOT NULL,
    CONSTRAINT serial_pk PRIMARY KEY (clinic, name),
    CONSTRAINT serial_clinic FOREIGN KEY (clinic) REFERENCES clinic (id)
);

CREATE TABLE staff (
    id            uuid    NOT NULL,
    clinic        uuid    NOT NULL,
    username      text    NOT NULL,
    name          text    NOT NULL,
    roles         text    NOT NULL,
    badge         text,
    password_hash text    NOT NULL,
    pin_hash      text    NOT NULL,
    active        boolean NOT NULL,
    CONSTRAINT staff_pk PRIMARY KEY (id),
    CONSTRAINT staff_username_once UNIQUE (username),
    CONSTRAINT staff_badge_once UNIQUE (clinic, badge),
    CONSTRAINT staff_clinic FOREIGN KEY (clinic) REFERENCES clinic (id)
);

-- Failures of one credential since its last success. A lock-out survives a restart.
CREATE TABLE sign_in_failure (
    name         text    NOT NULL,
    failures     integer NOT NULL,
    last_at      timestamptz,
    locked_until timestamptz,
    CONSTRAINT sign_in_failure_pk PRIMARY KEY (name),
    CONSTRAINT sign_in_failure_count CHECK (failures >= 0)
);

-- Signed-in browsers. The token is stored as its hash.
CREATE TABLE session (
    token  text        NOT NULL,
    data   bytea       NOT NULL,
    expiry timestamptz NOT NULL,
    CONSTRAINT session_pk PRIMARY KEY (token)
);
CREATE INDEX session_expiry ON session (expiry);

CREATE TABLE patient (
    id          uuid    NOT NULL,
    clinic      uuid    NOT NULL,
    code        text    NOT NULL,
    name        text    NOT NULL,
    name_fold   text    NOT NULL,
    birth_year  integer NOT NULL,
    sex         text    NOT NULL,
    national_id bytea,
    national_id_mark bytea,
    has_photo   boolean NOT NULL,
    status      text    NOT NULL,
    phase       text    NOT NULL,
    enrolled_on date,
    ended_on    date,
    end_reason  text    NOT NULL,
    previous    uuid,
    version     bigint  NOT NULL,
    CONSTRAINT patient_pk PRIMARY KEY (id),
    CONSTRAINT patient_tenant UNIQUE (id, clinic),
    CONSTRAINT patient_code_once UNIQUE (clinic, code),
    CONSTRAINT patient_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT patient_previous FOREIGN KEY (previous) REFERENCES patient (id),
    CONSTRAINT patient_sex_known CHECK (sex IN ('male', 'female')),
    CONSTRAINT patient_status_known CHECK (status IN ('applied', 'awaiting_start', 'in_treatment', 'suspended', 'ended')),
    CONSTRAINT patient_phase_known CHECK (phase IN ('induction', 'adjustment', 'maintenance', 'taper'))
);
CREATE INDEX patient_by_clinic ON patient (clinic, id);
CREATE INDEX patient_national_id ON patient (clinic, national_id_mark);

CREATE TABLE patient_photo (
    patient    uuid        NOT NULL,
    clinic     uuid        NOT NULL,
    media_type text        NOT NULL,
    data       bytea       NOT NULL,
    taken_at   timestamptz NOT NULL,
    CONSTRAINT patient_photo_pk PRIMARY KEY (patient),
    CONSTRAINT patient_photo_patient FOREIGN KEY (patient, clinic) REFERENCES patient (id, clinic)
);

CREATE TABLE prescription (
    id         uuid        NOT NULL,
    clinic     uuid        NOT NULL,
    patient    uuid        NOT NULL,
    version    integer     NOT NULL,
    dose_ug    bigint      NOT NULL,
    parts_ug   text        NOT NULL,
    from_day   date        NOT NULL,
    to_day     date        NOT NULL,
    phase      text        NOT NULL,
    reason     text        NOT NULL,
    prescriber uuid        NOT NULL,
    signed_at  timestamptz NOT NULL,
    status     text        NOT NULL,
    supersedes uuid,
    ended_at   timestamptz,
    ended_by   text        NOT NULL,
    CONSTRAINT prescription_pk PRIMARY KEY (id),
    CONSTRAINT prescription_tenant UNIQUE (id, clinic),
    CONSTRAINT prescription_version_once UNIQUE (patient, version),
    CONSTRAINT prescription_patient FOREIGN KEY (patient, clinic) REFERENCES patient (id, clinic),
    CONSTRAINT prescription_prescriber FOREIGN KEY (prescriber) REFERENCES staff (id),
    CONSTRAINT prescription_supersedes FOREIGN KEY (supersedes) REFERENCES prescription (id),
    CONSTRAINT prescription_dose_positive CHECK (dose_ug > 0),
    CONSTRAINT prescription_days_in_order CHECK (from_day <= to_day),
    CONSTRAINT prescription_status_known CHECK (status IN ('active', 'superseded', 'cancelled'))
);
CREATE INDEX prescription_active ON prescription (clinic, to_day) WHERE status = 'active';

CREATE TABLE hold (
    id         uuid        NOT NULL,
    clinic     uuid        NOT NULL,
    patient    uuid        NOT NULL,
    severity   text        NOT NULL,
    reason     text        NOT NULL,
    cleared_by text        NOT NULL,
    placed_by  text        NOT NULL,
    placed_at  timestamptz NOT NULL,
    lifted_by  text        NOT NULL,
    lifted_at  timestamptz,
    lift_note  text        NOT NULL,
    CONSTRAINT hold_pk PRIMARY KEY (id),
    CONSTRAINT hold_patient FOREIGN KEY (patient, clinic) REFERENCES patient (id, clinic),
    CONSTRAINT hold_severity_known CHECK (severity IN ('information', 'warning', 'stop'))
);
CREATE INDEX hold_by_patient ON hold (patient, id);
CREATE INDEX hold_open ON hold (clinic, id) WHERE lifted_at IS NULL;

CREATE TABLE clearance (
    id       uuid        NOT NULL,
    clinic   uuid        NOT NULL,
    patient  uuid        NOT NULL,
    rule     text        NOT NULL,
    day      date        NOT NULL,
    note     text        NOT NULL,
    by_staff text        NOT NULL,
    recorded timestamptz NOT NULL,
    CONSTRAINT clearance_pk PRIMARY KEY (id),
    CONSTRAINT clearance_patient FOREIGN KEY (patient, clinic) REFERENCES patient (id, clinic)
);
CREATE INDEX clearance_by_patient ON clearance (patient, day, id);
