package web

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

const ownPassword = "đúng mật khẩu"

func TestAPersonIsAdded(t *testing.T) {
	f := newFakeAPI()
	b := newBrowser(t, f)
	fields := []string{"id", chiID, "name", "Lý Thị Sen", "username", "sen", "role", "nurse", "role", "pharmacist", "new_password", " bảy con mèo ", "new_password_again", " bảy con mèo "}
	resp, text := b.post("/staff", fields...)
	require.Equal(t, http.StatusSeeOther, resp.StatusCode, text)
	require.JSONEq(t, `{"id":"`+chiID+`","name":"Lý Thị Sen","username":"sen","roles":["nurse","pharmacist"],"password":" bảy con mèo "}`, f.bodies["POST /staff"])
}

// What is missing or differs is named; nothing is sent, and what was typed stays, but for the passwords.
func TestASlipSendsNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		path, call, says string
		fields           []string
	}{
		"no role":             {"/staff", "POST /staff", "Chưa điền: Vai trò", []string{"id", chiID, "name", "Sen", "username", "sen", "new_password", "bí mật dài", "new_password_again", "bí mật dài"}},
		"two passwords":       {"/staff", "POST /staff", "hai lần gõ không giống nhau", []string{"id", chiID, "name", "Sen", "username", "sen", "role", "nurse", "new_password", "bí mật dài", "new_password_again", "bí mật dàj"}},
		"no password":         {"/staff/" + anID + "/password", "POST /staff/{id}/password", "Chưa điền: Mật khẩu mới", nil},
		"no role left":        {"/staff/" + anID + "/roles", "POST /staff/{id}/roles", "Chưa điền: Vai trò", nil},
		"two PINs":            {"/account/pin", "POST /session/pin", "hai lần gõ không giống nhau", []string{"current_password", ownPassword, "pin", "7391", "pin_again", "7319"}},
		"no current password": {"/account/pin", "POST /session/pin", "Chưa điền: Mật khẩu hiện tại", []string{"pin", "7391", "pin_again", "7391"}},
		"no day":              {"/closures", "POST /closures", "không phải ngày", []string{"day", "30.4.", "reason", "lễ"}},
		"no reason":           {"/closures", "POST /closures", "Chưa điền: Lý do", []string{"day", "30/04/2027"}},
		"no signature":        {"/rules", "POST /rule-adoptions", "Chưa điền: Mã PIN", []string{"pack", "vn", "version", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI()
			resp, text := newBrowser(t, f).post(tc.path, tc.fields...)
			require.NotEqual(t, http.StatusSeeOther, resp.StatusCode)
			require.Contains(t, text, tc.says)
			require.NotContains(t, f.bodies, tc.call)
			require.NotContains(t, text, "bí mật")
			if tc.path == "/staff" {
				require.Contains(t, text, `value="sen"`)
			}
		})
	}
}

func TestActsOnAPerson(t *testing.T) {
	for act, body := range map[string]string{"badge": "", "unlock": "", "deactivate": "", "reactivate": "", "roles": `{"roles":["doctor"]}`, "password": `{"password":"bí mật dài"}`} {
		f := newFakeAPI()
		resp, text := newBrowser(t, f).post("/staff/"+anID+"/"+act, "role", "doctor", "new_password", "bí mật dài", "new_password_again", "bí mật dài")
		require.Equal(t, http.StatusSeeOther, resp.StatusCode, text)
		require.Equal(t, "/staff?done=staff_"+act, resp.Header.Get("Location"))
		sent, reached := f.bodies["POST /staff/{id}/"+act]
		require.True(t, reached, act)
		if body != "" {
			require.JSONEq(t, body, sent)
		}
	}
	resp, _ := newBrowser(t, newFakeAPI()).post("/staff/" + anID + "/promote")
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}

// Only who may manage gets the forms; nobody ends their own access.
func TestWhoMayChangePeople(t *testing.T) {
	f := newFakeAPI()
	text := newBrowser(t, f).get("/staff")
	require.Contains(t, text, "/staff/"+anID+"/deactivate")
	require.NotContains(t, text, "/staff/"+f.session.Staff.Id+"/deactivate")
	f.session.Actions = []string{"clinic.read", "session", "staff.read"}
	text = newBrowser(t, f).get("/staff")
	require.Contains(t, text, "Bùi Văn Tâm")
	require.NotContains(t, text, `action="/staff`)
	require.NotContains(t, newBrowser(t, f).get("/rules"), `action="/rules"`)
	require.NotContains(t, newBrowser(t, f).get("/closures"), `action="/closures`)
}

// A wrong password is said on the form; the person is not thrown out of the session.
func TestAWrongPasswordStaysOnTheForm(t *testing.T) {
	f := newFakeAPI()
	b := newBrowser(t, f)
	resp, text := b.post("/account/password", "current_password", "sai", "new_password", "bí mật dài", "new_password_again", "bí mật dài")
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	require.Contains(t, text, "Sai người hoặc sai mật khẩu")
	require.Contains(t, text, `action="/account/password"`)
	resp, _ = b.post("/account/pin", "current_password", ownPassword, "pin", "7391", "pin_again", "7391")
	require.Equal(t, "/account?done=own_pin", resp.Header.Get("Location"))
	require.JSONEq(t, `{"current_password":"`+ownPassword+`","pin":"7391"}`, f.bodies["POST /session/pin"])
}

func TestTheRulesSayWhatBinds(t *testing.T) {
	f := newFakeAPI()
	b := newBrowser(t, f)
	text := b.get("/rules")
	for _, want := range []string{"30 ngày", "áp dụng: đã kiểm chứng", "12 giờ", "chỉ nhắc", "không đặt", "0,6", "từ 4 ngày: Gặp bác sĩ", "Chưa ai ký"} {
		require.Contains(t, text, want)
	}
	resp, text := b.post("/rules", "pack", "vn", "version", "1", "pin", "9999")
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	require.Contains(t, text, "Sai mã PIN")
	resp, _ = b.post("/rules", "pack", "vn", "version", "1", "pin", "1234")
	require.Equal(t, "/rules?done=rules_adopt", resp.Header.Get("Location"))
	require.JSONEq(t, `{"pack":"vn","version":1,"pin":"1234"}`, f.bodies["POST /rule-adoptions"])
}

// A day that is over stays as it was: there is no button for it.
func TestClosuresAhead(t *testing.T) {
	f := newFakeAPI()
	b := newBrowser(t, f)
	text := b.get("/closures")
	require.Contains(t, text, "02/09/2026")
	require.NotContains(t, text, "/closures/2026-09-02/remove")
	require.Contains(t, text, "/closures/2027-01-01/remove")
	resp, _ := b.post("/closures", "day", "30/04/2027", "reason", "lễ")
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	require.JSONEq(t, `{"day":"2027-04-30","reason":"lễ"}`, f.bodies["POST /closures"])
	f.refuse["POST /v1/closures/2027-01-01/remove"] = clinicapi.Problem{Status: 409, Code: "conflict", Key: "closure.past", Title: "Ngày đã qua"}
	_, text = b.post("/closures/2027-01-01/remove")
	require.Contains(t, text, "Ngày đã qua")
}

func TestWithoutAPINTheHomePageSaysSo(t *testing.T) {
	f := newFakeAPI()
	require.Contains(t, newBrowser(t, f).get("/"), "chưa có mã PIN")
	f.session.Staff.HasPin = true
	require.NotContains(t, newBrowser(t, f).get("/"), "chưa có mã PIN")
}
