package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/lieu-clinic/lieu/internal/fault"
)

func TestCodeOf(t *testing.T) {
	coded := fault.New(fault.Conflict, "bottle.empty", "bottle %s is empty", "b1")
	for name, tc := range map[string]struct {
		err  error
		want fault.Code
	}{
		"nil":                       {nil, ""},
		"without a code":            {io.EOF, fault.Internal},
		"coded":                     {coded, fault.Conflict},
		"wrapped":                   {fmt.Errorf("dose: %w", coded), fault.Conflict},
		"the outermost code counts": {fault.New(fault.Unavailable, "", "store: %w", coded), fault.Unavailable},
		"joined":                    {errors.Join(io.EOF, coded), fault.Conflict},
	} {
		if got := fault.CodeOf(tc.err); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
		if got := fault.Is(tc.err, tc.want); got != (tc.err != nil) {
			t.Errorf("%s: Is %t", name, got)
		}
	}
	if fault.Is(io.EOF, fault.Conflict) {
		t.Error("an error without a code has one")
	}
}

func TestNewKeepsTheCause(t *testing.T) {
	err := fault.New(fault.Invalid, "delivery.short", "delivery: %w", io.ErrUnexpectedEOF)
	if !errors.Is(err, io.ErrUnexpectedEOF) || err.Error() != "delivery: unexpected EOF" || err.Key != "delivery.short" {
		t.Errorf("got %v with key %q", err, err.Key)
	}
	if plain := fault.New(fault.Invalid, "", "no cause"); errors.Unwrap(plain) != nil {
		t.Errorf("a cause out of nothing: %v", errors.Unwrap(plain))
	}
}

func TestWithCopies(t *testing.T) {
	base := fault.New(fault.Refused, "dose.refused", "refused")
	one, other := base.With("rule", "hold.stop"), base.With("rule", "dose.taken")
	both := one.With("part", "2")
	if base.Args != nil || one.Args["rule"] != "hold.stop" || other.Args["rule"] != "dose.taken" || len(one.Args) != 1 {
		t.Errorf("base %v, one %v, other %v", base.Args, one.Args, other.Args)
	}
	if len(both.Args) != 2 || both.Args["part"] != "2" || both.Code != fault.Refused || both.Detail != "refused" {
		t.Errorf("both %+v", both)
	}
}
