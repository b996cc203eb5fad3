package serialport

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Place is where a machine tells of its ports. The zero value is the machine itself; tests have another.
type Place struct {
	Dev, Sys, Proc string // "/dev", "/sys", "/proc"
}

func (p Place) complete() Place {
	p.Dev, p.Sys, p.Proc = cmp.Or(p.Dev, "/dev"), cmp.Or(p.Sys, "/sys"), cmp.Or(p.Proc, "/proc")
	return p
}

// Listed is one port of the machine, as the system describes it. Nothing was opened to find that out.
type Listed struct {
	Path   string   `json:"path"`              // "/dev/ttyUSB0": another device may have it after a restart
	Stable []string `json:"stable,omitempty"`  // names that stay: of the adapter, then of the socket
	Driver string   `json:"driver,omitempty"`  // of the system
	USB    *USB     `json:"usb,omitempty"`     // nil for a port that is no USB device
	Users  []User   `json:"users,omitempty"`   // programs that have it open, as far as this one may see
	Locked bool     `json:"locked,omitempty"`  // a program of Lieu holds its lock file
	Denied bool     `json:"denied,omitempty"`  // this user may not read and write it
	Absent bool     `json:"missing,omitempty"` // there is no such port now
}

// InUse reports whether some program has the port.
func (l Listed) InUse() bool { return l.Locked || len(l.Users) > 0 }

// USB is what an adapter says of itself.
type USB struct {
	Vendor       string `json:"vendor"`  // "0403"
	Product      string `json:"product"` // "6001"
	Interface    string `json:"interface,omitempty"`
	Manufacturer string `json:"manufacturer,omitempty"`
	Name         string `json:"name,omitempty"`
	Serial       string `json:"serial,omitempty"` // "" for adapters that cannot be told apart
}

// User is a program that has a port open.
type User struct {
	PID     int    `json:"pid"`
	Program string `json:"program"`
}

// List describes every serial port of the machine, in the order of their names. LockDirs are where programs of Lieu may
// have their lock files.
func List(at Place, lockDirs ...string) ([]Listed, error) {
	at = at.complete()
	class := filepath.Join(at.Sys, "class", "tty")
	entries, err := os.ReadDir(class)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("this system does not tell of its ports: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("list of ports: %w", err)
	}
	var all []Listed
	for _, e := range entries {
		if dir := filepath.Join(class, e.Name()); real(dir, e.Name()) {
			l := Describe(at, filepath.Join(at.Dev, e.Name()), lockDirs...)
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b Listed) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

// real reports whether there is a device behind the name. The system has names for serial ports that no board has.
func real(dir, name string) bool {
	if _, err := os.Stat(filepath.Join(dir, "device")); err != nil {
		return false
	}
	return !strings.HasPrefix(name, "ttyS") || text(dir, "type") != "0"
}

// Describe describes the port that path leads to, whatever its name.
func Describe(at Place, path string, lockDirs ...string) Listed {
	at = at.complete()
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return Listed{Path: path, Absent: true}
	}
	l := Listed{Path: target, Stable: stableNames(at.Dev, target), Denied: denied(target)}
	for _, dir := range lockDirs {
		l.Locked = l.Locked || dir != "" && held(dir, target)
	}
	device, err := filepath.EvalSymlinks(filepath.Join(at.Sys, "class", "tty", filepath.Base(target), "device"))
	if err != nil {
		return l // a pseudo-terminal, which whoever simulates the device has open all the time
	}
	l.Users = users(at.Proc, target)
	if driver, err := filepath.EvalSymlinks(filepath.Join(device, "driver")); err == nil {
		l.Driver = filepath.Base(driver)
	}
	l.USB = usbOf(at.Sys, device)
	return l
}

// stableNames are the links to target that the system makes by the adapter and by the socket.
func stableNames(dev, target string) []string {
	var names []string
	for _, dir := range []string{"serial/by-id", "serial/by-path", "lieu"} {
		links, err := filepath.Glob(filepath.Join(dev, dir, "*"))
		if err != nil {
			continue // the pattern is right, so there are no such links
		}
		for _, link := range links {
			if to, err := filepath.EvalSymlinks(link); err == nil && to == target {
				names = append(names, link)
			}
		}
	}
	return names
}

// usbOf looks for the USB device that the port belongs to, upwards from the port.
func usbOf(sys, device string) *USB {
	u := &USB{}
	for dir := device; len(dir) > len(sys); dir = filepath.Dir(dir) {
		u.Interface = cmp.Or(u.Interface, text(dir, "bInterfaceNumber"))
		if u.Vendor = text(dir, "idVendor"); u.Vendor != "" {
			u.Product, u.Serial = text(dir, "idProduct"), text(dir, "serial")
			u.Manufacturer, u.Name = text(dir, "manufacturer"), text(dir, "product")
			return u
		}
	}
	return nil
}

func text(dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return "" // the system does not say
	}
	return strings.TrimSpace(string(b))
}

// users are the programs that have the port open. Those of other users are seen by root alone.
func users(proc, target string) []User {
	descriptors, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*"))
	if err != nil {
		return nil // the pattern is right
	}
	var all []User
	for _, d := range descriptors {
		if to, err := os.Readlink(d); err != nil || to != target {
			continue
		}
		process := filepath.Dir(filepath.Dir(d))
		pid, err := strconv.Atoi(filepath.Base(process))
		if err != nil || slices.ContainsFunc(all, func(u User) bool { return u.PID == pid }) {
			continue
		}
		all = append(all, User{PID: pid, Program: text(process, "comm")})
	}
	slices.SortFunc(all, func(a, b User) int { return a.PID - b.PID })
	return all
}
