package httpapi

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/stock"
)

// traceOut names what traced doses refer to.
func (s *Server) tracedOut(ctx context.Context, doses []stock.TracedDose) ([]gen.TracedDose, error) {
	c := principalOf(ctx).clinic
	files := map[patient.ID]patient.Patient{}
	var missing []patient.ID
	for _, d := range doses {
		if _, ok := files[patient.ID(d.Patient)]; !ok {
			files[patient.ID(d.Patient)] = patient.Patient{}
			missing = append(missing, patient.ID(d.Patient))
		}
	}
	for len(missing) > 0 {
		some := missing[:min(len(missing), filesAtOnce)]
		found, err := s.files(ctx, c, some)
		if err != nil {
			return nil, err
		}
		for key, f := range found {
			files[key] = f
		}
		missing = missing[len(some):]
	}
	sh, err := s.shelf(ctx, c)
	if err != nil {
		return nil, err
	}
	bottles, err := s.bottles(ctx, c, each(doses, func(d stock.TracedDose) stock.BottleID { return d.Bottle }))
	if err != nil {
		return nil, err
	}
	return each(doses, func(d stock.TracedDose) gen.TracedDose {
		f := files[patient.ID(d.Patient)]
		return gen.TracedDose{
			Dispensing: d.Dispensing, Patient: d.Patient, PatientCode: f.Code, PatientName: f.Name, Lot: gen.UUID(d.Lot),
			LotNumber: sh.lots[d.Lot].Number, Bottle: gen.UUID(d.Bottle), BottleCode: bottles[d.Bottle].Code, Day: d.Day.String(),
			State: gen.DispensingState(d.State), MeasuredUl: int64(d.Measured), DoseUg: int64(d.Dose), RecordedAt: at(d.Recorded),
		}
	}), nil
}

// filesAtOnce bounds one reading of patients' files.
const filesAtOnce = 500

func (s *Server) trace(ctx context.Context, key gen.UUID) (gen.LotTrace, error) {
	p := principalOf(ctx)
	t, err := s.stock.Trace(ctx, p.clinic, p.member, idOf[stock.LotID](key))
	if err != nil {
		return gen.LotTrace{}, err
	}
	sh, err := s.shelf(ctx, p.clinic)
	if err != nil {
		return gen.LotTrace{}, err
	}
	out := gen.LotTrace{Lot: lotOut(sh.names)(t.Lot), Bottles: each(t.Bottles, sh.bottle), Moves: each(t.Moves, moveOut)}
	if out.Doses, err = s.tracedOut(ctx, t.Doses); err != nil {
		return gen.LotTrace{}, err
	}
	people := map[string]bool{}
	for _, d := range t.Doses {
		people[d.Patient] = true
	}
	out.Patients = len(people)
	return out, nil
}

// ReadLotTrace follows a lot to every bottle, move, dose and patient.
func (s *Server) ReadLotTrace(ctx context.Context, r gen.ReadLotTraceRequestObject) (gen.ReadLotTraceResponseObject, error) {
	out, err := s.trace(ctx, r.Id)
	return gen.ReadLotTrace200JSONResponse(out), err
}

// ReadLotTraceFile writes the trace as comma-separated values: the bottles with what is left of each and when it was
// opened, the moves, then the doses.
func (s *Server) ReadLotTraceFile(ctx context.Context, r gen.ReadLotTraceFileRequestObject) (gen.ReadLotTraceFileResponseObject, error) {
	t, err := s.trace(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := writeTrace(&b, t); err != nil {
		return nil, fault.New(fault.Internal, "internal", "trace of lot %s: %w", r.Id, err)
	}
	return gen.ReadLotTraceFile200TextcsvResponse{Body: &b, ContentLength: int64(b.Len())}, nil
}

// traceHead names the columns of the file. It is the same in every language, because programs read it.
var traceHead = []string{"record", "time", "lot", "bottle", "from", "to", "volume_ml", "dose_mg", "patient_code", "patient_name", "state", "reason", "id"}

func writeTrace(b *bytes.Buffer, t gen.LotTrace) error {
	b.WriteString("\ufeff") // a spreadsheet then reads the names as UTF-8
	w := csv.NewWriter(b)
	w.UseCRLF = true
	codes := map[string]string{}
	for _, x := range t.Bottles {
		codes[x.Id] = x.Code
	}
	rows := [][]string{traceHead}
	for _, x := range t.Bottles {
		rows = append(rows, []string{
			"bottle", instantText(x.OpenedAt), t.Lot.Number, x.Code, "", string(x.Place), thousandths(x.RemainingUl), "", "", "", string(x.State), "", x.Id,
		})
	}
	for _, m := range t.Moves {
		rows = append(rows, []string{
			"move", instantText(m.OccurredAt), t.Lot.Number, codes[m.Bottle], string(m.From), string(m.To), thousandths(m.AmountUl), "", "", "", "", m.Reason, m.Id,
		})
	}
	for _, d := range t.Doses {
		rows = append(rows, []string{
			"dose", instantText(d.RecordedAt), d.LotNumber, d.BottleCode, "", "", thousandths(d.MeasuredUl), thousandths(d.DoseUg), d.PatientCode, d.PatientName,
			string(d.State), "", d.Dispensing,
		})
	}
	for _, row := range rows {
		for i := range row {
			row[i] = plainCell(row[i])
		}
	}
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	return w.Error()
}

// plainCell keeps a spreadsheet from taking a text for a formula.
func plainCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// thousandths writes a whole number of micro-units in milli-units, exactly.
func thousandths(n int64) string {
	if n < 0 {
		return "-" + thousandths(-n)
	}
	return strconv.FormatInt(n/1000, 10) + fmt.Sprintf(".%03d", n%1000)
}

// ListPatientLots follows a patient back to the lots.
func (s *Server) ListPatientLots(ctx context.Context, r gen.ListPatientLotsRequestObject) (gen.ListPatientLotsResponseObject, error) {
	p := principalOf(ctx)
	doses, err := s.stock.PatientLots(ctx, p.clinic, p.member, idOf[string](r.Id))
	if err != nil {
		return nil, err
	}
	out, err := s.tracedOut(ctx, doses)
	return gen.ListPatientLots200JSONResponse{Items: out}, err
}

// instantText writes a moment in UTC, as programs read it.
func instantText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
