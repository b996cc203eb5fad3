package print

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/pkg/checkchar"
)

// scanBackMark begins the code on a bottle, so that no other code is taken for one.
const scanBackMark = "LIEU1"

// Errors of a code that was scanned back. They do not repeat the text: it may be anybody's. Match with errors.Is.
var (
	ErrNotOurs = errors.New("not the code of a take-home bottle")
	ErrMisread = errors.New("the code of a take-home bottle was misread")
)

// ScanBack returns the content of a label's QR code: LIEU1:<id of the dose's record>:<check>. Its capitals let the code
// be a small one. The check is MOD 97-10 over the id without its hyphens: a QR code repairs itself, but the same
// text is also typed in by hand when the label is damaged.
func ScanBack(record string) (string, error) {
	known, err := id.Parse[string](record)
	if err != nil {
		return "", fmt.Errorf("record of the dose: %w", err)
	}
	text := strings.ToUpper(known)
	check, err := checkchar.Mod97.Of(strings.ReplaceAll(text, "-", ""))
	if err != nil {
		return "", fmt.Errorf("record of the dose: %w", err)
	}
	return scanBackMark + ":" + text + ":" + check, nil
}

// ParseScanBack returns the id of the dose's record from a label's QR code, in either case. ErrNotOurs for another code,
// ErrMisread for one that is damaged.
func ParseScanBack(text string) (record string, err error) {
	rest, ours := strings.CutPrefix(strings.ToUpper(text), scanBackMark+":")
	if !ours {
		return "", ErrNotOurs
	}
	body, check, ok := strings.Cut(rest, ":")
	record, err = id.Parse[string](body)
	if !ok || err != nil || !checkchar.Mod97.Valid(strings.ReplaceAll(body, "-", "")+check) || len(check) != checkchar.Mod97.Length() {
		return "", ErrMisread
	}
	return record, nil
}
