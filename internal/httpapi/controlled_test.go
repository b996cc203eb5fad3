package httpapi

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/paper"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// corrected is a morning with a loss that was none and a surplus that stands.
func corrected(t *testing.T) *stage { return correctedOn(t, newFixture(t)) }

func correctedOn(t *testing.T, f *fixture) *stage {
	s := morningOn(t, f)
	s.doctor.mustDo("PUT", "/v1/patients/"+s.patients[0].Id, map[string]any{"address": "=12 Trần Phú, phường Minh Xuân"}, nil)
	loss := newID()
	s.pharmacist.mustDo("POST", "/v1/moves", map[string]any{"id": loss, "bottle": s.bottle.Id, "kind": "loss", "amount_ul": 4_500, "reason": "đọc nhầm vạch", "witness": witness()}, nil)
	s.pharmacist.mustDo("POST", "/v1/moves", map[string]any{"id": newID(), "bottle": s.bottle.Id, "kind": "surplus", "amount_ul": 700, "reason": "đo thừa", "witness": witness()}, nil)
	var doc gen.DocumentDetail
	s.pharmacist.mustDo("GET", "/v1/documents/"+loss, nil, &doc)
	s.pharmacist.mustDo("POST", "/v1/moves/"+doc.Moves[0].Id+"/reverse", gen.ReverseMove{Id: newID(), Reason: "chai còn đủ", Witness: witness()}, nil)
	return s
}

func (s *stage) controlledPath() string {
	day := today(s.fixture)
	return "/v1/registers/controlled?product=" + s.productID() + "&from=" + day + "&to=" + day
}

// held is what the ledger's accounts say stands in the clinic's bottles.
func (s *stage) held() (sum int64) {
	var balances gen.BalanceList
	s.pharmacist.mustDo("GET", "/v1/balances", nil, &balances)
	for _, b := range balances.Items {
		for _, a := range []string{"store", "bottle", "reserved", "in_doubt"} {
			sum += b.Balance[a]
		}
	}
	return sum
}

// The register names who got what by whose order and how they proved who they are, balances after each entry, and puts
// right by a dated footnote. It is the same on both engines.
func TestControlledRegister(t *testing.T) {
	for name, f := range map[string]func(*testing.T) *fixture{
		"sqlite":   func(t *testing.T) *fixture { return newFixture(t) },
		"postgres": func(t *testing.T) *fixture { return newFixtureOn(t, postgres.Database(t)) },
	} {
		t.Run(name, func(t *testing.T) { controlledRegister(t, correctedOn(t, f(t))) })
	}
}

func controlledRegister(t *testing.T, s *stage) {
	var got gen.ControlledRegister
	s.pharmacist.mustDo("GET", s.controlledPath(), nil, &got)
	require.EqualValues(t, s.held(), got.ClosingUl, "the register's balance is the ledger's")
	require.Equal(t, map[string]int64{"obtained": 1_000_000 + checked, "supplied": 6_000, "other_out": 6_000 + checked, "other_in": 700}, got.Sums)
	require.Equal(t, got.ClosingUl, got.OpeningUl+got.Sums["obtained"]-got.Sums["supplied"]-got.Sums["other_out"]+got.Sums["other_in"])
	require.Equal(t, "oral solution", got.Form)

	byColumn := map[gen.BookColumn][]gen.ControlledEntry{}
	for i, e := range got.Entries {
		require.Equal(t, i+1, e.Number)
		byColumn[e.Column] = append(byColumn[e.Column], e)
	}
	receipt := byColumn["received"][0]
	require.Equal(t, []string{"Kho tỉnh", "BB-1", "Người pharmacist", "Người witness"}, []string{receipt.Party, receipt.DocumentNumber, receipt.EnteredBy, receipt.Witness})
	dose := byColumn["issued"][0]
	require.Equal(t, []string{s.patients[0].Name, s.patients[0].Code, "=12 Trần Phú, phường Minh Xuân", "Người doctor", "Người nurse"},
		[]string{dose.Party, dose.PatientCode, dose.Address, dose.Prescriber, dose.EnteredBy})
	require.Equal(t, 1, dose.Prescription)
	require.Equal(t, today(s.fixture), dose.PrescriptionSigned)
	require.Equal(t, gen.ControlledEntryIdentityCard, dose.Identity, "the card was read at the hand-over")
	require.NotEmpty(t, byColumn["wasted"])
	for _, e := range byColumn["wasted"] {
		require.NotEmpty(t, e.EnteredBy, "what a check poured away names who poured it: %+v", e)
	}

	wasted := slices.IndexFunc(byColumn["wasted"], func(e gen.ControlledEntry) bool { return e.Dispensing != "" })
	require.GreaterOrEqual(t, wasted, 0)
	cup := byColumn["wasted"][wasted]
	require.Equal(t, []string{"Người nurse", "Người witness", "đổ cốc"}, []string{cup.EnteredBy, cup.Witness, cup.Reason}, "two people wasted the cup")

	lost := byColumn["lost"]
	require.Len(t, lost, 2)
	require.EqualValues(t, []int64{4_500, -4_500}, []int64{lost[0].AmountUl, lost[1].AmountUl}, "the wrong entry stands as it was")
	require.Len(t, got.Notes, 1)
	note := got.Notes[0]
	require.Equal(t, []int{1}, lost[0].Notes)
	require.Equal(t, []int{1}, lost[1].Notes)
	require.Equal(t, []int{lost[0].Number, lost[1].Number}, []int{note.Of, note.By})
	require.Equal(t, []string{today(s.fixture), "chai còn đủ", "Người pharmacist", "Người witness"}, []string{note.Day, note.Reason, note.EnteredBy, note.Witness})

	s.pharmacist.refused("GET", "/v1/registers/controlled?product="+newID()+"&period=2026", nil, http.StatusBadRequest, "period.too_long_each")
	s.pharmacist.refused("GET", "/v1/registers/controlled?product="+newID()+"&from="+today(s.fixture)+"&to="+today(s.fixture), nil, http.StatusNotFound, "product.not_found")
	s.pharmacist.refused("GET", "/v1/registers/controlled?product="+s.productID()+"&period=2099", nil, http.StatusBadRequest, "period.future")
	s.pharmacist.refused("GET", "/v1/registers/controlled?product="+s.productID(), nil, http.StatusBadRequest, "request.contract")
	s.admin.refused("GET", s.controlledPath(), nil, http.StatusForbidden, "staff.may_not")
}

// What a pump said in doubt stands as it was booked; what two people then found is a footnote and an entry of theirs.
func TestControlledRegisterOfADoubt(t *testing.T) {
	s := newStage(t, 0)
	c := s.beginCheck()
	for c.Next.Kind == gen.CheckNextKindWeigh {
		s.shows(c.Next.NominalUg)
		s.pharmacist.mustDo("POST", "/v1/checks/"+c.Id+"/weighings", gen.WeighForCheck{NominalUg: c.Next.NominalUg, Weights: "F1"}, &c)
	}
	var p gen.CheckPour
	s.pharmacist.mustDo("POST", "/v1/checks/"+c.Id+"/pours", gen.PourForCheck{Id: newID()}, &p)
	s.counter.report(stationlog.KindDispensing, stationlog.Dispensing{Dispensing: p.Id, Volume: 3000, Purpose: stationlog.Prime})
	s.counter.report(stationlog.KindInDoubt, stationlog.Outcome{Dispensing: p.Id, Pump: 2000, Reason: "crash", Purpose: stationlog.Prime})
	s.nurse.mustDo("POST", "/v1/check-pours/"+p.Id+"/settle", gen.SettleCheckPour{MovedUl: 1200, Reason: "xem bình", Witness: witness()}, nil)

	var got gen.ControlledRegister
	s.pharmacist.mustDo("GET", s.controlledPath(), nil, &got)
	require.EqualValues(t, s.held(), got.ClosingUl)
	var wasted []gen.ControlledEntry
	for _, e := range got.Entries {
		if e.Column == gen.BookColumnWasted {
			wasted = append(wasted, e)
		}
	}
	wasted = wasted[len(wasted)-2:] // before them stands the check of the day
	require.EqualValues(t, []int64{2000, -800}, []int64{wasted[0].AmountUl, wasted[1].AmountUl})
	require.Equal(t, "Người pharmacist", wasted[0].EnteredBy, "who had it poured")
	require.Len(t, got.Notes, 1)
	n := got.Notes[0]
	require.Equal(t, []int{wasted[0].Number, wasted[1].Number, 800}, []int{n.Of, n.By, int(n.AmountUl)})
	for name, who := range map[string][]string{"entry": {wasted[1].EnteredBy, wasted[1].Witness, wasted[1].Reason}, "note": {n.EnteredBy, n.Witness, n.Reason}} {
		require.Equal(t, []string{"Người nurse", "Người witness", "xem bình"}, who, name)
	}
	require.Equal(t, c.Station, n.Station)
}

// total is what the last line of a report must say: of a column, in its unit and with three decimals.
type total struct {
	column int
	value  int64 // µL or µg
}

// Each report is read back from each kind of file by another program than the one that wrote it, and says the totals
// that the page says.
func TestReportsReadBack(t *testing.T) {
	s := corrected(t)
	day := today(s.fixture)
	var c gen.ControlledRegister
	s.pharmacist.mustDo("GET", s.controlledPath(), nil, &c)
	var n gen.NarcoticRegister
	s.pharmacist.mustDo("GET", strings.Replace(s.controlledPath(), "controlled", "narcotic", 1), nil, &n)
	var d gen.DispensingRegister
	s.pharmacist.mustDo("GET", "/v1/registers/dispensing?day="+day, nil, &d)
	var r gen.StockReport
	s.pharmacist.mustDo("GET", "/v1/reports/stock?from="+day+"&to="+day, nil, &r)
	stock := []total{{1, r.Rows[0].OpeningUl}, {3, r.Rows[0].AvailableUl}}
	for i, column := range []string{"received", "", "issued", "wasted", "lost", "found", "returned", "destroyed", "transferred"} {
		if column != "" {
			stock = append(stock, total{i + 2, r.Rows[0].Sums[column]})
		}
	}
	stock = append(stock, total{11, r.Rows[0].ClosingUl}, total{12, r.Rows[0].ForecastUl})
	for name, x := range map[string]struct {
		path   string
		first  string // the last line of the table begins with
		totals []total
		signed []string
		csv    []int // columns whose sum over the lines is the total's
	}{
		"controlled": {strings.Replace(s.controlledPath(), "?", "/file?", 1), "Cộng, tồn cuối", []total{
			{7, c.Sums["obtained"]}, {8, c.Sums["supplied"]}, {9, c.Sums["other_out"]}, {10, c.Sums["other_in"]}, {11, s.held()},
		}, nil, []int{7, 8, 9, 10}},
		"narcotic": {strings.Replace(s.controlledPath(), "controlled", "narcotic/file", 1), "Cộng", []total{
			{4, n.Sums["received"] + n.Sums["found"] + 4_500}, {5, n.Sums["issued"] + n.Sums["wasted"] + n.Sums["lost"] + 4_500}, {6, s.held()},
		}, []string{"Thủ kho", "Trưởng cơ sở"}, []int{4, 5}},
		"dispensing": {"/v1/registers/dispensing/file?day=" + day, "Cộng", []total{{7, d.GivenUg}, {8, d.GivenUl}, {9, d.WastedUl}},
			[]string{"Người cấp phát", "Trưởng cơ sở"}, []int{7, 8, 9}},
		"us": {"/v1/registers/dispensing/file?form=us&day=" + day, "Cộng", []total{{5, d.GivenUg}, {6, 0}}, []string{"Người nurse (NN)"}, []int{5}},
		"stock": {"/v1/reports/stock/file?from=" + day + "&to=" + day, "Methadone 10 mg/mL, 10 mg/mL", stock,
			[]string{"Người lập báo cáo", "Trưởng cơ sở", "Thủ trưởng đơn vị"}, []int{4, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			read := func(ending string) []byte {
				a := s.pharmacist.do("GET", x.path+"&lang=vi&format="+ending, nil)
				require.Equal(t, http.StatusOK, a.status, "%s", a.body)
				return a.body
			}
			cells := xlsxCells(t, read("xlsx"))
			row := lineWith(t, cells, x.first)
			text := pdfText(t, read("pdf"))
			table, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(read("csv"), []byte("\ufeff")))).ReadAll()
			require.NoError(t, err)
			for _, want := range x.totals {
				got, err := strconv.ParseFloat(row[want.column], 64)
				require.NoError(t, err)
				require.EqualValues(t, want.value, math.Round(got*1000), "column %d of the workbook: %q", want.column, row)
				require.Contains(t, text, paper.Millilitres(measure.Volume(want.value)).Show(measure.Vietnamese), "column %d of the PDF", want.column)
			}
			for _, column := range x.csv {
				sum := int64(0)
				for _, line := range table[1:] {
					if line[column] != "" && line[column] != "–" {
						v, err := strconv.ParseInt(strings.Replace(line[column], ".", "", 1), 10, 64)
						require.NoError(t, err)
						sum += v
					}
				}
				for _, want := range x.totals {
					if want.column == column {
						require.Equal(t, want.value, sum, "column %d of the CSV", column)
					}
				}
			}
			for _, who := range x.signed {
				require.Contains(t, text, who)
				require.Contains(t, fmt.Sprint(cells), who)
			}
			if name == "dispensing" || name == "us" {
				require.Contains(t, text, d.ChainHash, "the closing hash")
			}
		})
	}
	a := s.pharmacist.do("GET", strings.Replace(s.controlledPath(), "?", "/file?", 1)+"&lang=vi&format=csv", nil)
	require.NotContains(t, string(a.body), ",=", "no cell begins a formula")
	a = s.pharmacist.do("GET", strings.Replace(s.controlledPath(), "?", "/file?", 1)+"&lang=en&format=pdf", nil)
	for _, want := range []string{"CONTROLLED DRUGS REGISTER", "Schedule 2", "oral solution", "(card)", "[1]", "NP = Người pharmacist", "is too much by 4.500 mL"} {
		require.Contains(t, pdfText(t, a.body), want)
	}
}

// xlsxCells reads a workbook's first sheet by its own XML, which is not how it was written.
func xlsxCells(t *testing.T, body []byte) [][]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	require.NoError(t, err)
	f, err := z.Open("xl/worksheets/sheet1.xml")
	require.NoError(t, err)
	var x struct {
		Rows []struct {
			Cells []struct {
				Ref  string `xml:"r,attr"`
				V    string `xml:"v"`
				F    string `xml:"f"`
				Text string `xml:"is>t"`
			} `xml:"c"`
		} `xml:"sheetData>row"`
	}
	require.NoError(t, xml.NewDecoder(f).Decode(&x))
	out := make([][]string, len(x.Rows))
	for i, r := range x.Rows {
		for _, c := range r.Cells {
			require.Empty(t, c.F, "%s is a formula", c.Ref)
			out[i] = append(out[i], c.V+c.Text)
		}
	}
	return out
}

// lineWith is the last line that has this cell.
func lineWith(t *testing.T, rows [][]string, cell string) (found []string) {
	t.Helper()
	for _, r := range rows {
		for _, c := range r {
			if c == cell {
				found = r
			}
		}
	}
	require.NotNil(t, found, "%q is in no line of %q", cell, rows)
	return found
}
