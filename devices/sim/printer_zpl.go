package sim

import (
	"time"

	proto "github.com/lieu-clinic/lieu/pkg/protocol/zpl"
)

// zplPrinter is a ZPL label printer with a ribbon. With its head open it says nothing.
type zplPrinter struct {
	feeder
	port *port
	in   proto.Receiver
}

func newZPLPrinter(p *port) printerMachine { return &zplPrinter{port: p} }

func (z *zplPrinter) hear(_ time.Time, b []byte) {
	for {
		got, rest, ok := z.in.Next(b)
		if !ok {
			return
		}
		b = rest
		switch {
		case got.Job == nil:
			z.tell()
		case z.port.hears(string(got.Job)):
			z.take(got.Job)
		}
	}
}

func (z *zplPrinter) tell() {
	if z.troubles[HeadOpen] || !z.port.hears(proto.StatusCommand) {
		return
	}
	s := proto.Status{
		Interface: 30, Length: 400, Transfer: true, Mode: 2, Functions: 0,
		PaperOut: z.troubles[PaperOut], RibbonOut: z.troubles[RibbonOut], Paused: z.troubles[Paused],
		BufferFull: z.troubles[BufferFull], Partial: z.in.Partial(),
	}
	if n := len(z.jobs); n > 0 {
		s.Waiting, s.Left = n-1, 1
	}
	z.port.say(proto.StatusCommand, s.Append(nil))
}

func (z *zplPrinter) take(job []byte) {
	label, err := proto.Read(job)
	if err != nil {
		return // a printer skips what it does not understand
	}
	z.add(printTime, func(now time.Time) {
		z.out = append(z.out, Paper{At: now, Label: &label, Job: job})
	})
}

func (z *zplPrinter) powerCycle(time.Time) {
	z.in.Reset()
	z.forget()
}
