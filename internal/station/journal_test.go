package station

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openTest(t *testing.T, path string) *Journal {
	t.Helper()
	j, err := OpenJournal(t.Context(), path, stationID, seedKey('c'), Position{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

// filled is a closed journal with one dispensing of each end and one that is open.
func filled(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "journal.db")
	j := openTest(t, path)
	ctx := t.Context()
	order := stationlog.Signed{Payload: []byte("order"), Signature: []byte("signature")}
	for _, err := range []error{
		j.Append(ctx, stationlog.KindStarted, stationlog.Started{Version: "1"}),
		j.Arm(ctx, stationlog.Armed{Dispensing: "a"}, order), j.Commit(ctx, stationlog.Dispensing{Dispensing: "a", Volume: 1}), j.Progress(ctx, "a", 1),
		j.Measured(ctx, stationlog.Outcome{Dispensing: "a"}),
		j.Arm(ctx, stationlog.Armed{Dispensing: "b"}, order), j.NeverCommanded(ctx, stationlog.NeverCommanded{Dispensing: "b"}),
		j.Refuse(ctx, stationlog.NeverCommanded{Dispensing: "c"}, order),
		j.Arm(ctx, stationlog.Armed{Dispensing: "d"}, order), j.Commit(ctx, stationlog.Dispensing{Dispensing: "d", Volume: 7000}), j.Progress(ctx, "d", 2000),
		j.Progress(ctx, "d", 4000),
		j.Acknowledge(ctx, 3),
		j.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestJournalKeepsWhatItWasTold(t *testing.T) {
	path := filled(t)
	j := openTest(t, path)
	for d, want := range map[string]Step{
		"a": StepMeasured, "b": StepNeverCommanded, "c": StepNeverCommanded, "d": StepDispensing, "e": StepNone,
	} {
		if got, err := j.Step(t.Context(), d); err != nil || got != want {
			t.Errorf("%s is at %q, %v; want %q", d, got, err, want)
		}
	}
	open, err := j.Unfinished(t.Context())
	if err != nil || len(open) != 1 || open[0].ID != "d" || open[0].AtLeast != 4000 || open[0].Committed.Volume != 7000 {
		t.Errorf("open: %+v, %v", open, err)
	}
	if seq, _ := j.Head(); seq != 9 || j.Acknowledged() != 3 {
		t.Errorf("head %d, acknowledged %d", seq, j.Acknowledged())
	}
	if n, oldest, err := j.Backlog(t.Context()); n != 6 || err != nil || oldest.IsZero() {
		t.Errorf("backlog %d since %s, %v", n, oldest, err)
	}
}

func TestJournalStepsFollowEachOther(t *testing.T) {
	j := openTest(t, filled(t))
	ctx := t.Context()
	for name, tc := range map[string]struct{ got, want error }{
		"arm what was measured":      {j.Arm(ctx, stationlog.Armed{Dispensing: "a"}, stationlog.Signed{}), ErrKnown},
		"arm what was refused":       {j.Arm(ctx, stationlog.Armed{Dispensing: "c"}, stationlog.Signed{}), ErrKnown},
		"refuse what was poured":     {j.Refuse(ctx, stationlog.NeverCommanded{Dispensing: "d"}, stationlog.Signed{}), ErrKnown},
		"pour twice":                 {j.Commit(ctx, stationlog.Dispensing{Dispensing: "d"}), ErrStep},
		"pour what was never armed":  {j.Commit(ctx, stationlog.Dispensing{Dispensing: "x"}), ErrStep},
		"end twice":                  {j.InDoubt(ctx, stationlog.Outcome{Dispensing: "a"}), ErrStep},
		"never command what poured":  {j.NeverCommanded(ctx, stationlog.NeverCommanded{Dispensing: "d"}), ErrStep},
		"a step as a mere event":     {j.Append(ctx, stationlog.KindMeasured, stationlog.Outcome{}), ErrStep},
		"a record beyond all bounds": {j.Append(ctx, stationlog.KindScanned, stationlog.Scanned{Text: strings.Repeat("x", 20_000)}), stationlog.ErrMalformed},
		"acknowledge the future":     {j.Acknowledge(ctx, 99), ErrStep},
	} {
		if !errors.Is(tc.got, tc.want) {
			t.Errorf("%s: %v, want %v", name, tc.got, tc.want)
		}
	}
	if err := j.Err(); err != nil {
		t.Fatalf("a refused step broke the journal: %v", err)
	}
	if seq, _ := j.Head(); seq != 9 {
		t.Errorf("%d events after refused steps", seq)
	}
}

// tamper changes a closed journal the way somebody with an editor could.
func tamper(t *testing.T, path, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path+"?_pragma=foreign_keys(0)")
	if err != nil {
		t.Fatal(err)
	}
	for _, trigger := range []string{"events_kept", "events_fixed", "dispensings_kept", "dispensings_end"} {
		if _, err := db.Exec("DROP TRIGGER " + trigger); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec(statement, args...); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestJournalNamesTheFirstBadRow(t *testing.T) {
	other, err := stationlog.Sign(stationlog.Record{
		Station: stationID, Seq: 4, Prev: stationlog.Genesis, Kind: stationlog.KindScanned, Body: json.RawMessage(`{}`),
	}, seedKey('c'))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		statement string
		args      []any
		seq       int64 // 0: no row to name
		want      error
	}{
		"a record was changed":            {"UPDATE events SET payload = CAST(replace(payload, '\"volume_ul\":1', '\"volume_ul\":9') AS BLOB) WHERE seq = 3", nil, 3, stationlog.ErrSignature},
		"a signature was changed":         {"UPDATE events SET signature = zeroblob(64) WHERE seq = 5", nil, 5, stationlog.ErrSignature},
		"a record was replaced":           {"UPDATE events SET payload = ?, signature = ?, hash = ? WHERE seq = 4", []any{other.Payload, other.Signature, other.Hash()}, 4, stationlog.ErrChain},
		"a hash was changed":              {"UPDATE events SET hash = 'x' WHERE seq = 2", nil, 2, stationlog.ErrMalformed},
		"a record is missing":             {"DELETE FROM events WHERE seq = 1", nil, 2, stationlog.ErrGap},
		"the end is missing":              {"DELETE FROM events WHERE seq > 2", nil, 0, stationlog.ErrGap},
		"a poured dispensing was removed": {"DELETE FROM dispensings WHERE id = 'a'", nil, 0, ErrStep},
		"a step was set back":             {"UPDATE dispensings SET step = 'armed' WHERE id = 'd'", nil, 9, ErrStep},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t)
			tamper(t, path, tc.statement, tc.args...)
			_, err := OpenJournal(t.Context(), path, stationID, seedKey('c'), Position{}, time.Now)
			if !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
			var row *RowError
			if tc.seq > 0 && (!errors.As(err, &row) || row.Seq != tc.seq) {
				t.Errorf("%v does not name event %d", err, tc.seq)
			}
			if _, verr := VerifyJournal(t.Context(), path, nil); verr == nil {
				t.Error("the verifier found nothing")
			}
		})
	}
}

func TestJournalIsOneStations(t *testing.T) {
	path := filled(t)
	if _, err := OpenJournal(t.Context(), path, "another", seedKey('c'), Position{}, time.Now); !errors.Is(err, ErrForeign) {
		t.Errorf("another station: %v", err)
	}
	if _, err := OpenJournal(t.Context(), path, stationID, seedKey('x'), Position{}, time.Now); !errors.Is(err, ErrForeign) {
		t.Errorf("another key: %v", err)
	}
	if _, err := VerifyJournal(t.Context(), path, seedKey('x').Public().(ed25519.PublicKey)); !errors.Is(err, ErrForeign) {
		t.Errorf("verified with another key: %v", err)
	}
	openTest(t, path)
	if _, err := OpenJournal(t.Context(), path, stationID, seedKey('c'), Position{}, time.Now); err == nil {
		t.Error("a second daemon opened the same journal")
	}
}

func TestJournalRefusesOtherSchemas(t *testing.T) {
	path := filled(t)
	tamper(t, path, "PRAGMA user_version = 99")
	if _, err := OpenJournal(t.Context(), path, stationID, seedKey('c'), Position{}, time.Now); !errors.Is(err, ErrSettings) {
		t.Errorf("got %v", err)
	}
	notOne := filepath.Join(t.TempDir(), "journal.db")
	if err := os.WriteFile(notOne, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(t.Context(), notOne, stationID, seedKey('c'), Position{}, time.Now); err == nil {
		t.Error("a file that is no database was opened")
	}
}

func TestSettingsAreReadBack(t *testing.T) {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(t.TempDir(), "x.db")+"?_pragma=synchronous(normal)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := checkSettings(t.Context(), db); !errors.Is(err, ErrSettings) {
		t.Errorf("a file without WAL was accepted: %v", err)
	}
	for version, want := range map[string]bool{
		"3.51.3": true, "3.51.2": false, "3.52": true, "3.52.0": true, "4.0.0": true, "3.9.9": false, "3.x.9": false, "": false,
	} {
		if got := atLeast(version, minSQLite); got != want {
			t.Errorf("%q is new enough: %v", version, got)
		}
	}
}

func TestJournalBrokenStaysBroken(t *testing.T) {
	j := openTest(t, filepath.Join(t.TempDir(), "journal.db"))
	if err := j.db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(t.Context(), stationlog.KindScanned, stationlog.Scanned{Text: "x"}); !errors.Is(err, ErrBroken) {
		t.Fatalf("got %v", err)
	}
	if err := j.Arm(t.Context(), stationlog.Armed{Dispensing: "a"}, stationlog.Signed{}); !errors.Is(err, ErrBroken) || j.Err() == nil {
		t.Errorf("got %v, %v", err, j.Err())
	}
}

// Events come from several goroutines at once: scanner, supervisors, the pour.
func TestJournalChainsConcurrentEvents(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := openTest(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // facts are kept all the same
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				if err := j.Append(ctx, stationlog.KindScanned, stationlog.Scanned{Text: "x"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	sum, err := VerifyJournal(t.Context(), path, nil)
	if err != nil || sum.Seq != 160 {
		t.Errorf("%+v, %v", sum, err)
	}
}
