package mtsics

import (
	"fmt"
	"slices"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/weighing"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/mtsics"
)

func (s *Scale) protocol() weighing.Protocol[proto.Reply] {
	return weighing.Protocol[proto.Reply]{
		Framer: new(proto.Framer),
		Decode: proto.Decode,
		// Not the serial number, which a restarting balance sends unasked.
		Probe:     s.question(proto.Model, s.cfg.ReplyTimeout, proto.I2),
		Quiet:     quiet,
		Restarted: func(r proto.Reply) bool { return r.ID == proto.I4 },
	}
}

// question is a command whose answers begin with one of the wanted words. What a balance says when it cannot obey does
// not name the command; it is the answer all the same.
func (s *Scale) question(c proto.Command, timeout time.Duration, want ...proto.ID) weighing.Question[proto.Reply] {
	return weighing.Question[proto.Reply]{
		Command: proto.AppendCommand(nil, c), Timeout: timeout,
		Answers: func(r proto.Reply) (bool, error) {
			switch r.ID {
			case proto.ES:
				return true, fmt.Errorf("%s is not known to this balance: %w", c, devices.ErrRefused)
			case proto.EL:
				return true, fmt.Errorf("%s cannot be done: %w", c, devices.ErrRefused)
			case proto.ET:
				return true, fmt.Errorf("the balance received %s damaged: %w", c, devices.ErrGarbled)
			}
			return slices.Contains(want, r.ID), nil
		},
	}
}
