package store

import (
	"context"
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/stock"
)

// wire counts what goes to the server: flights (a write after a read is a new one) and parsed statements.
type wire struct {
	mu      sync.Mutex
	flights int
	parsed  int
}

func (w *wire) reset() { w.mu.Lock(); w.flights, w.parsed = 0, 0; w.mu.Unlock() }

func (w *wire) counts() (flights, parsed int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flights, w.parsed
}

// options watch every connection of a store that has only one.
func (w *wire) options() Options {
	return Options{Pool: 1, conn: connOptions{configure: func(cfg *pgx.ConnConfig) {
		dial := cfg.DialFunc
		cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dial(ctx, network, addr)
			return &watched{Conn: c, wire: w, replied: true}, err
		}
	}}}
}

// watched reads the frames that the client sends: after the start-up frame, a type byte and a length with itself.
type watched struct {
	net.Conn
	wire    *wire
	replied bool
	started bool
	pending []byte
}

func (c *watched) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.wire.mu.Lock()
		c.replied = true
		c.wire.mu.Unlock()
	}
	return n, err
}

func (c *watched) Write(b []byte) (int, error) {
	c.wire.mu.Lock()
	if c.replied {
		c.wire.flights++
		c.replied = false
	}
	c.frames(b)
	c.wire.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *watched) frames(b []byte) {
	c.pending = append(c.pending, b...)
	for {
		head := 1
		if !c.started {
			head = 0
		}
		if len(c.pending) < head+4 {
			return
		}
		size := head + int(binary.BigEndian.Uint32(c.pending[head:]))
		if len(c.pending) < size {
			return
		}
		if c.started && c.pending[0] == 'P' {
			c.wire.parsed++
		}
		c.started = true
		c.pending = c.pending[size:]
	}
}

func TestRoundTripsOfADose(t *testing.T) {
	t.Parallel()
	var w wire
	s := onPostgres(t, w.options())
	world := newWorld(t, s, 1, 12, 1)
	var begun []dispensing.Dispensing
	// dose begins and voids one, and returns what each of the two transactions cost.
	dose := func(patient int) (begin, advance int) {
		b := world.beginning(patient, 0, 1)
		w.reset()
		must(t, world.begin(t, s, b))
		begin, _ = w.counts()
		begun = append(begun, b.Dispensing)
		w.reset()
		must(t, s.Dispensings().InTx(t.Context(), world.clinic, func(tx dispensing.Tx) error {
			d, err := tx.Lock(t.Context(), b.Dispensing.ID)
			if err != nil {
				return err
			}
			c := world.change(d, dispensing.StepVoided, world.move(d.Bottle, stock.Reserved, stock.InBottle, d.Volume))
			c.Dose = nil
			return tx.Advance(t.Context(), c)
		}))
		advance, _ = w.counts()
		return begin, advance
	}
	dose(0) // each statement is parsed once on each connection
	parsed := 0
	for i := 1; i < 12; i++ {
		begin, advance := dose(i)
		if begin > 4 {
			t.Errorf("begin took %d round trips", begin)
		}
		if advance > 5 {
			t.Errorf("advance took %d round trips", advance)
		}
		_, p := w.counts()
		parsed += p
	}
	if parsed != 0 {
		t.Errorf("%d statements were parsed again", parsed)
	}
	if len(begun) != 12 {
		t.Errorf("%d doses", len(begun))
	}
}

func TestStatementsAreParsedOnce(t *testing.T) {
	t.Parallel()
	var w wire
	s := onPostgres(t, w.options())
	world := newWorld(t, s, 1, 30, 1)
	run := func(i int) {
		b := world.beginning(i, 0, 1)
		must(t, world.begin(t, s, b))
		must(t, s.Dispensings().InTx(t.Context(), world.clinic, func(tx dispensing.Tx) error {
			d, err := tx.Lock(t.Context(), b.Dispensing.ID)
			if err != nil {
				return err
			}
			c := world.change(d, dispensing.StepDispensing)
			return tx.Advance(t.Context(), c)
		}))
		must(t, s.Dispensings().InTx(t.Context(), world.clinic, func(tx dispensing.Tx) error {
			d, err := tx.Lock(t.Context(), b.Dispensing.ID)
			if err != nil {
				return err
			}
			return tx.Advance(t.Context(), world.change(d, dispensing.StepMeasured))
		}))
		must(t, s.Dispensings().InTx(t.Context(), world.clinic, func(tx dispensing.Tx) error {
			d, err := tx.Lock(t.Context(), b.Dispensing.ID)
			if err != nil {
				return err
			}
			c := world.change(d, dispensing.StepAdministered, world.move(d.Bottle, stock.Reserved, stock.Administered, d.Volume))
			c.Dose = &dosing.Dose{Day: d.Day, Part: 1, Mass: d.Dose, Kind: dosing.Observed, At: eight}
			return tx.Advance(t.Context(), c)
		}))
	}
	run(0)
	w.reset()
	for i := 1; i < 30; i++ {
		run(i)
	}
	flights, parsed := w.counts()
	if parsed != 0 {
		t.Errorf("%d statements were parsed again", parsed)
	}
	if most := 29 * (4 + 3*5); flights > most {
		t.Errorf("%d round trips for 29 doses, at most %d expected", flights, most)
	}
	verified(t, s)
}

// A plan that a connection made while the tables were small still finds its rows by an index.
func TestADoseScansNoTable(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	maker := open(t, url, Options{})
	world := newWorld(t, maker, 1, 40, 1)
	owner, _, err := openOwner(t.Context(), url)
	must(t, err)
	defer func() { must(t, owner.Close()) }()
	scans := func() (sequential map[string]int64, patients int64) {
		sequential = map[string]int64{}
		rows, err := owner.QueryContext(t.Context(), "SELECT relname, seq_scan, coalesce(idx_scan, 0) FROM pg_stat_user_tables")
		must(t, err)
		for rows.Next() {
			var table string
			var seq, index int64
			must(t, rows.Scan(&table, &seq, &index))
			sequential[table] = seq
			if table == "patient" {
				patients = index
			}
		}
		must(t, rows.Err())
		return sequential, patients
	}
	must(t, maker.Close()) // a connection hands in its counts when it ends
	s := open(t, url, Options{Pool: 1})
	before, _ := scans()
	for i := range world.patients {
		b := world.beginning(i, 0, 1)
		must(t, world.begin(t, s, b))
		swallow(t, s, world, b.Dispensing)
	}
	must(t, s.Close())
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		after, patients := scans()
		if patients < int64(4*len(world.patients)) {
			continue
		}
		for table, n := range after {
			if n > before[table] {
				t.Errorf("%s was scanned %d times for %d doses", table, n-before[table], len(world.patients))
			}
		}
		return
	}
	t.Fatal("the counts were not handed in")
}
