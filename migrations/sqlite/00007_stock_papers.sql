-- Papers of the store room, counter sessions with their blind counts, and what the counts found.
-- +goose Up

-- SQLite changes a check only by making the table anew; its triggers go with the old one.
CREATE TABLE document_wider (
    id       TEXT    NOT NULL,
    clinic   TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    by_staff TEXT    NOT NULL,
    witness  TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    party    TEXT    NOT NULL,
    number   TEXT    NOT NULL,
    data     TEXT    NOT NULL,
    occurred TEXT    NOT NULL,
    recorded TEXT    NOT NULL,
    CONSTRAINT document_pk PRIMARY KEY (id),
    CONSTRAINT document_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT document_kind_known CHECK (kind IN
        ('receipt', 'open', 'waste', 'purge', 'loss', 'surplus', 'return', 'empty', 'break', 'destroy', 'reversal',
        'transfer', 'change', 'consolidate', 'abnormal', 'quarantine', 'recall', 'release')),
    CONSTRAINT document_two_people CHECK (witness = '' OR witness <> by_staff)
) STRICT;
INSERT INTO document_wider SELECT id, clinic, kind, by_staff, witness, reason, party, number, data, occurred, recorded FROM document;
DROP TABLE document;
ALTER TABLE document_wider RENAME TO document;
CREATE INDEX document_by_clinic ON document (clinic, id);

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

ALTER TABLE bottle ADD COLUMN place TEXT NOT NULL DEFAULT 'store'
    CONSTRAINT bottle_place_known CHECK (place IN ('store', 'cabinet', 'away'));
-- A bottle in use stands where doses are given.
UPDATE bottle SET place = 'cabinet' WHERE opened_at IS NOT NULL;

-- Where a bottle was put, and by which paper. The last line is the bottle's place.
CREATE TABLE placement (
    id       TEXT NOT NULL,
    clinic   TEXT NOT NULL,
    bottle   TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    document TEXT NOT NULL,
    place    TEXT NOT NULL,
    recorded TEXT NOT NULL,
    CONSTRAINT placement_pk PRIMARY KEY (id),
    CONSTRAINT placement_seq_once UNIQUE (bottle, seq),
    CONSTRAINT placement_document FOREIGN KEY (document) REFERENCES document (id),
    CONSTRAINT placement_bottle FOREIGN KEY (bottle) REFERENCES bottle (id),
    CONSTRAINT placement_known CHECK (place IN ('store', 'cabinet', 'away'))
) STRICT;
CREATE INDEX placement_by_document ON placement (document);

-- A document that is not posted yet. It is posted when a document of the same id stands.
CREATE TABLE draft (
    id         TEXT    NOT NULL,
    clinic     TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    paper      TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    late       INTEGER NOT NULL,
    occurred   TEXT,
    made_by    TEXT    NOT NULL,
    made_at    TEXT    NOT NULL,
    signed_by  TEXT    NOT NULL,
    signed_at  TEXT,
    dropped_at TEXT,
    CONSTRAINT draft_pk PRIMARY KEY (id),
    CONSTRAINT draft_clinic FOREIGN KEY (clinic) REFERENCES clinic (id)
) STRICT;
CREATE INDEX draft_by_clinic ON draft (clinic, id);

-- How a clinic keeps its book. A clinic without a row has the product's own values.
CREATE TABLE stock_setting (
    clinic          TEXT    NOT NULL,
    count_gate      INTEGER NOT NULL,
    review_ul       INTEGER NOT NULL,
    review_permille INTEGER NOT NULL,
    cover_days      INTEGER NOT NULL,
    lead_days       INTEGER NOT NULL,
    CONSTRAINT stock_setting_pk PRIMARY KEY (clinic),
    CONSTRAINT stock_setting_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT stock_setting_not_negative CHECK (review_ul >= 0 AND review_permille >= 0 AND cover_days > 0 AND lead_days >= 0)
) STRICT;

-- A counter's shift, from its opening count to its close.
CREATE TABLE counter_session (
    id         TEXT    NOT NULL,
    clinic     TEXT    NOT NULL,
    station    TEXT    NOT NULL,
    day        TEXT    NOT NULL,
    shift      INTEGER NOT NULL,
    state      TEXT    NOT NULL,
    started_by TEXT    NOT NULL,
    started_at TEXT    NOT NULL,
    opened_at  TEXT,
    closed_at  TEXT,
    closed_by  TEXT    NOT NULL,
    witness    TEXT    NOT NULL,
    alarmed_at TEXT,
    CONSTRAINT counter_session_pk PRIMARY KEY (id),
    CONSTRAINT counter_session_shift_once UNIQUE (station, day, shift),
    CONSTRAINT counter_session_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT counter_session_shift_positive CHECK (shift > 0),
    CONSTRAINT counter_session_state_known CHECK (state IN ('opening_count', 'open', 'closing_count', 'reconciled', 'closed')),
    CONSTRAINT counter_session_two_people CHECK (witness = '' OR witness <> closed_by)
) STRICT;
CREATE UNIQUE INDEX counter_session_open_once ON counter_session (station) WHERE state <> 'closed';
CREATE INDEX counter_session_by_day ON counter_session (clinic, day);

-- A blind count by two people. station is '' for a count of the store.
CREATE TABLE stock_count (
    id         TEXT NOT NULL,
    clinic     TEXT NOT NULL,
    session    TEXT,
    station    TEXT NOT NULL,
    phase      TEXT NOT NULL,
    state      TEXT NOT NULL,
    bottles    TEXT NOT NULL,
    started_by TEXT NOT NULL,
    started_at TEXT NOT NULL,
    settled_at TEXT,
    CONSTRAINT stock_count_pk PRIMARY KEY (id),
    CONSTRAINT stock_count_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT stock_count_session FOREIGN KEY (session) REFERENCES counter_session (id),
    CONSTRAINT stock_count_phase_known CHECK (phase IN ('opening', 'closing', 'stock')),
    CONSTRAINT stock_count_state_known CHECK (state IN ('counting', 'counted', 'disagreed', 'settled'))
) STRICT;
CREATE UNIQUE INDEX stock_count_running_once ON stock_count (session) WHERE state IN ('counting', 'counted');
CREATE INDEX stock_count_by_clinic ON stock_count (clinic, id);

-- What one person found, and what the book said at that moment.
CREATE TABLE count_entry (
    count_id   TEXT    NOT NULL,
    person     TEXT    NOT NULL,
    bottle     TEXT    NOT NULL,
    clinic     TEXT    NOT NULL,
    method     TEXT    NOT NULL,
    gross_ug   INTEGER NOT NULL,
    counted_ul INTEGER NOT NULL,
    book_ul    INTEGER NOT NULL,
    recorded   TEXT    NOT NULL,
    CONSTRAINT count_entry_pk PRIMARY KEY (count_id, person, bottle),
    CONSTRAINT count_entry_count FOREIGN KEY (count_id) REFERENCES stock_count (id),
    CONSTRAINT count_entry_bottle FOREIGN KEY (bottle) REFERENCES bottle (id),
    CONSTRAINT count_entry_method_known CHECK (method IN ('weighed', 'measured', 'sealed', 'missing')),
    CONSTRAINT count_entry_not_negative CHECK (counted_ul >= 0 AND gross_ug >= 0)
) STRICT;

-- The book against a count, one line a bottle. Every difference has its own paper, whatever its size.
CREATE TABLE variance (
    count_id    TEXT    NOT NULL,
    bottle      TEXT    NOT NULL,
    clinic      TEXT    NOT NULL,
    lot         TEXT    NOT NULL,
    station     TEXT    NOT NULL,
    person      TEXT    NOT NULL,
    day         TEXT    NOT NULL,
    shift       INTEGER NOT NULL,
    book_ul     INTEGER NOT NULL,
    counted_ul  INTEGER NOT NULL,
    diff_ul     INTEGER NOT NULL,
    diff_ug     INTEGER NOT NULL,
    turnover_ul INTEGER NOT NULL,
    parts       TEXT    NOT NULL,
    began       TEXT,
    review      INTEGER NOT NULL,
    document    TEXT,
    recorded    TEXT    NOT NULL,
    CONSTRAINT variance_pk PRIMARY KEY (count_id, bottle),
    CONSTRAINT variance_count FOREIGN KEY (count_id) REFERENCES stock_count (id),
    CONSTRAINT variance_bottle FOREIGN KEY (bottle, clinic, lot) REFERENCES bottle (id, clinic, lot),
    CONSTRAINT variance_document FOREIGN KEY (document) REFERENCES document (id),
    CONSTRAINT variance_adds_up CHECK (diff_ul = counted_ul - book_ul),
    CONSTRAINT variance_written CHECK (diff_ul = 0 OR document IS NOT NULL)
) STRICT;
CREATE INDEX variance_by_clinic ON variance (clinic, recorded);
CREATE INDEX variance_by_bottle ON variance (bottle, recorded);

-- Every weighing of a bottle beside what the book said it held.
CREATE TABLE bottle_weight (
    id       TEXT    NOT NULL,
    clinic   TEXT    NOT NULL,
    bottle   TEXT    NOT NULL,
    occasion TEXT    NOT NULL,
    gross_ug INTEGER NOT NULL,
    book_ul  INTEGER NOT NULL,
    person   TEXT    NOT NULL,
    cause    TEXT    NOT NULL,
    recorded TEXT    NOT NULL,
    CONSTRAINT bottle_weight_pk PRIMARY KEY (id),
    CONSTRAINT bottle_weight_bottle FOREIGN KEY (bottle) REFERENCES bottle (id),
    CONSTRAINT bottle_weight_occasion_known CHECK (occasion IN ('open', 'count', 'change', 'empty')),
    CONSTRAINT bottle_weight_positive CHECK (gross_ug > 0)
) STRICT;
CREATE INDEX bottle_weight_by_bottle ON bottle_weight (bottle, recorded);

-- +goose StatementBegin
CREATE TRIGGER placement_no_update BEFORE UPDATE ON placement
BEGIN
    SELECT RAISE(ABORT, 'append_only: placement');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER placement_no_delete BEFORE DELETE ON placement
BEGIN
    SELECT RAISE(ABORT, 'append_only: placement');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER count_entry_no_update BEFORE UPDATE ON count_entry
BEGIN
    SELECT RAISE(ABORT, 'append_only: count_entry');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER count_entry_no_delete BEFORE DELETE ON count_entry
BEGIN
    SELECT RAISE(ABORT, 'append_only: count_entry');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER variance_no_update BEFORE UPDATE ON variance
BEGIN
    SELECT RAISE(ABORT, 'append_only: variance');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER variance_no_delete BEFORE DELETE ON variance
BEGIN
    SELECT RAISE(ABORT, 'append_only: variance');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER bottle_weight_no_update BEFORE UPDATE ON bottle_weight
BEGIN
    SELECT RAISE(ABORT, 'append_only: bottle_weight');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER bottle_weight_no_delete BEFORE DELETE ON bottle_weight
BEGIN
    SELECT RAISE(ABORT, 'append_only: bottle_weight');
END;
-- +goose StatementEnd
