package main

import (
	"os"
	"testing"
)

func TestReadOnlyPart(t *testing.T) {
	for line, want := range map[string]bool{
		"00400000-01b27000 r-xp 00000000 fe:00 123                        /usr/bin/clinicd": true,
		"01b27000-033ad000 r--p 01727000 fe:00 123                        /usr/bin/clinicd": true,
		"033ad000-0358f000 rw-p 02fad000 fe:00 123                        /usr/bin/clinicd": false,
		"7f0000000000-7f0000021000 r--p 00000000 fe:00 9                  /lib/libc.so.6":   false,
		"c000000000-c000400000 rw-p 00000000 00:00 0":                                       false,
		"nonsense": false, "": false,
		"zz-33 r-xp 00000000 fe:00 123 /usr/bin/clinicd": false,
	} {
		if from, to, ok := readOnlyPart(line, "/usr/bin/clinicd"); ok != want || ok && to <= from {
			t.Errorf("%q: %x-%x, %v", line, from, to, ok)
		}
	}
}

// The program goes on after it gave its own pages back.
func TestReleaseProgram(t *testing.T) {
	if err := releaseProgram(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Executable(); err != nil {
		t.Error(err)
	}
}
