package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"github.com/lieu-clinic/lieu/internal/station"
)

type journalCommand struct {
	Verify verifyCommand `cmd:"" help:"Check every row, link and signature, and name the first bad one."`
}

type verifyCommand struct {
	Dir string `default:"${default_dir}" env:"LIEU_COUNTER_DIR" help:"The counter's directory."`
}

// Run checks the journal. It works on a copied directory too, without the private key.
func (v *verifyCommand) Run(ctx context.Context) error {
	path := station.JournalPath(v.Dir)
	if _, err := os.Stat(path); err != nil {
		return err
	}
	identity, err := station.LoadIdentity(v.Dir)
	if err != nil && !errors.Is(err, station.ErrNotEnrolled) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	sum, err := station.VerifyJournal(ctx, path, identity.PublicKey())
	if err != nil {
		return err
	}
	return print(sum)
}

func print(v any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
