// Package migrations holds the schema as numbered SQL files, one folder per engine. Migrations go forward only: what a
// clinic recorded is never taken back by a release.
package migrations

import (
	"embed"
	"io/fs"
)

//go:embed postgres/*.sql sqlite/*.sql
var files embed.FS

// Postgres returns the migrations of PostgreSQL.
func Postgres() fs.FS { return folder("postgres") }

// SQLite returns the migrations of SQLite.
func SQLite() fs.FS { return folder("sqlite") }

func folder(name string) fs.FS {
	f, err := fs.Sub(files, name)
	if err != nil {
		panic(err) // the name is a constant of this file
	}
	return f
}
