package web

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
