package rulepack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// file is a pack as written. Every value is a pointer, so that one that was left out is told from one that is unset.
type file struct {
	Pack    string `yaml:"pack"`
	Version count  `yaml:"version"`
	Values  values `yaml:"values"`
}

type values struct {
	MaxInduction   *entry  `yaml:"rx.max_days.induction"`
	MaxAdjustment  *entry  `yaml:"rx.max_days.adjustment"`
	MaxMaintenance *entry  `yaml:"rx.max_days.maintenance"`
	MaxTaper       *entry  `yaml:"rx.max_days.taper"`
	HardCeiling    *entry  `yaml:"dose.hard_ceiling"`
	FirstDayMax    *entry  `yaml:"dose.first_day_max"`
	StepMax        *entry  `yaml:"dose.step_max"`
	StepMinDays    *entry  `yaml:"dose.step_min_days"`
	MinHours       *entry  `yaml:"dose.min_hours"`
	JumpWarn       *entry  `yaml:"dose.jump_warn"`
	JumpStop       *entry  `yaml:"dose.jump_stop"`
	Missed         *missed `yaml:"missed.table"`
	VerifyDevices  *entry  `yaml:"device.verify"`
	DriftWarn      *entry  `yaml:"drift.warn"`
	DriftStop      *entry  `yaml:"drift.stop"`
	LowBottle      *entry  `yaml:"bottle.low"`
}

// entry is one value: text with its unit and a source, or unset with a note that says why.
type entry struct {
	Value *string `yaml:"value"`
	about `yaml:",inline"`
}

type missed struct {
	Steps []missedStep `yaml:"steps"`
	about `yaml:",inline"`
}

type missedStep struct {
	FromDays count  `yaml:"from_days"`
	Severity string `yaml:"severity"`
	Advice   string `yaml:"advice"`
}

// count is a whole number. YAML would read 1.5 as 1 and 0x10 as 16; a count is plain digits.
type count int

// UnmarshalYAML implements yaml.Unmarshaler.
func (c *count) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.ScalarNode || node.Tag != "!!int" || !wholeNumber.MatchString(node.Value) {
		return fmt.Errorf("line %d: %q is not a whole number", node.Line, node.Value)
	}
	n, err := strconv.Atoi(node.Value)
	*c = count(n)
	return err
}

// about is what every value says of itself.
type about struct {
	Unset    bool   `yaml:"unset"`
	Source   string `yaml:"source"`
	Verified *bool  `yaml:"verified"`
	Note     string `yaml:"note"`
	VI       string `yaml:"vi"` // the source or the note in Vietnamese
}

// MaxSize bounds the text of a pack, in bytes.
const MaxSize = 64 << 10

var packName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// Parse reads one pack strictly. Unknown, missing and repeated keys, another unit than the value's own, numbers that are
// not positive, and values without a source or a verified flag are errors. The pack is not adopted.
func Parse(text []byte) (dosing.Pack, error) {
	if len(text) > MaxSize {
		return dosing.Pack{}, fmt.Errorf("longer than %d bytes", MaxSize)
	}
	var f file
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil {
		return dosing.Pack{}, fmt.Errorf("yaml: %w", err)
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return dosing.Pack{}, errors.New("yaml: more than one document")
	}
	if !packName.MatchString(f.Pack) {
		return dosing.Pack{}, fmt.Errorf("pack: %q is not a name", f.Pack)
	}
	if f.Version < 1 {
		return dosing.Pack{}, fmt.Errorf("version: %d is not positive", f.Version)
	}
	return f.toPack()
}

func (f file) toPack() (dosing.Pack, error) {
	v := f.Values
	var errs []error
	p := dosing.Pack{
		Name: f.Pack, Version: int(f.Version),
		MaxOrderDays:  make(map[patient.Phase]dosing.Limit[int], len(patient.Phases)),
		HardCeiling:   read(&errs, "dose.hard_ceiling", v.HardCeiling, mass),
		FirstDayMax:   read(&errs, "dose.first_day_max", v.FirstDayMax, mass),
		StepMax:       read(&errs, "dose.step_max", v.StepMax, mass),
		StepMinDays:   read(&errs, "dose.step_min_days", v.StepMinDays, wholeDays),
		MinHours:      read(&errs, "dose.min_hours", v.MinHours, wholeHours),
		JumpWarn:      read(&errs, "dose.jump_warn", v.JumpWarn, percent),
		JumpStop:      read(&errs, "dose.jump_stop", v.JumpStop, percent),
		Missed:        readMissed(&errs, v.Missed),
		VerifyDevices: read(&errs, "device.verify", v.VerifyDevices, yesNo),
		DriftWarn:     read(&errs, "drift.warn", v.DriftWarn, share),
		DriftStop:     read(&errs, "drift.stop", v.DriftStop, share),
		LowBottle:     read(&errs, "bottle.low", v.LowBottle, volume),
	}
	p.MaxOrderDays[patient.Induction] = read(&errs, "rx.max_days.induction", v.MaxInduction, wholeDays)
	p.MaxOrderDays[patient.Adjustment] = read(&errs, "rx.max_days.adjustment", v.MaxAdjustment, wholeDays)
	p.MaxOrderDays[patient.Maintenance] = read(&errs, "rx.max_days.maintenance", v.MaxMaintenance, wholeDays)
	p.MaxOrderDays[patient.Taper] = read(&errs, "rx.max_days.taper", v.MaxTaper, wholeDays)
	if p.JumpWarn.Set && p.JumpStop.Set && p.JumpWarn.Value > p.JumpStop.Value {
		errs = append(errs, errors.New("dose.jump_warn: above dose.jump_stop"))
	}
	if p.DriftWarn.Set && p.DriftStop.Set && p.DriftWarn.Value > p.DriftStop.Value {
		errs = append(errs, errors.New("drift.warn: above drift.stop"))
	}
	if len(errs) > 0 {
		return dosing.Pack{}, errors.Join(errs...)
	}
	return p, nil
}

// read turns one entry into a limit, or adds what is wrong with it to errs.
func read[T any](errs *[]error, key string, e *entry, parse func(string) (T, error)) dosing.Limit[T] {
	if e == nil {
		*errs = append(*errs, fmt.Errorf("%s: missing; an unset value says unset: true", key))
		return dosing.Limit[T]{}
	}
	from, err := e.provenance(e.Value != nil)
	if err != nil {
		*errs = append(*errs, fmt.Errorf("%s: %w", key, err))
		return dosing.Limit[T]{}
	}
	if e.Unset {
		return dosing.Limit[T]{Provenance: from}
	}
	value, err := parse(*e.Value)
	if err != nil {
		*errs = append(*errs, fmt.Errorf("%s: %w", key, err))
		return dosing.Limit[T]{}
	}
	return dosing.Limit[T]{Provenance: from, Value: value, Set: true}
}

// provenance checks that the entry is either set, with a source and a flag, or unset, with a note.
func (a about) provenance(hasValue bool) (dosing.Provenance, error) {
	switch {
	case a.Unset && (hasValue || a.Source != "" || a.Verified != nil):
		return dosing.Provenance{}, errors.New("unset, and yet something is said of it")
	case a.Unset && strings.TrimSpace(a.Note) == "":
		return dosing.Provenance{}, errors.New("unset without a note that says why")
	case a.Unset:
		return a.translated(dosing.Provenance{Note: strings.TrimSpace(a.Note)})
	case !hasValue:
		return dosing.Provenance{}, errors.New("neither a value nor unset")
	case strings.TrimSpace(a.Source) == "":
		return dosing.Provenance{}, errors.New("no source")
	case a.Verified == nil:
		return dosing.Provenance{}, errors.New("not said whether the source was verified")
	}
	return a.translated(dosing.Provenance{Source: a.Source, Verified: *a.Verified})
}

// translated adds the Vietnamese: who signs a pack reads where its numbers come from.
func (a about) translated(p dosing.Provenance) (dosing.Provenance, error) {
	if p.Vietnamese = strings.TrimSpace(a.VI); p.Vietnamese == "" {
		return dosing.Provenance{}, errors.New("nothing in Vietnamese")
	}
	return p, nil
}

// readMissed reads the missed-days table. Its rows ascend, and none stops: the count stays until the next dose, so a stop
// could never be answered.
func readMissed(errs *[]error, m *missed) dosing.Limit[[]dosing.MissedStep] {
	const key = "missed.table"
	limit, err := m.toLimit()
	if err != nil {
		*errs = append(*errs, fmt.Errorf("%s: %w", key, err))
	}
	return limit
}

func (m *missed) toLimit() (dosing.Limit[[]dosing.MissedStep], error) {
	none := dosing.Limit[[]dosing.MissedStep]{}
	if m == nil {
		return none, errors.New("missing; an unset value says unset: true")
	}
	from, err := m.provenance(len(m.Steps) > 0)
	if err != nil || m.Unset {
		return none, err
	}
	steps := make([]dosing.MissedStep, 0, len(m.Steps))
	last := count(0)
	for _, s := range m.Steps {
		severity := dosing.Severity(s.Severity)
		switch {
		case s.FromDays <= last:
			return none, fmt.Errorf("from_days %d does not ascend from 1", s.FromDays)
		case s.FromDays > maxDays:
			return none, fmt.Errorf("from_days %d is above %d", s.FromDays, maxDays)
		case !slices.Contains([]dosing.Severity{dosing.Information, dosing.Warning, dosing.Refer}, severity):
			return none, fmt.Errorf("severity %q is not information, warning or refer", s.Severity)
		case !slices.Contains(advices, s.Advice):
			return none, fmt.Errorf("advice %q is not known", s.Advice)
		}
		steps = append(steps, dosing.MissedStep{FromDays: int(s.FromDays), Severity: severity, Advice: s.Advice})
		last = s.FromDays
	}
	return dosing.Limit[[]dosing.MissedStep]{Provenance: from, Value: steps, Set: true}, nil
}

var advices = []string{dosing.AdviceSameDose, dosing.AdviceHalfDose, dosing.AdviceSeePrescriber, dosing.AdviceNewInduction}

// Bounds on what a value can sensibly be.
const (
	maxDays    = 366
	maxHours   = 7 * 24
	maxPercent = 1000
	maxDrift   = 10 * drift.Percent
)

func mass(s string) (measure.Mass, error) {
	if !strings.HasSuffix(s, " mg") {
		return 0, fmt.Errorf("%q is not a number of mg", s)
	}
	m, err := measure.ParseMass(s, measure.English)
	return m, positive(int64(m), math.MaxInt64, s, err)
}

func volume(s string) (measure.Volume, error) {
	if !strings.HasSuffix(s, " mL") {
		return 0, fmt.Errorf("%q is not a number of mL", s)
	}
	v, err := measure.ParseVolume(s, measure.English)
	return v, positive(int64(v), math.MaxInt64, s, err)
}

func wholeDays(s string) (int, error) { return whole(s, "days", maxDays) }

func wholeHours(s string) (time.Duration, error) {
	n, err := whole(s, "hours", maxHours)
	return time.Duration(n) * time.Hour, err
}

func percent(s string) (int, error) { return whole(s, "percent", maxPercent) }

// share reads a part of a dose in per cent, with decimals: a pump is judged more finely than a dose is changed.
func share(s string) (drift.Share, error) {
	number, ok := strings.CutSuffix(s, " percent")
	if !ok || strings.Contains(number, "%") {
		return 0, fmt.Errorf("%q is not a number of percent", s)
	}
	n, err := drift.ParseShare(number, measure.English)
	return n, positive(int64(n), int64(maxDrift), s, err)
}

func yesNo(s string) (bool, error) {
	switch s {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is not true or false", s)
}

var wholeNumber = regexp.MustCompile(`^[0-9]{1,9}$`)

func whole(s, unit string, most int64) (int, error) {
	number, ok := strings.CutSuffix(s, " "+unit)
	if !ok || !wholeNumber.MatchString(number) {
		return 0, fmt.Errorf("%q is not a whole number of %s", s, unit)
	}
	n, err := strconv.Atoi(number)
	return n, positive(int64(n), most, s, err)
}

func positive(n, most int64, s string, err error) error {
	if err != nil {
		return err
	}
	if n <= 0 || n > most {
		return fmt.Errorf("%q is not above 0 and at most %d", s, most)
	}
	return nil
}
