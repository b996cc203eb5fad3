package decode

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/lieu-clinic/lieu/pkg/protocol/escpos"
	"github.com/lieu-clinic/lieu/pkg/protocol/zpl"
)

func zplStatus(b []byte, _ About) (Frame, int) {
	switch {
	case bytes.HasPrefix(b, []byte(zpl.StatusCommand)):
		return Frame{Kind: Command, Command: zpl.StatusCommand}, len(zpl.StatusCommand)
	case bytes.HasPrefix([]byte(zpl.StatusCommand), b):
		return Frame{}, 0
	case b[0] != stx:
		return Frame{}, -max(1, before(b, stx, '~'))
	}
	n := zplEnd(b)
	s, err := zpl.ParseStatus(b[:n])
	switch {
	case errors.Is(err, zpl.ErrMore) && n == len(b):
		return Frame{}, 0
	case err != nil:
		return Frame{}, -(1 + before(b[1:], stx, '~'))
	}
	return tellZPL(s), n
}

// zplEnd is the size of three strings of STX, ETX and line end at the front of b, or of what there is of them.
func zplEnd(b []byte) int {
	const end, strings = "\x03\r\n", 3
	b = b[:min(len(b), zpl.MaxStatus)]
	n := 0
	for range strings {
		i := bytes.Index(b[n:], []byte(end))
		if i < 0 {
			return len(b)
		}
		n += i + len(end)
	}
	return n
}

func tellZPL(s zpl.Status) Frame {
	var troubles []string
	for _, t := range []struct {
		there bool
		word  string
	}{
		{s.PaperOut, "paper_out"}, {s.Paused, "paused"}, {s.BufferFull, "buffer_full"}, {s.Diagnostic, "diagnostic"},
		{s.RAMLost, "ram_lost"}, {s.TooCold, "too_cold"}, {s.TooHot, "too_hot"}, {s.HeadOpen, "head_open"},
		{s.RibbonOut, "ribbon_out"}, {s.Partial, "partial_format"}, {s.PeelWaiting, "label_waiting"},
	} {
		if t.there {
			troubles = append(troubles, t.word)
		}
	}
	word := strings.Join(troubles, ",")
	if word == "" {
		word = "ok"
	}
	return Frame{
		Kind: Status, Status: word, Ready: some(s.Ready()), Busy: some(s.Busy()),
		Fields: map[string]string{
			"label_length": strconv.Itoa(s.Length), "formats_waiting": strconv.Itoa(s.Waiting),
			"labels_left": strconv.Itoa(s.Left), "print_mode": strconv.Itoa(s.Mode),
		},
	}
}

func escposStatus(b []byte, a About) (Frame, int) {
	var s escpos.Status
	q, known := escposQuery(a.Sent, len(b))
	if err := s.Take(q, b[0]); err != nil {
		return Frame{}, -1
	}
	if !known {
		return Frame{Kind: Answer, Data: strings.ToUpper(strconv.FormatUint(uint64(b[0]), 16))}, 1
	}
	return tellESCPOS(s), 1
}

// escposQuery reads which status was asked for: "DLE EOT 2" or just "2", or the bytes themselves. When more than one was
// asked in one go, the answers come in the same order, and left of them are still to come.
func escposQuery(sent string, left int) (escpos.Query, bool) {
	var asked []escpos.Query
	for i := 0; i+2 < len(sent); i++ {
		if sent[i:i+2] == "\x10\x04" {
			asked = append(asked, escpos.Query(sent[i+2]))
		}
	}
	if len(asked) == 0 && sent != "" {
		asked = append(asked, escpos.Query(sent[len(sent)-1]-'0'))
		left = 1
	}
	if left > len(asked) {
		return escpos.Online, false
	}
	q := asked[len(asked)-left]
	if q < escpos.Online || q > escpos.Paper {
		return escpos.Online, false
	}
	return q, true
}

func tellESCPOS(s escpos.Status) Frame {
	var troubles []string
	for _, t := range []struct {
		there bool
		word  string
	}{
		{s.Offline, "offline"}, {s.CoverOpen, "cover_open"}, {s.PaperStop, "paper_stop"}, {s.Failed, "error"},
		{s.PaperLow, "paper_low"}, {s.PaperOut, "paper_out"},
	} {
		if t.there {
			troubles = append(troubles, t.word)
		}
	}
	if len(troubles) == 0 {
		return Frame{Kind: Status, Status: "ok"}
	}
	return Frame{Kind: Status, Status: strings.Join(troubles, ",")}
}
