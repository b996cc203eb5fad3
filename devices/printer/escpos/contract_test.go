package escpos_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/printer/escpos"
	"github.com/lieu-clinic/lieu/devices/serialport"
	"github.com/lieu-clinic/lieu/devices/sim"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/escpos"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func job(t *testing.T) []byte {
	t.Helper()
	ticket := proto.New()
	ticket.Text(proto.Double, "A 012")
	job, err := ticket.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// bench is a simulated printer, on a terminal or in memory.
func bench(t *testing.T, terminal bool) devicetest.PrinterBench {
	dir := ""
	if terminal {
		dir = t.TempDir()
	}
	b, err := sim.NewBench(sim.Config{
		Now: time.Now, Seed: 3, Dir: dir, Counters: []sim.CounterConfig{{Printer: sim.DeviceConfig{Model: "esc-pos", Baud: 9600}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fault := func(t *testing.T, f sim.Fault) {
		t.Helper()
		f.Device = "printer0"
		must(t, b.Fault(f))
	}
	return devicetest.PrinterBench{
		Open: func(ctx context.Context) (devices.Printer, error) {
			link, err := link(ctx, t, b, dir)
			if err != nil {
				return nil, err
			}
			return escpos.Open(link, escpos.Config{Name: "printer0", PrintTimeout: 5 * time.Second})
		},
		Line: devicetest.Line{
			Fault: func(t *testing.T, f devicetest.Fault) {
				fault(t, sim.Fault{Kind: sim.Kind(f.Kind), On: f.On, Count: f.Count, Skip: f.Skip, At: f.At})
			},
			Unplug: func(t *testing.T) { must(t, b.Unplug("printer0")) },
			Replug: func(t *testing.T) { must(t, b.Replug("printer0")) },
		},
		Job: job(t), Foreign: []byte("^XA^FO1,1^FDx^FS^XZ"),
		Printed: func(t *testing.T) int {
			paper, err := b.Only().Printed()
			must(t, err)
			return len(paper)
		},
		Ail:         func(t *testing.T, trouble string) { fault(t, sim.Fault{Kind: sim.Kind(trouble)}) },
		Heal:        func(t *testing.T) { fault(t, sim.Fault{Kind: sim.Clear}) },
		Troubles:    []string{"paper_out", "head_open", "paused"},
		ReplyLength: 1, Answers: 11,
	}
}

func link(ctx context.Context, t *testing.T, b *sim.Bench, dir string) (devices.Link, error) {
	if dir == "" {
		return b.Link("printer0")
	}
	p, err := serialport.Open(ctx, serialport.Config{Path: dir + "/printer0", LockDir: t.TempDir()})
	if err != nil {
		return nil, err
	}
	return p, nil
}

func TestContract(t *testing.T) {
	devicetest.Printer(t, devicetest.Virtual, func(t *testing.T) devicetest.PrinterBench { return bench(t, false) })
}

// The same contract over a terminal, in real time.
func TestContractOverTerminal(t *testing.T) {
	devicetest.Printer(t, devicetest.Real, func(t *testing.T) devicetest.PrinterBench { return bench(t, true) })
}
