package staff_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lieu-clinic/lieu/internal/staff"
)

func TestEveryActionHasARole(t *testing.T) {
	everyone := append(slices.Clone(staff.Roles), staff.StationRole)
	for _, a := range staff.Actions() {
		if !slices.ContainsFunc(everyone, func(r staff.Role) bool { return staff.Permitted(r, a) }) {
			t.Errorf("nobody may %s", a)
		}
	}
	if !slices.IsSorted(staff.Actions()) || len(staff.Actions()) == 0 {
		t.Error("actions are not listed in order")
	}
}

func TestAuditorReadsOnly(t *testing.T) {
	for _, a := range staff.Actions() {
		reads := a == staff.SignIn || strings.HasSuffix(string(a), ".read")
		if staff.Permitted(staff.Auditor, a) && !reads {
			t.Errorf("an auditor may %s", a)
		}
	}
	for _, a := range []staff.Action{staff.ReadAudit, staff.ReadRegister, staff.ReadStock, staff.ReadDispensing, staff.ReadPatient} {
		if !staff.Permitted(staff.Auditor, a) {
			t.Errorf("an auditor may not %s", a)
		}
	}
}

// A station's key opens its own two doors, and no person's role opens them.
func TestStationsReportAndReceiveOnly(t *testing.T) {
	own := []staff.Action{staff.ReportEvents, staff.ReceiveOrders}
	for _, a := range staff.Actions() {
		if got, want := staff.Permitted(staff.StationRole, a), slices.Contains(own, a); got != want {
			t.Errorf("a station may %s: %t", a, got)
		}
	}
	for _, r := range staff.Roles {
		for _, a := range own {
			if staff.Permitted(r, a) {
				t.Errorf("a %s may %s", r, a)
			}
		}
	}
	if slices.Contains(staff.Roles, staff.StationRole) {
		t.Error("a person may be a station")
	}
}

// The acts that matter most, by hand.
func TestWhoMayDoWhat(t *testing.T) {
	for _, tc := range []struct {
		action staff.Action
		roles  []staff.Role
	}{
		{staff.Prescribe, []staff.Role{staff.Doctor}},
		{staff.AdoptRules, []staff.Role{staff.Doctor}},
		{staff.EndTreatment, []staff.Role{staff.Doctor}},
		{staff.Dispense, []staff.Role{staff.Nurse, staff.Pharmacist}},
		{staff.ManageStock, []staff.Role{staff.Pharmacist}},
		{staff.ManageStaff, []staff.Role{staff.Administrator}},
		{staff.ManageStation, []staff.Role{staff.Administrator}},
	} {
		for _, r := range append(slices.Clone(staff.Roles), staff.StationRole) {
			if got, want := staff.Permitted(r, tc.action), slices.Contains(tc.roles, r); got != want {
				t.Errorf("%s may %s: %t, want %t", r, tc.action, got, want)
			}
		}
	}
}

func TestWhatIsNotInTheTableIsDenied(t *testing.T) {
	for _, r := range append(slices.Clone(staff.Roles), staff.StationRole, "", "root") {
		if staff.Permitted(r, "") || staff.Permitted(r, "patient.delete") {
			t.Errorf("%q may do what nobody named", r)
		}
	}
	for _, a := range staff.Actions() {
		if staff.Permitted("", a) || staff.Permitted("Doctor", a) {
			t.Errorf("no role may %s", a)
		}
	}
}

func TestMemberMayWhatOneOfTheRolesMay(t *testing.T) {
	m := staff.Member{Roles: []staff.Role{staff.Nurse, staff.Doctor}}
	if !m.May(staff.Prescribe) || !m.May(staff.Dispense) || m.May(staff.ManageStaff) || !m.Has(staff.Doctor) || m.Has(staff.Auditor) {
		t.Error("roles do not add up")
	}
	if (staff.Member{}).May(staff.SignIn) {
		t.Error("a member without a role may sign in")
	}
}
