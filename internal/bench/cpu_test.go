package bench

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"
)

// drive is [drive] with the processor time that the work took, in this process and in the database's.
func (w *world) drive(b *testing.B, clients, n int, do func(client, i int) error) load {
	b.Helper()
	before := w.cpu(b)
	l := drive(b, clients, n, do)
	l.cpu = w.cpu(b) - before
	return l
}

// cpu returns the processor time of this process and of the database's connections so far. Unlike a rate it does not
// depend on what else the machine does.
func (w *world) cpu(b *testing.B) time.Duration {
	b.Helper()
	var own syscall.Rusage
	check(b, syscall.Getrusage(syscall.RUSAGE_SELF, &own))
	total := time.Duration(own.Utime.Nano() + own.Stime.Nano())
	if w.store.Engine() != "postgres" {
		return total
	}
	rows, err := w.db.QueryContext(b.Context(), "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	check(b, err)
	defer rows.Close() //nolint:errcheck // its error is that of Err
	for rows.Next() {
		var pid int
		check(b, rows.Scan(&pid))
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
		if err != nil {
			continue // a connection that was closed meanwhile, or a system without this file
		}
		var ran int64
		_, err = fmt.Sscan(string(text), &ran)
		check(b, err)
		total += time.Duration(ran)
	}
	check(b, rows.Err())
	return total
}
