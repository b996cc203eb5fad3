package cavro

// Operation is one command of a string: its letter (or '?' and '&') and its numbers.
type Operation struct {
	Name byte
	N    [3]int
	Args int // how many numbers were given
}

// NextOperation takes the first command off a string. The error is what a pump answers to a string that begins like
// this: InvalidCommand for a letter it does not know, InvalidOperand for a wrong number of numbers. Whether a number is
// in range depends on the pump. It must not be called with an empty string.
func NextOperation(text []byte) (op Operation, rest []byte, code ErrorCode) {
	op.Name = text[0]
	low, high := arguments(op.Name)
	if high < 0 {
		return op, nil, InvalidCommand
	}
	rest = text[1:]
	for len(rest) > 0 && isDigit(rest[0]) {
		if op.Args == high {
			return op, nil, InvalidOperand
		}
		n := digits(rest)
		if n > 5 {
			return op, nil, InvalidOperand
		}
		for _, b := range rest[:n] {
			op.N[op.Args] = op.N[op.Args]*10 + int(b-'0')
		}
		op.Args++
		rest = rest[n:]
		if len(rest) == 0 || rest[0] != ',' {
			break
		}
		if rest = rest[1:]; len(rest) == 0 || !isDigit(rest[0]) {
			return op, nil, InvalidOperand
		}
	}
	if op.Args < low {
		return op, nil, InvalidOperand
	}
	return op, rest, NoError
}

// arguments is how many numbers a command takes, at least and at most; high is negative for an unknown one.
func arguments(name byte) (low, high int) {
	switch name {
	case 'Z', 'Y':
		return 0, 3
	case 'w':
		return 2, 2
	case 'W', 'I', 'O', 'B', 'E', 'G', 'H', '?':
		return 0, 1
	case 'A', 'P', 'D', 'a', 'p', 'd', 'S', 'V', 'v', 'c', 'L', 'K', 'k', 'N', 'M', 'U':
		return 1, 1
	case 'z', 'g', 'R', 'X', 'T', 'Q', 'F', '&':
		return 0, 0
	}
	return 0, -1
}

// Report reports whether the operation asks for something: it needs no R and is answered even while the pump moves.
func (o Operation) Report() bool {
	return o.Name == '?' || o.Name == '&' || o.Name == 'F' || o.Name == 'Q'
}

// Plunger reports whether the operation moves the plunger.
func (o Operation) Plunger() bool {
	switch o.Name {
	case 'A', 'P', 'D', 'a', 'p', 'd', 'Z', 'Y', 'W':
		return true
	}
	return false
}

func digits(b []byte) int {
	for i, c := range b {
		if !isDigit(c) {
			return i
		}
	}
	return len(b)
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
