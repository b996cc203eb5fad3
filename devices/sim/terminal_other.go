//go:build !linux

package sim

import "errors"

// newTerminal reports that the bench publishes its devices on Linux only; in memory it runs anywhere.
func newTerminal(uint32) (wire, error) {
	return nil, errors.New("simulated devices are published on Linux only")
}
