package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/lieu-clinic/lieu/devices/catalog"
	"github.com/lieu-clinic/lieu/devices/serialport"
)

type portsCommand struct {
	Dir    string `default:"${default_dir}" env:"LIEU_COUNTER_DIR" help:"The counter's directory."`
	Config string `env:"LIEU_COUNTER_CONFIG" help:"Configuration file; counterd.yaml in the directory when left out."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// listedPort is one port, with what the counter's configuration does with it.
type listedPort struct {
	serialport.Listed
	Configured string `json:"configured,omitempty"` // the kind of device
	Name       string `json:"name,omitempty"`       // under which it is configured
}

// Run lists the serial ports. It opens none of them: the system tells everything.
func (p *portsCommand) Run() error {
	c, err := (&runCommand{Dir: p.Dir, Config: p.Config}).config()
	if err != nil {
		return err
	}
	all, err := listPorts(serialport.Place{}, c, p.Dir)
	if err != nil {
		return err
	}
	if p.JSON {
		return print(all)
	}
	return writePorts(os.Stdout, all)
}

// listPorts joins what is plugged in and what is configured.
func listPorts(at serialport.Place, c config, dir string) ([]listedPort, error) {
	locks := c.locks(dir)
	found, err := serialport.List(at, locks)
	if err != nil && len(c.devices()) == 0 {
		return nil, err
	}
	all := []listedPort{}
	for _, l := range found {
		all = append(all, listedPort{Listed: l})
	}
	for _, kind := range []catalog.Kind{catalog.Scale, catalog.Pump, catalog.Scanner} {
		d, ok := c.devices()[kind]
		if !ok || d.Port == "" {
			continue
		}
		l := serialport.Describe(at, d.Port, locks)
		i := slices.IndexFunc(all, func(p listedPort) bool { return p.Path == l.Path })
		if i < 0 {
			i = len(all)
			all = append(all, listedPort{Listed: l})
		}
		all[i].Configured = strings.TrimPrefix(all[i].Configured+" and "+string(kind), " and ")
		all[i].Name = d.Port
	}
	return all, nil
}

func writePorts(w io.Writer, all []listedPort) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "no serial port is plugged in, and none is configured")
		return err
	}
	for _, p := range all {
		if _, err := fmt.Fprintf(w, "%s: %s\n", p.Path, p.state()); err != nil {
			return err
		}
		for _, line := range p.details() {
			if _, err := fmt.Fprintf(w, "    %s\n", line); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p listedPort) state() string {
	state := "free"
	switch {
	case p.Absent:
		state = "missing: not plugged in, or the udev rule does not match"
	case len(p.Users) > 0:
		var names []string
		for _, u := range p.Users {
			names = append(names, fmt.Sprintf("%s (pid %d)", u.Program, u.PID))
		}
		state = "in use by " + strings.Join(names, ", ")
	case p.Locked:
		state = "in use by another program of Lieu"
	case p.Denied:
		state = "no permission: this user is not in the group that owns the port"
	}
	if p.Configured != "" {
		state += ", configured as " + p.Configured
	}
	return state
}

func (p listedPort) details() []string {
	var lines []string
	if u := p.USB; u != nil {
		line := fmt.Sprintf("USB %s:%s", u.Vendor, u.Product)
		for _, part := range []struct{ word, value string }{
			{"", u.Manufacturer}, {"", u.Name}, {"serial ", u.Serial}, {"interface ", u.Interface}, {"driver ", p.Driver},
		} {
			if part.value != "" {
				line += ", " + part.word + part.value
			}
		}
		if u.Serial == "" {
			line += ", no serial number: bind it by its socket (by-path)"
		}
		lines = append(lines, line)
	}
	if p.Name != "" && p.Name != p.Path {
		lines = append(lines, p.Name)
	}
	for _, name := range p.Stable {
		if name != p.Name {
			lines = append(lines, name)
		}
	}
	return lines
}
