package httpapi

import (
	"encoding/json"
	"fmt"
	"time"
)

// sessionCodec writes equal sessions as equal bytes, so that an unchanged one is known as such. Values are strings and
// booleans.
type sessionCodec struct{}

type sessionWire struct {
	Deadline time.Time      `json:"deadline"`
	Values   map[string]any `json:"values"`
}

func (sessionCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	b, err := json.Marshal(sessionWire{Deadline: deadline.UTC(), Values: values})
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	return b, nil
}

func (sessionCodec) Decode(b []byte) (time.Time, map[string]any, error) {
	var w sessionWire
	if err := json.Unmarshal(b, &w); err != nil {
		return time.Time{}, nil, fmt.Errorf("session: %w", err)
	}
	if w.Values == nil {
		w.Values = map[string]any{}
	}
	return w.Deadline, w.Values, nil
}
