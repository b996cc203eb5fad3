package bench

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/ncruces/go-sqlite3/driver"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/calibration/walk"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/pkg/cardcode"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// What every dose here is: 60 mg of a solution of 10 mg/mL, out of a bottle that no run empties.
const (
	doseMass    = 60 * measure.Milligram
	doseVolume  = 6 * measure.Millilitre
	bottleHolds = 100 * measure.Litre
	density     = measure.Density(1_060_000)
	strength    = 10 * measure.MilligramPerMillilitre
	password    = "correct horse battery staple"
	pin         = "482913"
)

// world is a database with clinics in it, and a way past the program into its tables.
type world struct {
	url   string
	db    *sql.DB // owner's rights
	store *store.Store
	now   calendar.Instant
	today calendar.Day
	hash  string // of every nurse's password
	pin   string // and PIN
}

// site is one clinic.
type site struct {
	w        *world
	id       string
	number   int
	doctor   string
	product  string
	lot      string
	nurses   []nurse
	windows  int
	patients int
}

type nurse struct{ id, username string }

// window is a station with everything a dose needs, and the counter's end of its chain of records.
type window struct {
	id, bottle string
	key        ed25519.PrivateKey
	seq        int64
	prev       string
}

// person is a patient who has an order for today and came for the dose.
type person struct {
	id, order, ticket, code string
	number                  int
}

func onPostgres(b *testing.B) *world { return newWorld(b, server.Database(b), "pgx") }

func onSQLite(b *testing.B) *world {
	b.Helper()
	url := "sqlite://" + filepath.Join(b.TempDir(), "lieu.db")
	if _, err := store.Migrate(b.Context(), url); err != nil {
		b.Fatal(err)
	}
	return newWorld(b, url, "sqlite3")
}

func newWorld(b *testing.B, url, kind string) *world {
	b.Helper()
	w := &world{url: url, now: calendar.At(time.Now())}
	var err error
	if w.store, err = store.Open(b.Context(), url, store.Options{}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { check(b, w.store.Close()) })
	if kind == "pgx" {
		w.db, err = sql.Open("pgx", url)
	} else {
		w.db, err = driver.Open("file:" + strings.TrimPrefix(url, "sqlite://") +
			"?_txlock=immediate&_timefmt=2006-01-02T15:04:05.000000Z07:00&_pragma=busy_timeout(60000)&_pragma=foreign_keys(1)&_pragma=synchronous(2)")
		w.db.SetMaxOpenConns(1)
	}
	check(b, err)
	b.Cleanup(func() { check(b, w.db.Close()) })
	cal, err := calendar.New("Asia/Ho_Chi_Minh", 4*time.Hour, nil)
	check(b, err)
	w.today = cal.Day(w.now)
	w.hash, err = hashers().Password.Hash(b.Context(), password)
	check(b, err)
	w.pin, err = hashers().PIN.Hash(b.Context(), pin)
	check(b, err)
	return w
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// insert writes rows of one table, many per statement.
func (w *world) insert(b *testing.B, tx *sql.Tx, table, columns string, rows [][]any) {
	b.Helper()
	width := len(strings.Split(columns, ","))
	for len(rows) > 0 {
		n := min(len(rows), 20_000/width)
		var values strings.Builder
		args := make([]any, 0, n*width)
		for i, row := range rows[:n] {
			if i > 0 {
				values.WriteString(", ")
			}
			values.WriteByte('(')
			for j, v := range row {
				if j > 0 {
					values.WriteString(", ")
				}
				fmt.Fprintf(&values, "$%d", len(args)+1)
				args = append(args, v)
			}
			values.WriteByte(')')
		}
		if _, err := tx.ExecContext(b.Context(), "INSERT INTO "+table+" ("+columns+") VALUES "+values.String(), args...); err != nil {
			b.Fatalf("%s: %v", table, err)
		}
		rows = rows[n:]
	}
}

func (w *world) within(b *testing.B, fill func(*sql.Tx)) {
	b.Helper()
	tx, err := w.db.BeginTx(b.Context(), nil)
	check(b, err)
	defer tx.Rollback() //nolint:errcheck // committed below, or the benchmark failed
	fill(tx)
	check(b, tx.Commit())
}

// clinic adds a site with its stock register and as many nurses as there will be windows in use at once.
func (w *world) clinic(b *testing.B, number, nurses int) *site {
	b.Helper()
	s := &site{w: w, id: id.New[string](), number: number, doctor: id.New[string](), product: id.New[string](), lot: id.New[string]()}
	roles := func(r ...string) string { t, _ := json.Marshal(r); return string(t) }
	people := [][]any{{s.doctor, s.id, fmt.Sprintf("doctor%d", number), "Trần Thị Bình", roles("doctor"), "", "", true}}
	for i := range nurses {
		n := nurse{id.New[string](), fmt.Sprintf("nurse%d.%d", number, i)}
		s.nurses = append(s.nurses, n)
		people = append(people, []any{n.id, s.id, n.username, "Nguyễn Thị Hoa", roles("nurse", "pharmacist", "supervisor"), w.hash, w.pin, true})
	}
	w.within(b, func(tx *sql.Tx) {
		w.insert(b, tx, "clinic", "id, number, name, province, kind, zone, cut_over_s, rule_pack, rule_pack_version, adopted_by, adopted_at, demo",
			[][]any{{s.id, number, "Phòng khám", "Hải Phòng", "treatment_facility", "Asia/Ho_Chi_Minh", 4 * 3600, "vn", 1, s.doctor, w.now, false}})
		w.insert(b, tx, "audit_head", "clinic, seq, prev, hash", [][]any{{s.id, 0, audit.Genesis, audit.Genesis}})
		w.insert(b, tx, "staff", "id, clinic, username, name, roles, password_hash, pin_hash, active", people)
		w.insert(b, tx, "product", "id, clinic, name, concentration_ug_ml, form, registration, gtin",
			[][]any{{s.product, s.id, "Methadone", int64(strength), "syrup", "", ""}})
		w.insert(b, tx, "lot", "id, clinic, product, number, concentration_ug_ml, density_ug_ml, density_by, density_at, density_temp_dc, expiry, state, funding",
			[][]any{{s.lot, s.id, s.product, "L1", int64(strength), int64(density), s.doctor, w.now, 250, w.today.AddDays(300), "released", ""}})
	})
	return s
}

// open adds windows, each with its own bottle and devices, checked today.
func (s *site) open(b *testing.B, n int) []window { b.Helper(); return s.openWith(b, n, bottleHolds) }

func (s *site) openWith(b *testing.B, n int, holds measure.Volume) []window {
	b.Helper()
	out := s.mount(b, n, holds)
	for i := range out {
		s.check(b, &out[i])
	}
	return out
}

// mount adds windows that are not checked.
func (s *site) mount(b *testing.B, n int, holds measure.Volume) []window {
	b.Helper()
	w := s.w
	out := make([]window, n)
	var bottles, balances, moves, stations, keys, devices [][]any
	for i := range out {
		_, key, err := ed25519.GenerateKey(nil)
		check(b, err)
		s.windows++
		x := window{id: id.New[string](), bottle: id.New[string](), key: key, prev: stationlog.Genesis}
		out[i] = x
		full := int64(holds)
		bottles = append(bottles, []any{x.bottle, s.id, s.lot, cardcode.Format(cardcode.Bottle, s.number, s.windows), "in_use", full, 0, w.now, 0})
		balances = append(balances, []any{x.bottle, s.id, s.lot, 2, -full, 0, full, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
		moves = append(moves,
			[]any{id.New[string](), s.id, x.bottle, 1, s.lot, "supplier", "store", full, -full, full, "receipt", "", w.now, w.now},
			[]any{id.New[string](), s.id, x.bottle, 2, s.lot, "store", "bottle", full, 0, full, "open", "", w.now, w.now})
		stations = append(stations, []any{x.id, s.id, fmt.Sprintf("Cửa %d", s.windows), []byte(key.Public().(ed25519.PublicKey)), "", true, x.bottle, false, 0, ""})
		keys = append(keys, []any{x.id, 1, s.id, 1, []byte(key.Public().(ed25519.PublicKey))})
		profile, err := json.Marshal(equipment.Profile{MinDose: 100, MaxDose: 50 * measure.Millilitre, Resolution: 10})
		check(b, err)
		for _, kind := range []string{"pump", "scale"} {
			d := id.New[string]()
			text := "{}"
			if kind == "pump" {
				text = string(profile)
			}
			devices = append(devices, []any{d, s.id, x.id, kind, "sim", "", "ready", w.now, "", text})
		}
	}
	w.within(b, func(tx *sql.Tx) {
		w.insert(b, tx, "bottle", "id, clinic, lot, code, state, label_volume_ul, tare_weight_ug, opened_at, opened_gross_ug", bottles)
		w.insert(b, tx, "bottle_balance", "id, clinic, lot, moves, supplier, store, bottle, reserved, in_doubt, administered, take_home, waste, purge, loss, surplus, returned, destroyed, transferred", balances)
		w.insert(b, tx, "move", "id, clinic, bottle, seq, lot, from_account, to_account, amount_ul, from_after_ul, to_after_ul, cause, reason, occurred, recorded", moves)
		w.insert(b, tx, "station", "id, clinic, name, public_key, enrol_code, active, bottle, manual, event_seq, event_hash", stations)
		w.insert(b, tx, "station_key", "station, seq, clinic, from_event, public_key", keys)
		w.insert(b, tx, "device", "id, clinic, station, kind, model, serial, state, state_at, detail, profile", devices)
	})
	return out
}

// check carries out the check of the day at a window, and plays its counter.
func (s *site) check(b *testing.B, win *window) {
	b.Helper()
	clinics := clinic.NewService(s.w.store.Clinics(), time.Now)
	doses := dispensing.NewService(s.w.store.Dispensings(), packs(b), time.Now, dispensing.Options{})
	somebody := func(key string) staff.Member {
		return staff.Member{ID: staff.ID(key), Clinic: clinic.ID(s.id), Active: true, Roles: []staff.Role{staff.Pharmacist}}
	}
	c, err := walk.Walk{
		Service: calibration.NewService(s.w.store.Calibration(), clinics, time.Now, calibration.Options{}),
		Clinic:  clinic.ID(s.id), Station: equipment.StationID(win.id), Pair: staff.Pair{By: somebody(s.doctor), Witness: somebody("witness")},
		Report: func(ctx context.Context, kind stationlog.Kind, body any) error {
			st := equipment.Station{
				ID: equipment.StationID(win.id), Clinic: clinic.ID(s.id), PublicKey: win.key.Public().(ed25519.PublicKey),
			}
			_, err := doses.Report(ctx, st, []stationlog.Signed{win.sign(b, kind, body)})
			return err
		},
	}.Run(b.Context())
	check(b, err)
	if !c.Result.Passed {
		b.Fatalf("%+v", c.Result.Figures)
	}
}

// arrive adds patients with an order for today and a ticket.
func (s *site) arrive(b *testing.B, n int) []person {
	b.Helper()
	w := s.w
	out := s.due(b, n)
	var tickets [][]any
	for _, p := range out {
		tickets = append(tickets, []any{p.ticket, s.id, w.today, p.number, p.id, "called", "", w.now, w.now})
	}
	w.within(b, func(tx *sql.Tx) {
		w.insert(b, tx, "ticket", "id, clinic, day, number, patient, state, priority, arrived_at, called_at", tickets)
	})
	return out
}

// due adds patients with an order for today.
func (s *site) due(b *testing.B, n int) []person {
	b.Helper()
	w := s.w
	out := make([]person, n)
	var patients, orders [][]any
	parts := fmt.Sprintf("[%d]", int64(doseMass))
	for i := range out {
		s.patients++
		p := person{
			id: id.New[string](), order: id.New[string](), ticket: id.New[string](),
			code: cardcode.Format(cardcode.Patient, s.number, s.patients), number: s.patients,
		}
		out[i] = p
		patients = append(patients, []any{p.id, s.id, p.code, "Nguyễn Văn Đức", "nguyen van duc", 1980, "male", false, "in_treatment",
			"maintenance", w.today.AddDays(-400), "", 0})
		orders = append(orders, []any{p.order, s.id, p.id, 1, int64(doseMass), parts, w.today.AddDays(-10), w.today.AddDays(10),
			"maintenance", "", s.doctor, w.now, "active", ""})
	}
	w.within(b, func(tx *sql.Tx) {
		w.insert(b, tx, "patient", "id, clinic, code, name, name_fold, birth_year, sex, has_photo, status, phase, enrolled_on, end_reason, version", patients)
		w.insert(b, tx, "prescription", "id, clinic, patient, version, dose_ug, parts_ug, from_day, to_day, phase, reason, prescriber, signed_at, status, ended_by", orders)
	})
	return out
}

// settle brings the planner's figures up to date, as a database that has been running for a day has them.
func (w *world) settle(b *testing.B) {
	b.Helper()
	_, err := w.db.ExecContext(b.Context(), "ANALYZE")
	check(b, err)
}

// count reads one number.
func (w *world) count(b *testing.B, query string, args ...any) int {
	b.Helper()
	var n int
	check(b, w.db.QueryRowContext(context.WithoutCancel(b.Context()), query, args...).Scan(&n))
	return n
}
