package serialport_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/creack/pty"

	"github.com/lieu-clinic/lieu/devices/serialport"
)

// machine is a made-up machine with an FTDI adapter, a CDC device with two ports and no serial number, and a board with
// one serial port and one that is only a name.
func machine(t *testing.T) (serialport.Place, string) {
	t.Helper()
	root := t.TempDir()
	file := func(path, text string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, at string) {
		t.Helper()
		at = filepath.Join(root, at)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(root, to), at); err != nil {
			t.Fatal(err)
		}
	}
	const ftdi, cdc = "sys/devices/usb1/1-1", "sys/devices/usb1/1-2"
	file(ftdi+"/idVendor", "0403\n")
	file(ftdi+"/idProduct", "6001\n")
	file(ftdi+"/serial", "FT1ABCDE\n")
	file(ftdi+"/manufacturer", "FTDI\n")
	file(ftdi+"/product", "FT232R USB UART\n")
	file(ftdi+"/1-1:1.0/bInterfaceNumber", "00\n")
	file(ftdi+"/1-1:1.0/ttyUSB0/x", "")
	file("sys/bus/ftdi_sio/x", "")
	link("sys/bus/ftdi_sio", ftdi+"/1-1:1.0/ttyUSB0/driver")
	link(ftdi+"/1-1:1.0/ttyUSB0", "sys/class/tty/ttyUSB0/device")
	file(cdc+"/idVendor", "0483\n")
	file(cdc+"/idProduct", "a1ad\n")
	for _, n := range []string{"0", "2"} {
		file(cdc+"/1-2:1."+n+"/bInterfaceNumber", "0"+n+"\n")
		link(cdc+"/1-2:1."+n, "sys/class/tty/ttyACM"+n+"/device")
		file("dev/ttyACM"+n, "")
	}
	file("sys/devices/uart/x", "")
	for name, kind := range map[string]string{"ttyS0": "4", "ttyS1": "0"} {
		link("sys/devices/uart", "sys/class/tty/"+name+"/device")
		file("sys/class/tty/"+name+"/type", kind+"\n")
		file("dev/"+name, "")
	}
	file("sys/class/tty/tty1/dev", "4:1\n") // a screen
	file("dev/ttyUSB0", "")
	link("dev/ttyUSB0", "dev/serial/by-id/usb-FTDI_FT232R_FT1ABCDE-if00-port0")
	link("dev/ttyUSB0", "dev/serial/by-path/pci-0000-usb-0:1:1.0-port0")
	link("dev/ttyACM0", "dev/serial/by-path/pci-0000-usb-0:2:1.0")
	link("dev/ttyUSB0", "dev/lieu/scale0")
	file("proc/77/comm", "minicom\n")
	link("dev/ttyUSB0", "proc/77/fd/3")
	link("dev/ttyUSB0", "proc/77/fd/4")
	file("proc/self/comm", "me\n")
	return serialport.Place{Dev: filepath.Join(root, "dev"), Sys: filepath.Join(root, "sys"), Proc: filepath.Join(root, "proc")}, root
}

func TestListDescribesWithoutOpening(t *testing.T) {
	at, root := machine(t)
	got, err := serialport.List(at)
	if err != nil {
		t.Fatal(err)
	}
	dev := func(name string) string { return filepath.Join(root, "dev", name) }
	want := []serialport.Listed{
		{Path: dev("ttyACM0"), Stable: []string{dev("serial/by-path/pci-0000-usb-0:2:1.0")},
			USB: &serialport.USB{Vendor: "0483", Product: "a1ad", Interface: "00"}},
		{Path: dev("ttyACM2"), USB: &serialport.USB{Vendor: "0483", Product: "a1ad", Interface: "02"}},
		{Path: dev("ttyS0")},
		{Path: dev("ttyUSB0"), Driver: "ftdi_sio",
			Stable: []string{dev("serial/by-id/usb-FTDI_FT232R_FT1ABCDE-if00-port0"), dev("serial/by-path/pci-0000-usb-0:1:1.0-port0"), dev("lieu/scale0")},
			USB:    &serialport.USB{Vendor: "0403", Product: "6001", Interface: "00", Manufacturer: "FTDI", Name: "FT232R USB UART", Serial: "FT1ABCDE"},
			Users:  []serialport.User{{PID: 77, Program: "minicom"}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for i, used := range []bool{false, false, false, true} {
		if got[i].InUse() != used {
			t.Errorf("%s in use: %t", got[i].Path, got[i].InUse())
		}
	}
}

func TestDescribeAPortByAnyName(t *testing.T) {
	at, root := machine(t)
	if got := serialport.Describe(at, filepath.Join(root, "dev/lieu/scale0")); got.USB == nil || got.USB.Serial != "FT1ABCDE" || got.Absent {
		t.Errorf("%+v", got)
	}
	if got := serialport.Describe(at, filepath.Join(root, "dev/lieu/pump0")); !got.Absent {
		t.Errorf("%+v", got)
	}
	if _, err := serialport.List(serialport.Place{Sys: root}); err == nil {
		t.Error("a system without a list of ports")
	}
}

// The lock of a program of Lieu is seen from another program, and goes with it.
func TestAHeldPortIsSeen(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	path := slave.Name()
	if err := slave.Close(); err != nil {
		t.Fatal(err)
	}
	locks := t.TempDir()
	if got := serialport.Describe(serialport.Place{}, path, locks); got.Locked || got.Absent {
		t.Errorf("before: %+v", got)
	}
	p, err := serialport.Open(t.Context(), serialport.Config{Path: path, LockDir: locks})
	if err != nil {
		t.Fatal(err)
	}
	got := serialport.Describe(serialport.Place{}, path, "", locks)
	if !got.Locked || !got.InUse() {
		t.Errorf("while it is open: %+v", got)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if got := serialport.Describe(serialport.Place{}, path, locks); got.InUse() {
		t.Errorf("afterwards: %+v", got)
	}
}
