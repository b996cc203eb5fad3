package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/decode"
)

func describe(id devices.Identity) string {
	var parts []string
	for _, p := range []struct{ word, value string }{{"model ", id.Model}, {"serial ", id.Serial}, {"firmware ", id.Firmware}} {
		if p.value != "" {
			parts = append(parts, p.word+p.value)
		}
	}
	if len(parts) == 0 {
		return "it says nothing of itself"
	}
	return strings.Join(parts, ", ")
}

func stateText(state any) string {
	switch s := state.(type) {
	case devices.Reading:
		if s.Stable {
			return s.Weight.String() + ", stable"
		}
		return s.Weight.String() + ", moving"
	case devices.PrinterState:
		if troubles := s.Troubles(); len(troubles) > 0 {
			return strings.Join(troubles, ", ")
		}
		return "ready"
	case devices.PumpState:
		text := "standing still"
		if s.Moving {
			text = "MOVING"
		}
		if s.Alarm != "" {
			text += ", alarm " + s.Alarm
		}
		if s.Lost {
			return text + ", its counters are lost"
		}
		return text + ", " + s.Moved.String() + " moved since it was last armed"
	}
	return fmt.Sprint(state)
}

// frameText is a frame on one line: its kind, then its fields by name.
func frameText(f decode.Frame) string {
	b, err := json.Marshal(f)
	if err != nil {
		return string(f.Kind)
	}
	var fields map[string]any
	if err := json.Unmarshal(b, &fields); err != nil {
		return string(f.Kind)
	}
	delete(fields, "kind")
	delete(fields, "raw")
	text := string(f.Kind)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text += fmt.Sprintf(" %s=%v", name, fields[name])
	}
	return text
}
