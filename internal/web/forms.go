package web

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/pkg/cardcode"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// inputError says which field of a form could not be read. Typed text is read strictly, as the reader's language
// writes numbers and dates: a comma that was meant as a point is asked about, never guessed.
type inputError struct{ key, label, text string }

func (e *inputError) Error() string { return "input " + e.label }

// form reads the fields of a posted form and keeps the first mistake.
type form struct {
	c      *screen
	values url.Values
	err    error
}

func (c *screen) form() *form { return &form{c: c, values: c.r.PostForm} }

func (f *form) text(name string) string { return strings.TrimSpace(f.values.Get(name)) }

// wrong keeps the first mistake.
func (f *form) wrong(key, name string) {
	if f.err == nil {
		f.err = &inputError{key: key, label: "field." + name, text: f.text(name)}
	}
}

// quantity reads name with parse. An empty field is 0 when optional.
func quantity[T ~int64](f *form, name string, optional bool, parse func(string, measure.Locale) (T, error)) T {
	s := f.text(name)
	if s == "" && optional {
		return 0
	}
	v, err := parse(s, f.c.locale)
	switch {
	case s == "":
		f.wrong("input.missing", name)
	case errors.Is(err, measure.ErrOverflow):
		f.wrong("input.range", name)
	case err != nil:
		f.wrong("input.number", name)
	}
	return v
}

func (f *form) mass(name string) int64   { return int64(quantity(f, name, false, measure.ParseMass)) }
func (f *form) volume(name string) int64 { return int64(quantity(f, name, false, measure.ParseVolume)) }
func (f *form) strength(name string) int64 {
	return int64(quantity(f, name, false, measure.ParseConcentration))
}
func (f *form) density(name string) int64 {
	return int64(quantity(f, name, false, measure.ParseDensity))
}
func (f *form) weight(name string) int64 { return int64(quantity(f, name, true, measure.ParseWeight)) }

// maybe reads a quantity that may be left out, and tells zero from nothing.
func maybe[T ~int64](f *form, name string, parse func(string, measure.Locale) (T, error)) *int64 {
	if f.text(name) == "" {
		return nil
	}
	v := int64(quantity(f, name, false, parse))
	return &v
}

// masses reads "30 + 32,5" as parts of a day; empty means one part.
func (f *form) masses(name string) []int64 {
	s := f.text(name)
	if s == "" {
		return nil
	}
	var parts []int64
	for part := range strings.SplitSeq(s, "+") {
		m, err := measure.ParseMass(strings.TrimSpace(part), f.c.locale)
		if err != nil {
			f.wrong("input.number", name)
			return nil
		}
		parts = append(parts, int64(m))
	}
	return parts
}

// integer reads a whole number from low to high.
func (f *form) integer(name string, low, high int) int {
	n, err := strconv.Atoi(f.text(name))
	switch {
	case f.text(name) == "":
		f.wrong("input.missing", name)
	case err != nil:
		f.wrong("input.number", name)
	case n < low || n > high:
		f.wrong("input.range", name)
	}
	return n
}

// integer64 reads a whole number that the page itself wrote into a hidden field.
func (f *form) integer64(name string) int64 {
	n, err := strconv.ParseInt(f.text(name), 10, 64)
	if err != nil {
		f.wrong("input.number", name)
	}
	return n
}

// day reads dd/mm/yyyy, in both languages: a date field of the browser would follow the language of the computer, and
// 03/04 must not mean two things in one clinic.
func (f *form) day(name string) string {
	s := f.text(name)
	t, err := time.Parse("2/1/2006", s)
	switch {
	case s == "":
		f.wrong("input.missing", name)
	case err != nil:
		f.wrong("input.day", name)
		return ""
	}
	return t.Format(isoDay)
}

// need reads text that must not be empty.
func (f *form) need(name string) string {
	s := f.text(name)
	if s == "" {
		f.wrong("input.missing", name)
	}
	return s
}

// witness reads the second person's proof.
func (f *form) witness() clinicapi.Credential {
	return credential(f.need("witness"), f.need("witness_pin"))
}

// maybeWitness is the second person's proof where the act may do without one; nil when the fields are empty.
func (f *form) maybeWitness() *clinicapi.OptionalCredential {
	if f.text("witness") == "" && f.text("witness_pin") == "" {
		return nil
	}
	w := clinicapi.OptionalCredential(f.witness())
	return &w
}

// credential names a person by the badge that was scanned or by the user name that was typed.
func credential(who, pin string) clinicapi.Credential {
	if card, err := cardcode.Parse(who); err == nil {
		return clinicapi.Credential{Badge: card.String(), Pin: pin}
	}
	return clinicapi.Credential{Username: who, Pin: pin}
}

// id is the id of the act, made when the form was shown: the same form sent twice is one act.
func (f *form) id() string {
	s := f.text("id")
	if s == "" {
		f.wrong("input.missing", "id")
	}
	return s
}
