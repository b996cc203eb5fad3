package toledo

// CheckoutCommand is what is sent to a checkout scale (8217), followed by CR.
type CheckoutCommand byte

// The commands.
const (
	AskWeight CheckoutCommand = 'W'
	SetZero   CheckoutCommand = 'Z'
	SetTare   CheckoutCommand = 'T'
	ClearTare CheckoutCommand = 'C'
	SelfTest  CheckoutCommand = 'A'
	TestState CheckoutCommand = 'B'
	Echo      CheckoutCommand = 'E'
	EndEcho   CheckoutCommand = 'F'
)

// AppendCheckoutCommand appends c and its CR to dst.
func AppendCheckoutCommand(dst []byte, c CheckoutCommand) []byte { return append(dst, byte(c), cr) }

// A CheckoutFramer cuts what a checkout scale sends into frames from STX to CR.
type CheckoutFramer struct {
	frame [checkoutWidth]byte
	n     int // 0: waits for STX
}

const checkoutWidth = 12

// Sync says that the next byte begins a frame.
func (f *CheckoutFramer) Sync() { f.n = 0 }

// Lose forgets the present frame: bytes were lost.
func (f *CheckoutFramer) Lose() { f.n = 0 }

// Next takes bytes of chunk up to the end of one frame. It returns what stands between STX and CR, valid until the next
// call, and the bytes not yet taken. When ok is false all of chunk was taken. Call it until then.
func (f *CheckoutFramer) Next(chunk []byte) (frame, rest []byte, ok bool) {
	for i, b := range chunk {
		n := f.n
		switch {
		case b == stx:
			f.n = 1
		case n == 0:
		case b == cr:
			if f.n = 0; n > 1 {
				return f.frame[1:n], chunk[i+1:], true
			}
		case n == checkoutWidth || b < ' ':
			f.n = 0
		default:
			f.frame[n] = b
			f.n++
		}
	}
	return nil, nil, false
}

// Checkout is one answer of a checkout scale: a weight at rest, or the reasons why there is none. The protocol does not
// name the unit, pounds or kilograms, so the number never becomes a weight here.
type Checkout struct {
	Weighed bool
	// Thousandths of the scale's unit, of a weight; Net when a tare is set.
	Thousandths int64
	Net         bool

	Motion, OverCapacity, UnderZero, OutsideZero, CentreOfZero bool // when not Weighed
}

// The bits of the 8217 status.
const (
	checkoutMotion   = 0x01
	checkoutOver     = 0x02
	checkoutUnder    = 0x04
	checkoutOutside  = 0x08
	checkoutCentre   = 0x10
	checkoutNet      = 0x20
	checkoutConstant = 0x40
)

// DecodeCheckout reads one frame, without STX and CR. It reports ErrSyntax for what is not exactly an answer.
func DecodeCheckout(frame []byte) (Checkout, error) {
	if len(frame) == 2 && frame[0] == '?' {
		return decodeCheckoutStatus(frame[1])
	}
	net := len(frame) == 7 && frame[6] == 'N'
	if !net && len(frame) != 6 || frame[2] != '.' || !digits(frame[:2]) || !digits(frame[3:6]) {
		return Checkout{}, ErrSyntax
	}
	c := Checkout{Weighed: true, Net: net}
	for i, b := range frame[:6] {
		if i != 2 {
			c.Thousandths = c.Thousandths*10 + int64(b-'0')
		}
	}
	return c, nil
}

func decodeCheckoutStatus(s byte) (Checkout, error) {
	if s&checkoutConstant == 0 {
		return Checkout{}, ErrSyntax
	}
	return Checkout{
		Motion: s&checkoutMotion != 0, OverCapacity: s&checkoutOver != 0, UnderZero: s&checkoutUnder != 0,
		OutsideZero: s&checkoutOutside != 0, CentreOfZero: s&checkoutCentre != 0, Net: s&checkoutNet != 0,
	}, nil
}

// AppendCheckout appends c as a frame to dst, as a scale sends it. It refuses what does not fit.
func AppendCheckout(dst []byte, c Checkout) ([]byte, error) {
	if c.Weighed {
		return appendCheckoutWeight(dst, c)
	}
	s := checkoutConstant | bit(c.Motion, checkoutMotion) | bit(c.OverCapacity, checkoutOver) | bit(c.UnderZero, checkoutUnder) |
		bit(c.OutsideZero, checkoutOutside) | bit(c.CentreOfZero, checkoutCentre) | bit(c.Net, checkoutNet)
	return append(dst, stx, '?', s, cr), nil
}

func appendCheckoutWeight(dst []byte, c Checkout) ([]byte, error) {
	if c.Thousandths < 0 || c.Thousandths > 99_999 {
		return dst, ErrSyntax
	}
	n := c.Thousandths
	digit := func(of int64) byte { return '0' + byte(n/of%10) }
	dst = append(dst, stx, digit(10_000), digit(1_000), '.', digit(100), digit(10), digit(1))
	if c.Net {
		dst = append(dst, 'N')
	}
	return append(dst, cr), nil
}
