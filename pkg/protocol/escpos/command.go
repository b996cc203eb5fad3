package escpos

import "bytes"

// command is one command or line of text as it stands in the stream.
type command struct {
	name string // the bytes by which it is known; "" for a line of text
	data []byte // its parameters, or the text
}

// The commands of a ticket by the bytes they begin with, and how many bytes of parameters follow. Negative: the length
// is in the parameters.
var commands = []struct {
	name   string
	params int
}{
	{"\x1b@", 0}, {"\x1b!", 1}, {"\x1bd", 1}, {"\x1dV", 1}, {"\x1dh", 1}, {"\x1dr", 1},
	{"\x1dv0", -1}, {"\x1dk", -1}, {"\x1d(k", -1},
}

// split takes one command off b. ErrMore when b is the beginning of one, ErrUnreadable when it is of none.
func split(b []byte) (c command, rest []byte, err error) {
	if len(b) == 0 {
		return command{}, nil, ErrMore
	}
	if b[0] >= ' ' && b[0] <= '~' {
		return splitLine(b)
	}
	for _, k := range commands {
		if !bytes.HasPrefix(b, []byte(k.name)) {
			if len(b) < len(k.name) && bytes.HasPrefix([]byte(k.name), b) {
				err = ErrMore
			}
			continue
		}
		n, err := length(k.name, k.params, b[len(k.name):])
		if err != nil {
			return command{}, nil, err
		}
		end := len(k.name) + n
		if len(b) < end {
			return command{}, nil, ErrMore
		}
		return command{k.name, b[len(k.name):end]}, b[end:], nil
	}
	if err == nil {
		err = ErrUnreadable
	}
	return command{}, nil, err
}

func splitLine(b []byte) (c command, rest []byte, err error) {
	line, rest, ok := bytes.Cut(b, []byte{lf})
	switch {
	case !printable(string(line)):
		return command{}, nil, ErrUnreadable
	case !ok:
		return command{}, nil, ErrMore
	}
	return command{"", line}, rest, nil
}

// length is how many bytes of parameters a command has that begins with b.
func length(name string, params int, b []byte) (int, error) {
	head := 0
	switch {
	case params >= 0:
		return params, nil
	case name == "\x1dv0":
		head = 5
	case name == "\x1dk", name == "\x1d(k":
		head = 2
	}
	if len(b) < head {
		return 0, ErrMore
	}
	n := 0
	switch name {
	case "\x1dv0":
		rowBytes, rows := int(b[1])|int(b[2])<<8, int(b[3])|int(b[4])<<8
		if b[0] != 0 || rowBytes < 1 || rowBytes > maxRowBytes || rows < 1 || rows > maxRows {
			return 0, ErrUnreadable
		}
		n = rowBytes * rows
	case "\x1dk":
		if b[0] != 73 {
			return 0, ErrUnreadable
		}
		n = int(b[1])
	default:
		n = int(b[0]) | int(b[1])<<8
	}
	return head + n, nil
}
