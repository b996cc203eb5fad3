package catalog

import (
	"testing"

	"github.com/lieu-clinic/lieu/devices/serialport"
)

// Each model's port is asked for as its devices are delivered, unless the configuration says otherwise.
func TestPorts(t *testing.T) {
	odd := serialport.Framing{DataBits: 8, Parity: serialport.OddParity, StopBits: 1}
	even := serialport.Framing{DataBits: 7, Parity: serialport.EvenParity, StopBits: 1}
	for name, row := range map[string]struct {
		model   string
		options Options
		baud    int
		framing serialport.Framing
	}{
		"MT-SICS":               {model: MTSICS, baud: 9600},
		"SBI":                   {model: SBI, baud: 9600, framing: odd},
		"A&D":                   {model: AandD, baud: 2400, framing: even},
		"OHAUS":                 {model: OHAUS, baud: 9600},
		"OHAUS, an older one":   {model: OHAUS, options: Options{Baud: 2400, Framing: "7E1"}, baud: 2400, framing: even},
		"Radwag":                {model: Radwag, baud: 9600},
		"A&D, changed":          {model: AandD, options: Options{Baud: 9600, Framing: "8O1"}, baud: 9600, framing: odd},
		"Toledo, as delivered":  {model: Toledo, baud: 9600},
		"SBI, on a USB adapter": {model: SBI, options: Options{Framing: "8O1"}, baud: 9600, framing: odd},
	} {
		m, err := Find(Scale, row.model)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := row.options.port(m)
		if err != nil || cfg.Baud != row.baud || cfg.Framing != row.framing {
			t.Errorf("%s: %+v, %v", name, cfg, err)
		}
	}
	if cfg, err := (Options{Framing: "9X1"}).port(Model{Name: SBI}); err == nil {
		t.Errorf("a framing that does not exist: %+v", cfg)
	}
}
