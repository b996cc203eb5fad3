package staff

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
)

const here clinic.ID = "clinic-1"

// plainHasher hashes by saying so, and counts what it was asked to verify.
type plainHasher struct{ verified []string }

func (*plainHasher) Hash(_ context.Context, plain string) (string, error) {
	return "hash of " + plain, nil
}

func (h *plainHasher) Verify(_ context.Context, plain, hash string) (bool, error) {
	h.verified = append(h.verified, hash)
	return hash == "hash of "+plain, nil
}

// memory is a Store and a Tx of one clinic.
type memory struct {
	members  map[ID]Member
	attempts map[string]Attempts
	entries  []audit.Entry
	serial   int
}

func (m *memory) InTx(_ context.Context, _ clinic.ID, fn func(Tx) error) error { return fn(m) }

func (m *memory) find(match func(Member) bool) (Member, error) {
	for _, p := range m.members {
		if match(p) {
			return p, nil
		}
	}
	return Member{}, fault.New(fault.NotFound, "staff.not_found", "nobody")
}

func (m *memory) Member(_ context.Context, c clinic.ID, id ID) (Member, error) {
	return m.find(func(p Member) bool { return p.ID == id && p.Clinic == c })
}

func (m *memory) Members(context.Context, clinic.ID) ([]Member, error) { return nil, nil }

func (m *memory) MemberByUsername(_ context.Context, name string) (Member, error) {
	return m.find(func(p Member) bool { return p.Username == name })
}

func (m *memory) MemberByBadge(_ context.Context, c clinic.ID, badge string) (Member, error) {
	return m.find(func(p Member) bool { return p.Badge == badge && p.Clinic == c })
}

func (m *memory) Attempts(_ context.Context, key string) (Attempts, error) {
	return m.attempts[key], nil
}

func (m *memory) UpdateAttempts(_ context.Context, key string, fn func(*Attempts)) error {
	a := m.attempts[key]
	a.Key = key
	fn(&a)
	m.attempts[key] = a
	return nil
}

func (m *memory) NextStaffSerial(context.Context) (int, error) { m.serial++; return m.serial, nil }

func (m *memory) InsertMember(_ context.Context, p Member) error { m.members[p.ID] = p; return nil }

func (m *memory) LockMember(ctx context.Context, id ID) (Member, error) {
	return m.Member(ctx, here, id)
}

func (m *memory) UpdateMember(ctx context.Context, p Member) error { return m.InsertMember(ctx, p) }

func (m *memory) ActiveWithRole(_ context.Context, r Role) (n int, _ error) {
	for _, p := range m.members {
		if p.Active && p.Has(r) {
			n++
		}
	}
	return n, nil
}

func (m *memory) Record(_ context.Context, e audit.Entry) error {
	m.entries = append(m.entries, e)
	return nil
}

type oneClinic struct{}

func (oneClinic) Clinic(context.Context, clinic.ID) (clinic.Clinic, error) {
	return clinic.Clinic{ID: here, Number: 7}, nil
}

const (
	password = "correct horse battery"
	pin      = "7391"
)

type bench struct {
	*Service
	store     *memory
	passwords *plainHasher
	pins      *plainHasher
	clock     time.Time
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		store:     &memory{members: map[ID]Member{}, attempts: map[string]Attempts{}},
		passwords: &plainHasher{}, pins: &plainHasher{},
		clock: time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC),
	}
	b.Service = NewService(b.store, oneClinic{}, Hashers{Password: b.passwords, PIN: b.pins}, func() time.Time { return b.clock })
	for name, role := range map[string]Role{"admin": Administrator, "nurse": Nurse, "doctor": Doctor} {
		_, err := b.Install(t.Context(), here, New{
			ID: ID(name), Username: name, Name: "Trần Thị " + name, Roles: []Role{role}, Password: password, PIN: pin,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b *bench) is(id ID) Member { return b.store.members[id] }

func wantKey(t *testing.T, err error, key string) {
	t.Helper()
	var f *fault.Error
	ok := errors.As(err, &f)
	if key == "" && err == nil {
		return
	}
	if !ok || f.Key != key {
		t.Fatalf("error %v, want key %q", err, key)
	}
}

func TestFiveFailuresLockEvenTheRightPassword(t *testing.T) {
	b := newBench(t)
	for range FailuresToLock {
		_, err := b.SignIn(t.Context(), "nurse", "wrong password")
		wantKey(t, err, "staff.wrong_credential")
	}
	_, err := b.SignIn(t.Context(), " NURSE ", password)
	wantKey(t, err, "staff.locked")

	b.clock = b.clock.Add(FirstLock - time.Second)
	_, err = b.SignIn(t.Context(), "nurse", password)
	wantKey(t, err, "staff.locked")

	b.clock = b.clock.Add(time.Second)
	m, err := b.SignIn(t.Context(), "nurse", password)
	wantKey(t, err, "")
	if m.ID != "nurse" {
		t.Errorf("signed in as %s", m.ID)
	}
}

func TestASuccessClearsTheCount(t *testing.T) {
	b := newBench(t)
	for round := range 3 {
		for range FailuresToLock - 1 {
			_, err := b.SignIn(t.Context(), "nurse", "wrong password")
			wantKey(t, err, "staff.wrong_credential")
		}
		if _, err := b.SignIn(t.Context(), "nurse", password); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
}

func TestTheLockGrows(t *testing.T) {
	for n, want := range map[int]time.Duration{1: 15 * time.Minute, 2: 30 * time.Minute, 3: time.Hour, 5: 4 * time.Hour, 60: 4 * time.Hour} {
		if got := lockFor(n); got != want {
			t.Errorf("lock %d: %s, want %s", n, got, want)
		}
	}
}

func TestNobodyAndSomebodyCannotBeToldApart(t *testing.T) {
	b := newBench(t)
	inactive := b.is("doctor")
	inactive.Active = false
	b.store.members["doctor"] = inactive
	for _, name := range []string{"nurse", "nobody", "doctor"} {
		before := len(b.passwords.verified)
		for range FailuresToLock {
			_, err := b.SignIn(t.Context(), name, "wrong password")
			wantKey(t, err, "staff.wrong_credential")
		}
		if did := len(b.passwords.verified) - before; did != FailuresToLock {
			t.Errorf("%s: %d hashes verified in %d attempts", name, did, FailuresToLock)
		}
		_, err := b.SignIn(t.Context(), name, "wrong password")
		wantKey(t, err, "staff.locked")
	}
}

func TestAnInactivePersonDoesNotSignInWithTheRightPassword(t *testing.T) {
	b := newBench(t)
	if _, err := b.Deactivate(t.Context(), here, b.is("admin"), "nurse"); err != nil {
		t.Fatal(err)
	}
	_, err := b.SignIn(t.Context(), "nurse", password)
	wantKey(t, err, "staff.wrong_credential")
	_, err = b.CheckPIN(t.Context(), here, Who{ID: "nurse"}, pin)
	wantKey(t, err, "staff.wrong_credential")
}

func TestAPersonHasOnePINCountHoweverNamed(t *testing.T) {
	b := newBench(t)
	badge, err := b.IssueBadge(t.Context(), here, b.is("admin"), "nurse")
	if err != nil {
		t.Fatal(err)
	}
	names := []Who{{ID: "nurse"}, {Badge: badge}, {Username: "nurse"}, {Badge: strings.ToLower(badge)}, {Username: "Nurse"}}
	for _, who := range names {
		_, err := b.CheckPIN(t.Context(), here, who, "0000")
		wantKey(t, err, "staff.wrong_credential")
	}
	for _, who := range names {
		_, err := b.CheckPIN(t.Context(), here, who, pin)
		wantKey(t, err, "staff.locked")
	}
	if err := b.Unlock(t.Context(), here, b.is("admin"), "nurse"); err != nil {
		t.Fatal(err)
	}
	for _, who := range names {
		_, err := b.CheckPIN(t.Context(), here, who, pin)
		wantKey(t, err, "")
	}
}

func TestAPINOfAnotherClinicIsNobodys(t *testing.T) {
	b := newBench(t)
	for _, who := range []Who{{ID: "nurse"}, {Username: "nurse"}} {
		_, err := b.CheckPIN(t.Context(), "clinic-2", who, pin)
		wantKey(t, err, "staff.wrong_credential")
	}
}

func TestLockOutKeysHoldNoTypedText(t *testing.T) {
	b := newBench(t)
	_, err := b.SignIn(t.Context(), "my secret password", "x")
	wantKey(t, err, "staff.wrong_credential")
	for key := range b.store.attempts {
		if strings.Contains(key, "secret") {
			t.Errorf("key %q holds what was typed", key)
		}
	}
}

func TestAPINIsItsOwners(t *testing.T) {
	b := newBench(t)
	_, err := b.Add(t.Context(), here, b.is("admin"), New{
		ID: "new", Username: "new.nurse", Name: "Lê Văn B", Roles: []Role{Nurse}, Password: password, PIN: pin,
	})
	wantKey(t, err, "staff.pin_own")
	wantKey(t, b.SetOwnPIN(t.Context(), b.is("nurse"), "wrong password", "8264"), "staff.wrong_credential")
	wantKey(t, b.SetOwnPIN(t.Context(), b.is("nurse"), password, "8264"), "")
	if _, err := b.CheckPIN(t.Context(), here, Who{ID: "nurse"}, "8264"); err != nil {
		t.Errorf("the new PIN: %v", err)
	}
}

func TestAResetPasswordTakesThePINAway(t *testing.T) {
	b := newBench(t)
	wantKey(t, b.ResetPassword(t.Context(), here, b.is("nurse"), "doctor", "another password"), "staff.may_not")
	wantKey(t, b.ResetPassword(t.Context(), here, b.is("admin"), "doctor", "another password"), "")
	if _, err := b.SignIn(t.Context(), "doctor", "another password"); err != nil {
		t.Errorf("the new password: %v", err)
	}
	_, err := b.CheckPIN(t.Context(), here, Who{ID: "doctor"}, pin)
	wantKey(t, err, "staff.wrong_credential")
}

func TestAClinicKeepsAnAdministrator(t *testing.T) {
	b := newBench(t)
	_, err := b.SetRoles(t.Context(), here, b.is("admin"), "admin", []Role{Nurse})
	wantKey(t, err, "staff.last_administrator")
	_, err = b.Deactivate(t.Context(), here, b.is("admin"), "admin")
	wantKey(t, err, "staff.self")
	if _, err := b.SetRoles(t.Context(), here, b.is("admin"), "doctor", []Role{Doctor, Administrator}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.SetRoles(t.Context(), here, b.is("doctor"), "admin", []Role{Nurse}); err != nil {
		t.Errorf("with a second administrator: %v", err)
	}
}

func TestTheAuditHoldsNoNamesAndNoSecrets(t *testing.T) {
	b := newBench(t)
	if _, err := b.Rename(t.Context(), here, b.is("admin"), "nurse", "Phạm Thị Mới"); err != nil {
		t.Fatal(err)
	}
	wantKey(t, b.SetOwnPassword(t.Context(), b.is("nurse"), password, "a better password"), "")
	if len(b.store.entries) == 0 {
		t.Fatal("nothing was audited")
	}
	for _, e := range b.store.entries {
		for _, secret := range []string{"Trần", "Phạm", password, "a better password", "hash of"} {
			if strings.Contains(string(e.Data), secret) {
				t.Errorf("%s holds %q", e.Action, secret)
			}
		}
	}
	last := b.store.entries[len(b.store.entries)-1]
	if last.Action != "staff.password" || last.Actor.ID != "nurse" {
		t.Errorf("last entry: %s by %s", last.Action, last.Actor.ID)
	}
}

func TestTwoPersonActs(t *testing.T) {
	person := func(id ID, c clinic.ID, active bool, r Role) Member {
		return Member{ID: id, Clinic: c, Active: active, Roles: []Role{r}}
	}
	pharmacist := person("p", here, true, Pharmacist)
	for name, tc := range map[string]struct {
		by, witness Member
		key         string
	}{
		"a pharmacist and a nurse":    {pharmacist, person("n", here, true, Nurse), ""},
		"the same person":             {pharmacist, pharmacist, "witness.same"},
		"nobody":                      {pharmacist, Member{}, "witness.missing"},
		"an inactive witness":         {pharmacist, person("n", here, false, Nurse), "witness.may_not"},
		"a witness from elsewhere":    {pharmacist, person("n", "clinic-2", true, Nurse), "witness.may_not"},
		"a role that does not see":    {pharmacist, person("a", here, true, Auditor), "witness.may_not"},
		"a first person who may not":  {person("n", here, true, Nurse), pharmacist, "staff.may_not"},
		"an inactive first person":    {person("p", here, false, Pharmacist), person("n", here, true, Nurse), "staff.may_not"},
		"a first person of elsewhere": {person("p", "clinic-2", true, Pharmacist), person("n", here, true, Nurse), "staff.may_not"},
	} {
		t.Run(name, func(t *testing.T) {
			wantKey(t, Pair{By: tc.by, Witness: tc.witness}.Require(here, ManageStock, WitnessStock), tc.key)
		})
	}
}

func TestPINs(t *testing.T) {
	for pin, key := range map[string]string{
		"7391": "", "40827715": "", "5050": "staff.pin_weak", "0000": "staff.pin_weak", "1234": "staff.pin_weak",
		"8765": "staff.pin_weak", "7890": "staff.pin_weak", "123123": "staff.pin_weak", "1985": "staff.pin_weak",
		"2026": "staff.pin_weak", "739": "staff.pin_length", "739173917": "staff.pin_length", "73a1": "staff.pin_length",
		"７３９１": "staff.pin_length", "": "staff.pin_length",
	} {
		t.Run(pin, func(t *testing.T) { wantKey(t, checkPIN(pin), key) })
	}
}

func TestPasswords(t *testing.T) {
	for name, tc := range map[string]struct{ password, key string }{
		"ten characters":            {"mật khẩu 9", ""},
		"nine characters":           {"mật khẩu9", "staff.password_length"},
		"128 bytes":                 {strings.Repeat("abcd", 32), ""},
		"129 bytes":                 {strings.Repeat("abcd", 32) + "e", "staff.password_length"},
		"broken text":               {"abcdefghij\xff", "staff.password_length"},
		"holds the username":        {"xxNursexx12", "staff.password_weak"},
		"three letters all through": {"abcabcabcabc", "staff.password_weak"},
	} {
		t.Run(name, func(t *testing.T) { wantKey(t, checkPassword(tc.password, "nurse"), tc.key) })
	}
}

func TestUsernamesAndRoles(t *testing.T) {
	for name, ok := range map[string]bool{
		"lan": true, "lan.nguyen-2": true, "la": false, "2lan": false, "lan nguyen": false, "lân": false,
		"Lan": false, strings.Repeat("a", 32): true, strings.Repeat("a", 33): false,
	} {
		if got := checkUsername(name) == nil; got != ok {
			t.Errorf("username %q accepted: %v", name, got)
		}
	}
	for _, roles := range [][]Role{nil, {StationRole}, {"chef"}, {Nurse, Nurse}} {
		if checkRoles(roles) == nil {
			t.Errorf("roles %v accepted", roles)
		}
	}
	if err := checkRoles(slices.Clone(Roles)); err != nil {
		t.Error(err)
	}
}

func TestARepeatedAddFindsThePersonItMade(t *testing.T) {
	b := newBench(t)
	n := New{ID: "new", Username: "new.nurse", Name: "Lê Văn B", Roles: []Role{Nurse}, Password: password}
	for i := range 2 {
		if m, err := b.Add(t.Context(), here, b.is("admin"), n); err != nil || m.ID != "new" {
			t.Fatalf("request %d: %v, %v", i+1, m.ID, err)
		}
	}
	n.Username = "somebody.else"
	_, err := b.Add(t.Context(), here, b.is("admin"), n)
	wantKey(t, err, "id.taken")
	if count := len(b.store.members); count != 4 {
		t.Errorf("%d people", count)
	}
}

func TestTheDummyIsNobodysCredential(t *testing.T) {
	b := newBench(t)
	if _, err := b.Deactivate(t.Context(), here, b.is("admin"), "nurse"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nobody", "nurse"} {
		_, err := b.SignIn(t.Context(), name, "wrong password")
		wantKey(t, err, "staff.wrong_credential")
		used := b.passwords.verified[len(b.passwords.verified)-1]
		_, err = b.SignIn(t.Context(), name, strings.TrimPrefix(used, "hash of "))
		wantKey(t, err, "staff.wrong_credential")
	}
}

func TestAPasswordIsNotItsBeginning(t *testing.T) {
	b := newBench(t)
	longest := strings.Repeat("abcd", MaxPassword/4)
	wantKey(t, b.SetOwnPassword(t.Context(), b.is("nurse"), password, longest), "")
	_, err := b.SignIn(t.Context(), "nurse", longest+"e")
	wantKey(t, err, "staff.wrong_credential")
	_, err = b.SignIn(t.Context(), "nurse", longest)
	wantKey(t, err, "")
}
