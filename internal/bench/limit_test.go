package bench

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lieu-clinic/lieu/internal/store"
)

// The limit of a machine is the work of a step in one call of a database function: the store's own statements, the
// locks, the link of the audit chain and the commit, and nothing of the program but the wire. A function's parameters
// are those of its statements, one after the other.
const (
	limitBegin  = "limit_begin"
	limitRecord = "limit_record"
	limitAct    = "limit_act"
)

// lockStation is what the store does through GORM.
const lockStation = "SELECT id FROM station WHERE id = $1::uuid AND clinic = $2::uuid FOR NO KEY UPDATE"

// limitFunctions makes the functions out of the store's statements.
func (w *world) limitFunctions(b *testing.B) {
	b.Helper()
	t := w.store.Texts()
	for name, parts := range map[string][]string{
		limitBegin:  {t.LockSituation, t.Begin},
		limitRecord: {t.LockDispensing, lockStation, t.AppendRecord, t.Advance, t.AppendEvent},
		limitAct:    {t.LockDispensing, t.Advance, t.AppendEvent},
	} {
		_, err := w.db.ExecContext(b.Context(), function(name, t, parts))
		check(b, err)
	}
}

var parameter = regexp.MustCompile(`\$(\d+)(::\w+)?`)

// function writes one PL/pgSQL function that runs the parts in order. A part that a program would look at, to find that
// somebody else was faster, is looked at.
func function(name string, t store.Texts, parts []string) string {
	var types []string
	var body strings.Builder
	for _, part := range parts {
		shift := len(types)
		own := map[int]string{}
		text := parameter.ReplaceAllStringFunc(part, func(p string) string {
			m := parameter.FindStringSubmatch(p)
			n, _ := strconv.Atoi(m[1])
			if own[n] == "" {
				own[n] = strings.TrimPrefix(m[2], "::")
			}
			return fmt.Sprintf("$%d%s", shift+n, m[2])
		})
		for n := 1; n <= len(own); n++ {
			types = append(types, own[n])
		}
		switch part {
		case t.Begin, t.Advance:
			fmt.Fprintf(&body, "%s INTO r;\nIF r::text NOT LIKE '(1,1,%%' THEN RAISE EXCEPTION 'wrote %%', r; END IF;\n", text)
		case t.AppendEvent, t.AppendRecord:
			fmt.Fprintf(&body, "%s;\nIF NOT FOUND THEN RAISE EXCEPTION 'end of the chain is missing'; END IF;\n", text)
		default:
			fmt.Fprintf(&body, "%s INTO r;\nIF NOT FOUND THEN RAISE EXCEPTION 'nothing to lock'; END IF;\n", text)
		}
	}
	return fmt.Sprintf("CREATE FUNCTION %s(%s) RETURNS void LANGUAGE plpgsql AS $fn$\nDECLARE r record;\nBEGIN\n%sEND $fn$",
		name, strings.Join(types, ", "), body.String())
}

// call is one call of a limit's function with its arguments.
type call struct {
	name string
	args []any
}

// one writes several calls as one statement, and so as one round trip and one commit.
func one(calls ...call) (statement string, args []any) {
	parts := make([]string, len(calls))
	for i, c := range calls {
		marks := make([]string, len(c.args))
		for j := range c.args {
			marks[j] = "$" + strconv.Itoa(len(args)+j+1)
		}
		args = append(args, c.args...)
		parts[i] = c.name + "(" + strings.Join(marks, ", ") + ")"
	}
	return "SELECT " + strings.Join(parts, ", "), args
}

// connections opens one connection per client, with the settings of the server's own.
func (w *world) connections(b *testing.B, n int) []*pgx.Conn {
	b.Helper()
	out := make([]*pgx.Conn, n)
	for i := range out {
		cfg, err := pgx.ParseConfig(w.url)
		check(b, err)
		for name, value := range map[string]string{
			"timezone": "UTC", "plan_cache_mode": "force_generic_plan", "jit": "off", "synchronous_commit": "on",
		} {
			cfg.RuntimeParams[name] = value
		}
		c, err := pgx.ConnectConfig(b.Context(), cfg)
		check(b, err)
		b.Cleanup(func() { check(b, c.Close(context.WithoutCancel(b.Context()))) })
		_, err = c.Exec(b.Context(), "SET ROLE lieu_app")
		check(b, err)
		out[i] = c
	}
	return out
}
