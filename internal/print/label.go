package print

import (
	"fmt"
	"strings"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/zpl"
)

// Label is what stands on a take-home bottle. It has no diagnosis: the bottle goes home and lies about there.
type Label struct {
	Clinic     string
	Patient    string // name
	Code       string // of the patient
	Drug       string
	Strength   measure.Concentration
	Dose       measure.Mass
	Volume     measure.Volume // of the dose, at Strength
	Take       calendar.Day   // on which it is to be taken
	Lot        string
	Expiry     calendar.Day
	PreparedBy string
	CheckedBy  string
	Bottle     string // its serial number
	Record     string // id of the dose's record, which the QR code holds
}

// The label: 76 by 51 mm at 8 dots to the millimetre, the 203 dpi that every label printer has.
const (
	labelWidth  = 608
	labelLength = 408
	margin      = 12
	qrSquare    = 4 // dots
	qrX         = 476
	qrY         = 212
	full        = labelWidth - 2*margin
	left        = qrX - margin - 12 // beside the QR code
)

// field is one text in its box on the label.
type field struct {
	name                string
	text                string
	x, y, width, height int
	style               style
	box                 bool // white on black
}

// Label draws the label and returns the job for a ZPL printer. ErrIncomplete, ErrContradiction, ErrFit and ErrLetter name
// the field.
func (p *Press) Label(l Label, lang Language) ([]byte, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	code, err := ScanBack(l.Record)
	if err != nil {
		return nil, err
	}
	job := zpl.New(labelWidth, labelLength)
	for _, f := range l.fields(lang.words()) {
		if err := p.put(job, f); err != nil {
			return nil, fmt.Errorf("label, %s: %w", f.name, err)
		}
	}
	job.QR(qrX, qrY, qrSquare, code)
	return job.Bytes()
}

func (l Label) check() error {
	for _, f := range []struct {
		name string
		bad  bool
	}{
		{"clinic", blank(l.Clinic)}, {"patient", blank(l.Patient)}, {"code", blank(l.Code)}, {"drug", blank(l.Drug)},
		{"strength", l.Strength <= 0}, {"dose", l.Dose <= 0}, {"volume", l.Volume <= 0}, {"day", l.Take.IsZero()}, {"lot", blank(l.Lot)},
		{"expiry", l.Expiry.IsZero()}, {"prepared by", blank(l.PreparedBy)}, {"checked by", blank(l.CheckedBy)},
		{"bottle", blank(l.Bottle)},
	} {
		if f.bad {
			return fmt.Errorf("label, %s: %w", f.name, ErrIncomplete)
		}
	}
	if m, err := l.Strength.Mass(l.Volume); err != nil || m != l.Dose {
		return fmt.Errorf("label: %w", ErrContradiction)
	}
	return nil
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// fields lays the label out. Names may be shortened; a code, a number, a dose or a date never is.
func (l Label) fields(w words) []field {
	line := func(name, text string, y, width, height int, s style) field {
		return field{name: name, text: text, x: margin, y: y, width: width, height: height, style: s}
	}
	fact := style{size: 22, least: 14}
	person := style{size: 20, least: 14, shorten: true}
	return []field{
		line("clinic", l.Clinic, 4, full, 30, style{size: 23, least: 15, bold: true, shorten: true}),
		line("patient", l.Patient, 34, full, 52, style{size: 38, least: 18, bold: true, shorten: true}),
		line("code", w.code+": "+l.Code, 86, 400, 30, fact),
		line("drug", l.Drug+" "+l.Strength.Format(w.locale), 116, 400, 38, style{size: 28, least: 16, bold: true}),
		{name: "oral", text: w.oral, x: 424, y: 108, width: 168, height: 46, style: style{size: 28, least: 16, bold: true}, box: true},
		line("dose", l.Dose.Format(w.locale)+" = "+l.Volume.Format(w.locale), 154, full, 54, style{size: 40, least: 20, bold: true}),
		line("day", w.take+": "+w.day(l.Take), 206, left, 38, style{size: 28, least: 18, bold: true}),
		line("lot", w.lot+": "+l.Lot, 244, left, 28, fact),
		line("expiry", w.expiry+": "+w.day(l.Expiry), 272, 216, 28, fact),
		{name: "bottle", text: w.bottle + ": " + l.Bottle, x: 236, y: 272, width: 224, height: 28, style: fact},
		line("prepared by", w.prepared+": "+l.PreparedBy, 300, left, 27, person),
		line("checked by", w.checked+": "+l.CheckedBy, 327, left, 27, person),
		line("storage", w.storage, 354, full, 52, style{size: 20, least: 14, lines: 2}),
	}
}

// put draws a field's text and puts it on the label.
func (p *Press) put(job *zpl.Label, f field) error {
	b, err := p.set(f.text, f.width, f.height, f.style)
	if err != nil {
		return err
	}
	width := min(b.widest()+2, f.width)
	if f.box {
		width = f.width
	}
	d := newDots(width, f.height)
	d.write(b, 0, (f.height-b.totalHeight())/2, width, f.box)
	if f.box {
		d.invert()
	}
	job.Graphic(f.x, f.y, d.rowBytes, d.bits)
	return nil
}
