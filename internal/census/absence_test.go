package census

import "testing"

func TestAttendance(t *testing.T) {
	today := day("2026-03-31")
	for name, row := range map[string]struct {
		a         Attendance
		missed    int
		uncovered bool
		drop      bool
	}{
		"was here today":              {Attendance{Since: day("2025-01-01"), Last: today, OrderTo: day("2026-04-20")}, 0, false, false},
		"was here yesterday":          {Attendance{Since: day("2025-01-01"), Last: day("2026-03-30"), OrderTo: day("2026-04-20")}, 0, false, false},
		"missed yesterday":            {Attendance{Since: day("2025-01-01"), Last: day("2026-03-29"), OrderTo: day("2026-04-20")}, 1, false, false},
		"took doses home ahead":       {Attendance{Since: day("2025-01-01"), Last: day("2026-04-02"), OrderTo: day("2026-04-20")}, 0, false, false},
		"one day before the question": {Attendance{Since: day("2025-01-01"), Last: day("2026-03-01"), OrderTo: day("2026-04-20")}, 29, false, false},
		"a month":                     {Attendance{Since: day("2025-01-01"), Last: day("2026-02-28"), OrderTo: day("2026-04-20")}, 30, false, true},
		"never came since":            {Attendance{Since: day("2026-03-29"), OrderTo: day("2026-04-20")}, 2, false, false},
		"began today":                 {Attendance{Since: today, OrderTo: day("2026-04-20")}, 0, false, false},
		"the order ends in two days":  {Attendance{Since: day("2025-01-01"), Last: today, OrderTo: day("2026-04-02")}, 0, true, false},
		"the order ends in three":     {Attendance{Since: day("2025-01-01"), Last: today, OrderTo: day("2026-04-03")}, 0, false, false},
		"there is no order":           {Attendance{Since: day("2025-01-01"), Last: today}, 0, true, false},
	} {
		if got := row.a; got.Missed(today) != row.missed || got.Uncovered(today) != row.uncovered || got.ProposesDrop(today) != row.drop {
			t.Errorf("%s: %d missed, uncovered %v, drop %v", name, got.Missed(today), got.Uncovered(today), got.ProposesDrop(today))
		}
	}
}
