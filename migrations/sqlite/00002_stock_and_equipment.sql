-- The medicine, down to each bottle and each movement of its liquid, and the windows where it is poured.
-- +goose Up

CREATE TABLE product (
    id                  TEXT    NOT NULL,
    clinic              TEXT    NOT NULL,
    name                TEXT    NOT NULL,
    concentration_ug_ml INTEGER NOT NULL,
    form                TEXT    NOT NULL,
    registration        TEXT    NOT NULL,
    gtin                TEXT    NOT NULL,
    CONSTRAINT product_pk PRIMARY KEY (id),
    CONSTRAINT product_tenant UNIQUE (id, clinic),
    CONSTRAINT product_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT product_concentration_positive CHECK (concentration_ug_ml > 0)
) STRICT;
CREATE INDEX product_by_clinic ON product (clinic, name);

CREATE TABLE lot (
    id                  TEXT    NOT NULL,
    clinic              TEXT    NOT NULL,
    product             TEXT    NOT NULL,
    number              TEXT    NOT NULL,
    concentration_ug_ml INTEGER NOT NULL,
    density_ug_ml       INTEGER NOT NULL,
    density_by          TEXT    NOT NULL,
    density_at          TEXT,
    density_temp_dc     INTEGER NOT NULL,
    expiry              TEXT    NOT NULL,
    state               TEXT    NOT NULL,
    funding             TEXT    NOT NULL,
    CONSTRAINT lot_pk PRIMARY KEY (id),
    CONSTRAINT lot_tenant UNIQUE (id, clinic),
    CONSTRAINT lot_number_once UNIQUE (product, number),
    CONSTRAINT lot_product FOREIGN KEY (product, clinic) REFERENCES product (id, clinic),
    CONSTRAINT lot_concentration_positive CHECK (concentration_ug_ml > 0),
    CONSTRAINT lot_density_not_negative CHECK (density_ug_ml >= 0),
    CONSTRAINT lot_state_known CHECK (state IN ('released', 'quarantined', 'recalled'))
) STRICT;
CREATE INDEX lot_by_clinic ON lot (clinic, expiry);

CREATE TABLE bottle (
    id              TEXT    NOT NULL,
    clinic          TEXT    NOT NULL,
    lot             TEXT    NOT NULL,
    code            TEXT    NOT NULL,
    state           TEXT    NOT NULL,
    label_volume_ul INTEGER NOT NULL,
    tare_weight_ug  INTEGER NOT NULL,
    opened_at       TEXT,
    opened_gross_ug INTEGER NOT NULL,
    CONSTRAINT bottle_pk PRIMARY KEY (id),
    CONSTRAINT bottle_tenant UNIQUE (id, clinic, lot),
    CONSTRAINT bottle_code_once UNIQUE (clinic, code),
    CONSTRAINT bottle_lot FOREIGN KEY (lot, clinic) REFERENCES lot (id, clinic),
    CONSTRAINT bottle_volume_positive CHECK (label_volume_ul > 0),
    CONSTRAINT bottle_state_known CHECK (state IN ('sealed', 'in_use', 'empty', 'quarantined', 'broken', 'destroyed'))
) STRICT;
CREATE INDEX bottle_by_clinic ON bottle (clinic, id);
CREATE INDEX bottle_by_lot ON bottle (lot, id);

-- What stands on each account of one bottle, in microlitres. The row is the bottle's lock, and totals are derived from
-- these rows. moves counts the lines of the bottle's ledger: the next line has this number plus one.
CREATE TABLE bottle_balance (
    id           TEXT    NOT NULL,
    clinic       TEXT    NOT NULL,
    lot          TEXT    NOT NULL,
    moves        INTEGER NOT NULL,
    supplier     INTEGER NOT NULL,
    store        INTEGER NOT NULL,
    bottle       INTEGER NOT NULL,
    reserved     INTEGER NOT NULL,
    in_doubt     INTEGER NOT NULL,
    administered INTEGER NOT NULL,
    take_home    INTEGER NOT NULL,
    waste        INTEGER NOT NULL,
    purge        INTEGER NOT NULL,
    loss         INTEGER NOT NULL,
    surplus      INTEGER NOT NULL,
    returned     INTEGER NOT NULL,
    destroyed    INTEGER NOT NULL,
    transferred  INTEGER NOT NULL,
    CONSTRAINT bottle_balance_pk PRIMARY KEY (id),
    CONSTRAINT bottle_balance_bottle FOREIGN KEY (id, clinic, lot) REFERENCES bottle (id, clinic, lot),
    CONSTRAINT bottle_balance_conserved CHECK (
        supplier + store + bottle + reserved + in_doubt + administered + take_home
        + waste + purge + loss + surplus + returned + destroyed + transferred = 0)
) STRICT;
CREATE INDEX bottle_balance_by_lot ON bottle_balance (clinic, lot);

-- The perpetual inventory. seq is the line's number in the ledger of its bottle.
CREATE TABLE move (
    id            TEXT    NOT NULL,
    clinic        TEXT    NOT NULL,
    bottle        TEXT    NOT NULL,
    seq           INTEGER NOT NULL,
    lot           TEXT    NOT NULL,
    from_account  TEXT    NOT NULL,
    to_account    TEXT    NOT NULL,
    amount_ul     INTEGER NOT NULL,
    from_after_ul INTEGER NOT NULL,
    to_after_ul   INTEGER NOT NULL,
    cause         TEXT    NOT NULL,
    reason        TEXT    NOT NULL,
    occurred      TEXT    NOT NULL,
    recorded      TEXT    NOT NULL,
    reverses      TEXT,
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
) STRICT;
CREATE INDEX move_by_clinic ON move (clinic, id);
CREATE INDEX move_by_lot ON move (lot, id);
CREATE INDEX move_by_cause ON move (cause);
CREATE INDEX move_by_time ON move (occurred);

-- The papers behind moves.
CREATE TABLE document (
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
        ('receipt', 'open', 'waste', 'purge', 'loss', 'surplus', 'return', 'empty', 'break', 'destroy', 'reversal')),
    CONSTRAINT document_two_people CHECK (witness = '' OR witness <> by_staff)
) STRICT;
CREATE INDEX document_by_clinic ON document (clinic, id);

CREATE TABLE station (
    id         TEXT    NOT NULL,
    clinic     TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    public_key BLOB,
    enrol_code TEXT    NOT NULL,
    enrol_by   TEXT,
    active     INTEGER NOT NULL,
    bottle     TEXT,
    manual     INTEGER NOT NULL,
    event_seq  INTEGER NOT NULL,
    event_hash TEXT    NOT NULL,
    CONSTRAINT station_pk PRIMARY KEY (id),
    CONSTRAINT station_tenant UNIQUE (id, clinic),
    CONSTRAINT station_name_once UNIQUE (clinic, name),
    CONSTRAINT station_bottle_once UNIQUE (bottle),
    CONSTRAINT station_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT station_bottle FOREIGN KEY (bottle) REFERENCES bottle (id)
) STRICT;

-- Every public key that a station ever had, and from which of its records on. A counter that was enrolled anew goes on
-- with the numbers, so the whole chain stays verifiable.
CREATE TABLE station_key (
    station    TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    clinic     TEXT    NOT NULL,
    from_event INTEGER NOT NULL,
    public_key BLOB    NOT NULL,
    CONSTRAINT station_key_pk PRIMARY KEY (station, seq),
    CONSTRAINT station_key_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic)
) STRICT;

CREATE TABLE device (
    id       TEXT    NOT NULL,
    clinic   TEXT    NOT NULL,
    station  TEXT,
    kind     TEXT    NOT NULL,
    model    TEXT    NOT NULL,
    serial   TEXT    NOT NULL,
    state    TEXT    NOT NULL,
    state_at TEXT,
    detail   TEXT    NOT NULL,
    profile  TEXT    NOT NULL,
    CONSTRAINT device_pk PRIMARY KEY (id),
    CONSTRAINT device_tenant UNIQUE (id, clinic),
    CONSTRAINT device_kind_once UNIQUE (station, kind),
    CONSTRAINT device_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT device_clinic FOREIGN KEY (clinic) REFERENCES clinic (id),
    CONSTRAINT device_kind_known CHECK (kind IN ('pump', 'scale', 'scanner', 'printer')),
    CONSTRAINT device_state_known CHECK (state IN ('ready', 'down', 'unknown'))
) STRICT;
CREATE INDEX device_by_clinic ON device (clinic, id);

CREATE TABLE verification (
    id       TEXT    NOT NULL,
    clinic   TEXT    NOT NULL,
    device   TEXT    NOT NULL,
    day      TEXT    NOT NULL,
    passed   INTEGER NOT NULL,
    method   TEXT    NOT NULL,
    note     TEXT    NOT NULL,
    by_staff TEXT    NOT NULL,
    recorded TEXT    NOT NULL,
    CONSTRAINT verification_pk PRIMARY KEY (id),
    CONSTRAINT verification_device FOREIGN KEY (device, clinic) REFERENCES device (id, clinic)
) STRICT;
CREATE INDEX verification_by_device ON verification (device, day, recorded);
CREATE INDEX verification_by_clinic ON verification (clinic, day);

-- What the counters said, as the exact bytes that they signed.
CREATE TABLE station_record (
    station   TEXT    NOT NULL,
    seq       INTEGER NOT NULL,
    clinic    TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    occurred  TEXT    NOT NULL,
    recorded  TEXT    NOT NULL,
    payload   BLOB    NOT NULL,
    signature BLOB    NOT NULL,
    hash      TEXT    NOT NULL,
    CONSTRAINT station_record_pk PRIMARY KEY (station, seq),
    CONSTRAINT station_record_station FOREIGN KEY (station, clinic) REFERENCES station (id, clinic),
    CONSTRAINT station_record_seq_positive CHECK (seq > 0)
) STRICT;
