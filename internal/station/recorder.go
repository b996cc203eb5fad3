package station

import (
	"time"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Recorder receives the figures of a counter. Nothing it is given says whose dose it was.
type Recorder interface {
	DeviceState(kind, state string)
	// Backlog is how many events wait for the server, and how long the oldest of them has waited.
	Backlog(events int64, oldest time.Duration)
	// Poured is the time from the motion command to the pump's word that it has stopped.
	Poured(d time.Duration)
	// Settled is the time one weighing took.
	Settled(d time.Duration)
	// Deviation is what the scale says less what the pump says, for a lot whose density is known.
	Deviation(d measure.Volume)
	// Outcome counts "measured", "in_doubt" and "never_commanded", with the reason where there is one.
	Outcome(kind, reason string)
	// Refused counts orders that were not even journaled: "signature", "known", "busy".
	Refused(reason string)
}

// silence is a Recorder for those who keep no figures.
type silence struct{}

func (silence) DeviceState(string, string)   {}
func (silence) Backlog(int64, time.Duration) {}
func (silence) Poured(time.Duration)         {}
func (silence) Settled(time.Duration)        {}
func (silence) Deviation(measure.Volume)     {}
func (silence) Outcome(string, string)       {}
func (silence) Refused(string)               {}
