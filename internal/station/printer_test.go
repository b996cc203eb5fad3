package station

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/catalog"
	"github.com/lieu-clinic/lieu/devices/printer/escpos"
	"github.com/lieu-clinic/lieu/devices/serialport"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/internal/id"
	escposcodec "github.com/lieu-clinic/lieu/pkg/protocol/escpos"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// newPrinterWindow is a window with a receipt printer, whose driver does not wait long.
func newPrinterWindow(t *testing.T) *window {
	t.Helper()
	w := newWindow(t, func(world *sim.Config, _ *Config) {
		world.Counters = []sim.CounterConfig{{Name: "counter", Printer: sim.DeviceConfig{Model: catalog.ESCPOS}}}
	})
	w.conf.Printer = Device[devices.Printer]{Model: catalog.ESCPOS, Open: func(ctx context.Context) (devices.Printer, error) {
		link, err := serialport.Open(ctx, serialport.Config{
			Path: filepath.Join(w.dir, "bench", "printer0"), Baud: 115200, LockDir: w.dir,
		})
		if err != nil {
			return nil, err
		}
		return escpos.Open(link, escpos.Config{Name: "printer0", ReplyTimeout: 400 * time.Millisecond, PrintTimeout: 3 * time.Second})
	}}
	return w
}

func ticketJob(t *testing.T, number string) []byte {
	t.Helper()
	ticket := escposcodec.New()
	ticket.Text(escposcodec.Double, number)
	job, err := ticket.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return job
}

func printOf(t *testing.T, job []byte) stationlog.Order {
	t.Helper()
	packed, err := stationlog.Pack(job)
	if err != nil {
		t.Fatal(err)
	}
	return stationlog.Order{Kind: stationlog.Print, Print: id.New[string](), Job: packed, RemainingMS: 60_000}
}

// ended waits for the end of a print.
func (w *window) ended(print string) (found stationlog.PrintEnded) {
	w.t.Helper()
	w.clinic.until(w.ctx(), "end of print "+print, func(records []stationlog.Record) bool {
		for _, r := range records {
			var e stationlog.PrintEnded
			if r.Kind == stationlog.KindPrintEnded && r.Decode(&e) == nil && e.Print == print {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

func (w *window) printed(want ...[]byte) {
	w.t.Helper()
	papers, err := w.bench.Only().Printed()
	if err != nil {
		w.t.Fatal(err)
	}
	if len(papers) != len(want) {
		w.t.Fatalf("%d papers came out, want %d", len(papers), len(want))
	}
	for i, p := range papers {
		if !bytes.Equal(p.Job, want[i]) {
			w.t.Errorf("paper %d is another one", i)
		}
	}
}

// However often an order arrives, also at a counter that was started anew, it is printed once.
func TestBenchPrintsOnce(t *testing.T) {
	t.Parallel()
	w := newPrinterWindow(t)
	w.start()
	first, second := ticketJob(t, "41"), ticketJob(t, "42")
	order := printOf(t, first)
	for range 3 {
		w.clinic.send(order)
	}
	if e := w.ended(order.Print); e.Result != stationlog.PrintDone || e.Reason != "" {
		t.Fatalf("%+v", e)
	}
	w.clinic.send(order)
	w.halt()
	w.start() // the clinic gives the order again to every new stream
	other := printOf(t, second)
	w.clinic.send(other)
	if e := w.ended(other.Print); e.Result != stationlog.PrintDone {
		t.Fatalf("%+v", e)
	}
	w.printed(first, second)
}

func TestBenchPaperOutIsRefused(t *testing.T) {
	t.Parallel()
	w := newPrinterWindow(t)
	w.start()
	if err := w.bench.Fault(sim.Fault{Device: "printer0", Kind: sim.PaperOut}); err != nil {
		t.Fatal(err)
	}
	job := ticketJob(t, "7")
	order := printOf(t, job)
	w.clinic.send(order)
	if e := w.ended(order.Print); e.Result != stationlog.PrintRefused || e.Reason != "paper_out" {
		t.Fatalf("%+v", e)
	}
	if err := w.bench.Fault(sim.Fault{Device: "printer0", Kind: sim.Clear}); err != nil {
		t.Fatal(err)
	}
	w.printed() // paper does not make a refused ticket come out
	again := printOf(t, job)
	w.clinic.send(order)
	w.clinic.send(again)
	if e := w.ended(again.Print); e.Result != stationlog.PrintDone {
		t.Fatalf("%+v", e)
	}
	w.printed(job)
}

// What the printer's word is missing of is unknown, and is not printed a second time.
func TestBenchLostAnswerIsUnknown(t *testing.T) {
	for name, tc := range map[string]struct {
		fault  sim.Fault
		reason string
	}{
		"the answer is lost":  {sim.Fault{Kind: sim.LostReply, On: "\x1dr", Count: escposcodec.Marks}, printNoReply},
		"the cable is pulled": {sim.Fault{Kind: sim.UnplugInReply, On: "\x1dr", At: -1}, printUnplugged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newPrinterWindow(t)
			w.start()
			tc.fault.Device = "printer0"
			if err := w.bench.Fault(tc.fault); err != nil {
				t.Fatal(err)
			}
			job := ticketJob(t, "9")
			order := printOf(t, job)
			w.clinic.send(order)
			w.clinic.send(order)
			if e := w.ended(order.Print); e.Result != stationlog.PrintUnknown || e.Reason != tc.reason {
				t.Fatalf("%+v", e)
			}
			w.clinic.send(order)
			w.halt()
			w.printed(job)
		})
	}
}

// A print that a crash cut short is unknown after the restart, and the order that comes again prints nothing.
func TestAPrintCutShortIsUnknown(t *testing.T) {
	t.Parallel()
	w := newPrinterWindow(t)
	order := printOf(t, ticketJob(t, "3"))
	w.start()
	w.halt()
	j, err := OpenJournal(t.Context(), filepath.Join(w.dir, "journal.db"), w.conf.Identity.Station, w.conf.Identity.Key, Position{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.Printing(t.Context(), stationlog.Printing{Print: order.Print}), j.Close()); err != nil {
		t.Fatal(err)
	}
	w.clinic.send(order)
	w.start()
	if e := w.ended(order.Print); e.Result != stationlog.PrintUnknown || e.Reason != printCrash {
		t.Fatalf("%+v", e)
	}
	next := printOf(t, ticketJob(t, "4"))
	w.clinic.send(next)
	w.ended(next.Print)
	w.printed(ticketJob(t, "4"))
}

// What never reaches the printer is refused with the reason.
func TestPrintsThatNeverBegin(t *testing.T) {
	t.Parallel()
	w := newPrinterWindow(t)
	w.start()
	late, garbage, foreign := printOf(t, ticketJob(t, "1")), printOf(t, ticketJob(t, "2")), printOf(t, []byte("^XA^XZ"))
	late.RemainingMS = -1
	garbage.Job = []byte{0xff, 0xff}
	for reason, order := range map[string]stationlog.Order{printLease: late, printMalformed: garbage} {
		w.clinic.send(order)
		if e := w.ended(order.Print); e.Result != stationlog.PrintRefused || e.Reason != reason {
			t.Errorf("%+v, want %s", e, reason)
		}
	}
	w.clinic.send(foreign)
	if e := w.ended(foreign.Print); e.Result != stationlog.PrintRefused || e.Reason != printMalformed {
		t.Errorf("a job for another printer: %+v", e)
	}
	w.printed()
	w.halt()
	w.conf.Printer = Device[devices.Printer]{}
	w.start()
	order := printOf(t, ticketJob(t, "5"))
	w.clinic.send(order)
	if e := w.ended(order.Print); e.Result != stationlog.PrintRefused || e.Reason != printNoPrinter {
		t.Errorf("without a printer: %+v", e)
	}
}

// A journal from before there were printers is brought up to date, and every print in a journal is checked like a pour.
func TestJournalOfPrints(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	open := func() (*Journal, error) {
		return OpenJournal(t.Context(), path, stationID, seedKey('c'), Position{}, time.Now)
	}
	j, err := open()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.Append(t.Context(), stationlog.KindStarted, stationlog.Started{}), j.Close()); err != nil {
		t.Fatal(err)
	}
	db, err := openDB(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "DROP TABLE prints; PRAGMA user_version = 1")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if j, err = open(); err != nil {
		t.Fatalf("a journal of version 1: %v", err)
	}
	begun, refused := stationlog.Printing{Print: "a"}, stationlog.PrintEnded{Print: "b", Result: stationlog.PrintRefused}
	if err := errors.Join(j.Printing(t.Context(), begun), j.RefusePrint(t.Context(), refused)); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"printing twice":                 j.Printing(t.Context(), begun),
		"printing what was refused":      j.Printing(t.Context(), stationlog.Printing{Print: "b"}),
		"refusing what is being printed": j.RefusePrint(t.Context(), stationlog.PrintEnded{Print: "a", Result: stationlog.PrintRefused}),
	} {
		if !errors.Is(err, ErrKnown) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := j.PrintEnded(t.Context(), stationlog.PrintEnded{Print: "c", Result: stationlog.PrintDone}); !errors.Is(err, ErrStep) {
		t.Errorf("the end of what never began: %v", err)
	}
	if err := j.Append(t.Context(), stationlog.KindPrinting, begun); !errors.Is(err, ErrStep) {
		t.Errorf("a print past its table: %v", err)
	}
	if open, err := j.OpenPrints(t.Context()); err != nil || len(open) != 1 || open[0] != "a" {
		t.Errorf("open are %v, %v", open, err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	tamper(t, path, "DROP TRIGGER prints_kept; DELETE FROM prints WHERE id = 'a'")
	if _, err := open(); !errors.Is(err, ErrStep) {
		t.Errorf("a print taken out of the table: %v", err)
	}
}
