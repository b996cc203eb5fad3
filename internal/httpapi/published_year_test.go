package httpapi

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// publishedSites are the province of the published year, clinic by clinic.
var publishedSites = []struct {
	district                                                   string
	stayed, entered, returned, dropped, transferredOut, target int
}{
	{"Hàm Yên", 158, 44, 12, 18, 3, 236},
	{"Hàm Yên", 126, 33, 9, 14, 3, 186},
	{"Na Hang", 105, 28, 8, 12, 2, 156},
	{"Na Hang", 85, 22, 6, 9, 2, 125},
	{"Chiêm Hóa", 67, 17, 4, 7, 1, 97},
}

// publishedYear puts the files of that year into the database, as years of work would have left them there.
type publishedYear struct {
	*fixture
	year  int
	sites []clinic.ID
	files int
}

func newPublishedYear(t *testing.T, databaseURL string) *publishedYear {
	y := &publishedYear{fixture: newFixtureOn(t, databaseURL), year: time.Now().Year() - 1}
	y.clinic.District = publishedSites[0].district
	require.NoError(t, y.db.Clinics().InTx(t.Context(), y.clinic.ID, func(tx clinic.Tx) error { return tx.UpdateClinic(t.Context(), y.clinic) }))
	y.sites = []clinic.ID{y.clinic.ID}
	for i, s := range publishedSites[1:] {
		c, err := y.sv.Clinics.Create(t.Context(), clinic.Clinic{
			ID: id.New[clinic.ID](), Number: 20 + i, Name: fmt.Sprintf("Cơ sở %d", i+2), Province: y.clinic.Province, District: s.district,
			Kind: clinic.TreatmentFacility, Zone: "Asia/Ho_Chi_Minh", RulePack: "vn", RulePackVersion: 1, Demo: true,
		})
		require.NoError(t, err)
		y.sites = append(y.sites, c.ID)
	}
	for i := range publishedSites {
		y.fill(i)
	}
	return y
}

func (y *publishedYear) day(year, day int) calendar.Day {
	return calendar.DateOf(year, time.January, 1).AddDays(day)
}

// fill puts the files of one clinic on record.
func (y *publishedYear) fill(i int) {
	site, c := publishedSites[i], y.sites[i]
	require.NoError(y.t, y.db.Clinics().InTx(y.t.Context(), c, func(plain clinic.Tx) error {
		tx, ok := plain.(*store.Tx)
		require.True(y.t, ok)
		w, err := y.window(tx, c)
		if err != nil {
			return err
		}
		before := y.day(y.year-3, 100)
		for range site.stayed {
			err = first(err, w.treated(patient.Patient{Entry: patient.NewEntry, EnrolledOn: before}))
		}
		for n := range site.entered {
			err = first(err, w.treated(patient.Patient{Entry: patient.NewEntry, EnrolledOn: y.day(y.year, 8*n)}))
		}
		for n := range site.dropped {
			err = first(err, w.treated(patient.Patient{Entry: patient.NewEntry, EnrolledOn: before, EndedOn: y.day(y.year, 20*n), EndReason: patient.Dropped}))
		}
		for n := range site.transferredOut {
			err = first(err, w.treated(patient.Patient{Entry: patient.NewEntry, EnrolledOn: before, EndedOn: y.day(y.year, 90*n), EndReason: patient.TransferredOut}))
		}
		for n := range site.returned { // half of them are known by the earlier file, half by the national id
			earlier, again := id.New[patient.ID](), patient.Patient{Entry: patient.ReturnEntry, EnrolledOn: y.day(y.year, 29*n)}
			var mark []byte
			if n%2 == 0 {
				again.Previous = earlier
			} else {
				mark = []byte(earlier)
			}
			again.NationalIDMark = mark
			err = first(err, w.treated(patient.Patient{
				ID: earlier, Entry: patient.NewEntry, EnrolledOn: before, EndedOn: y.day(y.year-1, 40), EndReason: patient.Dropped, NationalIDMark: mark,
			}), w.treated(again))
		}
		return first(err, tx.InsertTarget(y.t.Context(), clinic.Target{
			Clinic: c, Year: y.year, Patients: site.target, By: string(y.people[staff.Supervisor].ID), Recorded: calendar.At(time.Now()),
		}))
	}))
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// yearWindow is where the patients of a clinic had their doses.
type yearWindow struct {
	y       *publishedYear
	tx      *store.Tx
	clinic  clinic.ID
	station equipment.StationID
	lot     stock.LotID
	bottle  stock.BottleID
}

func (y *publishedYear) window(tx *store.Tx, c clinic.ID) (yearWindow, error) {
	ctx, product := y.t.Context(), id.New[stock.ProductID]()
	w := yearWindow{y: y, tx: tx, clinic: c, station: id.New[equipment.StationID](), lot: id.New[stock.LotID](), bottle: id.New[stock.BottleID]()}
	return w, first(
		tx.InsertProduct(ctx, stock.Product{ID: product, Clinic: c, Name: "Methadone", Concentration: 10 * measure.MilligramPerMillilitre, Form: "dung dịch uống"}),
		tx.InsertLot(ctx, stock.Lot{
			ID: w.lot, Clinic: c, Product: product, Number: "L1", Concentration: 10 * measure.MilligramPerMillilitre, Expiry: y.day(y.year+2, 0), State: stock.LotReleased,
		}),
		tx.InsertBottle(ctx, stock.Bottle{ID: w.bottle, Clinic: c, Lot: w.lot, Code: "B" + string(c[:8]), State: stock.InUse, Place: stock.PlaceCabinet, LabelVolume: measure.Litre}),
		tx.InsertStation(ctx, equipment.Station{ID: w.station, Clinic: c, Name: "Cửa 1", Active: true, Bottle: string(w.bottle)}),
	)
}

// treated is the file of somebody who was given a first dose.
func (w yearWindow) treated(p patient.Patient) error {
	ctx := w.y.t.Context()
	w.y.files++
	if p.ID == "" {
		p.ID = id.New[patient.ID]()
	}
	p.Clinic, p.Code, p.Name = w.clinic, fmt.Sprintf("P%06d", w.y.files), fmt.Sprintf("Người Thứ %d", w.y.files)
	p.BirthYear, p.Sex, p.Phase, p.Status = 1985, patient.Male, patient.Maintenance, patient.InTreatment
	if !p.EndedOn.IsZero() {
		p.Status = patient.Ended
	}
	const dose = 60 * measure.Milligram
	now := calendar.At(p.EnrolledOn.Midnight().Add(8 * time.Hour))
	o := prescription.Prescription{
		ID: id.New[prescription.ID](), Clinic: w.clinic, Patient: p.ID, Version: 1, Dose: dose, Parts: []measure.Mass{dose}, From: p.EnrolledOn, To: p.EnrolledOn,
		Phase: patient.Induction, Prescriber: w.y.people[staff.Doctor].ID, SignedAt: now, Status: prescription.Superseded,
	}
	d := dispensing.Dispensing{
		ID: id.New[dispensing.ID](), Clinic: w.clinic, Patient: p.ID, Prescription: o.ID, Station: w.station, Bottle: w.bottle, Lot: w.lot, Day: p.EnrolledOn, Part: 1,
		Kind: dosing.Observed, Dose: dose, Volume: 6 * measure.Millilitre, Concentration: 10 * measure.MilligramPerMillilitre, Pack: "vn", PackVersion: 1,
		Reasons: []byte("[]"), RequestedBy: w.y.people[staff.Nurse].ID, Recorded: now, Lease: now, Progress: dispensing.Progress{State: dispensing.Administered},
	}
	return first(
		w.tx.InsertPatient(ctx, p),
		w.tx.InsertPrescription(ctx, o),
		w.tx.LoadHistory(ctx, store.History{
			Dispensings: []dispensing.Dispensing{d},
			Doses:       []store.HistoryDose{{Dose: dosing.Dose{Day: d.Day, Part: 1, Mass: dose, Kind: dosing.Observed, At: now}, Patient: p.ID, Dispensing: d.ID}},
		}),
	)
}

// The published case, from the files in the database to the paper that the province signs: five clinics, 144 new and 39
// returned in a year, 724 in treatment at its end, 90.5 % of the target.
func TestPublishedYear(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return sqliteURL(t) },
		"postgres": func(t *testing.T) string { return postgres.Database(t) },
	} {
		t.Run(name, func(t *testing.T) {
			y := newPublishedYear(t, url(t))
			y.onTheScreen(t)
			y.onPaper(t)
		})
	}
}

var publishedCounts = map[string]int{
	"start": 612, "new": 144, "returned": 39, "transferred_in": 0, "left_dropped": 60, "left_transferred_out": 11, "left_died": 0, "end": 724, "ever": 795,
}

func (y *publishedYear) onTheScreen(t *testing.T) {
	supervisor := y.signIn(staff.Supervisor)
	read := func(period string, scope gen.FigureScope) (got gen.PatientFigures) {
		supervisor.mustDo("GET", fmt.Sprintf("/v1/figures/patients?period=%s&scope=%s", period, scope), nil, &got)
		return got
	}
	year := strconv.Itoa(y.year)
	province := read(year, gen.FigureScopeProvince)
	for line, want := range publishedCounts {
		require.Equal(t, want, province.Total.Counts[line], line)
	}
	require.Equal(t, 905, *province.Total.SharePermille)
	require.Equal(t, 800, province.Total.Target)
	require.Len(t, province.Sites, len(publishedSites))
	for i, s := range province.Sites {
		p := publishedSites[i]
		require.Equal(t, []int{p.entered, p.returned, p.stayed + p.entered + p.returned}, []int{s.Counts["new"], s.Counts["returned"], s.Counts["end"]})
	}
	require.Len(t, province.Months, 12)
	require.Equal(t, 724, province.Months[11].End)

	districts := read(year, gen.FigureScopeDistricts)
	ends := map[string]int{}
	for _, d := range districts.Sites {
		ends[d.Name] = d.Counts["end"]
	}
	require.Equal(t, map[string]int{"Hàm Yên": 382, "Na Hang": 254, "Chiêm Hóa": 88}, ends)
	require.Equal(t, 724, districts.Total.Counts["end"])

	reporting, parts := read(year+"-R", gen.FigureScopeProvince), gen.FigureCounts{}
	var last gen.PatientFigures
	for n := range 4 {
		last = read(fmt.Sprintf("%s-R%d", year, n+1), gen.FigureScopeProvince)
		for line, count := range last.Total.Counts {
			parts[line] += count
		}
	}
	require.Equal(t, []string{fmt.Sprintf("%d-12-15", y.year-1), fmt.Sprintf("%d-12-14", y.year)}, []string{reporting.From, reporting.To})
	require.Equal(t, reporting.Total.Counts["end"], last.Total.Counts["end"], "the year ends with its last quarter")
	for _, line := range []string{"new", "returned", "left_dropped", "left_transferred_out"} {
		require.Equal(t, reporting.Total.Counts[line], parts[line], "%s of the year is that of its quarters", line)
	}

	own := read(year, gen.FigureScopeClinic)
	for line, count := range own.Total.Counts {
		var entries gen.FigureEntryList
		supervisor.mustDo("GET", "/v1/figures/patients/entries?period="+year+"&line="+line, nil, &entries)
		require.Len(t, entries.Items, count, "the entries behind %s", line)
	}
}

func (y *publishedYear) onPaper(t *testing.T) {
	auditor := y.signIn(staff.Auditor)
	file := func(ending string) []byte {
		return auditor.do("GET", fmt.Sprintf("/v1/figures/patients/file?period=%d&scope=province&lang=vi&format=%s", y.year, ending), nil).body
	}
	want := map[string]string{"Điều trị mới": "144", "Điều trị lại": "39", "Đang điều trị cuối kỳ": "724", "Đạt so với chỉ tiêu (%)": "90.5", "Lũy tích số người đã điều trị": "795"}
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(file("csv"), []byte("\ufeff")))).ReadAll()
	require.NoError(t, err)
	cells := xlsxCells(t, file("xlsx"))
	for line, value := range want {
		require.Equal(t, value, last(lineWith(t, rows, line)), "the CSV's %s", line)
		require.Equal(t, value, last(lineWith(t, cells, line)), "the workbook's %s", line)
	}
	text := pdfText(t, file("pdf"))
	for line, value := range want {
		require.Regexp(t, `(?m)^\s*`+regexp.QuoteMeta(line)+`\s.*\s`+strings.ReplaceAll(value, ".", ",")+`$`, text)
	}
}

func last(row []string) string { return row[len(row)-1] }
