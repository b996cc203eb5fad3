package sim

import (
	"time"

	proto "github.com/lieu-clinic/lieu/pkg/protocol/escpos"
)

// escposPrinter is an ESC/POS receipt printer. It answers DLE EOT at once, whatever its trouble.
type escposPrinter struct {
	feeder
	port *port
	in   proto.Receiver
	lost bool // the latest ticket did not arrive, nor what was sent in one piece with it
}

func newESCPOSPrinter(p *port) printerMachine { return &escposPrinter{port: p} }

func (e *escposPrinter) hear(now time.Time, b []byte) {
	for {
		got, rest, ok := e.in.Next(b)
		if !ok {
			break
		}
		b = rest
		switch {
		case got.Query != 0:
			e.answer(string(got.Query.Append(nil)), func() byte { return e.status().Answer(got.Query) })
		case got.Mark && e.lost:
		case got.Mark:
			e.add(0, func(time.Time) { e.answer("\x1dr", func() byte { return e.status().MarkAnswer() }) })
		default:
			if e.lost = !e.port.hears(string(got.Job)); !e.lost {
				e.take(got.Job)
			}
		}
	}
	e.watch(now)
}

func (e *escposPrinter) answer(command string, b func() byte) {
	if e.port.hears(command) {
		e.port.say(command, []byte{b()})
	}
}

func (e *escposPrinter) status() proto.Status {
	out, open := e.troubles[PaperOut], e.troubles[HeadOpen]
	return proto.Status{
		Offline: out || open || e.troubles[Paused], PaperOut: out, PaperStop: out, CoverOpen: open,
		Failed: e.troubles[RibbonOut] || e.troubles[BufferFull], // it has neither: the cutter stands for them
	}
}

func (e *escposPrinter) take(job []byte) {
	ticket, err := proto.Read(job)
	if err != nil {
		return // a printer prints rubbish then, which nobody reads back
	}
	e.add(printTime, func(now time.Time) {
		e.out = append(e.out, Paper{At: now, Ticket: &ticket, Job: job})
	})
}

func (e *escposPrinter) powerCycle(time.Time) {
	e.in.Reset()
	e.forget()
}
