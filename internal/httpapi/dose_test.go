package httpapi

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// counter plays a counter computer: a key, a chain of records, and a line to the server.
type counter struct {
	f       *fixture
	station string
	key     ed25519.PrivateKey
	server  ed25519.PublicKey
	seq     int64
	prev    string
}

func (c *counter) request(method, path string, body []byte) *http.Request {
	req, err := http.NewRequestWithContext(c.f.t.Context(), method, c.f.http.URL+path, bytes.NewReader(body))
	require.NoError(c.f.t, err)
	req.Header.Set("Authorization", stationlog.Authorization(c.station, method, path, time.Now(), body, c.key))
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

func (c *counter) do(method, path string, body any) (int, []byte) {
	c.f.t.Helper()
	var payload []byte
	if body != nil {
		var err error
		payload, err = json.Marshal(body)
		require.NoError(c.f.t, err)
	}
	req := c.request(method, path, payload)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(c.f.t, err)
	defer func() { _ = resp.Body.Close() }()
	var b bytes.Buffer
	_, err = b.ReadFrom(resp.Body)
	require.NoError(c.f.t, err)
	c.f.checkAnswer(req, answer{status: resp.StatusCode, header: resp.Header, body: b.Bytes()})
	return resp.StatusCode, b.Bytes()
}

func (c *counter) sign(kind stationlog.Kind, body any) gen.SignedRecord {
	c.f.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(c.f.t, err)
	c.seq++
	signed, err := stationlog.Sign(stationlog.Record{
		Station: c.station, Seq: c.seq, Prev: c.prev, Kind: kind, Occurred: time.Now(), Body: raw,
	}, c.key)
	require.NoError(c.f.t, err)
	c.prev = signed.Hash()
	return gen.SignedRecord{Payload: signed.Payload, Signature: signed.Signature}
}

func (c *counter) report(kind stationlog.Kind, body any) {
	c.f.t.Helper()
	status, answer := c.do("POST", "/v1/stations/"+c.station+"/events", gen.ReportEvents{Records: []gen.SignedRecord{c.sign(kind, body)}})
	require.Equal(c.f.t, http.StatusOK, status, "%s", answer)
	require.JSONEq(c.f.t, `{"accepted":`+jsonInt(c.seq)+`}`, string(answer))
}

func jsonInt(n int64) string {
	b, _ := json.Marshal(n)
	return string(b)
}

// stage is a clinic that is ready to dose: stock, a window with a counter, patients with orders.
type stage struct {
	*fixture
	admin, pharmacist, nurse, doctor *browser
	counter                          *counter
	bottle                           gen.Bottle
	patients                         []gen.Patient
}

func witness() gen.Credential { return gen.Credential{Username: "witness", Pin: testPIN} }

func today(f *fixture) string {
	d, err := f.sv.Clinics.Today(f.t.Context(), f.clinic.ID)
	require.NoError(f.t, err)
	return d.String()
}

func newStage(t testing.TB, patients int) *stage { return stageOn(newFixture(t), patients) }

func stageOn(f *fixture, patients int) *stage {
	f.t.Helper()
	s := &stage{fixture: f}
	s.admin, s.pharmacist = f.signIn(staff.Administrator), f.signIn(staff.Pharmacist)
	s.nurse, s.doctor = f.signIn(staff.Nurse), f.signIn(staff.Doctor)
	s.openWindow()
	for range patients {
		s.patients = append(s.patients, s.enrol())
	}
	return s
}

func (s *stage) openWindow() {
	s.t.Helper()
	product, lot := newID(), newID()
	s.pharmacist.mustDo("POST", "/v1/products", gen.AddProduct{Id: product, Name: "Methadone 10 mg/mL", ConcentrationUgMl: 10_000, Form: "oral solution"}, nil)
	year := time.Now().AddDate(1, 0, 0).Format("2006-01-02")
	s.pharmacist.mustDo("POST", "/v1/lots", gen.AddLot{Id: lot, Product: product, Number: "L-01", Expiry: year}, nil)
	s.pharmacist.mustDo("POST", "/v1/lots/"+lot+"/density", gen.SetLotDensity{DensityUgMl: 1_060_000, TemperatureDecicelsius: 250}, nil)
	var received gen.BottleList
	s.pharmacist.mustDo("POST", "/v1/bottles", gen.ReceiveBottles{
		Id: newID(), Lot: lot, Supplier: "Kho tỉnh", Document: "BB-1", Witness: witness(),
		Bottles: []gen.ReceivedBottle{{Id: newID(), LabelVolumeUl: 1_081_000}}, // a litre, and what the check pours away
	}, &received)
	s.bottle = received.Items[0]
	s.pharmacist.mustDo("POST", "/v1/bottles/"+s.bottle.Id+"/open", gen.OpenBottle{Id: newID(), Unread: "no bottle scale", Witness: witness()}, &s.bottle)

	var st gen.Station
	s.admin.mustDo("POST", "/v1/stations", gen.AddStation{Id: newID(), Name: "Cửa 1"}, &st)
	pump, scale := newID(), newID()
	s.admin.mustDo("POST", "/v1/stations/"+st.Id+"/devices", gen.AddDevice{
		Id: pump, Kind: gen.DeviceKindPump, Model: "new-era",
		Profile: gen.PumpProfile{MinDoseUl: 100, MaxDoseUl: 30_000, ResolutionUl: 1, ResidualUl: 1000},
	}, nil)
	s.admin.mustDo("POST", "/v1/stations/"+st.Id+"/devices", map[string]any{"id": scale, "kind": "scale", "model": "mt-sics"}, nil)
	s.enrolCounter(st.Id)
	s.pharmacist.mustDo("POST", "/v1/stations/"+st.Id+"/bottle", gen.MountBottle{Code: s.bottle.Code}, nil)
	s.check()
}

func (s *stage) enrolCounter(station string) {
	s.t.Helper()
	var code gen.EnrolmentCode
	s.admin.mustDo("POST", "/v1/stations/"+station+"/enrolment-code", nil, &code)
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(s.t, err)
	var enrolled gen.Enrolled
	s.browser().mustDo("POST", "/v1/enrolments", gen.Enrol{Code: code.Code, PublicKey: public}, &enrolled)
	require.Equal(s.t, station, enrolled.StationId)
	s.counter = &counter{f: s.fixture, station: station, key: private, server: enrolled.ServerKey, prev: stationlog.Genesis}

	var again gen.Enrolled
	s.browser().mustDo("POST", "/v1/enrolments", gen.Enrol{Code: code.Code, PublicKey: public}, &again)
	require.Equal(s.t, enrolled, again, "a counter that lost the answer asks again")

	s.counter.report(stationlog.KindStarted, stationlog.Started{Version: "test"})
	for _, kind := range []string{"pump", "scale"} {
		s.counter.report(stationlog.KindDevice, stationlog.Device{Kind: kind, State: "ready"})
	}
}

// shows lets the scale of the window show a weight that stands still.
func (s *stage) shows(weight int64) {
	s.t.Helper()
	ready := gen.LiveDeviceStateReady
	status, answer := s.counter.do("PUT", "/v1/stations/"+s.counter.station+"/live", gen.LiveReading{
		Phase: "idle", Scale: gen.LiveScale{State: ready, WeightUg: &weight, Stable: true}, Pump: gen.LivePump{State: ready}, Scanner: gen.LiveScanner{State: ready},
	})
	require.Equal(s.t, http.StatusNoContent, status, "%s", answer)
}

// beginCheck begins the check of the day before the witness.
func (s *stage) beginCheck() gen.Check {
	s.t.Helper()
	var c gen.Check
	w := gen.OptionalCredential(witness())
	s.pharmacist.mustDo("POST", "/v1/stations/"+s.counter.station+"/checks", gen.BeginCheck{Id: newID(), TemperatureDecicelsius: 250, Pin: testPIN, Witness: &w}, &c)
	return c
}

// walk takes a check to its end; off is how much more than ordered each shot weighs, in parts per million.
func (s *stage) walk(c gen.Check, off int64) gen.Check {
	s.t.Helper()
	for gross := int64(120_000_000); ; {
		switch c.Next.Kind {
		case gen.CheckNextKindWeigh:
			s.shows(c.Next.NominalUg)
			s.pharmacist.mustDo("POST", "/v1/checks/"+c.Id+"/weighings", gen.WeighForCheck{NominalUg: c.Next.NominalUg, Weights: "F1-0427"}, &c)
		case gen.CheckNextKindPrime, gen.CheckNextKindShot:
			var p gen.CheckPour
			s.pharmacist.mustDo("POST", "/v1/checks/"+c.Id+"/pours", gen.PourForCheck{Id: newID()}, &p)
			gross = s.poured(p, gross, off)
			s.pharmacist.mustDo("GET", "/v1/checks/"+c.Id, nil, &c)
		default:
			s.pharmacist.mustDo("POST", "/v1/checks/"+c.Id+"/finish", gen.FinishCheck{Pin: testPIN}, &c)
			return c
		}
	}
}

// poured lets the counter make a pour of a check, into a vessel that it weighs. It returns what the vessel weighs then.
func (s *stage) poured(p gen.CheckPour, before, off int64) (after int64) {
	s.t.Helper()
	purpose := stationlog.OrderKind(p.Kind)
	s.counter.report(stationlog.KindDispensing, stationlog.Dispensing{Dispensing: p.Id, Volume: measure.Volume(p.VolumeUl), Purpose: purpose})
	after = before + p.VolumeUl*1060*(1_000_000+off)/1_000_000
	s.counter.report(stationlog.KindMeasured, stationlog.Outcome{
		Dispensing: p.Id, Pump: measure.Volume(p.VolumeUl), PumpKnown: true, GrossBefore: measure.Weight(before), GrossAfter: measure.Weight(after),
		WeightKnown: true, Division: 10_000, Purpose: purpose,
	})
	return after
}

// check passes the check of the day.
func (s *stage) check() {
	s.t.Helper()
	c := s.walk(s.beginCheck(), 0)
	require.True(s.t, c.Result.Passed, "%+v", c.Result)
}

func (s *stage) enrol() gen.Patient {
	s.t.Helper()
	var p gen.Patient
	s.doctor.mustDo("POST", "/v1/patients", gen.RegisterPatient{Id: newID(), Name: "Nguyễn Đức Ánh", BirthYear: 1985, Sex: gen.SexMale, Phase: gen.PhaseMaintenance}, &p)
	s.doctor.mustDo("POST", "/v1/patients/"+p.Id+"/status", gen.SetPatientStatus{Status: "awaiting_start", Reason: "đủ điều kiện"}, nil)
	s.doctor.mustDo("POST", "/v1/patients/"+p.Id+"/prescriptions", gen.SignPrescription{
		Id: newID(), DoseUg: 60_000, From: today(s.fixture), To: today(s.fixture), Phase: gen.PhaseMaintenance, Reason: "duy trì", Pin: testPIN,
	}, nil)
	s.doctor.mustDo("GET", "/v1/patients/"+p.Id, nil, &p)
	return p
}

// pour lets the counter do what an order asks: past the point of no return, and measured exactly.
func (s *stage) pour(d gen.Dispensing) {
	s.t.Helper()
	s.counter.report(stationlog.KindDispensing, stationlog.Dispensing{Dispensing: d.Id, Volume: measure.Volume(d.VolumeUl), GrossBefore: 5_000_000})
	weight := d.VolumeUl * d.DensityUgMl / 1000
	s.counter.report(stationlog.KindMeasured, stationlog.Outcome{
		Dispensing: d.Id, Pump: measure.Volume(d.VolumeUl), PumpKnown: true, GrossBefore: 5_000_000,
		GrossAfter: measure.Weight(5_000_000 + weight), WeightKnown: true, DurationMS: 4000,
	})
}

func (s *stage) begin(p gen.Patient) gen.Dispensing {
	s.t.Helper()
	var d gen.Dispensing
	s.nurse.mustDo("POST", "/v1/dispensings", gen.BeginDispensing{Id: newID(), Patient: p.Id, Station: s.counter.station}, &d)
	return d
}

// One dose from the door to the swallow, over HTTP, with the books beside it.
func TestOneDose(t *testing.T) {
	s := newStage(t, 1)
	p := s.patients[0]

	var arrived gen.CheckedIn
	s.nurse.mustDo("POST", "/v1/check-ins", gen.CheckIn{Code: p.Code}, &arrived)
	require.True(t, arrived.Decision.Allowed, "%+v", arrived.Decision.Refusals)
	require.Equal(t, 1, arrived.Ticket.Number)
	s.nurse.mustDo("POST", "/v1/tickets/"+arrived.Ticket.Id+"/call", gen.AtStation{Station: s.counter.station}, nil)

	var dec gen.Decision
	s.nurse.mustDo("GET", "/v1/patients/"+p.Id+"/decision?station="+s.counter.station, nil, &dec)
	require.True(t, dec.Allowed, "%+v", dec.Refusals)
	require.EqualValues(t, 6000, dec.VolumeUl)

	d := s.begin(p)
	require.EqualValues(t, gen.DispensingStateReserved, d.State)
	var again gen.Dispensing
	s.nurse.mustDo("POST", "/v1/dispensings", gen.BeginDispensing{Id: d.Id, Patient: p.Id, Station: s.counter.station}, &again)
	require.Equal(t, d.RecordedAt, again.RecordedAt, "the same id is the same dose")

	refusal := s.nurse.refused("POST", "/v1/dispensings", gen.BeginDispensing{Id: newID(), Patient: p.Id, Station: s.counter.station},
		http.StatusUnprocessableEntity, "dispensing.refused")
	require.Contains(t, rulesOf(refusal.problem), "dispensing.open")
	require.Contains(t, refusal.problem.Refusals[0].Message, "chưa xong")

	s.pour(d)
	s.nurse.refused("POST", "/v1/dispensings/"+d.Id+"/taken", nil, http.StatusConflict, "hand_over.missing")
	other := s.enrol()
	s.nurse.refused("POST", "/v1/dispensings/"+d.Id+"/hand-over", gen.HandOver{Code: other.Code}, http.StatusUnprocessableEntity, "hand_over.wrong_patient")
	s.nurse.mustDo("POST", "/v1/dispensings/"+d.Id+"/hand-over", gen.HandOver{Code: p.Code}, nil)
	s.nurse.mustDo("POST", "/v1/dispensings/"+d.Id+"/taken", nil, &d)
	require.EqualValues(t, gen.DispensingStateAdministered, d.State)
	require.EqualValues(t, 6000, d.MeasuredUl)
	require.True(t, d.Agreed)

	var read gen.Dispensing
	s.nurse.mustDo("GET", "/v1/dispensings/"+d.Id, nil, &read)
	require.Len(t, read.Steps, 5)
	var q gen.Queue
	s.nurse.mustDo("GET", "/v1/queue", nil, &q)
	require.Empty(t, q.Waiting)
	require.Len(t, q.Attended, 1)
	require.EqualValues(t, 60_000, q.Attended[0].DoseUg)
	var days gen.DayList
	s.nurse.mustDo("GET", "/v1/patients/"+p.Id+"/days?n=3", nil, &days)
	require.EqualValues(t, gen.PatientDayStateTaken, days.Items[2].State)
	var reg gen.DispensingRegister
	s.nurse.mustDo("GET", "/v1/registers/dispensing", nil, &reg)
	require.Len(t, reg.Rows, 1)
	require.Equal(t, 1, reg.Doses)
	require.EqualValues(t, 6000, reg.GivenUl)
	require.Equal(t, p.Name, reg.Rows[0].PatientName)
	var books gen.BalanceList
	s.pharmacist.mustDo("GET", "/v1/balances", nil, &books)
	require.EqualValues(t, 994_000, books.Items[0].Balance["bottle"])
	require.EqualValues(t, 6000, books.Items[0].Balance["administered"])

	require.NotContains(t, s.logs.String(), p.Name, "no patient data in the log")
	require.NotContains(t, s.logs.String(), p.Code, "no patient data in the log")
	require.NotContains(t, s.logs.String(), testPIN)
}

func rulesOf(p gen.Problem) []string {
	out := []string{}
	for _, r := range p.Refusals {
		out = append(out, r.Rule)
	}
	return out
}

// A refusal names every reason in the reader's language.
func TestRefusalSpeaksTheReadersLanguage(t *testing.T) {
	s := newStage(t, 1)
	p := s.patients[0]
	s.doctor.mustDo("POST", "/v1/patients/"+p.Id+"/holds", gen.PlaceHold{Id: newID(), Severity: "stop", Reason: "gặp bác sĩ trước", ClearedBy: "doctor"}, nil)
	body := mustJSON(t, gen.BeginDispensing{Id: newID(), Patient: p.Id, Station: s.counter.station})
	vi := s.nurse.send("POST", "/v1/dispensings", "application/json", body, nil)
	en := s.nurse.send("POST", "/v1/dispensings", "application/json", body, http.Header{"Accept-Language": {"en-GB,en;q=0.8"}})
	require.Equal(t, http.StatusUnprocessableEntity, vi.status)
	require.Equal(t, []string{"hold.stop"}, rulesOf(vi.problem))
	require.Equal(t, "DỪNG: gặp bác sĩ trước", vi.problem.Refusals[0].Message)
	require.Equal(t, "STOP: gặp bác sĩ trước", en.problem.Refusals[0].Message)
	require.Equal(t, []gen.Role{gen.RoleDoctor}, vi.problem.Refusals[0].ClearedBy)
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

// The exceptions: wasted with a witness, voided when nothing was poured, resolved when nobody knows.
func TestExceptionsNeedTwoPeople(t *testing.T) {
	s := newStage(t, 3)
	wasted := s.begin(s.patients[0])
	s.pour(wasted)
	path := "/v1/dispensings/" + wasted.Id + "/wasted"
	s.nurse.refused("POST", path, gen.Wasted{Reason: "đổ", Witness: gen.Credential{Username: "nurse", Pin: testPIN}}, http.StatusBadRequest, "witness.same")
	s.nurse.refused("POST", path, gen.Wasted{Reason: "đổ", Witness: gen.Credential{Username: "witness", Pin: "0000"}}, http.StatusForbidden, "witness.wrong_credential")
	s.nurse.refused("POST", path, gen.Wasted{Reason: "đổ", Witness: gen.Credential{Username: "administrator", Pin: testPIN}}, http.StatusForbidden, "witness.may_not")
	s.nurse.mustDo("POST", path, gen.Wasted{Reason: "đổ", Witness: witness()}, &wasted)
	require.EqualValues(t, gen.DispensingStateWasted, wasted.State)

	doubt := s.begin(s.patients[1])
	s.counter.report(stationlog.KindDispensing, stationlog.Dispensing{Dispensing: doubt.Id, Volume: measure.Volume(doubt.VolumeUl), GrossBefore: 5_000_000})
	s.counter.report(stationlog.KindInDoubt, stationlog.Outcome{Dispensing: doubt.Id, Reason: "no_reply"})
	path = "/v1/dispensings/" + doubt.Id + "/resolve"
	half := int64(3000)
	s.nurse.refused("POST", path, gen.ResolveDispensing{As: "wasted", Reason: "đổ bỏ", Witness: witness()}, http.StatusBadRequest, keyContract)
	s.nurse.refused("POST", path, gen.ResolveDispensing{As: "voided", Reason: "không bơm", Witness: witness()}, http.StatusBadRequest, keyContract)
	s.nurse.mustDo("POST", path, gen.ResolveDispensing{As: "wasted", VolumeUl: &half, Reason: "đổ bỏ", Witness: witness()}, &doubt)
	require.EqualValues(t, gen.DispensingStateWasted, doubt.State)

	partly := s.begin(s.patients[2])
	s.pour(partly)
	s.nurse.mustDo("POST", "/v1/dispensings/"+partly.Id+"/hand-over", gen.HandOver{Code: s.patients[2].Code}, nil)
	s.nurse.mustDo("POST", "/v1/dispensings/"+partly.Id+"/partly-taken", gen.PartlyTaken{LeftUl: 1000, Reason: "buồn nôn", Witness: witness()}, &partly)
	require.EqualValues(t, gen.DispensingStatePartlyTaken, partly.State)

	var reg gen.DispensingRegister
	s.nurse.mustDo("GET", "/v1/registers/dispensing", nil, &reg)
	require.EqualValues(t, 5000, reg.GivenUl)
	require.EqualValues(t, 6000+3000+1000, reg.WastedUl)
	require.Zero(t, reg.Open)
	require.Equal(t, "Người witness", reg.Rows[0].Witness)
}

// Records of a station are accepted once, in order, and from that station alone.
func TestStationReports(t *testing.T) {
	s := newStage(t, 0)
	c := s.counter
	path := "/v1/stations/" + c.station
	status, body := c.do("GET", path+"/standing", nil)
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"seq":`+jsonInt(c.seq)+`,"hash":"`+c.prev+`"}`, string(body))

	scan := c.sign(stationlog.KindScanned, stationlog.Scanned{Text: "P0700000139"})
	for range 2 {
		status, body = c.do("POST", path+"/events", gen.ReportEvents{Records: []gen.SignedRecord{scan}})
		require.Equal(t, http.StatusOK, status, "%s", body)
	}
	c.seq++ // one is lost
	status, body = c.do("POST", path+"/events", gen.ReportEvents{Records: []gen.SignedRecord{c.sign(stationlog.KindScanned, stationlog.Scanned{Text: "x"})}})
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, string(body), "record.gap")

	req := c.request("GET", path+"/standing", nil)
	req.Header.Set("Authorization", stationlog.Authorization(c.station, "GET", path+"/standing", time.Now().Add(-time.Hour), nil, c.key))
	require.Equal(t, http.StatusUnauthorized, statusOfRequest(t, req), "an old request")
	_, stranger, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", stationlog.Authorization(c.station, "GET", path+"/standing", time.Now(), nil, stranger))
	require.Equal(t, http.StatusUnauthorized, statusOfRequest(t, req), "another key")
	other := "/v1/stations/" + newID() + "/standing"
	status, _ = c.do("GET", other, nil)
	require.Equal(t, http.StatusForbidden, status, "another station's standing")
	s.nurse.refused("GET", path+"/standing", nil, http.StatusUnauthorized, keyStation)

	s.admin.mustDo("POST", path+"/revoke", gen.RevokeStation{Reason: "máy hỏng"}, nil)
	status, _ = c.do("GET", path+"/standing", nil)
	require.Equal(t, http.StatusUnauthorized, status, "a revoked station is not believed, at once")
}

func statusOfRequest(t *testing.T, req *http.Request) int {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}

// Orders reach the counter as soon as they are begun, are signed, and stand until answered; a cancelled one asks for the
// counter's word.
func TestOrdersReachTheCounter(t *testing.T) {
	s := newStage(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lines := openStream(t, s.counter.request("GET", "/v1/stations/"+s.counter.station+"/orders", nil).WithContext(ctx))

	d := s.begin(s.patients[0])
	order := nextOrder(t, lines, s.counter)
	require.Equal(t, stationlog.Pour, order.Kind)
	require.Equal(t, d.Id, order.Dispensing)
	require.EqualValues(t, 6000, order.Volume)
	require.EqualValues(t, 1_060_000, order.Density)
	require.Positive(t, order.RemainingMS)

	s.nurse.mustDo("POST", "/v1/dispensings/"+d.Id+"/cancel", nil, nil)
	order = nextOrder(t, lines, s.counter)
	require.Equal(t, stationlog.Cancel, order.Kind)
	s.counter.report(stationlog.KindNeverCommanded, stationlog.NeverCommanded{Dispensing: d.Id, Reason: "cancelled"})
	s.nurse.mustDo("GET", "/v1/dispensings/"+d.Id, nil, &d)
	require.EqualValues(t, gen.DispensingStateVoided, d.State)

	again := s.begin(s.patients[0])
	require.Equal(t, again.Id, nextOrder(t, lines, s.counter).Dispensing)
	lines2 := openStream(t, s.counter.request("GET", "/v1/stations/"+s.counter.station+"/orders", nil).WithContext(ctx))
	require.Equal(t, again.Id, nextOrder(t, lines2, s.counter).Dispensing, "a counter that comes back hears what stands")
}

func nextOrder(t *testing.T, events <-chan sseEvent, c *counter) stationlog.Order {
	t.Helper()
	e := next(t, events)
	require.Equal(t, "order", e.name)
	var signed stationlog.Signed
	require.NoError(t, json.Unmarshal([]byte(e.data), &signed))
	order, err := signed.OpenOrder(c.server, c.station)
	require.NoError(t, err)
	return order
}

// What the devices show is passed on with its age, and is not made up.
func TestLiveReadings(t *testing.T) {
	s := newStage(t, 0)
	path := "/v1/stations/" + s.counter.station
	events := openStream(t, s.nurse.request(t, path+"/stream", ""))
	require.Equal(t, "live", next(t, events).name, "what was shown of the check weights is still known")
	reading := `{"phase":"idle","dispensing":"","target_ul":0,"moved_ul":null,"scale":{"state":"ready","weight_ug":5000000,"stable":true,"at":"2026-03-01T01:02:03Z"},"pump":{"state":"ready","detail":""},"scanner":{"state":"none"},"cup":null,"queue_depth":0}`
	status, body := s.counter.do("PUT", path+"/live", json.RawMessage(reading))
	require.Equal(t, http.StatusNoContent, status, "%s", body)
	e := next(t, events)
	require.Equal(t, "live", e.name)
	var live gen.StationLive
	require.NoError(t, json.Unmarshal([]byte(e.data), &live))
	require.True(t, live.Known)
	require.Nil(t, live.Reading.Cup)
	require.EqualValues(t, 5_000_000, *live.Reading.Scale.WeightUg)

	s.counter.report(stationlog.KindScanned, stationlog.Scanned{Text: "P0700000139"})
	e = next(t, events)
	require.Equal(t, "scan", e.name)
	require.Contains(t, e.data, `"kind":"unknown"`, "wrong check digits are nobody's card")

	lagging := strings.Replace(reading, `"queue_depth":0`, `"queue_depth":3,"queue_oldest_ms":90000`, 1)
	status, _ = s.counter.do("PUT", path+"/live", json.RawMessage(lagging))
	require.Equal(t, http.StatusNoContent, status)
	windows := s.srv.Windows()
	require.Len(t, windows, 1)
	require.EqualValues(t, 3, windows[0].QueueDepth)
	require.InDelta(t, 90, windows[0].QueueAge.Seconds(), 10, "what the counter said, and the time since")
	status, _ = s.counter.do("PUT", path+"/live", json.RawMessage(reading))
	require.Equal(t, http.StatusNoContent, status)
	require.Zero(t, s.srv.Windows()[0].QueueAge)

	wrong := strings.Replace(reading, `"weight_ug":5000000`, `"weight_g":5`, 1)
	status, _ = s.counter.do("PUT", path+"/live", json.RawMessage(wrong))
	require.Equal(t, http.StatusBadRequest, status, "another unit is another name, and is not known")
}
