package station

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	_ "github.com/ncruces/go-sqlite3/driver" // registers "sqlite3"

	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// Errors of the journal. Match with errors.Is.
var (
	// ErrSettings: the file is not kept the way a journal must be. The daemon does not start on it.
	ErrSettings = errors.New("journal settings")
	// ErrForeign: the journal belongs to another station or another key.
	ErrForeign = errors.New("journal of another station")
	// ErrKnown: the dispensing is in the journal already, so it is never poured again.
	ErrKnown = errors.New("dispensing is known already")
	// ErrStep: the dispensing cannot take this step from where it stands.
	ErrStep = errors.New("step out of order")
	// ErrBroken: an earlier write failed, so what is durable is unknown. Only a restart finds out.
	ErrBroken = errors.New("journal is broken")
)

// Step is where a dispensing stands at this counter.
type Step string

// The steps. The last three end a dispensing.
const (
	StepNone           Step = "" // never heard of
	StepArmed          Step = "armed"
	StepDispensing     Step = "dispensing"
	StepMeasured       Step = "measured"
	StepInDoubt        Step = "in_doubt"
	StepNeverCommanded Step = "never_commanded"
)

// steps is the whole truth about what may follow what. A dispensing is poured on the way from armed to dispensing, and
// nothing leads back there.
var steps = map[Step][]Step{
	StepNone:       {StepArmed, StepNeverCommanded},
	StepArmed:      {StepDispensing, StepNeverCommanded},
	StepDispensing: {StepMeasured, StepInDoubt},
}

// stepOf maps the kinds of record that move a dispensing to the step they move it to.
func stepOf(kind stationlog.Kind) (Step, bool) {
	switch kind {
	case stationlog.KindArmed, stationlog.KindDispensing, stationlog.KindMeasured, stationlog.KindInDoubt,
		stationlog.KindNeverCommanded:
		return Step(kind), true
	}
	return StepNone, false
}

// Entry is one event as it is stored and sent.
type Entry struct {
	Seq    int64
	Hash   string
	Record stationlog.Signed
}

// Journal is the counter's durable memory: signed events numbered without gaps, and the step of each dispensing. What a
// method has returned from without an error survives a power cut. It is safe for concurrent use.
type Journal struct {
	db      *sql.DB
	station string
	key     ed25519.PrivateKey
	now     func() time.Time
	changed chan struct{}

	start  Position   // what the first event here follows; set once
	mu     sync.Mutex // guards all below, and orders writes
	seq    int64
	hash   string
	acked  int64
	taken  int64
	broken error
}

// OpenJournal opens or creates the journal of a station at path and checks it from the first row to the last. A journal
// that does not check out is not opened: the error names the first bad row ([RowError]). A new journal begins after
// start; one that exists keeps its own beginning.
func OpenJournal(ctx context.Context, path, station string, key ed25519.PrivateKey, start Position, now func() time.Time) (*Journal, error) {
	db, err := openDB(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("journal %s: %w", path, err)
	}
	j := &Journal{db: db, station: station, key: key, now: now, changed: make(chan struct{}, 1)}
	if err := j.load(ctx, start); err != nil {
		return nil, fmt.Errorf("journal %s: %w", path, errors.Join(err, db.Close()))
	}
	return j, nil
}

func openDB(ctx context.Context, path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", dataSource(path))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	db.SetConnMaxIdleTime(0)
	db.SetConnMaxLifetime(0)
	if err := checkSettings(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := prepare(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (j *Journal) load(ctx context.Context, start Position) error {
	pub := publicOf(j.key)
	start = start.orGenesis()
	if _, err := j.db.ExecContext(ctx, `INSERT INTO station (one, id, public_key, start_seq, start_hash, acknowledged)
		VALUES (1, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, j.station, []byte(pub), start.Seq, start.Hash, start.Seq); err != nil {
		return fmt.Errorf("owner: %w", err)
	}
	owner, err := readOwner(ctx, j.db)
	if err != nil {
		return err
	}
	if owner.station != j.station || !owner.key.Equal(pub) {
		return fmt.Errorf("%w: %s", ErrForeign, owner.station)
	}
	sum, err := check(ctx, j.db, owner, signedTail)
	if err != nil {
		return err
	}
	j.start, j.seq, j.hash, j.acked = owner.start, sum.Seq, sum.Hash, owner.acked
	return nil
}

type owner struct {
	station string
	key     ed25519.PublicKey
	start   Position
	acked   int64
}

// Position is a place in a station's chain of events: the number and hash of one event. The zero Position is the
// beginning.
type Position struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

func (p Position) orGenesis() Position {
	if p.Seq == 0 {
		p.Hash = stationlog.Genesis
	}
	return p
}

func readOwner(ctx context.Context, db *sql.DB) (o owner, err error) {
	var key []byte
	err = db.QueryRowContext(ctx, `SELECT id, public_key, start_seq, start_hash, acknowledged FROM station`).
		Scan(&o.station, &key, &o.start.Seq, &o.start.Hash, &o.acked)
	if err != nil {
		return owner{}, fmt.Errorf("owner: %w", err)
	}
	o.key = key
	return o, nil
}

// Close checkpoints and closes the file.
func (j *Journal) Close() error { return j.db.Close() }

// Changed delivers a token after events were added. Tokens do not add up.
func (j *Journal) Changed() <-chan struct{} { return j.changed }

// Head returns the number and hash of the last event; 0 and [stationlog.Genesis] when there is none.
func (j *Journal) Head() (seq int64, hash string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.seq, j.hash
}

// StepsTaken counts the steps of dispensings since the journal was opened.
func (j *Journal) StepsTaken() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.taken
}

// Err returns why the journal can no longer be written, or nil.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.broken
}

// Append adds an event that is not a step of a dispensing.
func (j *Journal) Append(ctx context.Context, kind stationlog.Kind, body any) error {
	if _, isStep := stepOf(kind); isStep || isPrint(kind) {
		return fmt.Errorf("event %s: %w", kind, ErrStep)
	}
	return j.add(ctx, kind, body, nil)
}

// Arm records that an order was accepted. ErrKnown when the dispensing was heard of before, whatever became of it.
func (j *Journal) Arm(ctx context.Context, a stationlog.Armed, order stationlog.Signed) error {
	return j.add(ctx, stationlog.KindArmed, a, insertStep(a.Dispensing, StepArmed, order))
}

// Commit is the point of no return: once it has returned nil the pump may be told to move, once.
func (j *Journal) Commit(ctx context.Context, d stationlog.Dispensing) error {
	return j.add(ctx, stationlog.KindDispensing, d, moveStep(d.Dispensing, StepDispensing))
}

// Measured records how a pour ended.
func (j *Journal) Measured(ctx context.Context, o stationlog.Outcome) error {
	return j.add(ctx, stationlog.KindMeasured, o, moveStep(o.Dispensing, StepMeasured))
}

// InDoubt records that the outcome of a pour is unknown, with what is known.
func (j *Journal) InDoubt(ctx context.Context, o stationlog.Outcome) error {
	return j.add(ctx, stationlog.KindInDoubt, o, moveStep(o.Dispensing, StepInDoubt))
}

// NeverCommanded gives the counter's word for an armed dispensing: it was not poured and never will be.
func (j *Journal) NeverCommanded(ctx context.Context, n stationlog.NeverCommanded) error {
	return j.add(ctx, stationlog.KindNeverCommanded, n, moveStep(n.Dispensing, StepNeverCommanded))
}

// Refuse gives the same word for a dispensing that was never armed. ErrKnown when it was heard of before.
func (j *Journal) Refuse(ctx context.Context, n stationlog.NeverCommanded, order stationlog.Signed) error {
	return j.add(ctx, stationlog.KindNeverCommanded, n, insertStep(n.Dispensing, StepNeverCommanded, order))
}

// Progress keeps one volume-so-far of a pour: after a power cut, the last one is a lower bound.
func (j *Journal) Progress(ctx context.Context, dispensing string, moved measure.Volume) error {
	return j.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO progress (n, at_us, ul) SELECT n, ?, ? FROM dispensings WHERE id = ?`,
			j.now().UnixMicro(), int64(moved), dispensing)
		return err
	})
}

// Step returns where a dispensing stands.
func (j *Journal) Step(ctx context.Context, dispensing string) (Step, error) {
	var step Step
	err := j.db.QueryRowContext(ctx, `SELECT step FROM dispensings WHERE id = ?`, dispensing).Scan(&step)
	if errors.Is(err, sql.ErrNoRows) {
		return StepNone, nil
	}
	if err != nil {
		return StepNone, fmt.Errorf("step of dispensing %s: %w", dispensing, err)
	}
	return step, nil
}

// Unfinished is a dispensing without an end.
type Unfinished struct {
	ID        string
	Purpose   stationlog.OrderKind // what the order was for: Prime, Shot, or "" for a dose
	Step      Step
	Committed stationlog.Dispensing // when Step is StepDispensing
	At        time.Time             // of its last event
	AtLeast   measure.Volume        // the greatest volume-so-far that was kept
}

// Unfinished lists the dispensings that were armed or poured and have no end, oldest first.
func (j *Journal) Unfinished(ctx context.Context) ([]Unfinished, error) {
	rows, err := j.db.QueryContext(ctx, `
		SELECT d.id, d.step, e.payload, coalesce((SELECT max(ul) FROM progress p WHERE p.n = d.n), 0)
		FROM dispensings d JOIN events e ON e.seq = d.seq
		WHERE d.step IN ('armed', 'dispensing') ORDER BY d.n`)
	if err != nil {
		return nil, fmt.Errorf("unfinished dispensings: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err below has the error
	var open []Unfinished
	for rows.Next() {
		var u Unfinished
		var payload []byte
		if err := rows.Scan(&u.ID, &u.Step, &payload, &u.AtLeast); err != nil {
			return nil, fmt.Errorf("unfinished dispensings: %w", err)
		}
		if err := u.read(payload); err != nil {
			return nil, err
		}
		open = append(open, u)
	}
	return open, rows.Err()
}

func (u *Unfinished) read(payload []byte) error {
	var r stationlog.Record
	if err := json.Unmarshal(payload, &r); err != nil {
		return fmt.Errorf("unfinished dispensing %s: %w", u.ID, err)
	}
	u.At = r.Occurred
	if u.Step != StepDispensing {
		var a stationlog.Armed
		err := r.Decode(&a)
		u.Purpose = a.Purpose
		return err
	}
	err := r.Decode(&u.Committed)
	u.Purpose = u.Committed.Purpose
	return err
}

// alongside changes other rows in the transaction that adds event seq.
type alongside func(ctx context.Context, tx *sql.Tx, seq int64) error

func insertStep(id string, step Step, order stationlog.Signed) alongside {
	return func(ctx context.Context, tx *sql.Tx, seq int64) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO dispensings (id, step, seq, order_payload, order_signature)
			VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`, id, string(step), seq, bytesOf(order.Payload), bytesOf(order.Signature))
		return oneRow(res, err, ErrKnown)
	}
}

func moveStep(id string, to Step) alongside {
	return func(ctx context.Context, tx *sql.Tx, seq int64) error {
		from := StepArmed
		if to == StepMeasured || to == StepInDoubt {
			from = StepDispensing
		}
		res, err := tx.ExecContext(ctx, `UPDATE dispensings SET step = ?, seq = ? WHERE id = ? AND step = ?`,
			string(to), seq, id, string(from))
		return oneRow(res, err, ErrStep)
	}
}

// bytesOf keeps nothing from becoming NULL.
func bytesOf(b []byte) []byte { return append([]byte{}, b...) }

func oneRow(res sql.Result, err, none error) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return err
	}
	if n != 1 {
		return none
	}
	return nil
}

// add signs and stores the next event, with whatever belongs to it, in one transaction.
func (j *Journal) add(ctx context.Context, kind stationlog.Kind, body any, with alongside) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("event %s: %w", kind, err)
	}
	var e Entry
	err = j.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		e, err = j.sign(kind, raw)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO events (seq, hash, payload, signature) VALUES (?, ?, ?, ?)`,
			e.Seq, e.Hash, e.Record.Payload, e.Record.Signature); err != nil {
			return err
		}
		if with == nil {
			return nil
		}
		return with(ctx, tx, e.Seq)
	}, func() {
		j.seq, j.hash = e.Seq, e.Hash
		if _, isStep := stepOf(kind); isStep {
			j.taken++
		}
	})
	if err != nil {
		return fmt.Errorf("event %s: %w", kind, err)
	}
	select {
	case j.changed <- struct{}{}:
	default:
	}
	return nil
}

// sign needs j.mu.
func (j *Journal) sign(kind stationlog.Kind, body json.RawMessage) (Entry, error) {
	record, err := stationlog.Sign(stationlog.Record{
		Station: j.station, Seq: j.seq + 1, Prev: j.hash, Kind: kind, Occurred: j.now(), Body: body,
	}, j.key)
	if err != nil {
		return Entry{}, err
	}
	if len(record.Payload) > stationlog.MaxPayload {
		return Entry{}, fmt.Errorf("%w: %d bytes", stationlog.ErrMalformed, len(record.Payload))
	}
	return Entry{Seq: j.seq + 1, Hash: record.Hash(), Record: record}, nil
}

// write runs one transaction and syncs it. A fact is not given up because somebody stopped waiting, so ctx's end does
// not stop it. When a failure leaves open what is on the disk, the journal takes nothing more.
func (j *Journal) write(ctx context.Context, work func(context.Context, *sql.Tx) error, done ...func()) error {
	ctx = context.WithoutCancel(ctx)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return fmt.Errorf("%w: %w", ErrBroken, j.broken)
	}
	tx, err := j.db.BeginTx(ctx, nil)
	if err != nil {
		return j.breaks(err)
	}
	if err := work(ctx, tx); err != nil {
		if rollback := tx.Rollback(); rollback != nil {
			return j.breaks(errors.Join(err, rollback))
		}
		if errors.Is(err, ErrKnown) || errors.Is(err, ErrStep) || errors.Is(err, stationlog.ErrMalformed) {
			return err
		}
		return j.breaks(err)
	}
	if err := tx.Commit(); err != nil {
		return j.breaks(err)
	}
	for _, f := range done {
		f()
	}
	return nil
}

func (j *Journal) breaks(err error) error {
	j.broken = err
	return fmt.Errorf("%w: %w", ErrBroken, err)
}
