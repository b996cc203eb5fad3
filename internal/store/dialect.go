package store

import (
	"fmt"
	"reflect"
	"strings"
	"sync"

	"gorm.io/gorm/schema"
)

// dialect is the engine behind a Store. Statements are written in PostgreSQL's words; the few that SQLite says otherwise
// are replaced once, at Open.
type dialect string

const (
	sqlite     dialect = "sqlite"
	postgresql dialect = "postgres"
)

// toSQLite drops casts and row locks, which SQLite neither has nor needs, and renames the JSON functions.
var toSQLite = strings.NewReplacer(
	"::uuid", "", "::text", "", "::date", "", "::bigint", "", "::integer", "", "::timestamptz", "", "::boolean", " = 1",
	"::json", "",
	"json_build_object(", "json_object(",
	"json_agg(", "json_group_array(",
	" FOR NO KEY UPDATE", "",
	" FOR SHARE", "",
)

// sql returns the statement in the words of this engine. Parameters are $1, $2, …, and each must appear for the first
// time in that order: SQLite numbers them by first appearance.
func (d dialect) sql(statement string) string {
	if d == sqlite {
		return toSQLite.Replace(statement)
	}
	return statement
}

// object returns an expression for one row of a table as JSON, keyed by the field names of its row struct, so that
// encoding/json reads it back. Binary columns are left out.
func object(alias string, row any) string {
	fields := fieldsOf(row)
	pairs := make([]string, 0, len(fields))
	for _, f := range fields {
		if f.FieldType != reflect.TypeFor[[]byte]() {
			pairs = append(pairs, fmt.Sprintf("'%s', %s.%s", f.Name, alias, f.DBName))
		}
	}
	return "json_build_object(" + strings.Join(pairs, ", ") + ")"
}

// columns returns the columns of a row struct, each with the alias before it.
func columns(alias string, row any) string {
	fields := fieldsOf(row)
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = alias + "." + f.DBName
	}
	return strings.Join(names, ", ")
}

func fieldsOf(row any) []*schema.Field {
	s, err := schema.Parse(row, &sync.Map{}, naming)
	if err != nil {
		panic(fmt.Sprintf("row %T: %v", row, err)) // a row struct is a constant of this package
	}
	return s.Fields
}
