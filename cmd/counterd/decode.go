package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/devices/decode"
)

type decodeCommand struct {
	Protocol   string `short:"p" help:"Which protocol the bytes are of; --list names them." placeholder:"NAME"`
	Sent       string `help:"The command that the bytes answer, where their meaning depends on it: ?TV, Q, 0VOL." placeholder:"COMMAND"`
	List       bool   `help:"List the protocols."`
	JSONSchema bool   `name:"json-schema" help:"Print the vocabulary of the output as a JSON Schema."`
}

// Help is shown below the flags.
func (decodeCommand) Help() string {
	return `Each line of standard input is bytes in hexadecimal; blanks, colons and 0x between the bytes do not matter.
Each becomes one line of JSON: {"frames":[…],"incomplete":…,"skipped_bytes":…,"error":…}. A line that is no bytes
becomes one with an error, and the next one is read all the same.`
}

// Run decodes standard input to its end.
func (d *decodeCommand) Run() error {
	switch {
	case d.JSONSchema:
		return print(decode.Schema())
	case d.List:
		return listProtocols(os.Stdout)
	}
	p, err := decode.Find(d.Protocol)
	if err != nil {
		return err
	}
	return decodeLines(os.Stdin, os.Stdout, func(b []byte) decode.Result {
		return p.Decode(b, decode.About{Sent: d.Sent, Now: time.Now()})
	})
}

func listProtocols(w io.Writer) error {
	for _, p := range decode.Protocols() {
		text := p.Help
		if len(p.Aliases) > 0 {
			text += " (also " + strings.Join(p.Aliases, ", ") + ")"
		}
		if p.Sent != "" {
			text += "; --sent " + p.Sent
		}
		if _, err := fmt.Fprintf(w, "%-13s %s\n", p.Name, text); err != nil {
			return err
		}
	}
	return nil
}

// longestHex is the longest line that is read: room for a megabyte of bytes and what stands between them.
const longestHex = 4 << 20

// decodeLines answers each line of in with one line of out.
func decodeLines(in io.Reader, out io.Writer, tell func([]byte) decode.Result) error {
	lines := bufio.NewReader(in)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for {
		text, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, errLongLine) {
			return fmt.Errorf("standard input: %w", err)
		}
		var result decode.Result
		if err == nil {
			var b []byte
			if b, err = parseHex(text); err == nil {
				result = tell(b)
			}
		}
		if err != nil {
			result = decode.Failure(err.Error())
		}
		if err := e.Encode(result); err != nil {
			return err
		}
	}
}

var errLongLine = fmt.Errorf("the line is longer than %d MiB", longestHex>>20)

// readLine returns one line without its end, io.EOF when there is none, or errLongLine after a longer one has passed.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	long := false
	for {
		piece, err := r.ReadSlice('\n')
		if long = long || len(line)+len(piece) > longestHex; !long {
			line = append(line, piece...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return "", err
		case err != nil && len(line) == 0 && !long:
			return "", io.EOF
		case long:
			return "", errLongLine
		}
		return strings.TrimRight(string(line), "\r\n"), nil
	}
}

// parseHex reads bytes in hexadecimal, with or without blanks, colons, commas and 0x between them. Half a byte is an
// error where it stands: digits are never joined over a gap.
func parseHex(text string) ([]byte, error) {
	groups := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t:,;", r) })
	if len(groups) == 0 {
		return nil, errors.New("no bytes: the line is empty")
	}
	var all []byte
	for _, group := range groups {
		digits := group
		if len(digits) > 1 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X') {
			digits = digits[2:]
		}
		b, err := hex.DecodeString(digits)
		var wrong hex.InvalidByteError
		switch {
		case errors.As(err, &wrong):
			return nil, fmt.Errorf("bad hex: %q is no hexadecimal digit, in %q", rune(wrong), shorten(group))
		case err != nil || len(digits) == 0:
			return nil, fmt.Errorf("bad hex: an odd number of digits in %q", shorten(group))
		}
		all = append(all, b...)
	}
	return all, nil
}

func shorten(s string) string {
	const room = 40
	if len(s) <= room {
		return s
	}
	return s[:room] + "…"
}
