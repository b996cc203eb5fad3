package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lieu-clinic/lieu/internal/calendar"
)

// marker is the file beside the database that says which story is in it.
const marker = "demo.json"

// Marker is what a demonstration's folder remembers from one start to the next.
type Marker struct {
	Seed     uint64       `json:"seed"`
	Patients int          `json:"patients"` // of the whole province; 0 for 724
	FirstDay calendar.Day `json:"first_day"`
	Told     calendar.Day `json:"told"` // the last day that was told to its end; 0 for none
}

// ReadMarker reads the marker of a folder; ok is false when there is none.
func ReadMarker(dir string) (m Marker, ok bool, err error) {
	text, err := os.ReadFile(filepath.Join(dir, marker))
	if errors.Is(err, os.ErrNotExist) {
		return Marker{}, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return Marker{}, false, fmt.Errorf("%s: %w", filepath.Join(dir, marker), err)
	}
	return m, true, nil
}

// Write puts the marker into a folder.
func (m Marker) Write(dir string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("marker: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, marker), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("marker: %w", err)
	}
	return nil
}
