-- Visits, doses on their way, and the doses taken.
-- +goose Up

CREATE TABLE ticket (
    id           uuid        NOT NULL,
    clinic       uuid        NOT NULL,
    day          date        NOT NULL,
    number       integer     NOT NULL,
    patient      uuid        NOT NULL,
    state        text        NOT NULL,
    station      uuid,
    priority     text        NOT NULL,
    arrived_at   timestamptz NOT NULL,
    called_at    timestamptz,
    at_window_at timestamptz,
    done_at      timestamptz,
    CONSTRAINT ticket_pk PRIMARY KEY (id),
    CONSTRAINT ticket_number_once UNIQUE (clinic, day, number),
    CONSTRAINT ticket_patient FOREIGN KEY (patient, clinic) REFERENCES patient (id, clinic),
    CONSTRAINT ticket_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT ticket_number_positive CHECK (number > 0),
    CONSTRAINT ticket_state_known CHECK (state IN ('arrived', 'called', 'at_window', 'done', 'left'))
);
CREATE UNIQUE INDEX ticket_open_once ON ticket (patient, day) WHERE state IN ('arrived', 'called', 'at_window');

-- A dose as it was begun. Where it stands now is in dispensing_state, how it came there in dispensing_step.
CREATE TABLE dispensing (
    id                  uuid        NOT NULL,
    clinic              uuid        NOT NULL,
    patient             uuid        NOT NULL,
    prescription        uuid        NOT NULL,
    station             uuid        NOT NULL,
    bottle              uuid        NOT NULL,
    lot                 uuid        NOT NULL,
    day                 date        NOT NULL,
    part                integer     NOT NULL,
    kind                text        NOT NULL,
    dose_ug             bigint      NOT NULL,
    volume_ul           bigint      NOT NULL,
    concentration_ug_ml bigint      NOT NULL,
    density_ug_ml       bigint      NOT NULL,
    pack                text        NOT NULL,
    pack_version        integer     NOT NULL,
    reasons             text        NOT NULL,
    requested_by        text        NOT NULL,
    recorded            timestamptz NOT NULL,
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
);
CREATE INDEX dispensing_by_day ON dispensing (clinic, day, id);
CREATE INDEX dispensing_by_clinic ON dispensing (clinic, id);
CREATE INDEX dispensing_by_patient ON dispensing (patient, id);

CREATE TABLE dispensing_step (
    dispensing uuid        NOT NULL,
    seq        integer     NOT NULL,
    clinic     uuid        NOT NULL,
    kind       text        NOT NULL,
    from_state text        NOT NULL,
    to_state   text        NOT NULL,
    actor_kind text        NOT NULL,
    actor      text        NOT NULL,
    witness    text        NOT NULL,
    event      bigint      NOT NULL,
    data       text        NOT NULL,
    occurred   timestamptz NOT NULL,
    recorded   timestamptz NOT NULL,
    CONSTRAINT dispensing_step_pk PRIMARY KEY (dispensing, seq),
    CONSTRAINT dispensing_step_dispensing FOREIGN KEY (dispensing, clinic) REFERENCES dispensing (id, clinic),
    CONSTRAINT dispensing_step_seq_positive CHECK (seq > 0),
    CONSTRAINT dispensing_step_two_people CHECK (witness = '' OR witness <> actor)
);

-- The fold of the steps, kept so that the rules below can be held by unique indexes.
CREATE TABLE dispensing_state (
    dispensing    uuid        NOT NULL,
    clinic        uuid        NOT NULL,
    patient       uuid        NOT NULL,
    station       uuid        NOT NULL,
    state         text        NOT NULL,
    open          boolean     NOT NULL,
    steps         integer     NOT NULL,
    pump_ul       bigint      NOT NULL,
    weighed_ug    bigint      NOT NULL,
    weighed_known boolean     NOT NULL,
    measured_ul   bigint      NOT NULL,
    agreed        boolean     NOT NULL,
    handed_at     timestamptz,
    lease         timestamptz NOT NULL,
    CONSTRAINT dispensing_state_pk PRIMARY KEY (dispensing),
    CONSTRAINT dispensing_state_dispensing FOREIGN KEY (dispensing, clinic) REFERENCES dispensing (id, clinic),
    CONSTRAINT dispensing_state_known CHECK (state IN ('reserved', 'dispensing', 'held', 'in_doubt', 'measured',
        'administered', 'handed_over', 'partly_taken', 'wasted', 'voided')),
    CONSTRAINT dispensing_state_open_truly CHECK (
        open = (state IN ('reserved', 'dispensing', 'held', 'in_doubt', 'measured')))
) WITH (fillfactor = 70);
-- At most one open dispensing per patient, and one on its way to a station. What a station then reports of a pour is a
-- fact, and no index may refuse it.
CREATE UNIQUE INDEX dispensing_state_patient_once ON dispensing_state (patient) WHERE open;
CREATE UNIQUE INDEX dispensing_state_station_once ON dispensing_state (station) WHERE state = 'reserved';
CREATE INDEX dispensing_state_at_pump ON dispensing_state (station) WHERE state IN ('reserved', 'dispensing');
CREATE INDEX dispensing_state_lease ON dispensing_state (clinic, lease) WHERE state = 'reserved';
CREATE INDEX dispensing_state_open ON dispensing_state (clinic, dispensing) WHERE open;

-- Consumption facts: this much for this part of this clinic day, once.
CREATE TABLE dose (
    patient    uuid        NOT NULL,
    day        date        NOT NULL,
    part       integer     NOT NULL,
    clinic     uuid        NOT NULL,
    dispensing uuid        NOT NULL,
    mass_ug    bigint      NOT NULL,
    kind       text        NOT NULL,
    at         timestamptz NOT NULL,
    CONSTRAINT dose_pk PRIMARY KEY (patient, day, part),
    CONSTRAINT dose_patient FOREIGN KEY (patient, clinic) REFERENCES patient (id, clinic),
    CONSTRAINT dose_dispensing FOREIGN KEY (dispensing, clinic) REFERENCES dispensing (id, clinic),
    CONSTRAINT dose_part_positive CHECK (part > 0),
    CONSTRAINT dose_mass_not_negative CHECK (mass_ug >= 0),
    CONSTRAINT dose_kind_known CHECK (kind IN ('observed', 'take_home'))
);
CREATE INDEX dose_by_day ON dose (clinic, day);
CREATE INDEX dose_by_dispensing ON dose (dispensing);
CREATE INDEX dose_by_patient_time ON dose (patient, at);

CREATE TABLE incident (
    id         uuid        NOT NULL,
    clinic     uuid        NOT NULL,
    dispensing uuid,
    kind       text        NOT NULL,
    data       text        NOT NULL,
    opened     timestamptz NOT NULL,
    CONSTRAINT incident_pk PRIMARY KEY (id),
    CONSTRAINT incident_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT incident_dispensing FOREIGN KEY (dispensing, clinic) REFERENCES dispensing (id, clinic)
);
CREATE INDEX incident_by_clinic ON incident (clinic, id);
CREATE INDEX incident_by_dispensing ON incident (dispensing);
