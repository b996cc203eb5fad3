-- The medicine, down to each bottle and each movement of its liquid, and the windows where it is poured.
-- +goose Up

CREATE TABLE product (
    id                  uuid   NOT NULL,
    clinic              uuid   NOT NULL,
    name                text   NOT NULL,
    concentration_ug_ml bigint NOT NULL,
    form                text   NOT NULL,
    registration        text   NOT NULL,
    gtin                text   NOT NULL,
    CONSTRAINT product_pk PRIMARY KEY (id),
    CONSTRAINT product_tenant UNIQUE (id, clinic),
    CONSTRAINT product_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT product_concentration_positive CHECK (concentration_ug_ml > 0)
);
CREATE INDEX product_by_clinic ON product (clinic, name);

CREATE TABLE lot (
    id                  uuid    NOT NULL,
    clinic              uuid    NOT NULL,
    product             uuid    NOT NULL,
    number              text    NOT NULL,
    concentration_ug_ml bigint  NOT NULL,
    density_ug_ml       bigint  NOT NULL,
    density_by          text    NOT NULL,
    density_at          timestamptz,
    density_temp_dc     integer NOT NULL,
    expiry              date    NOT NULL,
    state               text    NOT NULL,
    funding             text    NOT NULL,
    CONSTRAINT lot_pk PRIMARY KEY (id),
    CONSTRAINT lot_tenant UNIQUE (id, clinic),
    CONSTRAINT lot_number_once UNIQUE (product, number),
    CONSTRAINT lot_product FOREIGN KEY (product, clinic) REFERENCES product (id, clinic),
    CONSTRAINT lot_concentration_positive CHECK (concentration_ug_ml > 0),
    CONSTRAINT lot_density_not_negative CHECK (density_ug_ml >= 0),
    CONSTRAINT lot_state_known CHECK (state IN ('released', 'quarantined', 'recalled'))
);
CREATE INDEX lot_by_clinic ON lot (clinic, expiry);

CREATE TABLE bottle (
    id              uuid   NOT NULL,
    clinic          uuid   NOT NULL,
    lot             uuid   NOT NULL,
    code            text   NOT NULL,
    state           text   NOT NULL,
    label_volume_ul bigint NOT NULL,
    tare_weight_ug  bigint NOT NULL,
    opened_at       timestamptz,
    opened_gross_ug bigint NOT NULL,
    CONSTRAINT bottle_pk PRIMARY KEY (id),
    CONSTRAINT bottle_tenant UNIQUE (id, clinic, lot),
    CONSTRAINT bottle_code_once UNIQUE (clinic, code),
    CONSTRAINT bottle_lot FOREIGN KEY (lot, clinic) REFERENCES lot (id, clinic),
    CONSTRAINT bottle_volume_positive CHECK (label_volume_ul > 0),
    CONSTRAINT bottle_state_known CHECK (state IN ('sealed', 'in_use', 'empty', 'quarantined', 'broken', 'destroyed'))
);
CREATE INDEX bottle_by_clinic ON bottle (clinic, id);
CREATE INDEX bottle_by_lot ON bottle (lot, id);

-- What stands on each account of one bottle, in microlitres. The row is the bottle's lock, and totals are derived from
-- these rows. moves counts the lines of the bottle's ledger: the next line has this number plus one.
CREATE TABLE bottle_balance (
    id           uuid   NOT NULL,
    clinic       uuid   NOT NULL,
    lot          uuid   NOT NULL,
    moves        bigint NOT NULL,
    supplier     bigint NOT NULL,
    store        bigint NOT NULL,
    bottle       bigint NOT NULL,
    reserved     bigint NOT NULL,
    in_doubt     bigint NOT NULL,
    administered bigint NOT NULL,
    take_home    bigint NOT NULL,
    waste        bigint NOT NULL,
    purge        bigint NOT NULL,
    loss         bigint NOT NULL,
    surplus      bigint NOT NULL,
    returned     bigint NOT NULL,
    destroyed    bigint NOT NULL,
    transferred  bigint NOT NULL,
    CONSTRAINT bottle_balance_pk PRIMARY KEY (id),
    CONSTRAINT bottle_balance_bottle FOREIGN KEY (id, clinic, lot) REFERENCES bottle (id, clinic, lot),
    CONSTRAINT bottle_balance_conserved CHECK (
        supplier + store + bottle + reserved + in_doubt + administered + take_home
        + waste + purge + loss + surplus + returned + destroyed + transferred = 0)
) WITH (fillfactor = 70);
CREATE INDEX bottle_balance_by_lot ON bottle_balance (clinic, lot);

-- The perpetual inventory. seq is the line's number in the ledger of its bottle.
CREATE TABLE move (
    id            uuid        NOT NULL,
    clinic        uuid        NOT NULL,
    bottle        uuid        NOT NULL,
    seq           bigint      NOT NULL,
    lot           uuid        NOT NULL,
    from_account  text        NOT NULL,
    to_account    text        NOT NULL,
    amount_ul     bigint      NOT NULL,
    from_after_ul bigint      NOT NULL,
    to_after_ul   bigint      NOT NULL,
    cause         text        NOT NULL,
    reason        text        NOT NULL,
    occurred      timestamptz NOT NULL,
    recorded      timestamptz NOT NULL,
    reverses      uuid,
    CONSTRAINT move_pk PRIMARY KEY (id),
    CONSTRAINT move_seq_once UNIQUE (bottle, seq),
    CONSTRAINT move_reversed_once UNIQUE (reverses),
    CONSTRAINT move_bottle FOREIGN KEY (bottle, clinic, lot) REFERENCES bottle (id, clinic, lot),
    CONSTRAINT move_reverses FOREIGN KEY (reverses) REFERENCES move (id),
    CONSTRAINT move_amount_positive CHECK (amount_ul > 0),
    CONSTRAINT move_accounts_differ CHECK (from_account <> to_account),
    CONSTRAINT move_from_known CHECK (from_account IN ('supplier', 'store', 'bottle', 'reserved', 'in_doubt',
        'administered', 'take_home', 'waste', 'purge', 'loss', 'surplus', 'returned', 'destroyed', 'transferred')),
    CONSTRAINT move_to_known CHECK (to_account IN ('supplier', 'store', 'bottle', 'reserved', 'in_doubt',
        'administered', 'take_home', 'waste', 'purge', 'loss', 'surplus', 'returned', 'destroyed', 'transferred'))
);
CREATE INDEX move_by_clinic ON move (clinic, id);
CREATE INDEX move_by_lot ON move (lot, id);
CREATE INDEX move_by_cause ON move (cause);
CREATE INDEX move_by_time ON move USING brin (occurred) WITH (pages_per_range = 32);

-- The papers behind moves.
CREATE TABLE document (
    id       uuid        NOT NULL,
    clinic   uuid        NOT NULL,
    kind     text        NOT NULL,
    by_staff text        NOT NULL,
    witness  text        NOT NULL,
    reason   text        NOT NULL,
    party    text        NOT NULL,
    number   text        NOT NULL,
    data     text        NOT NULL,
    occurred timestamptz NOT NULL,
    recorded timestamptz NOT NULL,
    CONSTRAINT document_pk PRIMARY KEY (id),
    CONSTRAINT document_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT document_kind_known CHECK (kind IN
        ('receipt', 'open', 'waste', 'purge', 'loss', 'surplus', 'return', 'empty', 'break', 'destroy', 'reversal')),
    CONSTRAINT document_two_people CHECK (witness = '' OR witness <> by_staff)
);
CREATE INDEX document_by_clinic ON document (clinic, id);

CREATE TABLE station (
    id         uuid    NOT NULL,
    clinic     uuid    NOT NULL,
    name       text    NOT NULL,
    public_key bytea,
    enrol_code text    NOT NULL,
    enrol_by   timestamptz,
    active     boolean NOT NULL,
    bottle     uuid,
    manual     boolean NOT NULL,
    event_seq  bigint  NOT NULL,
    event_hash text    NOT NULL,
    CONSTRAINT station_pk PRIMARY KEY (id),
    CONSTRAINT station_tenant UNIQUE (id, clinic),
    CONSTRAINT station_name_once UNIQUE (clinic, name),
    CONSTRAINT station_bottle_once UNIQUE (bottle),
    CONSTRAINT station_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT station_bottle FOREIGN KEY (bottle) REFERENCES bottle (id)
);

-- Every public key that a station ever had, and from which of its records on. A counter that was enrolled anew goes on
-- with the numbers, so the whole chain stays verifiable.
CREATE TABLE station_key (
    station    uuid    NOT NULL,
    seq        integer NOT NULL,
    clinic     uuid    NOT NULL,
    from_event bigint  NOT NULL,
    public_key bytea   NOT NULL,
    CONSTRAINT station_key_pk PRIMARY KEY (station, seq),
    CONSTRAINT station_key_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic)
);

CREATE TABLE device (
    id       uuid NOT NULL,
    clinic   uuid NOT NULL,
    station  uuid,
    kind     text NOT NULL,
    model    text NOT NULL,
    serial   text NOT NULL,
    state    text NOT NULL,
    state_at timestamptz,
    detail   text NOT NULL,
    profile  text NOT NULL,
    CONSTRAINT device_pk PRIMARY KEY (id),
    CONSTRAINT device_tenant UNIQUE (id, clinic),
    CONSTRAINT device_kind_once UNIQUE (station, kind),
    CONSTRAINT device_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT device_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT device_kind_known CHECK (kind IN ('pump', 'scale', 'scanner', 'printer')),
    CONSTRAINT device_state_known CHECK (state IN ('ready', 'down', 'unknown'))
);
CREATE INDEX device_by_clinic ON device (clinic, id);

CREATE TABLE verification (
    id       uuid        NOT NULL,
    clinic   uuid        NOT NULL,
    device   uuid        NOT NULL,
    day      date        NOT NULL,
    passed   boolean     NOT NULL,
    method   text        NOT NULL,
    note     text        NOT NULL,
    by_staff text        NOT NULL,
    recorded timestamptz NOT NULL,
    CONSTRAINT verification_pk PRIMARY KEY (id),
    CONSTRAINT verification_device FOREIGN KEY (device, clinic) REFERENCES device (id, clinic)
);
CREATE INDEX verification_by_device ON verification (device, day, recorded);
CREATE INDEX verification_by_clinic ON verification (clinic, day);

-- What the counters said, as the exact bytes that they signed.
CREATE TABLE station_record (
    station   uuid        NOT NULL,
    seq       bigint      NOT NULL,
    clinic    uuid        NOT NULL,
    kind      text        NOT NULL,
    occurred  timestamptz NOT NULL,
    recorded  timestamptz NOT NULL,
    payload   bytea       NOT NULL,
    signature bytea       NOT NULL,
    hash      text        NOT NULL,
    CONSTRAINT station_record_pk PRIMARY KEY (station, seq),
    CONSTRAINT station_record_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT station_record_seq_positive CHECK (seq > 0)
);
