package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/fault"
)

type fakeRecord struct {
	down error
	last time.Time
}

func (f fakeRecord) Ready(context.Context) error { return f.down }

func (f fakeRecord) LastRecorded(context.Context) (calendar.Instant, error) {
	return calendar.At(f.last), nil
}

func TestReadiness(t *testing.T) {
	seven := time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)
	now := func() time.Time { return seven }
	tests := map[string]struct {
		db    fakeRecord
		ready bool
	}{
		"an empty record":                          {fakeRecord{}, true},
		"a record of a moment ago":                 {fakeRecord{last: seven.Add(-time.Second)}, true},
		"another server's clock is a little ahead": {fakeRecord{last: seven.Add(clockBehind)}, true},
		"the clock went back behind the record":    {fakeRecord{last: seven.Add(clockBehind + time.Second)}, false},
		"the clock is years behind":                {fakeRecord{last: seven.AddDate(9, 0, 0)}, false},
		"the database is away":                     {fakeRecord{down: errors.New("away")}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := readiness(tt.db, t.TempDir(), now)(t.Context())
			require.Equal(t, tt.ready, err == nil, "%v", err)
			if err != nil && tt.db.down == nil {
				require.True(t, fault.Is(err, fault.Unavailable))
			}
		})
	}
}

func TestFolderOf(t *testing.T) {
	require.Equal(t, "/var/lib/lieu", folderOf("sqlite:///var/lib/lieu/lieu.db"))
	require.Empty(t, folderOf("postgres://lieu@db/lieu"))
	free, known := freeBytes(t.TempDir())
	require.True(t, known)
	require.Positive(t, free)
	_, known = freeBytes("")
	require.False(t, known)
}
