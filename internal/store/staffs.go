package store

import (
	"context"
	"encoding/json"
	"fmt"

	"gorm.io/gorm/clause"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// memberRow keeps the roles as the text of a JSON array.
type memberRow struct {
	ID           staff.ID
	Clinic       clinic.ID
	Username     string
	Name         string
	Roles        string
	Badge        ref
	PasswordHash string
	PinHash      string
	Active       flag
}

func (memberRow) TableName() string { return "staff" }

func fromMember(m staff.Member) (memberRow, error) {
	roles, err := json.Marshal(m.Roles)
	return memberRow{
		ID: m.ID, Clinic: m.Clinic, Username: m.Username, Name: m.Name, Roles: string(roles), Badge: ref(m.Badge),
		PasswordHash: m.PasswordHash, PinHash: m.PINHash, Active: flag(m.Active),
	}, err
}

func toMember(r memberRow) (staff.Member, error) {
	m := staff.Member{
		ID: r.ID, Clinic: r.Clinic, Username: r.Username, Name: r.Name, Badge: string(r.Badge),
		PasswordHash: r.PasswordHash, PINHash: r.PinHash, Active: bool(r.Active),
	}
	if err := json.Unmarshal([]byte(r.Roles), &m.Roles); err != nil {
		return staff.Member{}, fmt.Errorf("roles of staff %s: %w", r.ID, err)
	}
	return m, nil
}

type staffs struct{ *Store }

// Staff is the store of package staff.
func (s *Store) Staff() staff.Store { return staffs{s} }

var _ staff.Tx = (*Tx)(nil)

func (s staffs) InTx(ctx context.Context, c clinic.ID, fn func(staff.Tx) error) error {
	return inside(s.Store, ctx, c, fn)
}

func (s staffs) member(ctx context.Context, condition string, args ...any) (staff.Member, error) {
	r, err := take[memberRow](s.read.WithContext(ctx), "staff", condition, args...)
	if err != nil {
		return staff.Member{}, err
	}
	return toMember(r)
}

func (s staffs) Member(ctx context.Context, c clinic.ID, id staff.ID) (staff.Member, error) {
	return s.member(ctx, "id = ? AND clinic = ?", id, c)
}

func (s staffs) MemberByUsername(ctx context.Context, username string) (staff.Member, error) {
	return s.member(ctx, "username = ?", username)
}

func (s staffs) MemberByBadge(ctx context.Context, c clinic.ID, badge string) (staff.Member, error) {
	return s.member(ctx, "clinic = ? AND badge = ?", c, badge)
}

func (s staffs) Members(ctx context.Context, c clinic.ID) ([]staff.Member, error) {
	rows, err := list[memberRow](s.read.WithContext(ctx).Where("clinic = ?", c).Order("username"))
	if err != nil {
		return nil, err
	}
	members := make([]staff.Member, len(rows))
	for i, r := range rows {
		if members[i], err = toMember(r); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// NextStaffSerial implements staff.Tx.
func (t *Tx) NextStaffSerial(context.Context) (int, error) { return t.next("staff") }

// InsertMember implements staff.Tx.
func (t *Tx) InsertMember(_ context.Context, m staff.Member) error {
	if err := t.sameClinic(m.Clinic); err != nil {
		return err
	}
	r, err := fromMember(m)
	if err == nil {
		err = insert(t, r)
	}
	if err != nil {
		return fmt.Errorf("staff %s: %w", m.ID, err)
	}
	return nil
}

// LockMember implements staff.Tx.
func (t *Tx) LockMember(_ context.Context, id staff.ID) (staff.Member, error) {
	r, err := take[memberRow](t.locking(), "staff", "id = ? AND clinic = ?", id, t.clinic)
	if err != nil {
		return staff.Member{}, err
	}
	return toMember(r)
}

// UpdateMember implements staff.Tx.
func (t *Tx) UpdateMember(_ context.Context, m staff.Member) error {
	r, err := fromMember(m)
	if err != nil {
		return fmt.Errorf("staff %s: %w", m.ID, err)
	}
	u := t.db.Model(&memberRow{}).Where("id = ? AND clinic = ?", m.ID, t.clinic).
		Select("name", "roles", "badge", "password_hash", "pin_hash", "active").Updates(r)
	return one("staff", u.RowsAffected, u.Error)
}

// ActiveWithRole implements staff.Tx. It locks the clinic's row, so that two people who leave the role at once do not
// each count the other.
func (t *Tx) ActiveWithRole(ctx context.Context, role staff.Role) (int, error) {
	if _, err := t.LockClinic(ctx, t.clinic); err != nil {
		return 0, err
	}
	rows, err := list[memberRow](t.db.Where("clinic = ? AND active = ?", t.clinic, true))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, r := range rows {
		m, err := toMember(r)
		if err != nil {
			return 0, err
		}
		if m.Has(role) {
			n++
		}
	}
	return n, nil
}

type attemptsRow struct {
	Name        string `gorm:"primaryKey"`
	Failures    int
	LastAt      calendar.Instant
	LockedUntil calendar.Instant
}

func (attemptsRow) TableName() string { return "sign_in_failure" }

func toAttempts(r attemptsRow) staff.Attempts {
	return staff.Attempts{Key: r.Name, Failures: r.Failures, LastAt: r.LastAt, LockedUntil: r.LockedUntil}
}

func (s staffs) Attempts(ctx context.Context, key string) (staff.Attempts, error) {
	rows, err := list[attemptsRow](s.read.WithContext(ctx).Where("name = ?", key))
	if err != nil || len(rows) == 0 {
		return staff.Attempts{Key: key}, err
	}
	return toAttempts(rows[0]), nil
}

func (s staffs) UpdateAttempts(ctx context.Context, key string, fn func(*staff.Attempts)) error {
	return s.inTx(ctx, "", func(t *Tx) error {
		// The row must be there before it can be locked.
		err := t.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&attemptsRow{Name: key}).Error
		if err != nil {
			return mapError(err)
		}
		r, err := take[attemptsRow](t.locking(), "attempts", "name = ?", key)
		if err != nil {
			return err
		}
		a := toAttempts(r)
		fn(&a)
		u := t.db.Model(&attemptsRow{}).Where("name = ?", key).Select("failures", "last_at", "locked_until").
			Updates(attemptsRow{Failures: a.Failures, LastAt: a.LastAt, LockedUntil: a.LockedUntil})
		return one("attempts", u.RowsAffected, u.Error)
	})
}
