-- The order of the queue, booked arrivals, and what a clinic decided about its waiting.
-- +goose Up

-- place orders the queue; a ticket from before it was kept is ordered by its arrival.
ALTER TABLE ticket ADD COLUMN slot TEXT;
ALTER TABLE ticket ADD COLUMN place TEXT;
ALTER TABLE ticket ADD COLUMN skips INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ticket ADD COLUMN identified_at TEXT;

-- The quarter hour in which a patient means to come on a day.
CREATE TABLE slot (
    patient  TEXT    NOT NULL,
    day      TEXT    NOT NULL,
    clinic   TEXT    NOT NULL,
    at       TEXT    NOT NULL,
    by_staff TEXT    NOT NULL,
    recorded TEXT    NOT NULL,
    CONSTRAINT slot_pk PRIMARY KEY (patient, day),
    CONSTRAINT slot_patient FOREIGN KEY (patient, clinic) REFERENCES patient (id, clinic)
) STRICT;
CREATE INDEX slot_by_day ON slot (clinic, day, at);

-- Opening hours are seconds after local midnight. targets and rooms hold JSON.
CREATE TABLE queue_rules (
    clinic    TEXT    NOT NULL,
    opens_s   INTEGER NOT NULL,
    closes_s  INTEGER NOT NULL,
    slot_size INTEGER NOT NULL,
    targets   TEXT    NOT NULL,
    rooms     TEXT    NOT NULL,
    CONSTRAINT queue_rules_pk PRIMARY KEY (clinic),
    CONSTRAINT queue_rules_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT queue_rules_hours CHECK (opens_s >= 0 AND closes_s <= 86400 AND (closes_s = 0 OR opens_s < closes_s)),
    CONSTRAINT queue_rules_slot_size CHECK (slot_size >= 0)
) STRICT;

-- How often each rule refused a dose on a day: a figure, no record.
CREATE TABLE refusal (
    clinic TEXT    NOT NULL,
    day    TEXT    NOT NULL,
    place  TEXT    NOT NULL,
    rule   TEXT    NOT NULL,
    n      INTEGER NOT NULL,
    CONSTRAINT refusal_pk PRIMARY KEY (clinic, day, place, rule),
    CONSTRAINT refusal_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT refusal_place_known CHECK (place IN ('door', 'window'))
) STRICT;

-- What the counters said of their devices, which is little of what they say.
CREATE INDEX station_record_devices ON station_record (clinic, recorded) WHERE kind = 'device';
