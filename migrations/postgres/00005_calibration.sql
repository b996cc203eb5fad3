-- The check of the day, from its figures; the pours that belong to no patient; the drift of each pump.
-- +goose Up

-- The signed check without figures is gone from the tables; what was signed stays in the audit chain.
DROP TABLE verification;

-- What a clinic's check asks for: the volumes, how often, and how far off a pump may be. The newest one counts.
CREATE TABLE check_limits (
    clinic   uuid        NOT NULL,
    seq      integer     NOT NULL,
    limits   text        NOT NULL,
    by_staff text        NOT NULL,
    recorded timestamptz NOT NULL,
    CONSTRAINT check_limits_pk PRIMARY KEY (clinic, seq),
    CONSTRAINT check_limits_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT check_limits_seq_positive CHECK (seq > 0)
);

-- The check of the day as it was begun: on what, with which limits, by whom and before whom.
CREATE TABLE station_check (
    id            uuid        NOT NULL,
    clinic        uuid        NOT NULL,
    station       uuid        NOT NULL,
    day           date        NOT NULL,
    pump          uuid,
    scale         uuid        NOT NULL,
    bottle        uuid,
    lot           uuid,
    density_ug_ml bigint      NOT NULL,
    temp_dc       integer     NOT NULL,
    limits        text        NOT NULL,
    by_staff      text        NOT NULL,
    witness       text        NOT NULL,
    recorded      timestamptz NOT NULL,
    CONSTRAINT station_check_pk PRIMARY KEY (id),
    CONSTRAINT station_check_tenant UNIQUE (id, clinic),
    CONSTRAINT station_check_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT station_check_pump FOREIGN KEY (pump, clinic) REFERENCES device (id, clinic),
    CONSTRAINT station_check_scale FOREIGN KEY (scale, clinic) REFERENCES device (id, clinic),
    CONSTRAINT station_check_lot FOREIGN KEY (lot, clinic) REFERENCES lot (id, clinic),
    CONSTRAINT station_check_two_people CHECK (witness = '' OR witness <> by_staff)
);
CREATE INDEX station_check_by_station ON station_check (station, id);

CREATE TABLE check_weighing (
    station_check uuid        NOT NULL,
    seq           integer     NOT NULL,
    clinic        uuid        NOT NULL,
    nominal_ug    bigint      NOT NULL,
    shown_ug      bigint      NOT NULL,
    tolerance_ug  bigint      NOT NULL,
    weights       text        NOT NULL,
    scale_serial  text        NOT NULL,
    by_staff      text        NOT NULL,
    recorded      timestamptz NOT NULL,
    CONSTRAINT check_weighing_pk PRIMARY KEY (station_check, seq),
    CONSTRAINT check_weighing_check FOREIGN KEY (station_check, clinic) REFERENCES station_check (id, clinic),
    CONSTRAINT check_weighing_seq_positive CHECK (seq > 0)
);

-- A pour that belongs to no patient: a shot of a check, or a prime, in or outside of one. Where it stands is in
-- check_pour_state, how it came there in check_pour_step.
CREATE TABLE check_pour (
    id            uuid        NOT NULL,
    clinic        uuid        NOT NULL,
    station       uuid        NOT NULL,
    station_check uuid,
    kind          text        NOT NULL,
    level         integer     NOT NULL,
    bottle        uuid        NOT NULL,
    lot           uuid        NOT NULL,
    volume_ul     bigint      NOT NULL,
    density_ug_ml bigint      NOT NULL,
    by_staff      text        NOT NULL,
    witness       text        NOT NULL,
    recorded      timestamptz NOT NULL,
    CONSTRAINT check_pour_pk PRIMARY KEY (id),
    CONSTRAINT check_pour_tenant UNIQUE (id, clinic),
    CONSTRAINT check_pour_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT check_pour_check FOREIGN KEY (station_check, clinic) REFERENCES station_check (id, clinic),
    CONSTRAINT check_pour_bottle FOREIGN KEY (bottle, clinic, lot) REFERENCES bottle (id, clinic, lot),
    CONSTRAINT check_pour_kind_known CHECK (kind IN ('prime', 'shot')),
    CONSTRAINT check_pour_volume_positive CHECK (volume_ul > 0),
    CONSTRAINT check_pour_two_people CHECK (witness <> '' AND witness <> by_staff)
);
CREATE INDEX check_pour_by_check ON check_pour (station_check, id);
CREATE INDEX check_pour_by_station ON check_pour (station, id);

CREATE TABLE check_pour_step (
    pour       uuid        NOT NULL,
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
    CONSTRAINT check_pour_step_pk PRIMARY KEY (pour, seq),
    CONSTRAINT check_pour_step_pour FOREIGN KEY (pour, clinic) REFERENCES check_pour (id, clinic),
    CONSTRAINT check_pour_step_seq_positive CHECK (seq > 0),
    CONSTRAINT check_pour_step_two_people CHECK (witness = '' OR witness <> actor)
);

-- The fold of the steps.
CREATE TABLE check_pour_state (
    pour            uuid        NOT NULL,
    clinic          uuid        NOT NULL,
    station         uuid        NOT NULL,
    state           text        NOT NULL,
    open            boolean     NOT NULL,
    steps           integer     NOT NULL,
    pump_ul         bigint      NOT NULL,
    pump_known      boolean     NOT NULL,
    gross_before_ug bigint      NOT NULL,
    gross_after_ug  bigint      NOT NULL,
    division_ug     bigint      NOT NULL,
    weight_known    boolean     NOT NULL,
    pump_serial     text        NOT NULL,
    scale_serial    text        NOT NULL,
    reason          text        NOT NULL,
    booked_ul       bigint      NOT NULL,
    lease           timestamptz NOT NULL,
    CONSTRAINT check_pour_state_pk PRIMARY KEY (pour),
    CONSTRAINT check_pour_state_pour FOREIGN KEY (pour, clinic) REFERENCES check_pour (id, clinic),
    CONSTRAINT check_pour_state_known CHECK (state IN ('reserved', 'dispensing', 'held', 'in_doubt', 'measured', 'settled',
        'voided')),
    CONSTRAINT check_pour_state_open_truly CHECK (open = (state IN ('reserved', 'dispensing', 'held', 'in_doubt')))
);
CREATE UNIQUE INDEX check_pour_state_station_once ON check_pour_state (station) WHERE state = 'reserved';
CREATE INDEX check_pour_state_at_pump ON check_pour_state (station) WHERE state IN ('reserved', 'dispensing', 'held');
CREATE INDEX check_pour_state_open ON check_pour_state (clinic, lease) WHERE open;

-- The judgement, computed from the figures and signed.
CREATE TABLE check_result (
    station_check uuid        NOT NULL,
    clinic        uuid        NOT NULL,
    passed        boolean     NOT NULL,
    figures       text        NOT NULL,
    by_staff      text        NOT NULL,
    recorded      timestamptz NOT NULL,
    CONSTRAINT check_result_pk PRIMARY KEY (station_check),
    CONSTRAINT check_result_check FOREIGN KEY (station_check, clinic) REFERENCES station_check (id, clinic)
);

-- A pump's own calibration, or a part of its way that was changed.
CREATE TABLE recalibration (
    id            uuid        NOT NULL,
    clinic        uuid        NOT NULL,
    station       uuid        NOT NULL,
    device        uuid        NOT NULL,
    kind          text        NOT NULL,
    method        text        NOT NULL,
    factor_before text        NOT NULL,
    factor_after  text        NOT NULL,
    note          text        NOT NULL,
    by_staff      text        NOT NULL,
    recorded      timestamptz NOT NULL,
    CONSTRAINT recalibration_pk PRIMARY KEY (id),
    CONSTRAINT recalibration_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT recalibration_device FOREIGN KEY (device, clinic) REFERENCES device (id, clinic),
    CONSTRAINT recalibration_kind_known CHECK (kind IN ('recalibrated', 'tube', 'syringe', 'part'))
);
CREATE INDEX recalibration_by_station ON recalibration (station, id);

-- Which check counts at a station now. A passed one counts on its day, for its lot, pump and scale.
CREATE TABLE check_standing (
    station       uuid        NOT NULL,
    clinic        uuid        NOT NULL,
    station_check uuid,
    state         text        NOT NULL,
    reason        text        NOT NULL,
    day           date,
    lot           uuid,
    pump          uuid,
    scale         uuid,
    pump_serial   text        NOT NULL,
    scale_serial  text        NOT NULL,
    recalibrated  boolean     NOT NULL,
    since         timestamptz NOT NULL,
    CONSTRAINT check_standing_pk PRIMARY KEY (station),
    CONSTRAINT check_standing_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT check_standing_check FOREIGN KEY (station_check, clinic) REFERENCES station_check (id, clinic),
    CONSTRAINT check_standing_known CHECK (state IN ('open', 'passed', 'failed', 'void'))
);

-- The control chart of a station and lot: the running mean of scale less pump over the doses after the record from_event.
CREATE TABLE drift_standing (
    station    uuid        NOT NULL,
    lot        uuid        NOT NULL,
    clinic     uuid        NOT NULL,
    from_event bigint      NOT NULL,
    samples    integer     NOT NULL,
    level_ppm  bigint      NOT NULL,
    peak_ppm   bigint      NOT NULL,
    since      timestamptz NOT NULL,
    CONSTRAINT drift_standing_pk PRIMARY KEY (station, lot),
    CONSTRAINT drift_standing_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT drift_standing_lot FOREIGN KEY (lot, clinic) REFERENCES lot (id, clinic)
);
CREATE INDEX dispensing_by_station ON dispensing (station, lot, id);

-- The pour that is on its way from a bottle. It stands in the row that every reservation writes, so that a dose and a
-- shot cannot be reserved at one pump at once.
ALTER TABLE bottle_balance ADD COLUMN check_pour uuid;

-- +goose StatementBegin
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['station_check', 'check_weighing', 'check_pour', 'check_pour_step', 'check_result', 'check_limits', 'recalibration']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()',
            t || '_append_only', t);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
            t || '_no_truncate', t);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO lieu_app', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['check_pour_state', 'check_standing', 'drift_standing']
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO lieu_app', t);
    END LOOP;
END $$;
-- +goose StatementEnd
