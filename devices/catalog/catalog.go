// Package catalog is the explicit list of the device models that Lieu drives: a model's name leads to how to open it.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	pumpnewera "github.com/lieu-clinic/lieu/devices/pump/newera"
	pumpreglo "github.com/lieu-clinic/lieu/devices/pump/reglo"
	pumpsimdos "github.com/lieu-clinic/lieu/devices/pump/simdos"
	scalemtsics "github.com/lieu-clinic/lieu/devices/scale/mtsics"
	"github.com/lieu-clinic/lieu/devices/scanner/line"
	"github.com/lieu-clinic/lieu/devices/serialport"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/knf"
	"github.com/lieu-clinic/lieu/pkg/protocol/newera"
)

// Options of a device. What a model does not use stays zero; what it needs and lacks is an error that says so.
type Options struct {
	// Name stands in errors and logs, "scale0".
	Name string
	// Path is the serial port, LockDir the directory for its lock file. Baud 0 is the model's own rate.
	Path    string
	LockDir string
	Baud    int
	// Link, when set, is used instead of opening Path.
	Link devices.Link
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
	DoseMode knf.Mode       // of a SIMDOS; 0: the driver's 1
	// Residual is the volume between bottle, or syringe, and nozzle.
	Residual  measure.Volume
	BackSteps int // of a Reglo, against drops

	// Of a balance.
	StableTimeout time.Duration // 0: the driver's 10 s
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
)

// Model is one entry of the catalogue.
type Model struct {
	Kind        Kind
	Name        string
	Description string
	// ByHand marks the pump model that is no device: OpenPump answers ErrByHand.
	ByHand bool
	Baud   int // as the devices are delivered
}

// The names of the models.
const (
	MTSICS = "mt-sics"
	NewEra = "new-era"
	Simdos = "simdos"
	Reglo  = "reglo-icc"
	Manual = "manual"
	Line   = "line"
)

// Models lists everything that can be opened.
func Models() []Model {
	return []Model{
		{Kind: Scale, Name: MTSICS, Baud: 9600,
			Description: "balance with MT-SICS: Mettler-Toledo, OHAUS 7000, KERN with the KCP set"},
		{Kind: Pump, Name: NewEra, Baud: 19200,
			Description: "New Era syringe pump NE-1000, NE-500 or a re-label, in safe mode"},
		{Kind: Pump, Name: Simdos, Baud: 9600,
			Description: "KNF SIMDOS 02 or 10, metering diaphragm pump"},
		{Kind: Pump, Name: Reglo, Baud: 9600,
			Description: "Ismatec Reglo ICC, one channel of a peristaltic pump"},
		{Kind: Pump, Name: Manual, ByHand: true,
			Description: "no pump: a person pours, the balance weighs"},
		{Kind: Scanner, Name: Line, Baud: 9600,
			Description: "barcode scanner that sends each code as a line (USB-CDC or RS-232)"},
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
	link, err := o.open(ctx, m)
	if err != nil {
		return nil, err
	}
	s, err := scalemtsics.Open(ctx, link, scalemtsics.Config{
		Name: o.name(m), Serial: o.Registered, StableTimeout: o.StableTimeout,
	}, o.Now)
	if err != nil {
		return nil, err
	}
	return s, nil
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
		Diameter: o.Diameter, Rate: o.Rate, Min: o.Min, Max: o.Max, DeadMan: o.DeadMan, Residual: o.Residual,
	}))
}

// opened keeps a driver that did not open from looking like one that did.
func opened[P devices.Pump](p P, err error) (devices.Pump, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

// OpenScanner opens the scanner of that model.
func OpenScanner(ctx context.Context, model string, o Options) (devices.Scanner, error) {
	m, err := Find(Scanner, model)
	if err != nil {
		return nil, err
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
		return o.Link, nil
	}
	baud := o.Baud
	if baud == 0 {
		baud = m.Baud
	}
	p, err := serialport.Open(ctx, serialport.Config{Path: o.Path, Baud: baud, LockDir: o.LockDir})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.name(m), err)
	}
	return p, nil
}
