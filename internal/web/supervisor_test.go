package web

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// Nobody who waits has not waited for 0 seconds, and a window that served nobody has no pace of 0.
func TestWhatWasNotMeasuredIsNotZero(t *testing.T) {
	m := fakeMorning()
	m.Waiting, m.LongestS, m.Windows = 0, 0, m.Windows[:1]
	m.Windows[0].Served, m.Windows[0].PerHour, m.Windows[0].Service.N = 0, 0, 0
	text := onMorning(t, m).get("/supervisor")
	require.Contains(t, text, "<dt>Chờ lâu nhất</dt><dd>–</dd>")
	require.Contains(t, text, `<td class="number">0</td><td class="number">–</td><td class="number">–</td>`)
}

// An end of the day that cannot be foreseen is not shown as a time.
func TestAnUnforeseenEndIsUnknown(t *testing.T) {
	m := fakeMorning()
	for i := range m.Forecasts {
		m.Forecasts[i].AllAt = time.Time{}
	}
	text := onMorning(t, m).get("/supervisor")
	require.Contains(t, text, "chưa có ngày nào trước")
	require.NotContains(t, text, "▼")
	require.NotContains(t, text, "▲")
}

// An axis that left out a quarter hour would set four in the morning beside half past six.
func TestTheDayLeavesNoTimeOut(t *testing.T) {
	four := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	texts, err := loadPhrases()
	require.NoError(t, err)
	c := &screen{zone: time.UTC, phrases: texts["vi"]}
	rows := c.dayRows(clinicapi.Morning{
		Quarters: []clinicapi.QuarterFigures{{From: four, Arrived: 3}},
		Usual:    []clinicapi.QuarterFigures{{From: four.Add(45 * time.Minute), Arrived: 5}},
	})
	at := make([]string, 0, len(rows))
	for _, r := range rows {
		at = append(at, r.At)
	}
	require.Equal(t, []string{"04:00", "04:15", "04:30", "04:45"}, at)
	require.Equal(t, []bool{true, false, false, false}, []bool{rows[0].known, rows[1].known, rows[2].known, rows[3].known})
	require.Equal(t, 5, rows[3].Usual)
	require.Empty(t, c.dayRows(clinicapi.Morning{}))
}

func TestSharesAreRounded(t *testing.T) {
	texts, err := loadPhrases()
	require.NoError(t, err)
	bars := (&screen{phrases: texts["vi"]}).causes([]clinicapi.MorningCause{{Cause: "device", WaitedS: 200}, {Cause: "no_window", WaitedS: 100}, {Cause: "hold"}})
	require.Equal(t, []int{67, 33, 0}, []int{bars[0].Percent, bars[1].Percent, bars[2].Percent})
}
