package e2e

import (
	"fmt"
	"testing"

	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/internal/web/browsertest"
)

// A new colleague's first morning, on the screens alone: the administrator adds her and gives a badge, she signs in, sets
// her own PIN and unlocks the window with badge and PIN; when she leaves, she is out at once.
func TestANewColleague(t *testing.T) {
	r := seeded(t, func(st *store.Store) *smallClinic {
		return lived(t, st, 1, 0, func(int, int) bool { return true })
	})
	r.startServer("")
	b := browsertest.Start(t)
	admin, sen := r.desk(b), r.desk(b)
	admin.signIn(r.c.admin)

	admin.Open("/staff")
	admin.fillIn(`f.getAttribute('action') === '/staff' && (f.querySelector('[name=role][value=nurse]').checked = true)`, map[string]string{
		"name": "Lý Thị Sen", "username": "sen", "new_password": password, "new_password_again": password,
	})
	admin.Until(`document.querySelector('.notice') && document.querySelector('main').textContent.includes('Lý Thị Sen')`)
	card := `[...document.querySelectorAll('section')].find(s => s.querySelector('h2')?.textContent.includes('Lý Thị Sen'))`
	press := func(act string) {
		t.Helper()
		browsertest.Eval[bool](admin.Tab, fmt.Sprintf(`(() => { const f = %s.querySelector('form[action$="/%s"]'); setTimeout(() => f.requestSubmit(), 0); return true })()`, card, act))
	}
	press("badge")
	admin.Until(card + `?.querySelector('img.barcode')`)
	badge := browsertest.Eval[string](admin.Tab, `[...`+card+`.querySelectorAll('code')].at(-1).textContent`)
	admin.Shot("staff-badge")

	sen.signIn(staff.Member{Username: "sen"})
	sen.Until(`document.querySelector('.alert.warning a[href="/account"]')`) // without a PIN she cannot sign
	sen.Open("/account")
	sen.fillIn(`f.getAttribute('action') === '/account/pin'`, map[string]string{"current_password": "không phải", "pin": "7391", "pin_again": "7391"})
	sen.Until(`document.querySelector('.alert.stop, .alert[role=alert]') && location.pathname === '/account/pin'`)
	sen.fillIn(`f.getAttribute('action') === '/account/pin'`, map[string]string{"current_password": password, "pin": "7391", "pin_again": "7391"})
	sen.Until(`document.querySelector('.notice') && location.pathname === '/account'`)
	sen.Shot("account-done")
	sen.Open("/")
	sen.Until(`document.querySelector('.home-grid') && !document.querySelector('.alert.warning')`)
	sen.fillIn(`f.getAttribute('action') === '/lock'`, nil)
	sen.Until(`location.pathname === '/switch' && document.querySelector('[name=pin]')`)
	sen.fillIn(`f.getAttribute('action') === '/switch'`, map[string]string{"person": badge, "pin": "7391"})
	sen.Until(`location.pathname === '/' && document.querySelector('.who')?.textContent.includes('Sen')`)

	press("deactivate")
	admin.Until(`document.querySelector('.notice') && ` + card + `.textContent.includes('đã nghỉ')`)
	sen.Open("/window")
	sen.Until(`location.pathname === '/sign-in'`)
}
