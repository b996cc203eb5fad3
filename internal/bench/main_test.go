package bench

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/internal/store/pgtest"
)

// server keeps fsync on: a commit that waits for no disk costs too little for any ratio to mean something.
var server = &pgtest.Server{Options: pgtest.Options{Durable: true, Migrate: func(ctx context.Context, url string) error {
	_, err := store.Migrate(ctx, url)
	return err
}}}

var results table

func TestMain(m *testing.M) {
	code := m.Run()
	server.Stop()
	shelf.Stop()
	results.print()
	os.Exit(code)
}

// table collects a line per benchmark and prints them together at the end.
type table struct {
	mu    sync.Mutex
	names []string
	lines map[string]string
}

// add keeps the last line of each name: a benchmark may be run several times.
func (t *table) add(name, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lines == nil {
		t.lines = map[string]string{}
	}
	if !slices.Contains(t.names, name) {
		t.names = append(t.names, name)
	}
	t.lines[name] = fmt.Sprintf(format, args...)
}

func (t *table) print() {
	if len(t.names) == 0 {
		return
	}
	fmt.Println()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, name := range t.names {
		fmt.Fprintf(w, "%s\t%s\n", strings.TrimPrefix(name, "Benchmark"), t.lines[name])
	}
	if err := w.Flush(); err != nil {
		fmt.Println(err)
	}
}
