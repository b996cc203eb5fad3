// Package catalog is the explicit list of the device models that Lieu drives: a model's name leads to how to open it.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	printerescpos "github.com/lieu-clinic/lieu/devices/printer/escpos"
	printerzpl "github.com/lieu-clinic/lieu/devices/printer/zpl"
	pumpcavro "github.com/lieu-clinic/lieu/devices/pump/cavro"
	pumpnewera "github.com/lieu-clinic/lieu/devices/pump/newera"
	pumpreglo "github.com/lieu-clinic/lieu/devices/pump/reglo"
	pumpsimdos "github.com/lieu-clinic/lieu/devices/pump/simdos"
	scaleandstd "github.com/lieu-clinic/lieu/devices/scale/andstd"
	scalemtsics "github.com/lieu-clinic/lieu/devices/scale/mtsics"
	scaleohaus "github.com/lieu-clinic/lieu/devices/scale/ohaus"
	scaleradwag "github.com/lieu-clinic/lieu/devices/scale/radwag"
	scalesbi "github.com/lieu-clinic/lieu/devices/scale/sbi"
	scaletoledo "github.com/lieu-clinic/lieu/devices/scale/toledo"
	"github.com/lieu-clinic/lieu/devices/scanner/evdev"
	"github.com/lieu-clinic/lieu/devices/scanner/line"
	"github.com/lieu-clinic/lieu/devices/serialport"
	"github.com/lieu-clinic/lieu/devices/tcplink"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/andstd"
	"github.com/lieu-clinic/lieu/pkg/protocol/cavro"
	"github.com/lieu-clinic/lieu/pkg/protocol/knf"
	"github.com/lieu-clinic/lieu/pkg/protocol/newera"
)

// Options of a device. What a model does not use stays zero; what it needs and lacks is an error that says so.
type Options struct {
	// Name stands in errors and logs, "scale0".
	Name string
	// Path is the serial port, or tcp://host:port of a printer, or the event device of a scanner that types; LockDir the directory for its lock file. Baud 0 and Framing "" are the model's own.
	Path    string
	LockDir string
	Baud    int
	Framing string // "8N1", "7E1", "8O1", see serialport.ParseFraming
	// Link, when set, is used instead of opening Path.
	Link devices.Link
	// Record, when set, is told what passes on the port.
	Record func(devices.Passage)
	// Registered is what the device must say of itself: a balance's serial number, a New Era pump's VER answer, a SIMDOS's
	// ?SV answer, a Reglo's # answer. Empty accepts any.
	Registered string
	// Now is the clock for readings and scans.
	Now func() time.Time

	// Of a pump.
	Address  int           // of a Reglo: the channel
	Diameter newera.Length // inner diameter of the syringe or the tube
	Rate     measure.Flow
	Min, Max measure.Volume // of one dose
	DeadMan  time.Duration  // of a New Era; 0: the driver's 5 s
	Poll     time.Duration  // of a New Era that moves, how often it is asked; 0: the driver's 150 ms
	DoseMode knf.Mode       // of a SIMDOS; 0: the driver's 1
	// Residual is the volume between bottle, or syringe, and nozzle.
	Residual  measure.Volume
	BackSteps int // of a Reglo, against drops
	Cavro     Cavro

	// Of a balance.
	StableTimeout time.Duration  // 0: the driver's 10 s
	Profile       string         // of MT-SICS: "mettler", "kern", "ohaus-7000"
	Station       andstd.Station // of A&D on RS-485
	Checksum      bool           // of Toledo continuous: each frame ends with one
}

// Cavro is what only a Cavro pump has. Its driver says what the zero values stand for. Its Registered is the firmware,
// its Address the position of the address switch.
type Cavro struct {
	Syringe              measure.Volume // of a full stroke
	Stroke               cavro.Stroke   // increments of a full stroke
	Input, Output        int            // ports of a distribution valve
	CounterClockwise     bool           // the sense in which those are counted
	HomingForce          int
	Start, Cutoff, Slope int
	Wait                 time.Duration // after a stroke
	Settings             string        // what it must answer about its stored configuration
}

// ErrByHand: the model has no pump to open; people pour, the balance watches.
var ErrByHand = errors.New("poured by hand, there is no pump")

// Kind says what a model is.
type Kind string

// The kinds.
const (
	Scale   Kind = "scale"
	Pump    Kind = "pump"
	Scanner Kind = "scanner"
	Printer Kind = "printer"
)

// Model is one entry of the catalogue.
type Model struct {
	Kind        Kind
	Name        string
	Description string
	// ByHand marks the pump model that is no device: OpenPump answers ErrByHand.
	ByHand bool
	// Baud and Framing as the devices are delivered; Framing "" is 8N1.
	Baud    int
	Framing string
}

// The names of the models.
const (
	MTSICS   = "mt-sics"
	SBI      = "sbi"
	AandD    = "a-and-d"
	OHAUS    = "ohaus"
	Radwag   = "radwag"
	Toledo   = "toledo-continuous"
	NewEra   = "new-era"
	Simdos   = "simdos"
	Reglo    = "reglo-icc"
	CavroOEM = "cavro-oem"
	CavroDT  = "cavro-dt"
	Manual   = "manual"
	Line     = "line"
	Evdev    = "evdev"
	ZPL      = "zpl"
	ESCPOS   = "esc-pos"
)

// Models lists everything that can be opened.
func Models() []Model {
	return []Model{
		{Kind: Scale, Name: MTSICS, Baud: 9600,
			Description: "balance with MT-SICS: Mettler-Toledo, OHAUS 7000, KERN with the KCP set"},
		{Kind: Scale, Name: SBI, Baud: 9600, Framing: "8O1",
			Description: "Sartorius balance set to SBI: Entris, Cubis, BCE"},
		{Kind: Scale, Name: AandD, Baud: 2400, Framing: "7E1",
			Description: "A&D balance set to the A&D standard format"},
		{Kind: Scale, Name: OHAUS, Baud: 9600,
			Description: "OHAUS balance with the print format: Scout, Navigator, Explorer, Adventurer, Ranger"},
		{Kind: Scale, Name: Radwag, Baud: 9600,
			Description: "Radwag balance or terminal"},
		{Kind: Scale, Name: Toledo, Baud: 9600,
			Description: "balance with the Toledo continuous output, which says neither who it is nor that it heard: when there is nothing else"},
		{Kind: Pump, Name: NewEra, Baud: 19200,
			Description: "New Era syringe pump NE-1000, NE-500 or a re-label, in safe mode"},
		{Kind: Pump, Name: Simdos, Baud: 9600,
			Description: "KNF SIMDOS 02 or 10, metering diaphragm pump"},
		{Kind: Pump, Name: Reglo, Baud: 9600,
			Description: "Ismatec Reglo ICC, one channel of a peristaltic pump"},
		{Kind: Pump, Name: CavroOEM, Baud: 9600,
			Description: "Tecan Cavro syringe pump XCalibur or XLP with a valve, OEM protocol"},
		{Kind: Pump, Name: CavroDT, Baud: 9600,
			Description: "Tecan Cavro syringe pump or one that speaks like it, DT protocol, without checksums"},
		{Kind: Pump, Name: Manual, ByHand: true,
			Description: "no pump: a person pours, the balance weighs"},
		{Kind: Scanner, Name: Line, Baud: 9600,
			Description: "barcode scanner that sends each code as a line (USB-CDC or RS-232)"},
		{Kind: Scanner, Name: Evdev,
			Description: "barcode scanner that types like a keyboard, at its Linux event device"},
		{Kind: Printer, Name: ZPL, Baud: 9600,
			Description: "label printer with ZPL II, at a serial port or tcp://host:9100"},
		{Kind: Printer, Name: ESCPOS, Baud: 115200,
			Description: "receipt printer with ESC/POS, at a serial port or tcp://host:9100"},
	}
}

// Find returns the model of that kind and name, or an error that lists what there is.
func Find(kind Kind, name string) (Model, error) {
	var names []string
	for _, m := range Models() {
		if m.Kind != kind {
			continue
		}
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return Model{}, fmt.Errorf("no %s model %q; there are: %s", kind, name, strings.Join(names, ", "))
}

// OpenScale opens the balance of that model.
func OpenScale(ctx context.Context, model string, o Options) (devices.Scale, error) {
	m, err := Find(Scale, model)
	if err != nil {
		return nil, err
	}
	if err := o.Check(m); err != nil {
		return nil, err
	}
	link, err := o.open(ctx, m)
	if err != nil {
		return nil, err
	}
	return o.scale(ctx, m, link)
}

// scale connects the driver of m.
func (o Options) scale(ctx context.Context, m Model, link devices.Link) (devices.Scale, error) {
	name, serial, patience := o.name(m), o.Registered, o.StableTimeout
	switch m.Name {
	case SBI:
		return openedScale(scalesbi.Open(ctx, link, scalesbi.Config{Name: name, Serial: serial, StableTimeout: patience}, o.Now))
	case AandD:
		cfg := scaleandstd.Config{Name: name, Serial: serial, StableTimeout: patience, Station: o.Station}
		return openedScale(scaleandstd.Open(ctx, link, cfg, o.Now))
	case OHAUS:
		return openedScale(scaleohaus.Open(ctx, link, scaleohaus.Config{Name: name, Serial: serial, StableTimeout: patience}, o.Now))
	case Radwag:
		return openedScale(scaleradwag.Open(ctx, link, scaleradwag.Config{Name: name, Serial: serial, StableTimeout: patience}, o.Now))
	case Toledo:
		cfg := scaletoledo.Config{Name: name, Serial: serial, StableTimeout: patience, Checksum: o.Checksum}
		return openedScale(scaletoledo.Open(ctx, link, cfg, o.Now))
	}
	cfg := scalemtsics.Config{Name: name, Serial: serial, StableTimeout: patience, Profile: scalemtsics.Profile(o.Profile)}
	return openedScale(scalemtsics.Open(ctx, link, cfg, o.Now))
}

// openedScale keeps a driver that did not open from looking like one that did.
func openedScale[S devices.Scale](s S, err error) (devices.Scale, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Check finds options of a balance that model m does not have, before its port is touched: an option that has no effect
// would be believed. What a pump needs is checked when it is opened.
func (o Options) Check(m Model) error {
	switch {
	case m.Kind != Scale:
	case o.Registered != "" && m.Name == Toledo:
		return fmt.Errorf("%s: %w", o.name(m), scaletoledo.ErrSerial)
	case o.Profile != "" && m.Name != MTSICS:
		return fmt.Errorf("%s: %s has no profiles", o.name(m), m.Name)
	case o.Station.Addressed && m.Name != AandD:
		return fmt.Errorf("%s: %s has no stations on RS-485", o.name(m), m.Name)
	case o.Checksum && m.Name != Toledo:
		return fmt.Errorf("%s: %s has no checksum to choose", o.name(m), m.Name)
	}
	return nil
}

// OpenPump opens the pump of that model. It moves nothing. ErrByHand when the model is no device.
func OpenPump(ctx context.Context, model string, o Options) (devices.Pump, error) {
	m, err := Find(Pump, model)
	if err != nil {
		return nil, err
	}
	if m.ByHand {
		return nil, fmt.Errorf("%s: %w", o.name(m), ErrByHand)
	}
	if err := o.checkPump(m); err != nil {
		return nil, err
	}
	link, err := o.open(ctx, m)
	if err != nil {
		return nil, err
	}
	switch m.Name {
	case CavroOEM, CavroDT:
		return opened(pumpcavro.Open(ctx, link, o.cavro(m)))
	case Simdos:
		return opened(pumpsimdos.Open(ctx, link, pumpsimdos.Config{
			Name: o.name(m), Address: o.Address, Version: o.Registered,
			Rate: o.Rate, Min: o.Min, Max: o.Max, Mode: o.DoseMode, Residual: o.Residual,
		}))
	case Reglo:
		return opened(pumpreglo.Open(ctx, link, pumpreglo.Config{
			Name: o.name(m), Channel: o.Address, Identity: o.Registered, Tube: int64(o.Diameter),
			Rate: o.Rate, Min: o.Min, Max: o.Max, BackSteps: o.BackSteps, Residual: o.Residual,
		}))
	}
	return opened(pumpnewera.Open(ctx, link, pumpnewera.Config{
		Name: o.name(m), Address: o.Address, Firmware: o.Registered,
		Diameter: o.Diameter, Rate: o.Rate, Min: o.Min, Max: o.Max, DeadMan: o.DeadMan, Poll: o.Poll, Residual: o.Residual,
	}))
}

func (o Options) cavro(m Model) pumpcavro.Config {
	c := pumpcavro.Config{
		Name: o.name(m), Address: o.Address, Firmware: o.Registered, Settings: o.Cavro.Settings,
		Syringe: o.Cavro.Syringe, Stroke: o.Cavro.Stroke, Input: o.Cavro.Input, Output: o.Cavro.Output,
		HomingForce: o.Cavro.HomingForce, Rate: o.Rate, Min: o.Min, Max: o.Max,
		Start: o.Cavro.Start, Cutoff: o.Cavro.Cutoff, Slope: o.Cavro.Slope, Wait: o.Cavro.Wait, Residual: o.Residual,
	}
	if m.Name == CavroDT {
		c.Protocol = pumpcavro.DT
	}
	if o.Cavro.CounterClockwise {
		c.Turn = cavro.CounterClockwise
	}
	return c
}

// opened keeps a driver that did not open from looking like one that did.
func opened[P devices.Pump](p P, err error) (devices.Pump, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

// OpenPrinter opens the printer of that model. It prints nothing.
func OpenPrinter(ctx context.Context, model string, o Options) (devices.Printer, error) {
	m, err := Find(Printer, model)
	if err != nil {
		return nil, err
	}
	link, err := o.open(ctx, m)
	if err != nil {
		return nil, err
	}
	if m.Name == ESCPOS {
		p, err := printerescpos.Open(link, printerescpos.Config{Name: o.name(m)})
		if err != nil {
			return nil, err
		}
		return p, nil
	}
	p, err := printerzpl.Open(link, printerzpl.Config{Name: o.name(m)})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// openEvdev opens a scanner that types. Its keyboard is its own from then on.
func openEvdev(o Options, m Model) (devices.Scanner, error) {
	if o.Now == nil {
		return nil, fmt.Errorf("%s: no clock given", o.name(m))
	}
	link, caps := o.Link, false
	if link == nil {
		k, err := evdev.OpenKeyboard(o.Path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.name(m), err)
		}
		link, caps = k, k.CapsLock()
	}
	s, err := evdev.Open(o.recorded(link), evdev.Config{Name: o.name(m), Repeat: -1, CapsLock: caps}, o.Now)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// OpenScanner opens the scanner of that model.
func OpenScanner(ctx context.Context, model string, o Options) (devices.Scanner, error) {
	m, err := Find(Scanner, model)
	if err != nil {
		return nil, err
	}
	if m.Name == Evdev {
		return openEvdev(o, m)
	}
	link, err := o.open(ctx, m)
	if err != nil {
		return nil, err
	}
	// A repeated scan is the station's to judge, which knows what went on between.
	s, err := line.Open(link, line.Config{Name: o.name(m), Repeat: -1}, o.Now)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (o Options) name(m Model) string {
	if o.Name != "" {
		return o.Name
	}
	return m.Name
}

// checkPump finds what is missing before the port is touched; the driver checks the values.
func (o Options) checkPump(m Model) error {
	var missing []string
	switch {
	case m.Name == CavroOEM || m.Name == CavroDT:
		if o.Cavro.Syringe == 0 {
			missing = append(missing, "the syringe's volume")
		}
	case o.Diameter != 0 || m.Name == Simdos:
	case m.Name == Reglo:
		missing = append(missing, "the tube's inner diameter")
	default:
		missing = append(missing, "the syringe's inner diameter")
	}
	if o.Rate == 0 {
		missing = append(missing, "the rate")
	}
	if o.Max == 0 {
		missing = append(missing, "the largest dose")
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s: %s needs %s", o.name(m), m.Name, strings.Join(missing, ", "))
	}
	return nil
}

func (o Options) open(ctx context.Context, m Model) (devices.Link, error) {
	if o.Now == nil {
		return nil, fmt.Errorf("%s: no clock given", o.name(m))
	}
	if o.Link != nil {
		return o.recorded(o.Link), nil
	}
	if address, ok := strings.CutPrefix(o.Path, "tcp://"); ok && m.Kind == Printer {
		l, err := tcplink.Open(ctx, address)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.name(m), err)
		}
		return o.recorded(l), nil
	}
	cfg, err := o.port(m)
	if err != nil {
		return nil, err
	}
	p, err := serialport.Open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.name(m), err)
	}
	return o.recorded(p), nil
}

func (o Options) recorded(link devices.Link) devices.Link {
	if o.Record == nil {
		return link
	}
	return devices.Record(link, o.Now, o.Record)
}

// port is how the port of m is opened.
func (o Options) port(m Model) (serialport.Config, error) {
	cfg := serialport.Config{Path: o.Path, Baud: o.Baud, LockDir: o.LockDir}
	if cfg.Baud == 0 {
		cfg.Baud = m.Baud
	}
	framing := o.Framing
	if framing == "" {
		framing = m.Framing
	}
	if framing == "" {
		return cfg, nil
	}
	var err error
	if cfg.Framing, err = serialport.ParseFraming(framing); err != nil {
		return cfg, fmt.Errorf("%s: framing %w", o.name(m), err)
	}
	return cfg, nil
}
