-- The order of the queue, booked arrivals, and what a clinic decided about its waiting.
-- +goose Up

-- place orders the queue; a ticket from before it was kept is ordered by its arrival.
ALTER TABLE ticket ADD COLUMN slot timestamptz;
ALTER TABLE ticket ADD COLUMN place timestamptz;
ALTER TABLE ticket ADD COLUMN skips integer NOT NULL DEFAULT 0;
ALTER TABLE ticket ADD COLUMN identified_at timestamptz;

-- The quarter hour in which a patient means to come on a day.
CREATE TABLE slot (
    patient  uuid        NOT NULL,
    day      date        NOT NULL,
    clinic   uuid        NOT NULL,
    at       timestamptz NOT NULL,
    by_staff text        NOT NULL,
    recorded timestamptz NOT NULL,
    CONSTRAINT slot_pk PRIMARY KEY (patient, day),
    CONSTRAINT slot_patient FOREIGN KEY (patient, clinic) REFERENCES patient (id, clinic)
);
CREATE INDEX slot_by_day ON slot (clinic, day, at);

-- Opening hours are seconds after local midnight. targets and rooms hold JSON.
CREATE TABLE queue_rules (
    clinic    uuid    NOT NULL,
    opens_s   integer NOT NULL,
    closes_s  integer NOT NULL,
    slot_size integer NOT NULL,
    targets   text    NOT NULL,
    rooms     text    NOT NULL,
    CONSTRAINT queue_rules_pk PRIMARY KEY (clinic),
    CONSTRAINT queue_rules_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT queue_rules_hours CHECK (opens_s >= 0 AND closes_s <= 86400 AND (closes_s = 0 OR opens_s < closes_s)),
    CONSTRAINT queue_rules_slot_size CHECK (slot_size >= 0)
);

-- How often each rule refused a dose on a day: a figure, no record.
CREATE TABLE refusal (
    clinic uuid    NOT NULL,
    day    date    NOT NULL,
    place  text    NOT NULL,
    rule   text    NOT NULL,
    n      integer NOT NULL,
    CONSTRAINT refusal_pk PRIMARY KEY (clinic, day, place, rule),
    CONSTRAINT refusal_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT refusal_place_known CHECK (place IN ('door', 'window'))
);

-- What the counters said of their devices, which is little of what they say.
CREATE INDEX station_record_devices ON station_record (clinic, recorded) WHERE kind = 'device';

GRANT SELECT, INSERT, UPDATE ON queue_rules, refusal TO lieu_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON slot TO lieu_app;
