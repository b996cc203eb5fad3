package sim

import (
	"math"
	"strconv"
)

// The balances of the bench: 0.01 g, up to 520 g.
const (
	capacity  = 52_000 // digits
	underload = -200   // digits
	zeroRange = 1_040  // digits: 2 % of the capacity
)

// pan is the weighing part of a balance, whatever it speaks. Weights are whole digits of 0.01 g.
type pan struct {
	world      *world
	zero, tare int
}

// settled reports whether the weight is stable.
func (p *pan) settled() bool { return p.world.stable() }

func (p *pan) gross() int { return int(math.Round(p.world.shown[0]/digit)) - p.zero }

func (p *pan) net() int { return p.gross() - p.tare }

// outside is 1 above the range, -1 below it, 0 within.
func (p *pan) outside() int {
	switch {
	case p.gross() > capacity:
		return 1
	case p.gross() < underload:
		return -1
	}
	return 0
}

// setZero sets zero and clears the tare. It returns 1 or -1 when the load is above or below the range for that.
func (p *pan) setZero() int {
	now := p.gross() + p.zero
	switch {
	case now > zeroRange:
		return 1
	case now < -zeroRange:
		return -1
	}
	p.zero, p.tare = now, 0
	return 0
}

// setTare takes the load as tare. It returns 1 or -1 when the load is too heavy or below zero.
func (p *pan) setTare() int {
	switch out := p.outside(); {
	case out != 0:
		return out
	case p.gross() < 0:
		return -1
	}
	p.tare = p.gross()
	return 0
}

// forget is what a power cut does.
func (p *pan) forget() { p.zero, p.tare = 0, 0 }

// report is the balance as it truly is.
func (p *pan) report(serial string) ScaleState {
	return ScaleState{Serial: serial, ShownG: float64(p.net()) / 100, Stable: p.settled()}
}

// ScaleState is a balance as it truly is.
type ScaleState struct {
	Serial string  `json:"serial"`
	ShownG float64 `json:"shown_g"`
	Stable bool    `json:"stable"`
}

// countUp is the serial number of the i-th device of a bench: a number counts up, a text stays.
func countUp(serial string, i int) string {
	if n, err := strconv.Atoi(serial); err == nil {
		return strconv.Itoa(n + i)
	}
	return serial
}
