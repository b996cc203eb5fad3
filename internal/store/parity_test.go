package store

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shape is what both engines must agree on: each line names one column, unique set, foreign key or check.
type shape map[string][]string

// Both migration folders make the same tables.
func TestSchemasAgree(t *testing.T) {
	lite, post := sqliteShape(t), postgresShape(t)
	for part := range post {
		slices.Sort(lite[part])
		slices.Sort(post[part])
		if len(post[part]) == 0 {
			t.Errorf("no %s were found", part)
		}
		if diff := cmp.Diff(post[part], lite[part]); diff != "" {
			t.Errorf("%s, PostgreSQL (-) and SQLite (+):\n%s", part, diff)
		}
	}
}

// kinds maps PostgreSQL's types to the STRICT type that stands for each.
var kinds = map[string]string{
	"uuid": "TEXT", "text": "TEXT", "date": "TEXT", "timestamp with time zone": "TEXT", "bigint": "INTEGER",
	"integer": "INTEGER", "boolean": "INTEGER", "bytea": "BLOB",
}

func postgresShape(t *testing.T) shape {
	db, _, err := openOwner(t.Context(), server.Database(t))
	must(t, err)
	defer func() { must(t, db.Close()) }()
	out := shape{}
	for part, query := range map[string]string{
		"columns": `SELECT table_name || '.' || column_name || ' ' || data_type || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END
			FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'goose_db_version'`,
		"unique sets": `SELECT c.relname || ' (' || (SELECT string_agg(a.attname, ', ' ORDER BY k.n)
				FROM unnest(i.indkey) WITH ORDINALITY k(att, n) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.att) || ')'
				|| CASE WHEN i.indpred IS NULL THEN '' ELSE ' partial ' || x.relname END
			FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
			JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE i.indisunique AND n.nspname = 'public' AND c.relname <> 'goose_db_version'`,
		"foreign keys": `SELECT c.conrelid::regclass || ' (' || (SELECT string_agg(a.attname, ', ' ORDER BY k.n)
				FROM unnest(c.conkey) WITH ORDINALITY k(att, n) JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.att)
				|| ') ' || c.confrelid::regclass
			FROM pg_constraint c WHERE c.contype = 'f'`,
		"checks": `SELECT conrelid::regclass || ' ' || conname FROM pg_constraint
			WHERE contype = 'c' AND connamespace = 'public'::regnamespace`,
	} {
		rows, err := db.QueryContext(t.Context(), query)
		must(t, err)
		for rows.Next() {
			var line string
			must(t, rows.Scan(&line))
			out[part] = append(out[part], line)
		}
		must(t, rows.Err())
	}
	for i, line := range out["columns"] {
		name, kind, _ := strings.Cut(line, " ")
		kind, notNull := strings.CutSuffix(kind, " NOT NULL")
		if kinds[kind] == "" {
			t.Errorf("type %s has no counterpart", kind)
		}
		out["columns"][i] = name + " " + kinds[kind] + map[bool]string{true: " NOT NULL"}[notNull]
	}
	return out
}

var checkName = regexp.MustCompile(`CONSTRAINT (\w+) CHECK`)

func sqliteShape(t *testing.T) shape {
	s := open(t, sqliteURL(t), Options{})
	var tables []struct{ Name, SQL string }
	must(t, s.read.Raw(`SELECT name, sql FROM sqlite_master
		WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version'`).Scan(&tables).Error)
	out := shape{}
	for _, table := range tables {
		if !strings.HasSuffix(table.SQL, "STRICT") {
			t.Errorf("table %s is not STRICT", table.Name)
		}
		for _, m := range checkName.FindAllStringSubmatch(table.SQL, -1) {
			out["checks"] = append(out["checks"], table.Name+" "+m[1])
		}
		out.columns(t, s, table.Name)
		out.uniques(t, s, table.Name)
		out.foreignKeys(t, s, table.Name)
	}
	return out
}

func (x shape) columns(t *testing.T, s *Store, table string) {
	var columns []struct {
		Name, Type string
		Notnull    int
	}
	must(t, s.read.Raw(`SELECT name, type, "notnull" FROM pragma_table_info(?)`, table).Scan(&columns).Error)
	for _, c := range columns {
		x["columns"] = append(x["columns"], table+"."+c.Name+" "+c.Type+map[bool]string{true: " NOT NULL"}[c.Notnull == 1])
	}
}

func (x shape) uniques(t *testing.T, s *Store, table string) {
	var indexes []struct {
		Name    string
		Partial int
	}
	must(t, s.read.Raw(`SELECT name, partial FROM pragma_index_list(?) WHERE "unique" = 1`, table).Scan(&indexes).Error)
	for _, i := range indexes {
		var columns []string
		must(t, s.read.Raw("SELECT name FROM pragma_index_info(?) ORDER BY seqno", i.Name).Scan(&columns).Error)
		line := table + " (" + strings.Join(columns, ", ") + ")"
		if i.Partial == 1 {
			line += " partial " + i.Name
		}
		x["unique sets"] = append(x["unique sets"], line)
	}
}

func (x shape) foreignKeys(t *testing.T, s *Store, table string) {
	var parts []struct {
		ID       int
		Referred string
		Via      string
	}
	must(t, s.read.Raw(`SELECT id, "table" AS referred, "from" AS via FROM pragma_foreign_key_list(?) ORDER BY id, seq`, table).Scan(&parts).Error)
	keys, to := map[int][]string{}, map[int]string{}
	for _, p := range parts {
		keys[p.ID], to[p.ID] = append(keys[p.ID], p.Via), p.Referred
	}
	for id, columns := range keys {
		x["foreign keys"] = append(x["foreign keys"], table+" ("+strings.Join(columns, ", ")+") "+to[id])
	}
}
