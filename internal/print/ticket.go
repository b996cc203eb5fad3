package print

import (
	"fmt"
	"image"
	"strconv"
	"time"

	"github.com/lieu-clinic/lieu/pkg/protocol/escpos"
)

// Ticket is what a patient at the door is given. It names neither the patient nor a drug: it is read over shoulders and
// lies in the street afterwards.
type Ticket struct {
	Clinic string
	Number int
	At     time.Time // of the arrival, by the clinic's clock
	// Wait is the estimate when Known.
	Wait  time.Duration
	Known bool
	// Slot is the quarter hour booked for tomorrow, by the clinic's clock; zero for none.
	Slot time.Time
}

// ticketWidth is 48 mm at 8 dots to the millimetre: as wide as the paper of the narrowest printers, so that no printer
// cuts anything off.
const (
	ticketWidth = 384
	ticketSide  = 8
	ticketGap   = 10
	ticketRow   = 320 // the highest row
	ruleHeight  = 3
)

// MaxNumber is the greatest number that stands on a ticket.
const MaxNumber = 9999

// row is a line of a ticket; without text it is a rule.
type row struct {
	name  string
	text  string
	style style
}

// Ticket draws the ticket and returns the job for an ESC/POS printer.
func (p *Press) Ticket(t Ticket, lang Language) ([]byte, error) {
	switch {
	case blank(t.Clinic), t.At.IsZero():
		return nil, fmt.Errorf("ticket: %w", ErrIncomplete)
	case t.Number < 1 || t.Number > MaxNumber:
		return nil, fmt.Errorf("ticket, number %d: %w", t.Number, ErrFit)
	}
	d, err := p.ticket(t.rows(lang.words()))
	if err != nil {
		return nil, err
	}
	job := escpos.New()
	job.Raster(d.rowBytes, d.bits)
	return job.Bytes()
}

func (t Ticket) rows(w words) []row {
	rows := []row{
		{"clinic", t.Clinic, style{size: 28, least: 20, bold: true, lines: 2, shorten: true}},
		{"at", t.At.Format(w.date) + "  " + w.clock(t.At), style{size: 26, least: 20}},
		{},
		{"caption", w.number, style{size: 26, least: 20}},
		{"number", strconv.Itoa(t.Number), style{size: 230, least: 120, bold: true}},
		{},
	}
	if t.Known {
		rows = append(rows, row{"wait", w.waiting(t.Wait), style{size: 28, least: 20}})
	}
	if !t.Slot.IsZero() {
		rows = append(rows, row{"slot", w.tomorrow + " " + w.clock(t.Slot), style{size: 28, least: 20, bold: true}})
	}
	return rows
}

// ticket sets every row, then draws them one below the other.
func (p *Press) ticket(rows []row) (dots, error) {
	blocks := make([]block, len(rows))
	height := ticketGap
	for i, r := range rows {
		if r.text == "" {
			height += ruleHeight + ticketGap
			continue
		}
		var err error
		if blocks[i], err = p.set(r.text, ticketWidth-2*ticketSide, ticketRow, r.style); err != nil {
			return dots{}, fmt.Errorf("ticket, %s: %w", r.name, err)
		}
		height += blocks[i].totalHeight() + ticketGap
	}
	d, y := newDots(ticketWidth, height), ticketGap
	for _, b := range blocks {
		if b.lines == nil {
			d.rule(image.Rect(ticketSide, y, ticketWidth-ticketSide, y+ruleHeight))
			y += ruleHeight + ticketGap
			continue
		}
		d.write(b, ticketSide, y, ticketWidth-2*ticketSide, true)
		y += b.totalHeight() + ticketGap
	}
	return d, nil
}
