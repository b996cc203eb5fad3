package staff

import (
	"slices"

	"github.com/lieu-clinic/lieu/internal/clinic"
)

// ID identifies a member of staff.
type ID string

// Role is what somebody works as. A person may hold several.
type Role string

// The roles. A station is a device identity, not a person.
const (
	Nurse         Role = "nurse"
	Pharmacist    Role = "pharmacist"
	Doctor        Role = "doctor"
	Supervisor    Role = "supervisor"
	Administrator Role = "administrator"
	Auditor       Role = "auditor"
	StationRole   Role = "station"
)

// Roles lists the roles that people hold.
var Roles = []Role{Nurse, Pharmacist, Doctor, Supervisor, Administrator, Auditor}

// Member is one person who works at a clinic.
type Member struct {
	ID           ID
	Clinic       clinic.ID
	Username     string // lower case, unique in the database
	Name         string
	Roles        []Role
	Badge        string // card code, "" when none; see pkg/cardcode
	PasswordHash string // PHC string; never leaves the server
	PINHash      string // PHC string; never leaves the server
	Active       bool
}

// Has reports whether m holds the role.
func (m Member) Has(r Role) bool { return slices.Contains(m.Roles, r) }

// May reports whether any of m's roles permits the action.
func (m Member) May(a Action) bool {
	return slices.ContainsFunc(m.Roles, func(r Role) bool { return Permitted(r, a) })
}
