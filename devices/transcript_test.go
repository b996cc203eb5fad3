package devices_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/devices"
)

// echo is a link that says back what it was told.
type echo struct{ unread []byte }

func (e *echo) Write(_ context.Context, p []byte) error {
	e.unread = append(e.unread, p...)
	return nil
}

func (e *echo) Read(_ context.Context, p []byte) (int, error) {
	n := copy(p, e.unread)
	e.unread = e.unread[n:]
	if n == 0 {
		return 0, devices.ErrDisconnected
	}
	return n, nil
}

func (*echo) Flush() error { return nil }
func (*echo) Close() error { return nil }

func TestRecordedLinkTellsWhatPassed(t *testing.T) {
	at := time.Unix(0, 0)
	now := func() time.Time { at = at.Add(time.Millisecond); return at }
	var heard []string
	link := devices.Record(&echo{}, now, func(p devices.Passage) { heard = append(heard, p.String()) })
	if err := link.Write(t.Context(), []byte("SI\r\n")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 3)
	for {
		if _, err := link.Read(t.Context(), buf); err != nil {
			break
		}
	}
	want := []string{"0.001000,>,53490D0A", "0.002000,<,53490D", "0.003000,<,0A"}
	if !reflect.DeepEqual(heard, want) {
		t.Errorf("%q, want %q", heard, want)
	}
}

func TestTranscriptsReadBackAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []devices.Passage
		text := "# a balance\n\n"
		for range rapid.IntRange(0, 5).Draw(t, "passages") {
			p := devices.Passage{
				At:    time.Duration(rapid.Int64Range(0, 1e11).Draw(t, "µs")) * time.Microsecond,
				Sent:  rapid.Bool().Draw(t, "sent"),
				Bytes: rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "bytes"),
			}
			want = append(want, p)
			text += fmt.Sprintln(p)
		}
		got, err := devices.ReadTranscript(strings.NewReader(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	})
}

func TestTranscriptsAreReadExactly(t *testing.T) {
	for _, bad := range []string{"1,>", "1,>,0", "1,>,", "1,=,00", "-1,>,00", "NaN,>,00", "x,>,00", "1,>,00,00", "1 > 00", "1e99,>,00"} {
		if _, err := devices.ReadTranscript(strings.NewReader(bad)); !errors.Is(err, devices.ErrTranscript) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := devices.ReadTranscript(strings.NewReader("1,>," + strings.Repeat("00", 1<<20))); err == nil {
		t.Error("an endless line was read")
	}
}

func FuzzReadTranscript(f *testing.F) {
	f.Add("1.020417,>,53490D0A\n#\n0,<,00\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := devices.ReadTranscript(strings.NewReader(text))
		if err != nil && all != nil {
			t.Error("an error and passages")
		}
		for _, p := range all {
			if p.At < 0 || len(p.Bytes) == 0 {
				t.Errorf("%+v", p)
			}
		}
	})
}
