package serialport

import (
	"testing"

	"go.bug.st/serial"
)

// A pseudo-terminal carries 8 bits without parity whatever is asked for, so what is asked for is looked at here.
func TestFramingIsWhatTheLibraryIsAskedFor(t *testing.T) {
	for text, want := range map[string]serial.Mode{
		"8N1": {BaudRate: 9600, DataBits: 8},
		"7E1": {BaudRate: 9600, DataBits: 7, Parity: serial.EvenParity},
		"8O1": {BaudRate: 9600, DataBits: 8, Parity: serial.OddParity},
		"7O1": {BaudRate: 9600, DataBits: 7, Parity: serial.OddParity},
		"8N2": {BaudRate: 9600, DataBits: 8, StopBits: serial.TwoStopBits},
	} {
		f, err := ParseFraming(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := (Config{Path: "x", LockDir: "x", Framing: f}).mode(); err != nil || *got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	if got, err := (Config{Path: "x", LockDir: "x"}).mode(); err != nil || *got != (serial.Mode{BaudRate: 9600, DataBits: 8}) {
		t.Errorf("the zero framing: %+v, %v", got, err)
	}
}

func TestWhatIsNoFraming(t *testing.T) {
	for _, text := range []string{"", "8N", "8N3", "9N1", "6N1", "8M1", "8n1", "N81", "8N11"} {
		if f, err := ParseFraming(text); err == nil || f != (Framing{}) {
			t.Errorf("%q: %+v, %v", text, f, err)
		}
	}
}
