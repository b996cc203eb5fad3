package web

import (
	"context"
	"net/http"
	"slices"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// staffView is who works here, and who did.
type staffView struct {
	People []personRow
	Roles  []roleBox // of a new person
}

type personRow struct {
	ID, Name, Username, RoleNames, Badge string
	Active, Self                         bool
	Tags                                 []tag
	Roles                                []roleBox
}

// roleBox is one role to tick.
type roleBox struct {
	Value, Text string
	Held        bool
}

var allRoles = []clinicapi.Role{
	clinicapi.RoleNurse, clinicapi.RolePharmacist, clinicapi.RoleDoctor, clinicapi.RoleSupervisor, clinicapi.RoleAdministrator, clinicapi.RoleAuditor,
}

func (c *screen) roleBoxes(held []clinicapi.Role) []roleBox {
	boxes := make([]roleBox, len(allRoles))
	for i, r := range allRoles {
		boxes[i] = roleBox{string(r), c.t("role." + string(r)), slices.Contains(held, r)}
	}
	return boxes
}

func showStaff(c *screen) error {
	list, err := call[clinicapi.StaffList](c.api.ListStaff(c.r.Context()))
	if err != nil {
		return err
	}
	v := staffView{Roles: c.roleBoxes(c.form().roles())}
	for _, m := range list.Items {
		v.People = append(v.People, c.personRow(m))
	}
	slices.SortStableFunc(v.People, func(a, b personRow) int { // those who left come last
		switch {
		case a.Active == b.Active:
			return 0
		case a.Active:
			return -1
		}
		return 1
	})
	return c.render("staff", "", c.t("nav.staff"), v)
}

func (c *screen) personRow(m clinicapi.Member) personRow {
	r := personRow{
		ID: m.Id, Name: m.Name, Username: m.Username, RoleNames: c.roles(m.Roles), Badge: m.Badge, Active: m.Active,
		Self: m.Id == c.session.Staff.Id, Roles: c.roleBoxes(m.Roles),
	}
	switch {
	case !m.Active:
		r.Tags = append(r.Tags, tag{"dull", icons["dull"], c.t("staff.left")})
	case !m.HasPin:
		r.Tags = append(r.Tags, tag{"warn", icons["warn"], c.t("staff.no_pin")})
	}
	return r
}

// roles are the boxes that were ticked.
func (f *form) roles() []clinicapi.Role {
	var roles []clinicapi.Role
	for _, r := range f.values["role"] {
		roles = append(roles, clinicapi.Role(r))
	}
	return roles
}

// someRole reads at least one role.
func (f *form) someRole() []clinicapi.Role {
	roles := f.roles()
	if len(roles) == 0 {
		f.wrong("input.missing", "roles")
	}
	return roles
}

// secret reads what is typed twice, so that a slip of the finger locks nobody out. Blanks belong to it.
func (f *form) secret(name string) string {
	s := f.values.Get(name)
	switch {
	case s == "":
		f.wrong("input.missing", name)
	case s != f.values.Get(name+"_again") && f.err == nil:
		f.err = &inputError{key: "input.differs", label: "field." + name}
	}
	return s
}

func addStaff(c *screen) error {
	f := c.form()
	body := clinicapi.AddStaff{Id: f.id(), Username: f.need("username"), Name: f.need("name"), Roles: f.someRole(), Password: f.secret("new_password")}
	if f.err != nil {
		return c.again(f.err, showStaff)
	}
	if _, err := call[clinicapi.Member](c.api.AddStaff(c.r.Context(), body)); err != nil {
		return c.again(err, showStaff)
	}
	c.redirect("/staff?done=staff_add")
	return nil
}

// bare are the acts on a person that need nothing but the person.
func (c *screen) bare(act string) func(context.Context, string, ...clinicapi.RequestEditorFn) (*http.Response, error) {
	return map[string]func(context.Context, string, ...clinicapi.RequestEditorFn) (*http.Response, error){
		"badge": c.api.IssueBadge, "unlock": c.api.UnlockStaff, "deactivate": c.api.DeactivateStaff, "reactivate": c.api.ReactivateStaff,
	}[act]
}

func actOnStaff(c *screen) error {
	f, who, act := c.form(), c.r.PathValue("id"), c.r.PathValue("act")
	var err error
	switch send := c.bare(act); {
	case send != nil:
		_, err = call[clinicapi.Member](send(c.r.Context(), who))
	case act == "roles":
		if body := (clinicapi.SetRoles{Roles: f.someRole()}); f.err == nil {
			_, err = call[clinicapi.Member](c.api.SetStaffRoles(c.r.Context(), who, body))
		}
	case act == "password":
		if body := (clinicapi.SetPassword{Password: f.secret("new_password")}); f.err == nil {
			_, err = call[clinicapi.Member](c.api.SetStaffPassword(c.r.Context(), who, body))
		}
	default:
		return errNoPage
	}
	if f.err != nil {
		err = f.err
	}
	if err != nil {
		return c.again(err, showStaff)
	}
	c.redirect("/staff?done=staff_" + act)
	return nil
}

// showAccount is where people keep their own PIN and password.
func showAccount(c *screen) error {
	return c.render("account", "", c.t("account.title"), c.session.Staff)
}

func changePIN(c *screen) error {
	f := c.form()
	body := clinicapi.ChangePIN{CurrentPassword: c.r.PostForm.Get("current_password"), Pin: f.secret("pin")}
	return c.own(f, body.CurrentPassword, "pin", func() error {
		_, err := call[done](c.api.ChangeOwnPIN(c.r.Context(), body))
		return err
	})
}

func changePassword(c *screen) error {
	f := c.form()
	body := clinicapi.ChangePassword{CurrentPassword: c.r.PostForm.Get("current_password"), Password: f.secret("new_password")}
	return c.own(f, body.CurrentPassword, "password", func() error {
		_, err := call[done](c.api.ChangeOwnPassword(c.r.Context(), body))
		return err
	})
}

// own changes a secret of the person's own, who proves to be that person with the password.
func (c *screen) own(f *form, current, what string, change func() error) error {
	if current == "" {
		f.wrong("input.missing", "current_password")
	}
	err := f.err
	if err == nil {
		err = change()
	}
	if err != nil {
		return c.again(err, showAccount)
	}
	c.redirect("/account?done=own_" + what)
	return nil
}
