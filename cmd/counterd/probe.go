package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/catalog"
	"github.com/lieu-clinic/lieu/devices/decode"
	"github.com/lieu-clinic/lieu/devices/serialport"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

type probeCommand struct {
	Model   string            `required:"" help:"Model of the catalogue."`
	Port    string            `required:"" help:"Serial port; 'counterd ports' lists them."`
	Option  map[string]string `help:"Options of the device, as in the configuration: --option baud=4800."`
	Dir     string            `default:"${default_dir}" env:"LIEU_COUNTER_DIR" help:"The counter's directory, where a daemon would hold the port."`
	Timeout time.Duration     `default:"10s" help:"For the device to answer."`
	JSON    bool              `name:"json" help:"Print JSON."`
}

// probed is what was found out.
type probed struct {
	Kind     catalog.Kind      `json:"kind"`
	Model    string            `json:"model"`
	Port     string            `json:"port"`
	Settings map[string]string `json:"settings"` // with which it was opened
	Identity *devices.Identity `json:"identity,omitempty"`
	State    any               `json:"state,omitempty"`
	Passed   []passed          `json:"passed"` // in order
	Error    string            `json:"error,omitempty"`
}

// passed is what went one way without a pause by the other, and what it means.
type passed struct {
	Seconds string         `json:"t"`
	Dir     string         `json:"dir"` // > to the device, < from it
	Hex     string         `json:"hex"`
	Text    string         `json:"text"` // quoted
	Frames  []decode.Frame `json:"frames,omitempty"`
	Skipped int            `json:"skipped_bytes,omitempty"`
}

// Run opens a device, asks it who it is and how it does, closes it, and tells what passed. Nothing moves.
func (p *probeCommand) Run(ctx context.Context) error {
	ctx, done := context.WithTimeout(ctx, p.Timeout)
	defer done()
	m, err := probable(p.Model)
	if err != nil {
		return err
	}
	found, err := p.probe(ctx, m)
	if p.JSON {
		return errors.Join(print(found), err)
	}
	return errors.Join(found.write(os.Stdout), err)
}

// probable finds a model that is a device.
func probable(name string) (catalog.Model, error) {
	var names []string
	for _, m := range catalog.Models() {
		if m.ByHand {
			continue
		}
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return catalog.Model{}, fmt.Errorf("no model %q that can be asked; there are: %s", name, strings.Join(names, ", "))
}

func (p *probeCommand) probe(ctx context.Context, m catalog.Model) (found probed, err error) {
	found = probed{Kind: m.Kind, Model: m.Name, Port: p.Port, Settings: map[string]string{"baud": fmt.Sprint(m.Baud), "framing": orElse(m.Framing, "8N1")}, Passed: []passed{}}
	maps.Copy(found.Settings, p.Option)
	defer func() {
		if err != nil {
			found.Error = err.Error()
		}
	}()
	d := deviceConfig{Model: p.Model, Port: p.Port, Options: p.Option}
	c, err := (&runCommand{Dir: p.Dir}).config()
	if err != nil {
		return found, err
	}
	locks := c.locks(p.Dir)
	o, err := d.options(m.Name, locks)
	if err != nil {
		return found, err
	}
	if err := p.free(locks); err != nil {
		return found, err
	}
	tape := &tape{}
	o.Record = tape.note
	defer func() { found.Passed = tape.meaning(m.Name) }()
	return found, advise(d, found.ask(ctx, m, o))
}

// free refuses a port that somebody has, before it is opened: another program's conversation is not to be broken.
func (p *probeCommand) free(locks string) error {
	l := serialport.Describe(serialport.Place{}, p.Port, locks)
	if !l.InUse() {
		return nil
	}
	who := "another program of Lieu"
	for i, u := range l.Users {
		if i == 0 {
			who = ""
		}
		who += fmt.Sprintf("%s (pid %d) ", u.Program, u.PID)
	}
	return fmt.Errorf("%s is in use by %s: stop that first; a daemon that runs is asked by `counterd devices`", p.Port, strings.TrimSpace(who))
}

func (f *probed) ask(ctx context.Context, m catalog.Model, o catalog.Options) error {
	switch m.Kind {
	case catalog.Scale:
		s, err := catalog.OpenScale(ctx, m.Name, o)
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }() // it was only asked
		return f.askIdentity(ctx, s, func() (any, error) { return s.Read(ctx) })
	case catalog.Pump:
		// What a pump is told before a dose is not sent by opening it; the driver only wants to have it.
		o.Diameter, o.Rate, o.Max = orElse(o.Diameter, 26_700), orElse(o.Rate, 10_000), orElse(o.Max, 10*measure.Millilitre)
		o.Cavro.Syringe = orElse(o.Cavro.Syringe, 5*measure.Millilitre)
		pump, err := catalog.OpenPump(ctx, m.Name, o)
		if err != nil {
			return err
		}
		defer func() { _ = pump.Close() }() // it was only asked
		return f.askIdentity(ctx, pump, func() (any, error) { return pump.State(ctx) })
	case catalog.Printer:
		p, err := catalog.OpenPrinter(ctx, m.Name, o)
		if err != nil {
			return err
		}
		defer func() { _ = p.Close() }() // it was only asked
		f.State, err = p.State(ctx)
		return err
	}
	s, err := catalog.OpenScanner(ctx, m.Name, o)
	if err != nil {
		return err
	}
	return s.Close()
}

func (f *probed) askIdentity(ctx context.Context, who devices.Identifier, state func() (any, error)) error {
	id, err := who.Identify(ctx)
	if err != nil {
		return err
	}
	f.Identity = &id
	s, err := state()
	if err != nil {
		return err
	}
	f.State = s
	return nil
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// tape keeps what passed.
type tape struct {
	mu  sync.Mutex
	all []devices.Passage
}

// note joins what goes the same way without a word of the other side between: a driver reads answers in pieces.
func (t *tape) note(p devices.Passage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.all); n > 0 && t.all[n-1].Sent == p.Sent && !p.Sent {
		t.all[n-1].Bytes = append(t.all[n-1].Bytes, p.Bytes...)
		return
	}
	t.all = append(t.all, p)
}

// meaning tells what the passages mean in the protocol of the model. What a device said is told as the answer to what
// it was asked last.
func (t *tape) meaning(model string) []passed {
	t.mu.Lock()
	defer t.mu.Unlock()
	protocol, known := protocolOf(model)
	all, sent := []passed{}, ""
	for _, p := range t.all {
		one := passed{Seconds: fmt.Sprintf("%.3f", p.At.Seconds()), Dir: "<", Hex: fmt.Sprintf("%X", p.Bytes), Text: strconv.QuoteToASCII(string(p.Bytes))}
		about := decode.About{Sent: sent, Now: time.Now()}
		if p.Sent {
			one.Dir, about.Sent, sent = ">", "", strings.TrimSpace(string(p.Bytes))
		}
		if known {
			r := protocol.Decode(p.Bytes, about)
			one.Frames, one.Skipped = r.Frames, r.Skipped
			if p.Sent {
				sent = commandOf(r, sent)
				one.Skipped = 0 // a text protocol's commands are no frames
			}
		}
		all = append(all, one)
	}
	return all
}

// commandOf is the command inside of what was sent, where the protocol frames it; otherwise the text.
func commandOf(r decode.Result, text string) string {
	i := slices.IndexFunc(r.Frames, func(f decode.Frame) bool { return f.Kind == decode.Command })
	if i < 0 {
		return text
	}
	return r.Frames[i].Command
}

// protocolOf finds the protocol that a model of the catalogue speaks; scanners and balances have its name or an alias.
func protocolOf(model string) (decode.Protocol, bool) {
	p, err := decode.Find(model)
	return p, err == nil
}

func (f probed) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s on %s\n", f.Kind, f.Model, f.Port)
	for _, name := range slices.Sorted(maps.Keys(f.Settings)) {
		fmt.Fprintf(&b, "  %s %s\n", name, f.Settings[name])
	}
	if f.Identity != nil {
		fmt.Fprintf(&b, "identity: %s\n", describe(*f.Identity))
	}
	if f.State != nil {
		fmt.Fprintf(&b, "state: %s\n", stateText(f.State))
	}
	for _, p := range f.Passed {
		fmt.Fprintf(&b, "%8s %s %s  %s\n", p.Seconds, p.Dir, p.Hex, p.Text)
		for _, frame := range p.Frames {
			frame.Raw = ""
			fmt.Fprintf(&b, "%11s%s\n", "", frameText(frame))
		}
		if p.Skipped > 0 {
			fmt.Fprintf(&b, "%11s%d bytes are of no frame\n", "", p.Skipped)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
