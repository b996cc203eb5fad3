package store

import (
	"bytes"
	"database/sql/driver"
	"encoding/json"
	"fmt"

	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// ref is an optional reference or unique text: "" is NULL in the database.
type ref string

func (r ref) Value() (driver.Value, error) {
	if r == "" {
		return nil, nil
	}
	return string(r), nil
}

func (r *ref) Scan(src any) error {
	s, err := text(src)
	*r = ref(s)
	return err
}

func text(src any) (string, error) {
	switch v := src.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	default:
		return "", fmt.Errorf("text from %T", src)
	}
}

// flag is a boolean, which SQLite keeps and prints as 0 or 1.
type flag bool

func (f flag) Value() (driver.Value, error) { return bool(f), nil }

func (f *flag) Scan(src any) error {
	switch v := src.(type) {
	case bool:
		*f = flag(v)
	case int64:
		*f = v != 0
	default:
		return fmt.Errorf("flag from %T", src)
	}
	return nil
}

// UnmarshalJSON reads the boolean of PostgreSQL and the number of SQLite.
func (f *flag) UnmarshalJSON(b []byte) error {
	*f = flag(bytes.Equal(b, []byte("true")) || bytes.Equal(b, []byte("1")))
	return nil
}

// masses is a list of amounts, kept as the text of a JSON array.
type masses []measure.Mass

func (m masses) Value() (driver.Value, error) {
	b, err := json.Marshal([]measure.Mass(m))
	return string(b), err
}

func (m *masses) Scan(src any) error {
	s, err := text(src)
	if err != nil {
		return err
	}
	return m.UnmarshalText([]byte(s))
}

// UnmarshalText reads the column where it arrives inside other JSON.
func (m *masses) UnmarshalText(b []byte) error { return json.Unmarshal(b, (*[]measure.Mass)(m)) }

// profile is a device's profile, kept as the text of a JSON object.
type profile equipment.Profile

func (p profile) Value() (driver.Value, error) {
	b, err := json.Marshal(equipment.Profile(p))
	return string(b), err
}

func (p *profile) Scan(src any) error {
	s, err := text(src)
	if err != nil {
		return err
	}
	return p.UnmarshalText([]byte(s))
}

// UnmarshalText reads the column where it arrives inside other JSON.
func (p *profile) UnmarshalText(b []byte) error { return json.Unmarshal(b, (*equipment.Profile)(p)) }

// raw is the JSON text of a column, nil when the column is empty.
func raw(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	return json.RawMessage(s)
}
