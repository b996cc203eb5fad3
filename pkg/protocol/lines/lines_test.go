package lines_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lieu-clinic/lieu/pkg/protocol/lines"
)

func all(f *lines.Framer, chunk string) (got []string) {
	for c := []byte(chunk); ; {
		line, rest, ok := f.Next(c)
		if !ok {
			return got
		}
		got, c = append(got, string(line)), rest
	}
}

func TestFramer(t *testing.T) {
	long := strings.Repeat("x", lines.Max)
	for name, row := range map[string]struct {
		in      string
		control byte
		want    []string
	}{
		"the first, partial line is dropped":  {in: "0.00 g\r\nS I\r\n", want: []string{"S I"}},
		"a line without CR is dropped":        {in: "\nS I\nZ A\r\n", want: []string{"Z A"}},
		"a NUL breaks its line only":          {in: "\nS\x00I\r\nZ A\r\n", want: []string{"Z A"}},
		"as long as may be":                   {in: "\n" + long + "\r\n", want: []string{long}},
		"one byte longer":                     {in: "\n" + long + "x\r\nZ A\r\n", want: []string{"Z A"}},
		"a control character breaks its line": {in: "\n\x06\r\nZ A\r\n", want: []string{"Z A"}},
		"unless it is the one allowed":        {in: "\n\x06\r\n\x07\r\n", control: 6, want: []string{"\x06"}},
		"NUL is never allowed":                {in: "\n\x00\r\n\x06\r\n", control: 6, want: []string{"\x06"}},
	} {
		f := lines.Framer{Control: row.control}
		if diff := cmp.Diff(row.want, all(&f, row.in)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestSyncAndLose(t *testing.T) {
	var f lines.Framer
	f.Sync()
	if got := all(&f, "S I\r\nZ"); len(got) != 1 || got[0] != "S I" {
		t.Errorf("after Sync: %q", got)
	}
	f.Lose()
	if got := all(&f, " A\r\nS I\r\n"); len(got) != 1 || got[0] != "S I" {
		t.Errorf("after Lose: %q", got)
	}
}
