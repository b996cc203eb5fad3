package reglo

import "strings"

// Happening is one event. A pump sends it unasked when Events is on.
type Happening struct {
	Kind    byte // Ended or Progress
	Channel int
	Cause   byte // of Ended
	State   byte // of Progress
	// TimeLeft, Volume and CyclesLeft are the fields of a Progress as they came. The manual says of Volume in one place
	// that it was pumped, and in another that it is left to pump: it is no fact, only something to write down. Of
	// TimeLeft it leaves open whether it counts seconds or tenths.
	TimeLeft, Volume, CyclesLeft string
}

// Kinds of events.
const (
	Ended    byte = 'X' // not sent after a Stop
	Progress byte = 'U'
)

// Causes of Ended.
const (
	Complete          byte = 'A'
	CalibrationPumped byte = 'B'
	StopKey           byte = '1'
	OverTemperature   byte = '2'
	OverCurrent       byte = '3'
)

const (
	causes      = "AB123"
	states      = "ABCDE"
	timeWidth   = 10
	volumeWidth = 10
	cyclesWidth = 4
)

// States of Progress.
const (
	Pumping     byte = 'A'
	Paused      byte = 'B'
	Stopped     byte = 'C'
	Calibrating byte = 'D'
	ToMeasure   byte = 'E' // calibration waits for the measured volume
)

// DecodeEvent reads the text of an Event, "^X2|A".
func DecodeEvent(text []byte) (Happening, error) {
	parts := strings.Split(string(text), "|")
	head := parts[0]
	if len(head) != 3 || head[0] != byte(Event) || head[2] < '0' || head[2] > '0'+MaxAddress {
		return Happening{}, ErrSyntax
	}
	h := Happening{Kind: head[1], Channel: int(head[2] - '0')}
	switch {
	case h.Kind == Ended && len(parts) == 2:
		if len(parts[1]) != 1 || !strings.Contains(causes, parts[1]) {
			return Happening{}, ErrSyntax
		}
		h.Cause = parts[1][0]
		return h, nil
	case h.Kind == Progress && len(parts) == 5:
		return decodeProgress(h, parts[1:])
	}
	return Happening{}, ErrSyntax
}

func decodeProgress(h Happening, parts []string) (Happening, error) {
	_, err1 := ParseDiscrete(parts[1], timeWidth)
	_, err2 := ParseDiscrete(parts[2], volumeWidth)
	_, err3 := ParseDiscrete(parts[3], cyclesWidth)
	if len(parts[0]) != 1 || !strings.Contains(states, parts[0]) || err1 != nil || err2 != nil || err3 != nil {
		return Happening{}, ErrSyntax
	}
	h.State, h.TimeLeft, h.Volume, h.CyclesLeft = parts[0][0], parts[1], parts[2], parts[3]
	return h, nil
}

// Text is h as a pump sends it, for AppendLine.
func (h Happening) Text() string {
	head := string([]byte{byte(Event), h.Kind, byte('0' + h.Channel), '|'})
	if h.Kind == Ended {
		return head + string(rune(h.Cause))
	}
	return head + strings.Join([]string{string(rune(h.State)), h.TimeLeft, h.Volume, h.CyclesLeft}, "|")
}

// CauseText is why a channel stopped, in words.
func CauseText(cause byte) string {
	switch cause {
	case Complete:
		return "complete"
	case CalibrationPumped:
		return "calibration volume pumped"
	case StopKey:
		return "stop key"
	case OverTemperature:
		return "over-temperature"
	case OverCurrent:
		return "over-current"
	}
	return "cause " + string(rune(cause))
}
