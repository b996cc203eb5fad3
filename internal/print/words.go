package print

import (
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Language is the one that paper is printed in.
type Language string

// The languages.
const (
	Vietnamese Language = "vi"
	English    Language = "en"
)

// words are what stands on paper beside the facts.
type words struct {
	locale                             measure.Locale
	date                               string // layout
	code, take, lot, expiry, bottle    string
	prepared, checked, oral, storage   string
	number, wait, waitMinute, tomorrow string
	hours                              string // layout of a clock time
}

// of returns the words of a language; Vietnamese for one that there is none of.
func (l Language) words() words {
	if l == English {
		return words{
			locale: measure.English, date: "2 Jan 2006",
			code: "Code", take: "Take on", lot: "Lot", expiry: "Use by", bottle: "Bottle",
			prepared: "Prepared by", checked: "Checked by", oral: "ORAL ONLY",
			storage: "Keep below 30 °C, away from light, locked up and out of the reach of children.",
			number:  "Your number", wait: "Wait: about %d minutes", waitMinute: "Wait: about 1 minute", tomorrow: "Tomorrow at",
			hours: "15:04",
		}
	}
	return words{
		locale: measure.Vietnamese, date: "02/01/2006",
		code: "Mã", take: "Uống ngày", lot: "Lô", expiry: "HSD", bottle: "Chai",
		prepared: "Người pha chế", checked: "Người kiểm tra", oral: "CHỈ UỐNG",
		storage: "Bảo quản dưới 30 °C, tránh ánh sáng, có khóa, để xa tầm tay trẻ em.",
		number:  "Số của bạn", wait: "Chờ khoảng %d phút", waitMinute: "Chờ khoảng 1 phút", tomorrow: "Hẹn ngày mai lúc",
		hours: "15:04",
	}
}

func (w words) day(d calendar.Day) string { return d.Midnight().Format(w.date) }

func (w words) clock(t time.Time) string { return t.Format(w.hours) }

// waiting rounds up to whole minutes: a patient who is called early has lost nothing.
func (w words) waiting(d time.Duration) string {
	minutes := int((d + time.Minute - 1) / time.Minute)
	if minutes <= 1 {
		return w.waitMinute
	}
	return fmt.Sprintf(w.wait, minutes)
}
