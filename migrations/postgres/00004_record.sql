-- The record of who changed what, the tables that only ever grow, and the rights of the server's role.
-- +goose Up

-- The end of each clinic's chain. Its row is locked last, right before COMMIT.
CREATE TABLE audit_head (
    clinic uuid   NOT NULL,
    seq    bigint NOT NULL,
    prev   bytea  NOT NULL,
    hash   bytea  NOT NULL,
    CONSTRAINT audit_head_pk PRIMARY KEY (clinic),
    CONSTRAINT audit_head_clinic FOREIGN KEY (clinic) REFERENCES clinic (id)
) WITH (fillfactor = 50);

-- payload holds the bytes that are hashed; the columns beside it are copies to search by.
CREATE TABLE audit_event (
    clinic     uuid        NOT NULL,
    seq        bigint      NOT NULL,
    recorded   timestamptz NOT NULL,
    actor_kind text        NOT NULL,
    actor      text        NOT NULL,
    witness    text        NOT NULL,
    action     text        NOT NULL,
    subject    text        NOT NULL,
    payload    bytea       NOT NULL,
    prev       bytea       NOT NULL,
    hash       bytea       NOT NULL,
    CONSTRAINT audit_event_pk PRIMARY KEY (clinic, seq),
    CONSTRAINT audit_event_seq_positive CHECK (seq > 0)
);
CREATE INDEX audit_event_by_subject ON audit_event (clinic, subject, seq);
CREATE INDEX audit_event_by_time ON audit_event USING brin (recorded) WITH (pages_per_range = 32);

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append only: %', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only', TABLE = TG_TABLE_NAME;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION refuse_new_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the clinic day is fixed'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'clinic_day_fixed', TABLE = TG_TABLE_NAME;
END $$;
-- +goose StatementEnd

CREATE TRIGGER clinic_day_fixed BEFORE UPDATE ON clinic
    FOR EACH ROW WHEN (OLD.zone <> NEW.zone OR OLD.cut_over_s <> NEW.cut_over_s OR OLD.number <> NEW.number)
    EXECUTE FUNCTION refuse_new_day();

-- +goose StatementBegin
DO $$
DECLARE
    t text;
BEGIN
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lieu_app') THEN
            CREATE ROLE lieu_app NOLOGIN;
        END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL; -- another migration of this server made it meanwhile
    END;
    IF NOT pg_has_role(current_user, 'lieu_app', 'MEMBER') THEN
        EXECUTE format('GRANT lieu_app TO %I', current_user);
    END IF;
    GRANT USAGE ON SCHEMA public TO lieu_app;
    GRANT SELECT ON goose_db_version TO lieu_app;

    FOREACH t IN ARRAY ARRAY['rule_adoption', 'clearance', 'move', 'document', 'verification', 'station_key',
        'station_record',
        'dispensing', 'dispensing_step', 'dose', 'incident', 'audit_event']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()',
            t || '_append_only', t);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
            t || '_no_truncate', t);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO lieu_app', t);
    END LOOP;

    FOREACH t IN ARRAY ARRAY['meta', 'clinic', 'serial', 'staff', 'patient', 'patient_photo', 'prescription', 'hold',
        'product', 'lot', 'bottle', 'bottle_balance', 'station', 'device', 'ticket', 'dispensing_state', 'audit_head']
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO lieu_app', t);
    END LOOP;

    FOREACH t IN ARRAY ARRAY['closure', 'sign_in_failure', 'session']
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO lieu_app', t);
    END LOOP;
END $$;
-- +goose StatementEnd
