package sim

import (
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/pkg/protocol/escpos"
	"github.com/lieu-clinic/lieu/pkg/protocol/zpl"
)

// Paper is one thing that came out of a printer: a label or a ticket.
type Paper struct {
	At     time.Time       `json:"at"`
	Label  *zpl.Printed    `json:"label,omitempty"`
	Ticket *escpos.Printed `json:"ticket,omitempty"`
	Job    []byte          `json:"job"`
}

// printerMachine is a machine that puts what it is sent on paper.
type printerMachine interface {
	machine
	printed() []Paper
	// ail and heal begin and end a trouble of the printer's own: paper out and the like.
	ail(k Kind)
	heal()
}

type printerModel struct {
	name string
	baud uint32 // as delivered
	make func(p *port) printerMachine
}

// printerModels list what there is. A counter has no printer when nothing was said.
func printerModels() []printerModel {
	return []printerModel{
		{"zpl", 9600, newZPLPrinter},
		{"esc-pos", 115200, newESCPOSPrinter},
	}
}

func findPrinter(name string) (printerModel, error) {
	all := printerModels()
	for _, m := range all {
		if m.name == name {
			return m, nil
		}
	}
	return printerModel{}, unknownModel("printer", name, all, func(m printerModel) string { return m.name })
}

const (
	printTime  = 600 * time.Millisecond
	printQueue = 3 // jobs that fit into a printer's memory
)

// feeder is the part that printers share: jobs wait, one is printed at a time, and nothing moves in trouble.
type feeder struct {
	troubles map[Kind]bool
	jobs     []func(now time.Time) // what happens when its turn is over
	took     []time.Duration       // how long each takes
	until    time.Time             // when the present one is done; zero: none has begun
	out      []Paper
}

func (f *feeder) ail(k Kind) {
	if f.troubles == nil {
		f.troubles = make(map[Kind]bool)
	}
	f.troubles[k] = true
}

func (f *feeder) heal() { f.troubles = nil }

func (f *feeder) printed() []Paper { return append([]Paper(nil), f.out...) }

// add lets a job wait. What does not fit is lost, as in a printer whose host does not ask.
func (f *feeder) add(took time.Duration, done func(now time.Time)) {
	if len(f.jobs) < printQueue*2 && !f.troubles[BufferFull] {
		f.jobs, f.took = append(f.jobs, done), append(f.took, took)
	}
}

func (f *feeder) forget() { f.jobs, f.took, f.until = nil, nil, time.Time{} }

// watch prints. A trouble in the middle begins the job anew when it is over.
func (f *feeder) watch(now time.Time) {
	for len(f.jobs) > 0 {
		if len(f.troubles) > 0 {
			f.until = time.Time{}
			return
		}
		if f.until.IsZero() {
			f.until = now.Add(f.took[0])
		}
		if now.Before(f.until) {
			return
		}
		done := f.jobs[0]
		f.jobs, f.took, f.until = f.jobs[1:], f.took[1:], time.Time{}
		done(now)
	}
}

// Printed returns what came out of the counter's printer, the oldest first.
func (c *Counter) Printed() ([]Paper, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.play()
	if c.printer == nil {
		return nil, fmt.Errorf("bench: %s has no printer", c.name)
	}
	return c.printer.printed(), nil
}
