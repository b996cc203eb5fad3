package replay

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/catalog"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/station"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// counter is the counter of one window: the daemon with its journal and its drivers, on the serial ports of a bench that it
// has to itself. The bench lives by a clock of its own, which stands still until the replay lets time pass there: so a cup
// stands, and a pump has poured, exactly when the plan says.
type counter struct {
	station string
	dir     string
	bench   *sim.Bench
	physics *clock
	runs    int                // of the pump, so far
	stop    context.CancelFunc // nil while the daemon does not run
	ended   chan error
}

// How much time of the bench passes at once. The pump moves a millilitre in a second.
const (
	settling = 4 * time.Second  // until a cup stands still
	pouring  = 25 * time.Second // until any pour has ended and its last drop has fallen
)

// newCounter sets up the bench of a window and enrols its daemon there, which does not run yet.
func newCounter(ctx context.Context, dir, url, code string, i int) (*counter, error) {
	k := &counter{dir: dir, physics: &clock{at: calendar.At(time.Unix(0, 0))}}
	identity, err := station.Enrol(ctx, dir, url, code, http.DefaultClient, rand.Reader)
	if err != nil {
		return nil, err
	}
	k.station = identity.Station
	k.bench, err = sim.NewBench(sim.Config{
		Now: k.physics.now, Seed: uint64(i) + 1, Dir: filepath.Join(dir, "bench"), Bottle: stock.MaxBottle, Density: density, CupWeight: cup, //nolint:gosec // a window
	})
	return k, err
}

// start runs the daemon by the clock of the clinic, until close. It returns when the counter would take an order.
func (k *counter) start(ctx context.Context, now func() time.Time) error {
	identity, err := station.LoadIdentity(k.dir)
	if err != nil {
		return err
	}
	server, err := station.NewClient(identity, http.DefaultClient, now)
	if err != nil {
		return err
	}
	journal, err := station.OpenJournal(ctx, station.JournalPath(k.dir), identity.Station, identity.Key, identity.Position, now)
	if err != nil {
		return err
	}
	daemon, err := station.New(k.config(station.Config{Identity: identity, Version: "replay", Journal: journal, Server: server, Now: now}))
	if err != nil {
		return errors.Join(err, journal.Close())
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	k.stop, k.ended = stop, make(chan error, 1)
	go func() { k.ended <- errors.Join(daemon.Run(running), journal.Close()) }()
	return await(ctx, nil, func() (bool, string, error) {
		ready, why := daemon.Status(ctx).Ready()
		return ready, why, nil
	})
}

// config puts the bench's devices into a daemon's configuration. The clinic's clock stands still while the daemon works, so
// that a weight cannot prove itself by the time that it has stood; the bench's balance proves it by its own flag.
func (k *counter) config(c station.Config) station.Config {
	port := func(name string) catalog.Options {
		return catalog.Options{Name: name, Path: filepath.Join(k.dir, "bench", name), LockDir: k.dir, Now: c.Now}
	}
	c.Scale = station.Device[devices.Scale]{Model: catalog.MTSICS, Open: func(ctx context.Context) (devices.Scale, error) {
		return catalog.OpenScale(ctx, catalog.MTSICS, port("scale0"))
	}}
	c.Pump = station.Device[devices.Pump]{Model: catalog.NewEra, Open: func(ctx context.Context) (devices.Pump, error) {
		o := port("pump0")
		o.Diameter, o.Rate, o.Max, o.DeadMan, o.Poll = 26_700, 60_000, 30*measure.Millilitre, 2*pouring, often
		return catalog.OpenPump(ctx, catalog.NewEra, o)
	}}
	c.Pour = station.PourConfig{CupWait: patience, SettleWithin: patience, SettleSpan: -1, SettleEvery: often, Drip: often}
	return c
}

// often is how soon something is asked again that changes as soon as this machine can.
const often = 2 * time.Millisecond

// place puts an empty cup on the pan, and lets it stand still.
func (k *counter) place() error { return k.set(k.bench.Only().PlaceCup()) }

// vessel puts what takes the shots of a check on the pan.
func (k *counter) vessel() error { return k.set(k.bench.Only().PlaceWeight(120 * measure.WeightGram)) }

func (k *counter) set(err error) error {
	k.physics.pass(settling)
	return err
}

// pour lets the pump move what it was told to, and the scale see it. The daemon's record of a pour is on its way before the
// pump is told.
func (k *counter) pour(ctx context.Context) error {
	err := await(ctx, nil, func() (bool, string, error) {
		pump := k.bench.Only().State().Pump
		told := pump.Runs > k.runs
		k.runs = pump.Runs
		return told, "the pump stands still", nil
	})
	k.physics.pass(pouring)
	return err
}

// lift takes the cup away and says what is in it.
func (k *counter) lift() (measure.Volume, error) {
	c, err := k.bench.Only().LiftCup()
	return measure.Volume(math.Round(1000 * c.LiquidML)), k.set(err)
}

// close ends the daemon in order and takes the bench away.
func (k *counter) close() error {
	var ended error
	if k.stop != nil {
		k.stop()
		ended = <-k.ended
	}
	return errors.Join(ended, k.bench.Close())
}

// await looks until what it waits for is there, at once after each piece of news and from time to time. The error of a wait
// that lasts too long says what it was then.
func await(ctx context.Context, news <-chan struct{}, look func() (done bool, now string, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(often)
	defer again.Stop()
	for {
		done, now, err := look()
		if done || err != nil {
			return err
		}
		select {
		case <-news:
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", now, ctx.Err())
		}
	}
}
