package store

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// rounds is how often the races run: LIEU_ROUNDS, or 50.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("LIEU_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return 50
}

// together runs n functions at once and returns their errors.
func together(n int, run func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = run(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// Whoever asks how often, from wherever: one patient gets one dose.
func TestOneDosePerPatientUnderRace(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	stores := []*Store{open(t, url, Options{}), open(t, url, Options{})}
	w := newWorld(t, stores[0], 1, rounds(), 4)
	for round := range rounds() {
		errs := together(64, func(i int) error {
			return w.begin(t, stores[i%2], w.beginning(round, i%4, 1))
		})
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Refused):
				t.Errorf("round %d: %v", round, err)
			}
		}
		if won != 1 {
			t.Fatalf("round %d: %d doses were begun", round, won)
		}
		void(t, stores[0], w)
	}
	verified(t, stores[0])
}

// void ends the open dispensings of the world, so that the stations are free again.
func void(t *testing.T, s *Store, w world) {
	t.Helper()
	open, err := s.Dispensings().List(t.Context(), dispensing.Filter{Clinic: w.clinic, States: []dispensing.State{dispensing.Reserved}})
	must(t, err)
	for _, d := range open {
		must(t, s.Dispensings().InTx(t.Context(), w.clinic, func(tx dispensing.Tx) error {
			locked, err := tx.Lock(t.Context(), d.ID)
			if err != nil {
				return err
			}
			return tx.Advance(t.Context(), w.change(locked, dispensing.StepVoided,
				w.move(d.Bottle, stock.Reserved, stock.InBottle, d.Volume)))
		}))
	}
}

// The unique indexes and the balance hold even for a caller who did not look.
func TestBlindBeginsUnderRace(t *testing.T) {
	t.Parallel()
	s := onPostgres(t, Options{})
	w := newWorld(t, s, 1, 16, 1)
	errs := together(16, func(i int) error {
		return s.Dispensings().InTx(t.Context(), w.clinic, func(tx dispensing.Tx) error {
			return tx.Begin(t.Context(), w.beginning(i, 0, 1))
		})
	})
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !fault.Is(err, fault.Conflict) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d dispensings at one pump", won)
	}
	verified(t, s)
}

// A dose begins only from what the bottle holds.
func TestBottleIsNotOverdrawn(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 1, 1)
		b := w.beginning(0, 0, 1)
		b.Dispensing.Volume, b.Move.Amount = measure.Litre+1, measure.Litre+1
		if err := w.begin(t, s, b); !fault.Is(err, fault.Conflict) {
			t.Errorf("one microlitre too much: %v", err)
		}
		b = w.beginning(0, 0, 1)
		b.Dispensing.Volume, b.Move.Amount = measure.Litre, measure.Litre
		if err := w.begin(t, s, b); err != nil {
			t.Errorf("exactly what it holds: %v", err)
		}
		verified(t, s)
	})
}

// Many clinics work at once: every chain stays whole, and no clinic breaks another's.
func TestChainsUnderRace(t *testing.T) {
	t.Parallel()
	const clinics, patients = 8, 12
	s := onPostgres(t, Options{})
	worlds := make([]world, clinics)
	for i := range worlds {
		worlds[i] = newWorld(t, s, i+1, patients, patients)
	}
	errs := together(clinics*patients, func(i int) error {
		w, p := worlds[i%clinics], i/clinics
		b := w.beginning(p, p, 1)
		if err := w.begin(t, s, b); err != nil {
			return err
		}
		return s.Dispensings().InTx(t.Context(), w.clinic, func(tx dispensing.Tx) error {
			d, err := tx.Lock(t.Context(), b.Dispensing.ID)
			if err != nil {
				return err
			}
			// Two events in one transaction take the other way of appending.
			return errors.Join(tx.Advance(t.Context(), w.change(d, dispensing.StepDispensing)), tx.Record(t.Context(), w.entry("extra")))
		})
	})
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	verified(t, s)
	for _, w := range worlds {
		var seq int64
		must(t, s.read.Raw("SELECT seq FROM audit_head WHERE clinic = ?", w.clinic).Scan(&seq).Error)
		const ofACheck = 8 // four pours of each station's check, begun and measured
		if want := int64(1 + (ofACheck+3)*patients); seq != want {
			t.Errorf("chain ends at %d, want %d", seq, want)
		}
	}
}

// Changes of the patient that commit while a begin waits for the lock are seen by its decision.
func TestSituationAfterAWait(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	s := open(t, url, Options{})
	w := newWorld(t, s, 1, 1, 1)
	locked, release := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		first <- s.inTx(context.Background(), w.clinic, func(tx *Tx) error {
			if _, err := tx.LockPatient(context.Background(), w.patients[0]); err != nil {
				return err
			}
			close(locked)
			<-release
			_, err := tx.EndActiveOrders(context.Background(), w.patients[0], "doctor", eight)
			return err
		})
	}()
	<-locked
	second := make(chan dispensing.Situation, 1)
	go func() {
		err := s.Dispensings().InTx(context.Background(), w.clinic, func(tx dispensing.Tx) error {
			sit, err := tx.LockSituation(context.Background(), w.query(0, 0, ""))
			second <- sit
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}()
	awaitWaiter(t, url)
	close(release)
	must(t, <-first)
	if sit := <-second; sit.Facts.Order != nil {
		t.Error("the decision rests on an order that was cancelled before it had the lock")
	}
}

// awaitWaiter returns once some connection waits for a lock. Only the owner sees what others wait for.
func awaitWaiter(t *testing.T, url string) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		var n int
		must(t, db.QueryRowContext(t.Context(),
			"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&n))
		if n > 0 {
			return
		}
	}
	t.Fatal("nobody waits")
}

// Whatever is moved, by whomever at once, nothing is created or lost, and reversing every move empties every account.
func TestMovesConserveVolume(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		w := newWorld(t, s, 1, 1, 3)
		errs := together(6, func(i int) error {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for range 10 {
				moves := make([]stock.Move, 1+r.IntN(4))
				for k := range moves {
					moves[k] = w.randomMove(r)
				}
				if err := s.Stock().InTx(t.Context(), w.clinic, func(tx stock.Tx) error { return tx.PostMoves(t.Context(), moves) }); err != nil {
					return err
				}
			}
			return nil
		})
		for _, err := range errs {
			must(t, err)
		}
		verified(t, s)
		reverseAll(t, s, w)
		verified(t, s)
	})
}

func (w world) randomMove(r *rand.Rand) stock.Move {
	from := stock.Accounts[r.IntN(len(stock.Accounts))]
	to := from
	for to == from || to == stock.Reserved || from == stock.Reserved { // reserved belongs to dispensings
		from, to = stock.Accounts[r.IntN(len(stock.Accounts))], stock.Accounts[r.IntN(len(stock.Accounts))]
	}
	return w.move(w.bottles[r.IntN(len(w.bottles))], from, to, measure.Volume(1+r.Int64N(100_000)))
}

func reverseAll(t *testing.T, s *Store, w world) {
	t.Helper()
	var moves []stock.Move
	for page := stock.MoveID(""); ; page = moves[len(moves)-1].ID {
		next, err := s.Stock().Moves(t.Context(), stock.MoveFilter{Clinic: w.clinic, Before: page, Limit: 50})
		must(t, err)
		if len(next) == 0 {
			break
		}
		moves = append(moves, next...)
	}
	back := make([]stock.Move, len(moves))
	for i, m := range moves {
		back[i] = m.Reverse(w.move(m.Bottle, m.From, m.To, 1).ID, "test", eight)
	}
	must(t, s.Stock().InTx(t.Context(), w.clinic, func(tx stock.Tx) error { return tx.PostMoves(t.Context(), back) }))
	balances, err := s.Stock().LotBalances(t.Context(), w.clinic)
	must(t, err)
	for a, v := range balances[w.lot] {
		if v != 0 {
			t.Errorf("%s holds %d µL after everything was reversed", a, int64(v))
		}
	}
	err = s.Stock().InTx(t.Context(), w.clinic, func(tx stock.Tx) error {
		return tx.PostMoves(t.Context(), []stock.Move{moves[0].Reverse(w.move(w.bottles[0], "", "", 1).ID, "again", eight)})
	})
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("a move was reversed twice: %v", err)
	}
}
