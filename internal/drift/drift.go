// Package drift follows how far a pump and a scale grow apart, dose by dose. Every weighed dose is one more sample of the
// pump's accuracy, so a slow error shows within a morning and not at the next month's count.
//
// A [Chart] is an exponentially weighted mean of the deviations, in parts of the dose: about the last twenty doses speak.
// It judges nothing; what level asks for a recalibration and what level stops a window are values of the rule pack.
// Statistics are no doses: nothing of this package ever reaches a pump.
package drift

import (
	"errors"
	"strconv"
	"strings"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Share is a part of a dose in parts per million, with its sign: 10 000 is one per cent.
type Share int64

// Percent is one per cent.
const Percent Share = 10_000

// Abs returns the size of s.
func (s Share) Abs() Share { return max(s, -s) }

// String prints hundredths of a per cent: "-0.42 %".
func (s Share) String() string { return s.Format(measure.English) }

// Format prints hundredths of a per cent in the reader's way of writing numbers, rounded half away from zero.
func (s Share) Format(l measure.Locale) string {
	hundredths := divRound(int64(s), int64(Percent)/100)
	sign := ""
	if hundredths < 0 {
		sign, hundredths = "-", -hundredths
	}
	text := strconv.FormatInt(hundredths/100, 10) + "." + strconv.FormatInt(100+hundredths%100, 10)[1:]
	if l == measure.Vietnamese {
		text = strings.Replace(text, ".", ",", 1)
	}
	return sign + text + " %"
}

// ErrShare says that a text is not a share.
var ErrShare = errors.New("not a share such as 0.5 %")

// most bounds what a text may say: ten times the whole.
const most = 1000 * Percent

// ParseShare reads "0.5 %" or "0.5", with up to four decimals and without a sign, as the locale writes numbers.
func ParseShare(text string, l measure.Locale) (Share, error) {
	number := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "%"))
	point := "."
	if l == measure.Vietnamese {
		point = ","
	}
	whole, decimals, cut := strings.Cut(number, point)
	if (cut && decimals == "") || len(decimals) > 4 || len(whole) > 6 {
		return 0, ErrShare
	}
	n, err := strconv.ParseUint(whole+decimals+"0000"[len(decimals):], 10, 32)
	if err != nil || whole == "" || Share(n) > most { //nolint:gosec // 32 bits fit
		return 0, ErrShare
	}
	return Share(n), nil //nolint:gosec // 32 bits fit
}

// Of returns scale less pump as a share of what the pump said. ok is false when the pump said nothing.
func Of(pump, scale measure.Volume) (s Share, ok bool) {
	if pump <= 0 || pump > maxVolume || scale < -maxVolume || scale > maxVolume {
		return 0, false
	}
	return Share(divRound(int64(scale-pump)*int64(100*Percent), int64(pump))), true
}

// maxVolume is above what any pump moves at once.
const maxVolume = 10 * measure.Litre

// Chart is the running mean of a pump's deviations. The zero Chart has seen nothing.
type Chart struct {
	N     int   // samples
	Level Share // where the mean stands
	Peak  Share // the greatest size that Level ever had: an alarm stands until the chart begins anew
}

// Properties of a chart.
const (
	// gain is how much of the distance to a sample the mean goes, for a dose that the scale sees well. A step of the pump
	// moves the mean half of the way within seven doses.
	gain = Percent * 10 // of one: 0.1
	// Clip is the most that one sample says. A bubble is an accident of one dose, and the cup itself disagrees then.
	Clip = 2 * Percent
	// fine is the dose at which the error of a scale that shows 0.01 g is as large as that of a good pump. A smaller dose
	// says less of the pump, and weighs less.
	fine = 1500 * measure.Microlitre
)

// Add returns the chart after one more dose. A sample without a volume of the pump changes nothing.
func (c Chart) Add(pump, scale measure.Volume) Chart {
	x, ok := Of(pump, scale)
	if !ok {
		return c
	}
	x = min(max(x, -Clip), Clip)
	step := divRound(int64(x-c.Level)*int64(weight(pump)), int64(100*Percent))
	c.N++
	c.Level += Share(step)
	c.Peak = max(c.Peak, c.Level.Abs())
	return c
}

// weight is the gain for a dose of this size.
func weight(v measure.Volume) Share {
	square := int64(v) * int64(v) / 1000 // 10 L squared fits
	return Share(divRound(int64(gain)*(square/100), max((square+int64(fine)*int64(fine)/1000)/100, 1)))
}

// divRound divides, rounding half away from zero. d is positive.
func divRound(n, d int64) int64 {
	if n < 0 {
		return -divRound(-n, d)
	}
	return (n + d/2) / d
}
