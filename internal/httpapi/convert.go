package httpapi

import (
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
)

// each converts a list; an empty one stays a list.
func each[A, B any](in []A, f func(A) B) []B {
	out := make([]B, 0, len(in))
	for _, v := range in {
		out = append(out, f(v))
	}
	return out
}

// idOf brings an id of the wire, which the contract has checked, into its canonical form.
func idOf[T ~string](v gen.UUID) T { return T(strings.ToLower(v)) }

func at(i calendar.Instant) time.Time { return i.Time() }

// dayOf reads a day of the wire; "" is the zero Day.
func dayOf(v gen.Day) (calendar.Day, error) {
	d, err := calendar.ParseDay(v)
	if err != nil {
		return 0, fault.New(fault.Invalid, keyContract, "day: %w", err)
	}
	return d, nil
}

const defaultPage = 50

func limitOf(v *gen.Limit) int {
	if v == nil {
		return defaultPage
	}
	return *v
}

// page cuts a list that was read one longer than asked, and returns the cursor of the next page, "" on the last.
func page[T any](items []T, limit int, cursor func(T) string) ([]T, string) {
	if len(items) <= limit {
		return items, ""
	}
	items = items[:limit]
	return items, cursor(items[limit-1])
}
