package httpapi

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// enrolled is a patient in treatment from today.
func (f *fixture) enrolled(doctor *browser, entry gen.PatientEntry) gen.Patient {
	f.t.Helper()
	var p gen.Patient
	doctor.mustDo("POST", "/v1/patients", gen.RegisterPatient{
		Id: newID(), Name: "Lò Thị Mẩy", BirthYear: 1990, Sex: gen.SexFemale, Phase: gen.PhaseMaintenance, Entry: entry,
	}, &p)
	for _, status := range []gen.PatientStatus{"awaiting_start", "in_treatment"} {
		doctor.mustDo("POST", "/v1/patients/"+p.Id+"/status", gen.SetPatientStatus{Status: gen.SetPatientStatusStatus(status), Reason: "đủ điều kiện"}, &p)
	}
	return p
}

func TestPatientFigures(t *testing.T) {
	f := newFixture(t)
	doctor, supervisor, admin := f.signIn(staff.Doctor), f.signIn(staff.Supervisor), f.signIn(staff.Administrator)
	require.Equal(t, gen.PatientEntry("new"), f.enrolled(doctor, "").Entry)
	moved := f.enrolled(doctor, "transferred_in")
	doctor.mustDo("POST", "/v1/patients", gen.RegisterPatient{Id: newID(), Name: "Chưa nhận", BirthYear: 1990, Sex: gen.SexMale}, nil) // not yet counted
	_, err := f.sv.Clinics.Create(t.Context(), clinic.Clinic{
		ID: id.New[clinic.ID](), Number: 8, Name: "Cơ sở Na Hang", Province: f.clinic.Province, District: "Na Hang", Kind: clinic.TreatmentFacility,
		Zone: "Asia/Ho_Chi_Minh", RulePack: "vn", RulePackVersion: 1, Demo: true,
	})
	require.NoError(t, err)
	_, err = f.sv.Clinics.Create(t.Context(), clinic.Clinic{
		ID: id.New[clinic.ID](), Number: 9, Name: "Cơ sở tỉnh khác", Province: "Hà Giang", Kind: clinic.TreatmentFacility,
		Zone: "Asia/Ho_Chi_Minh", RulePack: "vn", RulePackVersion: 1, Demo: true,
	})
	require.NoError(t, err)

	day := today(f)
	period := "?from=" + day[:8] + "01&to=" + day
	admin.mustDo("PUT", "/v1/targets/"+day[:4], gen.SetTarget{Patients: 4}, nil)
	var got gen.PatientFigures
	supervisor.mustDo("GET", "/v1/figures/patients"+period, nil, &got)
	require.Len(t, got.Sites, 1)
	require.Equal(t, 500, *got.Sites[0].SharePermille)
	for line, want := range map[string]int{"start": 0, "new": 1, "transferred_in": 1, "returned": 0, "end": 2, "ever": 2, "left_dropped": 0} {
		require.Equal(t, want, got.Total.Counts[line], line)
	}
	require.Equal(t, 2, got.Months[len(got.Months)-1].End)

	var wide gen.PatientFigures
	supervisor.mustDo("GET", "/v1/figures/patients"+period+"&scope=province", nil, &wide)
	require.Len(t, wide.Sites, 2, "the clinics of the province, and no others")
	require.Nil(t, wide.Total.SharePermille, "the target of one clinic is not known, so neither is the province's")

	var districts gen.PatientFigures
	supervisor.mustDo("GET", "/v1/figures/patients"+period+"&scope=districts", nil, &districts)
	require.Len(t, districts.Sites, 2, "a column for each district")
	require.Equal(t, []string{"", "Na Hang"}, []string{districts.Sites[0].Name, districts.Sites[1].Name})
	require.Equal(t, wide.Total.Counts, districts.Total.Counts, "the districts together are the province")
	for line, n := range districts.Total.Counts {
		require.Equal(t, n, districts.Sites[0].Counts[line]+districts.Sites[1].Counts[line], line)
	}
	require.NotNil(t, districts.Sites[0].SharePermille, "every clinic of the district has a target")
	require.Nil(t, districts.Sites[1].SharePermille)

	var running gen.PatientFigures
	supervisor.mustDo("GET", "/v1/figures/patients?period="+day[:4]+"-"+day[5:7], nil, &running)
	require.LessOrEqual(t, running.To, day, "no day that lies ahead is counted")
	require.Equal(t, running.To, running.Months[len(running.Months)-1].To)

	var quarter gen.PatientFigures
	supervisor.mustDo("GET", "/v1/figures/patients?period=2026-R1", nil, &quarter)
	require.Equal(t, []string{"2025-12-15", "2026-03-14"}, []string{quarter.From, quarter.To})

	var entries gen.FigureEntryList
	supervisor.mustDo("GET", "/v1/figures/patients/entries"+period+"&line=transferred_in", nil, &entries)
	require.Len(t, entries.Items, 1)
	require.Equal(t, moved.Code, entries.Items[0].Code)

	nurse := f.signIn(staff.Nurse)
	before := f.changes()
	for path, key := range map[string]string{
		"/v1/figures/patients?from=" + day + "&to=2001-01-01":             "period.order",
		"/v1/figures/patients?from=1700-01-01&to=" + day:                  "period.span",
		"/v1/figures/patients?period=2999":                                "period.future",
		"/v1/figures/patients?from=2026-13-01&to=" + day:                  "request.contract",
		"/v1/figures/patients?from=" + day:                                "request.contract",
		"/v1/figures/patients?period=2026-Q5":                             "request.contract",
		"/v1/figures/patients?period=0000":                                "period.form",
		"/v1/figures/patients" + period + "&period=2026":                  "request.contract",
		"/v1/figures/patients":                                            "request.contract",
		"/v1/figures/patients" + period + "&scope=world":                  "request.contract",
		"/v1/figures/patients/entries" + period + "&line=everybody":       "request.contract",
		"/v1/figures/patients/file" + period + "&format=docx":             "request.contract",
		"/v1/figures/patients/file" + period + "&format=pdf&lang=klingon": "request.contract",
	} {
		supervisor.refused("GET", path, nil, http.StatusBadRequest, key)
	}
	nurse.refused("GET", "/v1/figures/patients"+period, nil, http.StatusForbidden, "staff.may_not")
	admin.refused("GET", "/v1/figures/patients/entries"+period+"&line=new", nil, http.StatusForbidden, "staff.may_not")
	supervisor.refused("PUT", "/v1/targets/1999", gen.SetTarget{Patients: 4}, http.StatusBadRequest, "request.contract")
	supervisor.refused("PUT", "/v1/targets/2026", gen.SetTarget{Patients: 0}, http.StatusBadRequest, "request.contract")
	doctor.refused("PUT", "/v1/targets/2026", gen.SetTarget{Patients: 4}, http.StatusForbidden, "staff.may_not")
	require.Equal(t, before, f.changes())
}

// The three files say what the page says, in the language asked for.
func TestPatientFiguresFile(t *testing.T) {
	f := newFixture(t)
	doctor, auditor := f.signIn(staff.Doctor), f.signIn(staff.Auditor)
	f.enrolled(doctor, "returned")
	day := today(f)
	path := "/v1/figures/patients/file?from=" + day + "&to=" + day + "&format="
	for ending, magic := range map[string]string{"pdf": "%PDF-", "xlsx": "PK", "csv": "\ufeff"} {
		a := auditor.do("GET", path+ending, nil)
		require.Equal(t, http.StatusOK, a.status)
		require.True(t, bytes.HasPrefix(a.body, []byte(magic)), "%s begins with %q", ending, a.body[:8])
		require.Contains(t, a.header.Get("Content-Disposition"), "."+ending)
	}
	var figures gen.PatientFigures
	auditor.mustDo("GET", "/v1/figures/patients?from="+day+"&to="+day, nil, &figures)
	text := pdfText(t, auditor.do("GET", path+"pdf&lang=vi", nil).body)
	cells := xlsxCells(t, auditor.do("GET", path+"xlsx&lang=vi", nil).body)
	for line, label := range map[string]string{"returned": "Điều trị lại", "end": "Đang điều trị cuối kỳ", "ever": "Lũy tích số người đã điều trị"} {
		row := lineWith(t, cells, label)
		require.Equal(t, strconv.Itoa(figures.Total.Counts[line]), row[1], label)
		require.Regexp(t, regexp.QuoteMeta(label)+` +`+row[1]+`\n`, text)
	}
	for _, who := range []string{"Người lập báo cáo", "Trưởng cơ sở", "Thủ trưởng đơn vị"} {
		require.Contains(t, text, who)
	}
	a := auditor.do("GET", path+"csv&lang=en", nil)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(a.body), "\ufeff"))).ReadAll()
	require.NoError(t, err)
	found := map[string]string{}
	for _, r := range rows {
		found[r[0]] = r[1]
	}
	require.Equal(t, "1", found["Returned to treatment"])
	require.Equal(t, "1", found["In treatment at the end"])
	require.Contains(t, string(auditor.do("GET", path+"csv&lang=vi", nil).body), "Điều trị lại")
}

// The doctor sees who needs a decision, and ends a treatment with a signature.
func TestAttentionAndEnd(t *testing.T) {
	f := newFixture(t)
	doctor := f.signIn(staff.Doctor)
	p := f.enrolled(doctor, "new")
	var list gen.AttentionList
	doctor.mustDo("GET", "/v1/patients/attention", nil, &list)
	require.Len(t, list.Items, 1)
	require.True(t, list.Items[0].OrderEnds)
	require.Equal(t, 0, list.Items[0].MissedDays)
	require.Empty(t, list.Items[0].Proposal)

	path := "/v1/patients/" + p.Id + "/end"
	doctor.refused("POST", path, map[string]any{"reason": "dropped"}, http.StatusBadRequest, "request.contract")
	doctor.refused("POST", path, gen.EndTreatment{Reason: "dropped", Pin: "000000"}, http.StatusForbidden, "pin.wrong")
	doctor.refused("POST", path, gen.EndTreatment{Reason: "bored", Pin: testPIN}, http.StatusBadRequest, "request.contract")
	f.signIn(staff.Nurse).refused("POST", path, gen.EndTreatment{Reason: "dropped", Pin: testPIN}, http.StatusForbidden, "staff.may_not")
	doctor.mustDo("POST", path, gen.EndTreatment{Reason: "dropped", Pin: testPIN}, &p)
	require.Equal(t, gen.EndReason("dropped"), p.EndReason)
	doctor.mustDo("GET", "/v1/patients/attention", nil, &list)
	require.Empty(t, list.Items)
	f.signIn(staff.Administrator).refused("GET", "/v1/patients/attention", nil, http.StatusForbidden, "staff.may_not")
}
