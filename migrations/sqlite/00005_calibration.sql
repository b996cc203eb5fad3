-- The check of the day, from its figures; the pours that belong to no patient; the drift of each pump.
-- +goose Up

-- The signed check without figures is gone from the tables; what was signed stays in the audit chain.
DROP TABLE verification;

-- What a clinic's check asks for: the volumes, how often, and how far off a pump may be. The newest one counts.
CREATE TABLE check_limits (
    clinic   TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    limits   TEXT    NOT NULL,
    by_staff TEXT    NOT NULL,
    recorded TEXT    NOT NULL,
    CONSTRAINT check_limits_pk PRIMARY KEY (clinic, seq),
    CONSTRAINT check_limits_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT check_limits_seq_positive CHECK (seq > 0)
) STRICT;

-- The check of the day as it was begun: on what, with which limits, by whom and before whom.
CREATE TABLE station_check (
    id            TEXT    NOT NULL,
    clinic        TEXT    NOT NULL,
    station       TEXT    NOT NULL,
    day           TEXT    NOT NULL,
    pump          TEXT,
    scale         TEXT    NOT NULL,
    bottle        TEXT,
    lot           TEXT,
    density_ug_ml INTEGER NOT NULL,
    temp_dc       INTEGER NOT NULL,
    limits        TEXT    NOT NULL,
    by_staff      TEXT    NOT NULL,
    witness       TEXT    NOT NULL,
    recorded      TEXT    NOT NULL,
    CONSTRAINT station_check_pk PRIMARY KEY (id),
    CONSTRAINT station_check_tenant UNIQUE (id, clinic),
    CONSTRAINT station_check_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT station_check_pump FOREIGN KEY (pump, clinic) REFERENCES device (id, clinic),
    CONSTRAINT station_check_scale FOREIGN KEY (scale, clinic) REFERENCES device (id, clinic),
    CONSTRAINT station_check_lot FOREIGN KEY (lot, clinic) REFERENCES lot (id, clinic),
    CONSTRAINT station_check_two_people CHECK (witness = '' OR witness <> by_staff)
) STRICT;
CREATE INDEX station_check_by_station ON station_check (station, id);

CREATE TABLE check_weighing (
    station_check TEXT    NOT NULL,
    seq           INTEGER NOT NULL,
    clinic        TEXT    NOT NULL,
    nominal_ug    INTEGER NOT NULL,
    shown_ug      INTEGER NOT NULL,
    tolerance_ug  INTEGER NOT NULL,
    weights       TEXT    NOT NULL,
    scale_serial  TEXT    NOT NULL,
    by_staff      TEXT    NOT NULL,
    recorded      TEXT    NOT NULL,
    CONSTRAINT check_weighing_pk PRIMARY KEY (station_check, seq),
    CONSTRAINT check_weighing_check FOREIGN KEY (station_check, clinic) REFERENCES station_check (id, clinic),
    CONSTRAINT check_weighing_seq_positive CHECK (seq > 0)
) STRICT;

-- A pour that belongs to no patient: a shot of a check, or a prime, in or outside of one. Where it stands is in
-- check_pour_state, how it came there in check_pour_step.
CREATE TABLE check_pour (
    id            TEXT    NOT NULL,
    clinic        TEXT    NOT NULL,
    station       TEXT    NOT NULL,
    station_check TEXT,
    kind          TEXT    NOT NULL,
    level         INTEGER NOT NULL,
    bottle        TEXT    NOT NULL,
    lot           TEXT    NOT NULL,
    volume_ul     INTEGER NOT NULL,
    density_ug_ml INTEGER NOT NULL,
    by_staff      TEXT    NOT NULL,
    witness       TEXT    NOT NULL,
    recorded      TEXT    NOT NULL,
    CONSTRAINT check_pour_pk PRIMARY KEY (id),
    CONSTRAINT check_pour_tenant UNIQUE (id, clinic),
    CONSTRAINT check_pour_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT check_pour_check FOREIGN KEY (station_check, clinic) REFERENCES station_check (id, clinic),
    CONSTRAINT check_pour_bottle FOREIGN KEY (bottle, clinic, lot) REFERENCES bottle (id, clinic, lot),
    CONSTRAINT check_pour_kind_known CHECK (kind IN ('prime', 'shot')),
    CONSTRAINT check_pour_volume_positive CHECK (volume_ul > 0),
    CONSTRAINT check_pour_two_people CHECK (witness <> '' AND witness <> by_staff)
) STRICT;
CREATE INDEX check_pour_by_check ON check_pour (station_check, id);
CREATE INDEX check_pour_by_station ON check_pour (station, id);

CREATE TABLE check_pour_step (
    pour       TEXT    NOT NULL,
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
    CONSTRAINT check_pour_step_pk PRIMARY KEY (pour, seq),
    CONSTRAINT check_pour_step_pour FOREIGN KEY (pour, clinic) REFERENCES check_pour (id, clinic),
    CONSTRAINT check_pour_step_seq_positive CHECK (seq > 0),
    CONSTRAINT check_pour_step_two_people CHECK (witness = '' OR witness <> actor)
) STRICT;

-- The fold of the steps.
CREATE TABLE check_pour_state (
    pour            TEXT    NOT NULL,
    clinic          TEXT    NOT NULL,
    station         TEXT    NOT NULL,
    state           TEXT    NOT NULL,
    open            INTEGER NOT NULL,
    steps           INTEGER NOT NULL,
    pump_ul         INTEGER NOT NULL,
    pump_known      INTEGER NOT NULL,
    gross_before_ug INTEGER NOT NULL,
    gross_after_ug  INTEGER NOT NULL,
    division_ug     INTEGER NOT NULL,
    weight_known    INTEGER NOT NULL,
    pump_serial     TEXT    NOT NULL,
    scale_serial    TEXT    NOT NULL,
    reason          TEXT    NOT NULL,
    booked_ul       INTEGER NOT NULL,
    lease           TEXT    NOT NULL,
    CONSTRAINT check_pour_state_pk PRIMARY KEY (pour),
    CONSTRAINT check_pour_state_pour FOREIGN KEY (pour, clinic) REFERENCES check_pour (id, clinic),
    CONSTRAINT check_pour_state_known CHECK (state IN ('reserved', 'dispensing', 'held', 'in_doubt', 'measured', 'settled',
        'voided')),
    CONSTRAINT check_pour_state_open_truly CHECK (open = (state IN ('reserved', 'dispensing', 'held', 'in_doubt')))
) STRICT;
CREATE UNIQUE INDEX check_pour_state_station_once ON check_pour_state (station) WHERE state = 'reserved';
CREATE INDEX check_pour_state_at_pump ON check_pour_state (station) WHERE state IN ('reserved', 'dispensing', 'held');
CREATE INDEX check_pour_state_open ON check_pour_state (clinic, lease) WHERE open = 1;

-- The judgement, computed from the figures and signed.
CREATE TABLE check_result (
    station_check TEXT    NOT NULL,
    clinic        TEXT    NOT NULL,
    passed        INTEGER NOT NULL,
    figures       TEXT    NOT NULL,
    by_staff      TEXT    NOT NULL,
    recorded      TEXT    NOT NULL,
    CONSTRAINT check_result_pk PRIMARY KEY (station_check),
    CONSTRAINT check_result_check FOREIGN KEY (station_check, clinic) REFERENCES station_check (id, clinic)
) STRICT;

-- A pump's own calibration, or a part of its way that was changed.
CREATE TABLE recalibration (
    id            TEXT NOT NULL,
    clinic        TEXT NOT NULL,
    station       TEXT NOT NULL,
    device        TEXT NOT NULL,
    kind          TEXT NOT NULL,
    method        TEXT NOT NULL,
    factor_before TEXT NOT NULL,
    factor_after  TEXT NOT NULL,
    note          TEXT NOT NULL,
    by_staff      TEXT NOT NULL,
    recorded      TEXT NOT NULL,
    CONSTRAINT recalibration_pk PRIMARY KEY (id),
    CONSTRAINT recalibration_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT recalibration_device FOREIGN KEY (device, clinic) REFERENCES device (id, clinic),
    CONSTRAINT recalibration_kind_known CHECK (kind IN ('recalibrated', 'tube', 'syringe', 'part'))
) STRICT;
CREATE INDEX recalibration_by_station ON recalibration (station, id);

-- Which check counts at a station now. A passed one counts on its day, for its lot, pump and scale.
CREATE TABLE check_standing (
    station       TEXT    NOT NULL,
    clinic        TEXT    NOT NULL,
    station_check TEXT,
    state         TEXT    NOT NULL,
    reason        TEXT    NOT NULL,
    day           TEXT,
    lot           TEXT,
    pump          TEXT,
    scale         TEXT,
    pump_serial   TEXT    NOT NULL,
    scale_serial  TEXT    NOT NULL,
    recalibrated  INTEGER NOT NULL,
    since         TEXT    NOT NULL,
    CONSTRAINT check_standing_pk PRIMARY KEY (station),
    CONSTRAINT check_standing_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT check_standing_check FOREIGN KEY (station_check, clinic) REFERENCES station_check (id, clinic),
    CONSTRAINT check_standing_known CHECK (state IN ('open', 'passed', 'failed', 'void'))
) STRICT;

-- The control chart of a station and lot: the running mean of scale less pump over the doses after the record from_event.
CREATE TABLE drift_standing (
    station    TEXT    NOT NULL,
    lot        TEXT    NOT NULL,
    clinic     TEXT    NOT NULL,
    from_event INTEGER NOT NULL,
    samples    INTEGER NOT NULL,
    level_ppm  INTEGER NOT NULL,
    peak_ppm   INTEGER NOT NULL,
    since      TEXT    NOT NULL,
    CONSTRAINT drift_standing_pk PRIMARY KEY (station, lot),
    CONSTRAINT drift_standing_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT drift_standing_lot FOREIGN KEY (lot, clinic) REFERENCES lot (id, clinic)
) STRICT;
CREATE INDEX dispensing_by_station ON dispensing (station, lot, id);

-- The pour that is on its way from a bottle. It stands in the row that every reservation writes, so that a dose and a
-- shot cannot be reserved at one pump at once.
ALTER TABLE bottle_balance ADD COLUMN check_pour TEXT;

-- +goose StatementBegin
CREATE TRIGGER station_check_no_update BEFORE UPDATE ON station_check
BEGIN
    SELECT RAISE(ABORT, 'append_only: station_check');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER station_check_no_delete BEFORE DELETE ON station_check
BEGIN
    SELECT RAISE(ABORT, 'append_only: station_check');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER check_weighing_no_update BEFORE UPDATE ON check_weighing
BEGIN
    SELECT RAISE(ABORT, 'append_only: check_weighing');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER check_weighing_no_delete BEFORE DELETE ON check_weighing
BEGIN
    SELECT RAISE(ABORT, 'append_only: check_weighing');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER check_pour_no_update BEFORE UPDATE ON check_pour
BEGIN
    SELECT RAISE(ABORT, 'append_only: check_pour');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER check_pour_no_delete BEFORE DELETE ON check_pour
BEGIN
    SELECT RAISE(ABORT, 'append_only: check_pour');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER check_pour_step_no_update BEFORE UPDATE ON check_pour_step
BEGIN
    SELECT RAISE(ABORT, 'append_only: check_pour_step');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER check_pour_step_no_delete BEFORE DELETE ON check_pour_step
BEGIN
    SELECT RAISE(ABORT, 'append_only: check_pour_step');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER check_result_no_update BEFORE UPDATE ON check_result
BEGIN
    SELECT RAISE(ABORT, 'append_only: check_result');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER check_result_no_delete BEFORE DELETE ON check_result
BEGIN
    SELECT RAISE(ABORT, 'append_only: check_result');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER check_limits_no_update BEFORE UPDATE ON check_limits
BEGIN
    SELECT RAISE(ABORT, 'append_only: check_limits');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER check_limits_no_delete BEFORE DELETE ON check_limits
BEGIN
    SELECT RAISE(ABORT, 'append_only: check_limits');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER recalibration_no_update BEFORE UPDATE ON recalibration
BEGIN
    SELECT RAISE(ABORT, 'append_only: recalibration');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER recalibration_no_delete BEFORE DELETE ON recalibration
BEGIN
    SELECT RAISE(ABORT, 'append_only: recalibration');
END;
-- +goose StatementEnd
