package toledo_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/scale/toledo"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// stream is a link on which the same bytes arrive every 100 ms.
type stream struct {
	devices.Link
	frame string
}

func (s *stream) Read(ctx context.Context, p []byte) (int, error) {
	select {
	case <-time.After(100 * time.Millisecond):
		return copy(p, s.frame), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (*stream) Flush() error { return nil }
func (*stream) Close() error { return nil }

func frame(sw, weight string) string { return "\x02" + sw + weight + "000000\r" }

const kilogram = "\x2d\x30\x20" // stable, gross, three decimals

func TestFrames(t *testing.T) {
	for name, row := range map[string]struct {
		frame    string
		checksum bool
		want     measure.Weight
		moving   bool
		err      error
	}{
		"1.234 kg":               {frame: frame(kilogram, "001234"), want: 1_234_000_000},
		"with its checksum":      {frame: frame(kilogram, "001234") + "\x2a", checksum: true, want: 1_234_000_000},
		"in motion":              {frame: frame("\x2d\x38\x20", "001234"), want: 1_234_000_000, moving: true},
		"overload":               {frame: frame("\x2d\x34\x20", "001234"), err: devices.ErrOverload},
		"underload":              {frame: frame("\x2d\x36\x20", "001234"), err: devices.ErrUnderload},
		"pounds":                 {frame: frame("\x2d\x20\x20", "001234"), err: devices.ErrUnit},
		"not zeroed since power": {frame: frame("\x2d\x70\x20", "001234"), err: devices.ErrRestarted},
		"an expanded display":    {frame: frame("\x2d\x30\x30", "001234"), err: devices.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := toledo.Open(t.Context(), &stream{frame: row.frame}, toledo.Config{Name: "scale0", Checksum: row.checksum}, time.Now)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				r, err := s.Read(t.Context())
				if !errors.Is(err, row.err) || r.Weight != row.want || r.Stable != (row.err == nil && !row.moving) {
					t.Errorf("%+v, %v", r, err)
				}
				if err != nil && (r != (devices.Reading{}) || !strings.Contains(err.Error(), "scale0")) {
					t.Errorf("%+v beside %v", r, err)
				}
			})
		})
	}
}

// What is likely is said: nothing comes, or nothing that is a frame.
func TestWhatIsWrong(t *testing.T) {
	for name, row := range map[string]struct{ frame, says string }{
		"a checksum that was not expected to be missing": {frame(kilogram, "001234"), "checksum"},
		"another baud rate": {"\x00\xff\x80", "baud rate"},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, err := toledo.Open(t.Context(), &stream{frame: row.frame}, toledo.Config{Checksum: true}, time.Now)
			if !errors.Is(err, devices.ErrNoReply) || !strings.Contains(err.Error(), row.says) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		_, err := toledo.Open(t.Context(), devicetest.NewScript(t), toledo.Config{}, time.Now)
		if !errors.Is(err, devices.ErrNoReply) || !strings.Contains(err.Error(), "continuous output on") {
			t.Errorf("silence: %v", err)
		}
	})
}

func TestNoSerialNumberCanBeRegistered(t *testing.T) {
	s, err := toledo.Open(t.Context(), devicetest.NewScript(t), toledo.Config{Name: "scale0", Serial: "7"}, time.Now)
	if s != nil || !errors.Is(err, toledo.ErrSerial) || !strings.Contains(err.Error(), "scale0") {
		t.Errorf("%v, %v", s, err)
	}
}

// The bench sends pounds when it is set to them, and no weight comes of it.
func TestPoundsOnTheBench(t *testing.T) {
	for _, checksum := range []string{"yes", "no"} {
		synctest.Test(t, func(t *testing.T) {
			b, err := sim.NewBench(sim.Config{Now: time.Now, Counters: []sim.CounterConfig{{Scale: sim.DeviceConfig{
				Model: "toledo-continuous", Options: map[string]string{"unit": "lb", "checksum": checksum},
			}}}})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			link, err := b.Link("scale0")
			if err != nil {
				t.Fatal(err)
			}
			s, err := toledo.Open(t.Context(), link, toledo.Config{Checksum: checksum == "yes"}, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if r, err := s.Read(t.Context()); !errors.Is(err, devices.ErrUnit) || r != (devices.Reading{}) {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}
