package devices

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Passage is bytes that passed on a link, one way. A transcript is a file of passages, one on each line.
type Passage struct {
	At    time.Duration // since the recording began
	Sent  bool          // to the device; otherwise it came from there
	Bytes []byte
}

// String is the line of a transcript without its end: seconds, direction, bytes, as in "1.020417,>,53490D0A".
func (p Passage) String() string {
	direction := "<"
	if p.Sent {
		direction = ">"
	}
	return fmt.Sprintf("%.6f,%s,%X", p.At.Seconds(), direction, p.Bytes)
}

// ErrTranscript: a line is not one of a transcript.
var ErrTranscript = errors.New("not a line of a transcript: seconds,> or <,hexadecimal bytes")

// longestPassage is the longest line of a transcript that is read.
const longestPassage = 1 << 20

// ReadTranscript reads passages up to the end of r. Empty lines and lines that begin with # are passed over.
func ReadTranscript(r io.Reader) ([]Passage, error) {
	var all []Passage
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestPassage)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		p, err := parsePassage(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		all = append(all, p)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("transcript: %w", err)
	}
	return all, nil
}

func parsePassage(text string) (Passage, error) {
	parts := strings.Split(text, ",")
	if len(parts) != 3 || parts[1] != ">" && parts[1] != "<" {
		return Passage{}, ErrTranscript
	}
	seconds, err := strconv.ParseFloat(parts[0], 64)
	if err != nil || !(seconds >= 0 && seconds < 1e9) {
		return Passage{}, ErrTranscript
	}
	b, err := hex.DecodeString(parts[2])
	if err != nil || len(b) == 0 {
		return Passage{}, ErrTranscript
	}
	return Passage{At: time.Duration(seconds*1e6+0.5) * time.Microsecond, Sent: parts[1] == ">", Bytes: b}, nil
}

// Record returns a link that passes everything on to link and tells note what passed, one call at a time. Nothing else
// changes.
func Record(link Link, now func() time.Time, note func(Passage)) Link {
	return &recorded{Link: link, now: now, began: now(), note: note}
}

type recorded struct {
	Link
	now   func() time.Time
	began time.Time

	mu   sync.Mutex
	note func(Passage)
}

func (r *recorded) tell(sent bool, b []byte) {
	if len(b) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(Passage{At: r.now().Sub(r.began), Sent: sent, Bytes: append([]byte(nil), b...)})
}

// Write notes what was to be sent, even when it fails: part of it may have gone out.
func (r *recorded) Write(ctx context.Context, p []byte) error {
	r.tell(true, p)
	return r.Link.Write(ctx, p)
}

func (r *recorded) Read(ctx context.Context, p []byte) (int, error) {
	n, err := r.Link.Read(ctx, p)
	r.tell(false, p[:n])
	return n, err
}
