package mtsics

import (
	"fmt"
	"strings"
	"time"
)

// Profile is a make of balance, by what it does differently.
type Profile string

// The profiles.
const (
	Mettler   Profile = "mettler"    // levels 0 and 1
	KERN      Profile = "kern"       // the KCP set: as Mettler, but not to be asked more than ten times a second
	OHAUS7000 Profile = "ohaus-7000" // level 0 alone; gives up waiting for a stable weight after 3 s, updates four times a second
)

// traits are what a profile says.
type traits struct {
	pollInterval time.Duration // between two questions for the weight now
	ownLimit     time.Duration // after which the balance itself gives up waiting; 0 when it is not known
	tares        bool
}

func (p Profile) traits() (traits, error) {
	switch p {
	case "", Mettler, KERN:
		return traits{pollInterval: 120 * time.Millisecond, tares: true}, nil // KERN asks for more than 100 ms
	case OHAUS7000:
		return traits{pollInterval: 250 * time.Millisecond, ownLimit: 3 * time.Second}, nil
	}
	all := []string{string(Mettler), string(KERN), string(OHAUS7000)}
	return traits{}, fmt.Errorf("no profile %q; there are: %s", string(p), strings.Join(all, ", "))
}
