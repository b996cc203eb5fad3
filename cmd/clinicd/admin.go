package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/httpapi"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/rulepack"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/store"
)

type migrateCommand struct{}

// Run applies what is missing and names it.
func (migrateCommand) Run(ctx context.Context, c *cli) error {
	applied, err := migrate(ctx, c.Database)
	for _, name := range applied {
		fmt.Println("applied", name)
	}
	if err == nil && len(applied) == 0 {
		fmt.Println("nothing to apply")
	}
	return err
}

type verifyCommand struct{}

// Run prints every finding. It needs no key: whoever may read the record may check it.
func (verifyCommand) Run(ctx context.Context, log *slog.Logger, c *cli) error {
	db, err := store.Open(ctx, c.Database, store.Options{Logger: log})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	found := 0
	if err := db.Verify(ctx, func(f store.Finding) {
		found++
		fmt.Println(f)
	}); err != nil {
		return err
	}
	if found > 0 {
		return fmt.Errorf("%d findings", found)
	}
	fmt.Println("no findings")
	return nil
}

// withServices opens the database and hands the services to do.
func (c *cli) withServices(ctx context.Context, log *slog.Logger, do func(httpapi.Services, *store.Store) error) error {
	db, k, err := c.open(ctx, log)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return do(assemble(db, k, time.Now, nil), db)
}

type clinicCommand struct {
	Add clinicAdd `cmd:"" help:"Add a clinic."`
}

type clinicAdd struct {
	Number   int           `required:"" help:"Two digits on cards and labels, 1–99."`
	Name     string        `required:"" help:"Name of the clinic."`
	Province string        `required:"" help:"Province."`
	Kind     string        `default:"treatment_facility" enum:"treatment_facility,dispensing_point" help:"What the site may do."`
	Zone     string        `default:"Asia/Ho_Chi_Minh" help:"Time zone."`
	CutOver  time.Duration `default:"0s" help:"How long after midnight the clinic day begins."`
	RulePack string        `default:"vn" help:"Rule pack to begin with; a doctor adopts it later."`
	Demo     bool          `help:"The clinic is fictional."`
}

// Run adds a clinic. Its id is printed.
func (a *clinicAdd) Run(ctx context.Context, log *slog.Logger, c *cli) error {
	return c.withServices(ctx, log, func(sv httpapi.Services, _ *store.Store) error {
		if err := sameKind(ctx, sv.Clinics, a.Demo); err != nil {
			return err
		}
		pack, err := rulepack.Load(a.RulePack)
		if err != nil {
			return err
		}
		added, err := sv.Clinics.Create(ctx, clinic.Clinic{
			ID: id.New[clinic.ID](), Number: a.Number, Name: a.Name, Province: a.Province, Kind: clinic.Kind(a.Kind),
			Zone: a.Zone, CutOver: a.CutOver, RulePack: pack.Name, RulePackVersion: pack.Version, Demo: a.Demo,
		})
		if err != nil {
			return err
		}
		fmt.Println(added.ID)
		return nil
	})
}

// clinicNumbered finds a clinic by its number.
func clinicNumbered(ctx context.Context, sv httpapi.Services, number int) (clinic.Clinic, error) {
	all, err := sv.Clinics.Clinics(ctx)
	if err != nil {
		return clinic.Clinic{}, err
	}
	for _, c := range all {
		if c.Number == number {
			return c, nil
		}
	}
	return clinic.Clinic{}, fmt.Errorf("there is no clinic %d", number)
}

type staffCommand struct {
	Add   staffAdd   `cmd:"" help:"Add a person, such as a clinic's first administrator."`
	Reset staffReset `cmd:"" help:"Give a person a new first password, and take their PIN away."`
}

// firstPassword is how a command takes a password: never as an argument, which others on the machine can read.
type firstPassword struct {
	PasswordStdin bool `help:"Read the password from the first line of the input; without it one is made and printed."`
}

func (f firstPassword) take() (password string, made bool, err error) {
	if !f.PasswordStdin {
		b := make([]byte, 15)
		if _, err := rand.Read(b); err != nil {
			return "", false, err
		}
		return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)), true, nil
	}
	in := bufio.NewScanner(os.Stdin)
	if !in.Scan() {
		return "", false, errors.Join(errors.New("no password on the input"), in.Err())
	}
	return in.Text(), false, nil
}

type staffAdd struct {
	Clinic   int      `required:"" help:"Number of the clinic."`
	Username string   `required:"" help:"Name to sign in with."`
	Name     string   `required:"" help:"Name as others see it."`
	Role     []string `required:"" help:"nurse, pharmacist, doctor, supervisor, administrator or auditor; may be repeated."`
	firstPassword
}

// Run adds a person as an act of the installation.
func (a *staffAdd) Run(ctx context.Context, log *slog.Logger, c *cli) error {
	return c.withServices(ctx, log, func(sv httpapi.Services, _ *store.Store) error {
		site, err := clinicNumbered(ctx, sv, a.Clinic)
		if err != nil {
			return err
		}
		password, made, err := a.take()
		if err != nil {
			return err
		}
		roles := make([]staff.Role, 0, len(a.Role))
		for _, r := range a.Role {
			roles = append(roles, staff.Role(r))
		}
		m, err := sv.Staff.Install(ctx, site.ID, staff.New{
			ID: id.New[staff.ID](), Username: a.Username, Name: a.Name, Roles: roles, Password: password,
		})
		if err != nil {
			return err
		}
		return tellPassword(m.Username, password, made)
	})
}

func tellPassword(username, password string, made bool) error {
	if made {
		fmt.Printf("%s\nfirst password: %s\n", username, password)
		return nil
	}
	fmt.Println(username)
	return nil
}

type staffReset struct {
	Username string `required:"" help:"Name that the person signs in with."`
	firstPassword
}

// Run gives a person a new first password.
func (r *staffReset) Run(ctx context.Context, log *slog.Logger, c *cli) error {
	return c.withServices(ctx, log, func(sv httpapi.Services, db *store.Store) error {
		m, err := db.Staff().MemberByUsername(ctx, staff.FoldUsername(r.Username))
		if err != nil {
			return err
		}
		password, made, err := r.take()
		if err != nil {
			return err
		}
		if err := sv.Staff.Recover(ctx, m.Clinic, m.ID, password); err != nil {
			return err
		}
		return tellPassword(m.Username, password, made)
	})
}

type stationCommand struct {
	Add stationAdd `cmd:"" help:"Add a dispensing window and print the one-time code for its counter."`
}

type stationAdd struct {
	As     string `required:"" help:"User name of the administrator in whose name it is added."`
	Name   string `required:"" help:"Name on the window."`
	Manual bool   `help:"Poured by hand: there is no pump."`
}

// Run adds a window in an administrator's name.
func (a *stationAdd) Run(ctx context.Context, log *slog.Logger, c *cli) error {
	return c.withServices(ctx, log, func(sv httpapi.Services, db *store.Store) error {
		by, err := db.Staff().MemberByUsername(ctx, staff.FoldUsername(a.As))
		if err != nil {
			return err
		}
		st, err := sv.Equipment.AddStation(ctx, by.Clinic, by, equipment.NewStation{
			ID: id.New[equipment.StationID](), Name: a.Name, Manual: a.Manual,
		})
		if err != nil {
			return err
		}
		code, until, err := sv.Equipment.IssueEnrolCode(ctx, by.Clinic, by, st.ID)
		if err != nil {
			return err
		}
		fmt.Printf("%s\ncode: %s\nvalid until: %s\n", st.ID, code, until)
		return nil
	})
}
