package web

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// The door offers a ticket on paper where a counter has a printer for it, and says what became of it.
func TestTicketFromTheDoor(t *testing.T) {
	b, api := atWindow(t)
	_, text := b.post("/check-in", "code", anCode)
	require.NotContains(t, text, "/check-in/print", "there is no printer")

	for state, says := range map[clinicapi.PrintState]string{
		"printed": "Đã in", "refused": "Không in được – hết giấy", "unknown": "Hãy xem máy in trước khi in lại",
	} {
		api.printed = state
		_, text = b.post("/check-in", "code", anCode)
		require.Contains(t, text, "In phiếu ở Cửa 1")
		id := valueOf(t, text, "id")
		_, text = b.post("/check-in/print", "id", id, "ticket", valueOf(t, text, "ticket"), "station", valueOf(t, text, "station"))
		require.Contains(t, text, "Đang in")
		require.Contains(t, text, "/check-in/print/"+id, "it asks on by itself")
		text = b.get("/check-in/print/" + id)
		require.Contains(t, text, says)
		require.NotContains(t, text, "hx-get", "it has ended")
	}
}

// valueOf is the value of a hidden field in the form that prints.
func valueOf(t *testing.T, text, name string) string {
	t.Helper()
	m := regexp.MustCompile(`/check-in/print".*?name="` + name + `" value="([^"]+)"`).FindStringSubmatch(text)
	require.NotNil(t, m, name)
	return m[1]
}
