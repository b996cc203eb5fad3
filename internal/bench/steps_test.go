package bench

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// dose is one patient's dose at one window, with everything that both sides send prepared before the clock runs.
type dose struct {
	site   *site
	window *window
	person person
	nurse  nurse
	id     string
}

func (s *site) dose(win *window, p person, n nurse) dose {
	return dose{site: s, window: win, person: p, nurse: n, id: id.New[string]()}
}

func (d dose) entry(kind, actorKind, actor string, data map[string]any) audit.Entry {
	return audit.Entry{
		Clinic: clinic.ID(d.site.id), Recorded: d.site.w.now, Actor: audit.Actor{Kind: audit.ActorKind(actorKind), ID: actor},
		Action: "dispensing." + kind, Subject: d.id, Data: audit.Data(data),
	}
}

// begin is the limit's begin: the values are those that the server would find and decide.
func (d dose) begin(b *testing.B) call {
	b.Helper()
	s, w := d.site, d.site.w
	e := d.entry("begin", "staff", d.nurse.id, map[string]any{
		"patient": d.person.id, "prescription": d.person.order, "station": d.window.id, "bottle": d.window.bottle,
		"day": w.today, "part": 1, "dose_ug": doseMass, "volume_ul": doseVolume, "pack": "vn", "pack_version": 1,
		"notes": []any{},
	})
	payload, err := e.Payload()
	check(b, err)
	at := w.now.Time()
	return call{limitBegin, []any{
		d.person.id, s.id, d.window.id, day(w.today), day(w.today.AddDays(-dosing.HistoryDays)), d.id,

		d.id, s.id, d.person.id, d.person.order, d.window.id, d.window.bottle, s.lot, day(w.today), 1, "observed",
		int64(doseMass), int64(doseVolume), int64(strength), int64(density), "vn", 1, "[]", d.nurse.id, at, at.Add(45 * time.Second),
		"staff", d.nurse.id, "", 0, "", at, at,
		id.New[string](), d.id, "begin", at, at,
		payload, at, "staff", d.nurse.id, "", e.Action, e.Subject,
	}}
}

func day(d calendar.Day) string { return d.String() }

// The steps after the begin, as the server writes them.
type step struct {
	seq                  int
	kind, from, to       string
	open                 bool
	pump, weighed, moved int64
	handed               bool
	byStation            bool
	end                  bool
}

// poured is what pump and scale say of every dose: 6 mL, weighed to the microlitre.
const poured, weighs = int64(doseVolume), 6_360_000

var (
	stepDispensing = step{seq: 2, kind: "dispensing", from: "reserved", to: "dispensing", open: true, byStation: true}
	stepMeasured   = step{seq: 3, kind: "measured", from: "dispensing", to: "measured", open: true, pump: poured, weighed: weighs, moved: poured, byStation: true}
	stepHanded     = step{seq: 4, kind: "handed_over", from: "measured", to: "measured", open: true, pump: poured, weighed: weighs, moved: poured, handed: true}
	stepTaken      = step{seq: 5, kind: "administered", from: "measured", to: "administered", pump: poured, weighed: weighs, moved: poured, handed: true, end: true}
)

// step is the limit's step; a counter's carries its signed record.
func (d dose) step(b *testing.B, st step, rec *stationlog.Signed, event int64) call {
	b.Helper()
	s, w := d.site, d.site.w
	at := w.now.Time()
	actorKind, actor, name, data := "staff", d.nurse.id, limitAct, ""
	if st.byStation {
		actorKind, actor, name, data = "station", d.window.id, limitRecord, string(rec.Payload)
	}
	e := d.entry(st.kind, actorKind, actor, map[string]any{"step": st.seq, "from": st.from, "to": st.to, "event": event, "data": data})
	payload, err := e.Payload()
	check(b, err)
	var handed, mass, doseKind, doseAt, doseDay, part any
	if st.handed {
		handed = at
	}
	moves, deltas, n := "[]", "{}", 0
	doseKind, mass, part = "", 0, 0
	if st.end {
		doseKind, mass, part, doseDay, doseAt = "observed", int64(doseMass), 1, day(w.today), at
		moves, deltas, n = d.takenMoves(b), fmt.Sprintf(`{"supplier":0,"store":0,"bottle":0,"reserved":%d,"in_doubt":0,"administered":%d,"take_home":0,"waste":0,"purge":0,"loss":0,"surplus":0,"returned":0,"destroyed":0,"transferred":0}`, -poured, poured), 1
	}
	args := []any{d.id, s.id}
	if st.byStation {
		args = append(args, d.window.id, s.id,
			d.window.id, event, s.id, st.kind, at, at, rec.Payload, rec.Signature, rec.Hash())
	}
	args = append(args,
		d.id, s.id, st.to, st.open, st.seq, st.pump, st.weighed, st.weighed > 0, st.moved, st.weighed > 0, handed, at.Add(45*time.Second), st.from,
		st.kind, actorKind, actor, "", event, data, at, at,
		d.person.id, doseDay, part, mass, doseKind, doseAt, st.end, st.end, day(w.today),
		nil, "", "", nil, moves, deltas, n, d.window.bottle,
		s.id, payload, at, actorKind, actor, "", e.Action, e.Subject)
	return call{name, args}
}

func (d dose) takenMoves(b *testing.B) string {
	b.Helper()
	t, err := json.Marshal([]map[string]any{{
		"id": id.New[string](), "n": 1, "from_account": "reserved", "to_account": "administered", "amount": poured,
		"from_off": 0, "to_off": 0, "cause": d.id, "reason": "taken", "occurred": d.site.w.now, "recorded": d.site.w.now, "reverses": nil,
	}})
	check(b, err)
	return string(t)
}

// records are the two records that a counter makes of a dose, which move the end of the window's chain.
func (d dose) records(b *testing.B) [2]stationlog.Signed {
	b.Helper()
	return [2]stationlog.Signed{
		d.window.sign(b, stationlog.KindDispensing, stationlog.Dispensing{Dispensing: d.id, Volume: doseVolume, GrossBefore: 5_000_000}),
		d.window.sign(b, stationlog.KindMeasured, stationlog.Outcome{
			Dispensing: d.id, Pump: doseVolume, PumpKnown: true, GrossBefore: 5_000_000, GrossAfter: 5_000_000 + weighs, WeightKnown: true, DurationMS: 4200,
		}),
	}
}

func (win *window) sign(b *testing.B, kind stationlog.Kind, body any) stationlog.Signed {
	b.Helper()
	text, err := json.Marshal(body)
	check(b, err)
	win.seq++
	s, err := stationlog.Sign(stationlog.Record{
		Station: win.id, Seq: win.seq, Prev: win.prev, Kind: kind, Occurred: time.Now(), Body: text,
	}, win.key)
	check(b, err)
	win.prev = s.Hash()
	return s
}

// byHand are the five calls of a whole dose.
func (d dose) byHand(b *testing.B) [5]call {
	b.Helper()
	first := d.window.seq + 1
	r := d.records(b)
	return [5]call{
		d.begin(b), d.step(b, stepDispensing, &r[0], first), d.step(b, stepMeasured, &r[1], first+1),
		d.step(b, stepHanded, nil, 0), d.step(b, stepTaken, nil, 0),
	}
}

// overHTTP are the five requests of a whole dose.
func (d dose) overHTTP(b *testing.B, cookie string) [5][]byte {
	b.Helper()
	r := d.records(b)
	return [5][]byte{
		d.beginRequest(cookie), d.report(r[0]), d.report(r[1]),
		request("/v1/dispensings/"+d.id+"/hand-over", cookie, "", fmt.Appendf(nil, `{"code":%q}`, d.person.code)),
		request("/v1/dispensings/"+d.id+"/taken", cookie, "", nil),
	}
}

func (d dose) beginRequest(cookie string) []byte {
	return request("/v1/dispensings", cookie, "", fmt.Appendf(nil, `{"id":%q,"patient":%q,"station":%q}`, d.id, d.person.id, d.window.id))
}

func (d dose) report(s stationlog.Signed) []byte {
	path := "/v1/stations/" + d.window.id + "/events"
	body := fmt.Appendf(nil, `{"records":[{"payload":%q,"signature":%q}]}`,
		base64.StdEncoding.EncodeToString(s.Payload), base64.StdEncoding.EncodeToString(s.Signature))
	return request(path, "", stationlog.Authorization(d.window.id, "POST", path, time.Now(), body, d.window.key), body)
}
