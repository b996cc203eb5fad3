package stationlog

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestPackComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		job := rapid.SliceOfN(rapid.Byte(), 1, 4000).Draw(t, "job")
		packed, err := Pack(job)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Unpack(packed); err != nil || !bytes.Equal(got, job) {
			t.Fatalf("came back otherwise: %v", err)
		}
	})
}

func TestPackHasBounds(t *testing.T) {
	if _, err := Pack(nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("nothing: %v", err)
	}
	largest := make([]byte, MaxJob)
	packed, err := Pack(largest)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Unpack(packed); err != nil || len(got) != len(largest) {
		t.Errorf("the largest job is %d bytes, %v", len(got), err)
	}
	if _, err := Pack(append(largest, 0)); !errors.Is(err, ErrMalformed) {
		t.Errorf("one byte too many: %v", err)
	}
	noise := make([]byte, 20<<10)
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	if _, err := Pack(noise); !errors.Is(err, ErrMalformed) {
		t.Errorf("what no order can carry: %v", err)
	}
}

func FuzzUnpack(f *testing.F) {
	packed, err := Pack([]byte("^XA^XZ"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Add([]byte{})
	f.Add([]byte{0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		job, err := Unpack(b)
		if (err == nil) != (len(job) > 0) || len(job) > MaxJob {
			t.Errorf("%d bytes, %v", len(job), err)
		}
	})
}

// An order has what its kind needs and nothing of another kind.
func TestPrintOrders(t *testing.T) {
	whole := Order{Kind: Print, Station: "st", Print: "p", Job: []byte{1}, RemainingMS: 1000}
	for name, row := range map[string]struct {
		change func(*Order)
		ok     bool
	}{
		"whole":                      {func(*Order) {}, true},
		"without an id":              {func(o *Order) { o.Print = "" }, false},
		"without a job":              {func(o *Order) { o.Job = nil }, false},
		"with a volume":              {func(o *Order) { o.Volume = 1 }, false},
		"with a dispensing":          {func(o *Order) { o.Dispensing = "d" }, false},
		"for another station":        {func(o *Order) { o.Station = "other" }, false},
		"a pour with a job":          {func(o *Order) { o.Kind, o.Dispensing, o.Volume, o.Print = Pour, "d", 1, "" }, false},
		"a cancel with a print's id": {func(o *Order) { o.Kind, o.Dispensing, o.Job = Cancel, "d", nil }, false},
	} {
		o := whole
		row.change(&o)
		signed, err := SignOrder(o, testKey('s'))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := signed.OpenOrder(public(testKey('s')), "st"); (err == nil) != row.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
