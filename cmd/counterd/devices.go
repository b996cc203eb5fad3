package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/devices/catalog"
	"github.com/lieu-clinic/lieu/devices/serialport"
	"github.com/lieu-clinic/lieu/internal/station"
)

type devicesCommand struct {
	Dir    string `default:"${default_dir}" env:"LIEU_COUNTER_DIR" help:"The counter's directory."`
	Config string `env:"LIEU_COUNTER_CONFIG" help:"Configuration file; counterd.yaml in the directory when left out."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// deviceStates is what the devices of a counter are, as far as that is known.
type deviceStates struct {
	Running bool          `json:"running"` // a daemon was asked; otherwise this is the configuration
	Ready   bool          `json:"ready"`
	Why     string        `json:"why"`
	Devices []deviceState `json:"devices"`
}

type deviceState struct {
	Kind   string `json:"kind"`
	State  string `json:"state"` // ready, down, unknown, none; without a daemon: configured, none
	Model  string `json:"model,omitempty"`
	Serial string `json:"serial,omitempty"`
	Port   string `json:"port,omitempty"`
	Detail string `json:"detail,omitempty"`
	Why    string `json:"why,omitempty"` // and what to do
}

// deviceList is what the daemon says of its devices.
func deviceList(s station.Status) deviceStates {
	all := deviceStates{Running: true}
	all.Ready, all.Why = s.Ready()
	for _, d := range s.Devices {
		all.Devices = append(all.Devices, deviceState{
			Kind: d.Kind, State: d.State, Model: d.Model, Serial: d.Serial, Detail: d.Detail, Why: s.Troubles[d.Kind],
		})
	}
	return all
}

// Run asks the daemon that runs, or reads the configuration.
func (d *devicesCommand) Run(ctx context.Context) error {
	c, err := (&runCommand{Dir: d.Dir, Config: d.Config}).config()
	if err != nil {
		return err
	}
	states, err := askDaemon(ctx, d.Dir)
	if err != nil {
		states = c.deviceStates(err, d.Dir)
	}
	for i := range states.Devices {
		states.Devices[i].Port = c.devices()[catalog.Kind(states.Devices[i].Kind)].Port
	}
	if d.JSON {
		return print(states)
	}
	return states.write(os.Stdout)
}

// askDaemon asks the health page of the daemon whose directory that is.
func askDaemon(ctx context.Context, dir string) (all deviceStates, err error) {
	addr, err := os.ReadFile(filepath.Join(dir, "listen.addr"))
	if errors.Is(err, fs.ErrNotExist) {
		return all, errors.New("no daemon has run here yet")
	}
	if err != nil {
		return all, err
	}
	ctx, done := context.WithTimeout(ctx, 3*time.Second)
	defer done()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+strings.TrimSpace(string(addr))+"/devices", nil)
	if err != nil {
		return all, fmt.Errorf("listen.addr: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return all, errors.New("the daemon does not run: its health page does not answer")
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	if resp.StatusCode != http.StatusOK {
		return all, fmt.Errorf("the health page answers %s: something else has that address", resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&all); err != nil {
		return all, fmt.Errorf("the health page: %w", err)
	}
	return all, nil
}

// deviceStates is what the configuration says, without a daemon.
func (c config) deviceStates(why error, dir string) deviceStates {
	all := deviceStates{Why: why.Error() + "; this is what is configured"}
	wrong := c.place(&station.Config{}, dir)
	configured := c.devices()
	for _, kind := range []catalog.Kind{catalog.Scale, catalog.Pump, catalog.Scanner, catalog.Printer} {
		d, ok := configured[kind]
		if !ok {
			all.Devices = append(all.Devices, deviceState{Kind: string(kind), State: "none"})
			continue
		}
		one := deviceState{Kind: string(kind), State: "configured", Model: d.Model, Serial: d.Options["serial"]}
		if d.Port != "" && !strings.HasPrefix(d.Port, "tcp://") && serialport.Describe(serialport.Place{}, d.Port).Absent {
			one.Why = "there is no such port now"
		}
		all.Devices = append(all.Devices, one)
	}
	if wrong != nil {
		all.Why += "; wrong there: " + strings.ReplaceAll(wrong.Error(), "\n", "; ")
	}
	return all
}

func (s deviceStates) write(w io.Writer) error {
	first := "not running: " + s.Why
	if s.Running {
		first = "running: " + s.Why
	}
	if _, err := fmt.Fprintln(w, first); err != nil {
		return err
	}
	for _, d := range s.Devices {
		line := fmt.Sprintf("%-8s %-10s", d.Kind, d.State)
		for _, part := range []struct{ word, value string }{
			{"", d.Model}, {"serial ", d.Serial}, {"on ", d.Port}, {"", d.Detail}, {"– ", d.Why},
		} {
			if part.value != "" {
				line += " " + part.word + part.value
			}
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}
