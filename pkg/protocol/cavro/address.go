package cavro

import (
	"errors"
	"fmt"
)

// Address is the byte that says who is spoken to.
type Address byte

// Addresses that are no single pump.
const (
	Master Address = '0' // the host, which every answer is for
	All    Address = '_' // every pump on the line; nobody answers
)

// SelfTestSwitch is the position of the address switch at which a pump strokes by itself from power-up on.
const SelfTestSwitch = 15

// ErrAddress: no pump has this address, or it moves without a host.
var ErrAddress = errors.New("not an address of a Cavro pump")

// AddressOf returns the address of the pump whose switch stands at position 0 to 14. Position 15 is the self-test.
func AddressOf(position int) (Address, error) {
	switch {
	case position == SelfTestSwitch:
		return 0, fmt.Errorf("switch position 15 is the self-test, in which the pump moves by itself: %w", ErrAddress)
	case position < 0 || position > SelfTestSwitch:
		return 0, fmt.Errorf("switch position %d: %w", position, ErrAddress)
	}
	return Address('1' + position), nil
}

// Single reports whether a is one pump, which can answer; pairs, fours and all of them cannot.
func (a Address) Single() bool { return a >= '1' && a <= '?' }

// Valid reports whether a is one pump or a group of them.
func (a Address) Valid() bool {
	return a.Single() || a >= 'A' && a <= 'O' || a >= 'Q' && a <= ']' || a == All
}
