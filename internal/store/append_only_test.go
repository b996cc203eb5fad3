package store

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// appendOnly are the tables that only ever grow, each with a column to try to change.
var appendOnly = map[string]string{
	"rule_adoption": "pack", "clearance": "note", "move": "reason", "document": "reason",
	"station_key": "from_event", "station_record": "kind", "dispensing": "reasons", "dispensing_step": "data", "dose": "mass_ug",
	"incident": "kind", "audit_event": "action", "treatment_target": "patients",
	"placement": "place", "count_entry": "method", "variance": "parts", "bottle_weight": "person",
	"check_limits": "limits", "station_check": "limits", "check_weighing": "weights",
	"check_pour": "kind", "check_pour_step": "data", "check_result": "figures", "recalibration": "note",
}

// fill puts a row into every append-only table and returns the dispensing.
func fill(t testing.TB, s *Store, w world) dispensing.Dispensing {
	t.Helper()
	signer := newSigner(t, s, w, 0)
	b := w.beginning(0, 0, 1)
	paper, count := id.New[stock.DocumentID](), id.New[stock.CountID]()
	must(t, w.begin(t, s, b))
	must(t, s.inTx(t.Context(), w.clinic, func(tx *Tx) error {
		c, err := tx.LockClinic(t.Context(), w.clinic)
		if err != nil {
			return err
		}
		c.AdoptedBy, c.AdoptedAt = string(w.doctor), eight
		d, err := tx.Lock(t.Context(), b.Dispensing.ID)
		if err != nil {
			return err
		}
		step := w.change(d, dispensing.StepMeasured)
		step.Incident = &dispensing.Incident{ID: id.New[string](), Clinic: w.clinic, Dispensing: d.ID, Kind: "test", Data: []byte(`{}`), Opened: eight}
		last := w.change(step.Dispensing, dispensing.StepAdministered, w.move(d.Bottle, stock.Reserved, stock.Administered, d.Volume))
		last.Dose = &dosing.Dose{Day: d.Day, Part: d.Part, Mass: d.Dose, Kind: dosing.Observed, At: eight}
		return errors.Join(
			tx.UpdateClinic(t.Context(), c), tx.Advance(t.Context(), step), tx.Advance(t.Context(), last),
			tx.InsertClearance(t.Context(), prescription.Clearance{
				ID: id.New[prescription.ClearanceID](), Clinic: w.clinic, Patient: w.patients[0], Rule: "missed", Day: theDay, By: w.doctor, Recorded: eight,
			}),
			tx.InsertDocument(t.Context(), stock.Document{
				ID: paper, Clinic: w.clinic, Kind: stock.Wasting, By: "a", Witness: "b", Occurred: eight, Recorded: eight,
			}),
			tx.InsertTarget(t.Context(), clinic.Target{Clinic: w.clinic, Year: 2026, Patients: 10, By: "a", Recorded: eight}),
			tx.Place(t.Context(), stock.Placement{
				ID: id.New[string](), Bottle: w.bottles[0], Document: paper, Place: stock.PlaceCabinet, Recorded: eight,
			}),
			tx.AddWeights(t.Context(), []stock.Weight{{ID: id.New[string](), Bottle: w.bottles[0], Occasion: stock.AtCount, Gross: 1, Recorded: eight}}),
			tx.InsertCount(t.Context(), stock.Count{ID: count, Clinic: w.clinic, Phase: stock.PhaseStock, State: stock.Settled, StartedAt: eight}),
			tx.InsertEntries(t.Context(), []stock.Entry{
				{Count: count, Person: "a", Bottle: w.bottles[0], Method: stock.ByVolume, Recorded: eight},
				{Count: count, Person: "b", Bottle: w.bottles[0], Method: stock.ByVolume, Recorded: eight},
			}),
			tx.InsertVariances(t.Context(), []stock.Variance{{Count: count, Bottle: w.bottles[0], Lot: w.lot, Day: theDay, Recorded: eight}}),
			signer.append(t, tx, stationlog.KindStarted),
			tx.InsertLimits(t.Context(), calibration.SetLimits{Limits: calibration.DefaultLimits(), Seq: 1, By: w.doctor, Recorded: eight}),
			recalibrate(t, tx, w),
		)
	}))
	return b.Dispensing
}

func recalibrate(t testing.TB, tx *Tx, w world) error {
	pump, err := tx.DeviceOf(t.Context(), w.stations[0], equipment.Pump)
	return errors.Join(err, tx.InsertRecalibration(t.Context(), calibration.Recalibration{
		ID: id.New[calibration.RecalibrationID](), Clinic: w.clinic, Station: w.stations[0], Device: pump.ID, Kind: calibration.Recalibrated,
		Method: "weighed", FactorBefore: "26.70", FactorAfter: "26.59", By: w.doctor, Recorded: eight,
	}))
}

func TestRecordsCannotBeChanged(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		url := sqliteURL(t)
		s := open(t, url, Options{})
		fill(t, s, newWorld(t, s, 1, 1, 1))
		db, _, err := openOwner(t.Context(), url)
		must(t, err)
		defer func() { must(t, db.Close()) }()
		for table, column := range appendOnly {
			refused(t, db, "UPDATE "+table+" SET "+column+" = "+column, "append_only")
			refused(t, db, "DELETE FROM "+table, "append_only")
			refused(t, db, "REPLACE INTO "+table+" SELECT * FROM "+table, "append_only")
		}
	})
	t.Run("postgres owner", func(t *testing.T) {
		url := server.Database(t)
		s := open(t, url, Options{})
		fill(t, s, newWorld(t, s, 1, 1, 1))
		db, _, err := openOwner(t.Context(), url)
		must(t, err)
		defer func() { must(t, db.Close()) }()
		for table, column := range appendOnly {
			refused(t, db, "UPDATE "+table+" SET "+column+" = "+column, "23001")
			refused(t, db, "DELETE FROM "+table, "23001")
			refused(t, db, "TRUNCATE "+table+" CASCADE", "23001")
		}
	})
	t.Run("postgres application", func(t *testing.T) {
		s := onPostgres(t, Options{})
		fill(t, s, newWorld(t, s, 1, 1, 1))
		db, err := s.write.DB()
		must(t, err)
		for table, column := range appendOnly {
			refused(t, db, "UPDATE "+table+" SET "+column+" = "+column, "42501")
			refused(t, db, "DELETE FROM "+table, "42501")
			refused(t, db, "TRUNCATE "+table+" CASCADE", "42501")
		}
		for _, table := range []string{"patient", "bottle_balance", "dispensing_state", "audit_head", "clinic", "prescription"} {
			refused(t, db, "DELETE FROM "+table, "42501")
		}
		refused(t, db, "DROP TABLE move", "42501")
		refused(t, db, "ALTER TABLE move DISABLE TRIGGER ALL", "42501")
		refused(t, db, "CREATE TABLE mine (x int)", "42501")
	})
}

// refused fails the test unless the statement is refused for the reason: a text on SQLite, a SQLSTATE on PostgreSQL.
func refused(t *testing.T, db *sql.DB, statement, reason string) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), statement)
	var pg *pgconn.PgError
	switch {
	case err == nil:
		t.Errorf("%s was done", statement)
	case errors.As(err, &pg) && pg.Code == reason:
	case pg == nil && strings.Contains(err.Error(), reason):
	default:
		t.Errorf("%s: %v, not %s", statement, err, reason)
	}
}

// The list above is complete, and so is that of the migrations.
func TestEveryAppendOnlyTableIsListed(t *testing.T) {
	s := open(t, sqliteURL(t), Options{})
	var tables []string
	must(t, s.read.Raw("SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%_no_delete'").Scan(&tables).Error)
	if len(tables) != len(appendOnly) {
		t.Errorf("%d tables refuse deletion, the test knows %d", len(tables), len(appendOnly))
	}
	for _, table := range tables {
		if appendOnly[table] == "" {
			t.Errorf("%s is not in the test", table)
		}
	}
}

func TestClinicDayIsFixed(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 0, 0)
		c, err := s.Clinics().Clinic(t.Context(), w.clinic)
		must(t, err)
		c.CutOver += 3_600_000_000_000
		err = s.inTx(t.Context(), w.clinic, func(tx *Tx) error { return tx.UpdateClinic(t.Context(), c) })
		wantFault(t, err, "clinic.day_fixed")
	})
}
