-- Papers of the store room, counter sessions with their blind counts, and what the counts found.
-- +goose Up

ALTER TABLE document DROP CONSTRAINT document_kind_known;
ALTER TABLE document ADD CONSTRAINT document_kind_known CHECK (kind IN
        ('receipt', 'open', 'waste', 'purge', 'loss', 'surplus', 'return', 'empty', 'break', 'destroy', 'reversal',
        'transfer', 'change', 'consolidate', 'abnormal', 'quarantine', 'recall', 'release'));

ALTER TABLE bottle ADD COLUMN place text NOT NULL DEFAULT 'store'
    CONSTRAINT bottle_place_known CHECK (place IN ('store', 'cabinet', 'away'));
-- A bottle in use stands where doses are given.
UPDATE bottle SET place = 'cabinet' WHERE opened_at IS NOT NULL;

-- Where a bottle was put, and by which paper. The last line is the bottle's place.
CREATE TABLE placement (
    id              uuid        NOT NULL,
    clinic          uuid        NOT NULL,
    bottle          uuid        NOT NULL,
    seq             bigint      NOT NULL,
    document        uuid        NOT NULL,
    place           text        NOT NULL,
    recorded        timestamptz NOT NULL,
    CONSTRAINT placement_pk PRIMARY KEY (id),
    CONSTRAINT placement_seq_once UNIQUE (bottle, seq),
    CONSTRAINT placement_document FOREIGN KEY (document) REFERENCES document (id),
    CONSTRAINT placement_bottle FOREIGN KEY (bottle) REFERENCES bottle (id),
    CONSTRAINT placement_known CHECK (place IN ('store', 'cabinet', 'away'))
);
CREATE INDEX placement_by_document ON placement (document);

-- A document that is not posted yet. It is posted when a document of the same id stands.
CREATE TABLE draft (
    id              uuid        NOT NULL,
    clinic          uuid        NOT NULL,
    kind            text        NOT NULL,
    paper           text        NOT NULL,
    reason          text        NOT NULL,
    late            boolean     NOT NULL,
    occurred        timestamptz,
    made_by         text        NOT NULL,
    made_at         timestamptz NOT NULL,
    signed_by       text        NOT NULL,
    signed_at       timestamptz,
    dropped_at      timestamptz,
    CONSTRAINT draft_pk PRIMARY KEY (id),
    CONSTRAINT draft_clinic FOREIGN KEY (clinic) REFERENCES clinic (id)
);
CREATE INDEX draft_by_clinic ON draft (clinic, id);

-- How a clinic keeps its book. A clinic without a row has the product's own values.
CREATE TABLE stock_setting (
    clinic          uuid        NOT NULL,
    count_gate      boolean     NOT NULL,
    review_ul       bigint      NOT NULL,
    review_permille bigint      NOT NULL,
    cover_days      integer     NOT NULL,
    lead_days       integer     NOT NULL,
    CONSTRAINT stock_setting_pk PRIMARY KEY (clinic),
    CONSTRAINT stock_setting_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT stock_setting_not_negative CHECK (review_ul >= 0 AND review_permille >= 0 AND cover_days > 0 AND lead_days >= 0)
);

-- A counter's shift, from its opening count to its close.
CREATE TABLE counter_session (
    id              uuid        NOT NULL,
    clinic          uuid        NOT NULL,
    station         uuid        NOT NULL,
    day             date        NOT NULL,
    shift           integer     NOT NULL,
    state           text        NOT NULL,
    started_by      text        NOT NULL,
    started_at      timestamptz NOT NULL,
    opened_at       timestamptz,
    closed_at       timestamptz,
    closed_by       text        NOT NULL,
    witness         text        NOT NULL,
    alarmed_at      timestamptz,
    CONSTRAINT counter_session_pk PRIMARY KEY (id),
    CONSTRAINT counter_session_shift_once UNIQUE (station, day, shift),
    CONSTRAINT counter_session_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT counter_session_shift_positive CHECK (shift > 0),
    CONSTRAINT counter_session_state_known CHECK (state IN ('opening_count', 'open', 'closing_count', 'reconciled', 'closed')),
    CONSTRAINT counter_session_two_people CHECK (witness = '' OR witness <> closed_by)
);
CREATE UNIQUE INDEX counter_session_open_once ON counter_session (station) WHERE state <> 'closed';
CREATE INDEX counter_session_by_day ON counter_session (clinic, day);

-- A blind count by two people. station is '' for a count of the store.
CREATE TABLE stock_count (
    id              uuid        NOT NULL,
    clinic          uuid        NOT NULL,
    session         uuid     ,
    station         text        NOT NULL,
    phase           text        NOT NULL,
    state           text        NOT NULL,
    bottles         text        NOT NULL,
    started_by      text        NOT NULL,
    started_at      timestamptz NOT NULL,
    settled_at      timestamptz,
    CONSTRAINT stock_count_pk PRIMARY KEY (id),
    CONSTRAINT stock_count_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT stock_count_session FOREIGN KEY (session) REFERENCES counter_session (id),
    CONSTRAINT stock_count_phase_known CHECK (phase IN ('opening', 'closing', 'stock')),
    CONSTRAINT stock_count_state_known CHECK (state IN ('counting', 'counted', 'disagreed', 'settled'))
);
CREATE UNIQUE INDEX stock_count_running_once ON stock_count (session) WHERE state IN ('counting', 'counted');
CREATE INDEX stock_count_by_clinic ON stock_count (clinic, id);

-- What one person found, and what the book said at that moment.
CREATE TABLE count_entry (
    count_id        uuid        NOT NULL,
    person          text        NOT NULL,
    bottle          uuid        NOT NULL,
    clinic          uuid        NOT NULL,
    method          text        NOT NULL,
    gross_ug        bigint      NOT NULL,
    counted_ul      bigint      NOT NULL,
    book_ul         bigint      NOT NULL,
    recorded        timestamptz NOT NULL,
    CONSTRAINT count_entry_pk PRIMARY KEY (count_id, person, bottle),
    CONSTRAINT count_entry_count FOREIGN KEY (count_id) REFERENCES stock_count (id),
    CONSTRAINT count_entry_bottle FOREIGN KEY (bottle) REFERENCES bottle (id),
    CONSTRAINT count_entry_method_known CHECK (method IN ('weighed', 'measured', 'sealed', 'missing')),
    CONSTRAINT count_entry_not_negative CHECK (counted_ul >= 0 AND gross_ug >= 0)
);

-- The book against a count, one line a bottle. Every difference has its own paper, whatever its size.
CREATE TABLE variance (
    count_id        uuid        NOT NULL,
    bottle          uuid        NOT NULL,
    clinic          uuid        NOT NULL,
    lot             uuid        NOT NULL,
    station         text        NOT NULL,
    person          text        NOT NULL,
    day             date        NOT NULL,
    shift           integer     NOT NULL,
    book_ul         bigint      NOT NULL,
    counted_ul      bigint      NOT NULL,
    diff_ul         bigint      NOT NULL,
    diff_ug         bigint      NOT NULL,
    turnover_ul     bigint      NOT NULL,
    parts           text        NOT NULL,
    began           timestamptz,
    review          boolean     NOT NULL,
    document        uuid     ,
    recorded        timestamptz NOT NULL,
    CONSTRAINT variance_pk PRIMARY KEY (count_id, bottle),
    CONSTRAINT variance_count FOREIGN KEY (count_id) REFERENCES stock_count (id),
    CONSTRAINT variance_bottle FOREIGN KEY (bottle, clinic, lot) REFERENCES bottle (id, clinic, lot),
    CONSTRAINT variance_document FOREIGN KEY (document) REFERENCES document (id),
    CONSTRAINT variance_adds_up CHECK (diff_ul = counted_ul - book_ul),
    CONSTRAINT variance_written CHECK (diff_ul = 0 OR document IS NOT NULL)
);
CREATE INDEX variance_by_clinic ON variance (clinic, recorded);
CREATE INDEX variance_by_bottle ON variance (bottle, recorded);

-- Every weighing of a bottle beside what the book said it held.
CREATE TABLE bottle_weight (
    id              uuid        NOT NULL,
    clinic          uuid        NOT NULL,
    bottle          uuid        NOT NULL,
    occasion        text        NOT NULL,
    gross_ug        bigint      NOT NULL,
    book_ul         bigint      NOT NULL,
    person          text        NOT NULL,
    cause           text        NOT NULL,
    recorded        timestamptz NOT NULL,
    CONSTRAINT bottle_weight_pk PRIMARY KEY (id),
    CONSTRAINT bottle_weight_bottle FOREIGN KEY (bottle) REFERENCES bottle (id),
    CONSTRAINT bottle_weight_occasion_known CHECK (occasion IN ('open', 'count', 'change', 'empty')),
    CONSTRAINT bottle_weight_positive CHECK (gross_ug > 0)
);
CREATE INDEX bottle_weight_by_bottle ON bottle_weight (bottle, recorded);

-- +goose StatementBegin
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['placement', 'count_entry', 'variance', 'bottle_weight']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()',
            t || '_append_only', t);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
            t || '_no_truncate', t);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO lieu_app', t);
    END LOOP;

    FOREACH t IN ARRAY ARRAY['draft', 'stock_setting', 'counter_session', 'stock_count']
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO lieu_app', t);
    END LOOP;
END $$;
-- +goose StatementEnd
