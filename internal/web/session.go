package web

import (
	"net/url"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// backView is a form that goes back to where the person was.
type backView struct {
	Back   string
	Locked bool
}

func (c *screen) back() string { return inside(c.r.Form.Get("back")) }

func showSignIn(c *screen) error {
	return c.render("sign_in", "", c.t("sign_in.title"), backView{Back: c.back()})
}

// signIn checks a password. The API sets the cookie, which the seam hands on.
func signIn(c *screen) error {
	f := c.form()
	body := clinicapi.SignIn{Username: f.need("username"), Password: c.r.PostForm.Get("password")}
	if body.Password == "" {
		f.wrong("input.missing", "password")
	}
	if f.err != nil {
		return c.again(f.err, showSignIn)
	}
	if _, err := call[clinicapi.Session](c.api.SignIn(c.r.Context(), body)); err != nil {
		c.problem, c.status = c.explain(err), statusOf(err)
		return showSignIn(c)
	}
	c.redirect(c.back())
	return nil
}

func signOut(c *screen) error {
	if _, err := call[done](c.api.SignOut(c.r.Context())); err != nil && !is(err, clinicapi.ProblemCodeUnauthenticated) {
		return err
	}
	c.redirect("/sign-in")
	return nil
}

// lock asks the next person at this computer for a PIN.
func lock(c *screen) error {
	if _, err := call[done](c.api.LockSession(c.r.Context())); err != nil && !is(err, clinicapi.ProblemCodeUnauthenticated) {
		return err
	}
	c.redirect("/switch?back=" + url.QueryEscape(c.back()))
	return nil
}

// showSwitch is where another person, or the same after a lock, takes the screen over with badge or name and PIN.
func showSwitch(c *screen) error {
	v := backView{Back: c.back(), Locked: true}
	session, err := call[clinicapi.Session](c.api.ReadSession(c.r.Context()))
	switch {
	case err == nil:
		c.enter(session)
		v.Locked = session.Locked
	case problemKey(err) != "session.locked":
		c.redirect("/sign-in?back=" + url.QueryEscape(v.Back))
		return nil
	}
	return c.render("switch", "", c.t("switch.title"), v)
}

func switchPerson(c *screen) error {
	f := c.form()
	body := credential(f.need("person"), f.need("pin"))
	if f.err != nil {
		return c.again(f.err, showSwitch)
	}
	if _, err := call[clinicapi.Session](c.api.SwitchSession(c.r.Context(), body)); err != nil {
		return c.again(err, showSwitch)
	}
	c.redirect(c.back())
	return nil
}
