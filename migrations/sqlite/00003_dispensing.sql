-- Visits, doses on their way, and the doses taken.
-- +goose Up

CREATE TABLE ticket (
    id           TEXT    NOT NULL,
    clinic       TEXT    NOT NULL,
    day          TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    patient      TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    station      TEXT,
    priority     TEXT    NOT NULL,
    arrived_at   TEXT    NOT NULL,
    called_at    TEXT,
    at_window_at TEXT,
    done_at      TEXT,
    CONSTRAINT ticket_pk PRIMARY KEY (id),
    CONSTRAINT ticket_number_once UNIQUE (clinic, day, number),
    CONSTRAINT ticket_patient FOREIGN KEY (patient, clinic) REFERENCES patient (id, clinic),
    CONSTRAINT ticket_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT ticket_number_positive CHECK (number > 0),
    CONSTRAINT ticket_state_known CHECK (state IN ('arrived', 'called', 'at_window', 'done', 'left'))
) STRICT;
CREATE UNIQUE INDEX ticket_open_once ON ticket (patient, day) WHERE state IN ('arrived', 'called', 'at_window');

-- A dose as it was begun. Where it stands now is in dispensing_state, how it came there in dispensing_step.
CREATE TABLE dispensing (
    id                  TEXT    NOT NULL,
    clinic              TEXT    NOT NULL,
    patient             TEXT    NOT NULL,
    prescription        TEXT    NOT NULL,
    station             TEXT    NOT NULL,
    bottle              TEXT    NOT NULL,
    lot                 TEXT    NOT NULL,
    day                 TEXT    NOT NULL,
    part                INTEGER NOT NULL,
    kind                TEXT    NOT NULL,
    dose_ug             INTEGER NOT NULL,
    volume_ul           INTEGER NOT NULL,
    concentration_ug_ml INTEGER NOT NULL,
    density_ug_ml       INTEGER NOT NULL,
    pack                TEXT    NOT NULL,
    pack_version        INTEGER NOT NULL,
    reasons             TEXT    NOT NULL,
    requested_by        TEXT    NOT NULL,
    recorded            TEXT    NOT NULL,
    CONSTRAINT dispensing_pk PRIMARY KEY (id),
    CONSTRAINT dispensing_tenant UNIQUE (id, clinic),
    CONSTRAINT dispensing_patient FOREIGN KEY (patient, clinic) REFERENCES patient (id, clinic),
    CONSTRAINT dispensing_prescription FOREIGN KEY (prescription, clinic) REFERENCES prescription (id, clinic),
    CONSTRAINT dispensing_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT dispensing_bottle FOREIGN KEY (bottle, clinic, lot) REFERENCES bottle (id, clinic, lot),
    CONSTRAINT dispensing_dose_positive CHECK (dose_ug > 0),
    CONSTRAINT dispensing_volume_positive CHECK (volume_ul > 0),
    CONSTRAINT dispensing_part_positive CHECK (part > 0),
    CONSTRAINT dispensing_kind_known CHECK (kind IN ('observed', 'take_home'))
) STRICT;
CREATE INDEX dispensing_by_day ON dispensing (clinic, day, id);
CREATE INDEX dispensing_by_clinic ON dispensing (clinic, id);
CREATE INDEX dispensing_by_patient ON dispensing (patient, id);

CREATE TABLE dispensing_step (
    dispensing TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    clinic     TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    from_state TEXT    NOT NULL,
    to_state   TEXT    NOT NULL,
    actor_kind TEXT    NOT NULL,
    actor      TEXT    NOT NULL,
    witness    TEXT    NOT NULL,
    event      INTEGER NOT NULL,
    data       TEXT    NOT NULL,
    occurred   TEXT    NOT NULL,
    recorded   TEXT    NOT NULL,
    CONSTRAINT dispensing_step_pk PRIMARY KEY (dispensing, seq),
    CONSTRAINT dispensing_step_dispensing FOREIGN KEY (dispensing, clinic) REFERENCES dispensing (id, clinic),
    CONSTRAINT dispensing_step_seq_positive CHECK (seq > 0),
    CONSTRAINT dispensing_step_two_people CHECK (witness = '' OR witness <> actor)
) STRICT;

-- The fold of the steps, kept so that the rules below can be held by unique indexes.
CREATE TABLE dispensing_state (
    dispensing    TEXT    NOT NULL,
    clinic        TEXT    NOT NULL,
    patient       TEXT    NOT NULL,
    station       TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    open          INTEGER NOT NULL,
    steps         INTEGER NOT NULL,
    pump_ul       INTEGER NOT NULL,
    weighed_ug    INTEGER NOT NULL,
    weighed_known INTEGER NOT NULL,
    measured_ul   INTEGER NOT NULL,
    agreed        INTEGER NOT NULL,
    handed_at     TEXT,
    lease         TEXT    NOT NULL,
    CONSTRAINT dispensing_state_pk PRIMARY KEY (dispensing),
    CONSTRAINT dispensing_state_dispensing FOREIGN KEY (dispensing, clinic) REFERENCES dispensing (id, clinic),
    CONSTRAINT dispensing_state_known CHECK (state IN ('reserved', 'dispensing', 'held', 'in_doubt', 'measured',
        'administered', 'handed_over', 'partly_taken', 'wasted', 'voided')),
    CONSTRAINT dispensing_state_open_truly CHECK (
        open = (state IN ('reserved', 'dispensing', 'held', 'in_doubt', 'measured')))
) STRICT;
-- At most one open dispensing per patient, and one on its way to a station. What a station then reports of a pour is a
-- fact, and no index may refuse it.
CREATE UNIQUE INDEX dispensing_state_patient_once ON dispensing_state (patient) WHERE open = 1;
CREATE UNIQUE INDEX dispensing_state_station_once ON dispensing_state (station) WHERE state = 'reserved';
CREATE INDEX dispensing_state_at_pump ON dispensing_state (station) WHERE state IN ('reserved', 'dispensing');
CREATE INDEX dispensing_state_lease ON dispensing_state (clinic, lease) WHERE state = 'reserved';
CREATE INDEX dispensing_state_open ON dispensing_state (clinic, dispensing) WHERE open = 1;

-- Consumption facts: this much for this part of this clinic day, once.
CREATE TABLE dose (
    patient    TEXT    NOT NULL,
    day        TEXT    NOT NULL,
    part       INTEGER NOT NULL,
    clinic     TEXT    NOT NULL,
    dispensing TEXT    NOT NULL,
    mass_ug    INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    at         TEXT    NOT NULL,
    CONSTRAINT dose_pk PRIMARY KEY (patient, day, part),
    CONSTRAINT dose_patient FOREIGN KEY (patient, clinic) REFERENCES patient (id, clinic),
    CONSTRAINT dose_dispensing FOREIGN KEY (dispensing, clinic) REFERENCES dispensing (id, clinic),
    CONSTRAINT dose_part_positive CHECK (part > 0),
    CONSTRAINT dose_mass_not_negative CHECK (mass_ug >= 0),
    CONSTRAINT dose_kind_known CHECK (kind IN ('observed', 'take_home'))
) STRICT;
CREATE INDEX dose_by_day ON dose (clinic, day);
CREATE INDEX dose_by_dispensing ON dose (dispensing);
CREATE INDEX dose_by_patient_time ON dose (patient, at);

CREATE TABLE incident (
    id         TEXT    NOT NULL,
    clinic     TEXT    NOT NULL,
    dispensing TEXT,
    kind       TEXT    NOT NULL,
    data       TEXT    NOT NULL,
    opened     TEXT    NOT NULL,
    CONSTRAINT incident_pk PRIMARY KEY (id),
    CONSTRAINT incident_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT incident_dispensing FOREIGN KEY (dispensing, clinic) REFERENCES dispensing (id, clinic)
) STRICT;
CREATE INDEX incident_by_clinic ON incident (clinic, id);
CREATE INDEX incident_by_dispensing ON incident (dispensing);
