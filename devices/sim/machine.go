package sim

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// machine is a simulated device at the end of a port. Its counter calls it under its lock, one call at a time, after
// the world has been played up to now. It answers through its port, whose faults it knows nothing of.
type machine interface {
	// hear takes what the host sent, in whatever pieces it came.
	hear(now time.Time, b []byte)
	// watch goes on with what takes time: answers that are due, time-outs, the end of a start.
	watch(now time.Time)
	// powerCycle switches the device off and on again.
	powerCycle(now time.Time)
}

// greeter is a machine that says something by itself when its power comes.
type greeter interface {
	greet(now time.Time)
}

// fallible is a pump that has error codes of its own.
type fallible interface {
	// failWith makes the next motion that can fail with that code do so.
	failWith(code int) error
}

// pumpMachine is a machine that pushes liquid.
type pumpMachine interface {
	machine
	// step pushes for one stepTime of the world.
	step(now time.Time)
	moving() bool
	// failAfter cuts the power when v more µL have been counted.
	failAfter(v float64)
	report() PumpState
}

// PumpState is a pump as it truly is.
type PumpState struct {
	State     string  `json:"state"`
	Alarm     string  `json:"alarm,omitempty"`
	Runs      int     `json:"runs"` // motion commands received, executed or not
	CountedML float64 `json:"counted_ml"`
	DeadManS  int     `json:"dead_man_s"` // 0: it goes on without a host
}

// scaleMachine is a machine that weighs what stands on the pan.
type scaleMachine interface {
	machine
	report() ScaleState
}

// A model is one kind of device that the bench can be, under the name it has in the catalogue of drivers.
type pumpModel struct {
	name string
	baud uint32 // as delivered
	make func(cfg Config, d DeviceConfig, i int, p *port, w *world) pumpMachine
}

type scaleModel struct {
	name    string
	baud    uint32
	make    func(cfg Config, d DeviceConfig, i int, p *port, w *world) scaleMachine
	options options
}

// pumpModels and scaleModels list what there is; the first of each is what a counter has when nothing else was said.
func pumpModels() []pumpModel {
	return []pumpModel{
		{"new-era", 19200, newNewEra},
		{"simdos", 9600, newSimdos},
		{"reglo-icc", 9600, newReglo},
		{"cavro-oem", 9600, newCavro},
		{"cavro-dt", 9600, newCavro},
	}
}

func scaleModels() []scaleModel {
	return []scaleModel{
		{"mt-sics", 9600, newMTSICS, options{}},
		{"sbi", 9600, newSBI, options{"format": oneOf("16", "22"), "autoprint": yesNo, "xbpi": yesNo, "standby": yesNo}},
		{"a-and-d", 2400, newAndStd, options{"ercd": oneOf("0", "1"), "rs485": within(0, 99), "comparator": yesNo, "identity": yesNo}},
		{"ohaus", 9600, newOhaus, options{
			"width": within(10, 12), "legend": oneOf("N", "G", "NET", "GROSS"), "numeric": yesNo, "total": yesNo}},
		{"radwag", 9600, newRadwag, options{"narrow": yesNo}},
		{"toledo-continuous", 9600, newToledo, options{"checksum": yesNo, "unit": oneOf("g", "kg", "lb")}},
	}
}

func findPump(name string) (pumpModel, error) {
	all := pumpModels()
	i := slices.IndexFunc(all, func(m pumpModel) bool { return m.name == name })
	switch {
	case name == "":
		return all[0], nil
	case i < 0:
		return pumpModel{}, unknownModel("pump", name, all, func(m pumpModel) string { return m.name })
	}
	return all[i], nil
}

func findScale(name string) (scaleModel, error) {
	all := scaleModels()
	i := slices.IndexFunc(all, func(m scaleModel) bool { return m.name == name })
	switch {
	case name == "":
		return all[0], nil
	case i < 0:
		return scaleModel{}, unknownModel("scale", name, all, func(m scaleModel) string { return m.name })
	}
	return all[i], nil
}

// options are what the options of a model may be, where not any text will do.
type options map[string]func(value string) bool

// check finds a value that a model does not understand; a model that is asked for an option it has not is found when the
// device is made.
func (o options) check(model string, given map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if allowed, known := o[key]; known && !allowed(given[key]) {
			return fmt.Errorf("bench: option %s of a %s cannot be %q", key, model, given[key])
		}
	}
	return nil
}

func oneOf(all ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(all, s) }
}

func yesNo(s string) bool { return s == "yes" || s == "no" }

func within(low, high int) func(string) bool {
	return func(s string) bool {
		n, err := strconv.Atoi(s)
		return err == nil && n >= low && n <= high
	}
}

// guest makes a device of any kind for a port where another belongs. A balance weighs what stands on the pan; a pump
// pumps somewhere else.
func guest(cfg Config, model string, i int, p *port, w *world) (machine, error) {
	const stranger = 90 // so that serial numbers differ from those of the bench's own
	for _, m := range scaleModels() {
		if m.name == model {
			return m.make(cfg, DeviceConfig{}, i+stranger, p, w), nil
		}
	}
	for _, m := range pumpModels() {
		if m.name == model {
			return m.make(cfg, DeviceConfig{}, i+stranger, p, newWorld(cfg, w.rng)), nil
		}
	}
	return nil, fmt.Errorf("bench: no model %q", model)
}

func unknownModel[M any](kind, name string, all []M, nameOf func(M) string) error {
	var names []string
	for _, m := range all {
		names = append(names, nameOf(m))
	}
	return fmt.Errorf("bench: no %s %q; there are: %s", kind, name, strings.Join(names, ", "))
}
