package web

import (
	"net/http"
	"time"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

const (
	paperID   = "01920000-0000-7000-8000-0000000000f1"
	countedID = "01920000-0000-7000-8000-0000000000f2"
	signedID  = "01920000-0000-7000-8000-0000000000f3"
	receiptID = "01920000-0000-7000-8000-0000000000f4"
	postedID  = "01920000-0000-7000-8000-0000000000f5"
)

// paperRoutes are papers, counter sessions and counts in each of their states.
func (f *fakeAPI) paperRoutes() {
	draft := clinicapi.Draft{
		Id: paperID, Kind: "transfer", State: "draft", Reason: "dùng hôm nay", MadeBy: "Ngô Dược Sĩ", MadeAt: fakeNow,
		Paper: clinicapi.DraftPaper{Bottles: []string{bottleID}, From: "store", To: "cabinet"},
	}
	signed := clinicapi.Draft{
		Id: signedID, Kind: "waste", State: "signed", Reason: "đổ khi rót", MadeBy: "Ngô Dược Sĩ", MadeAt: fakeNow, SignedBy: "Ngô Dược Sĩ", SignedAt: fakeNow,
		Late: true, Paper: clinicapi.DraftPaper{Bottle: bottleID, AmountUl: 12_500, Party: "Kho tỉnh"},
	}
	f.on("GET /drafts", 200, func(*http.Request, map[string]any) any {
		return clinicapi.DraftList{Items: []clinicapi.Draft{draft, signed}}
	})
	receipt := clinicapi.Draft{
		Id: receiptID, Kind: "receipt", State: "draft", MadeBy: "Ngô Dược Sĩ", MadeAt: fakeNow,
		Paper: clinicapi.DraftPaper{Lot: lotID, Party: "Kho tỉnh", Number: "BB-1", Copies: 3, Items: []clinicapi.ReceivedBottle{
			{Id: bottleID, LabelVolumeUl: 1_000_000, MeasuredUl: 1_002_500, Finding: "nứt", Scanned: "]d20108936000000011"}, {Id: anID, LabelVolumeUl: 1_000_000},
		}},
	}
	posted := receipt
	posted.Id, posted.State = postedID, "posted"
	f.on("GET /drafts/{id}", 200, func(r *http.Request, _ map[string]any) any {
		for _, d := range []clinicapi.Draft{draft, signed, receipt, posted} {
			if d.Id == r.PathValue("id") {
				return d
			}
		}
		return clinicapi.Problem{Status: 404, Code: "not_found", Title: "Không có phiếu nháp này."}
	})
	f.on("GET /bottles/{id}/weights", 200, func(*http.Request, map[string]any) any {
		return clinicapi.BottleWeightList{Items: []clinicapi.BottleWeight{{Occasion: "open", GrossWeightUg: 1_100_000_000, BookUl: 1_000_000, ContentUl: 1_002_000, Person: "Ngô Dược Sĩ", RecordedAt: fakeNow}}}
	})
	f.on("POST /bottle-scans", 200, func(_ *http.Request, body map[string]any) any {
		if body["code"] != "]d20108936000000011" {
			return clinicapi.Problem{Status: 400, Code: "invalid", Title: "Không đọc được mã."}
		}
		return clinicapi.ScannedBottle{Gtin: "08936000000011", Lot: "MTD-2611"}
	})
	f.on("POST /drafts", 201, func(*http.Request, map[string]any) any { return draft })
	for _, act := range []string{"sign", "post", "drop"} {
		f.on("POST /drafts/{id}/"+act, 200, func(*http.Request, map[string]any) any { return signed })
	}
	doc := clinicapi.Document{Id: countedID, Kind: "loss", Data: map[string]any{
		"book_ul": 1_000_000, "counted_ul": 995_000, "began": "2026-11-22T01:00:00.000000Z", "parts": []any{map[string]any{"cause": "drift", "amount_ul": -5000}},
	}, By: "Ngô Dược Sĩ", Witness: "Lê Điều Dưỡng", Reason: "tìm không thấy", Party: "Kho", Number: "BB-1", OccurredAt: fakeNow, RecordedAt: fakeNow}
	f.on("GET /documents", 200, func(*http.Request, map[string]any) any {
		return clinicapi.DocumentList{Items: []clinicapi.Document{doc}, Next: "more"}
	})
	move := clinicapi.Move{Id: paperID, Bottle: bottleID, Lot: lotID, From: "bottle", To: "loss", AmountUl: 5000, FromAfterUl: 995_000, ToAfterUl: 5000, Cause: paperID, Reason: "loss", OccurredAt: fakeNow, RecordedAt: fakeNow}
	f.on("GET /documents/{id}", 200, func(r *http.Request, _ map[string]any) any {
		shown := doc
		if r.PathValue("id") == postedID {
			shown.Id, shown.Kind, shown.Data = postedID, "receipt", map[string]any{
				"copies": 3, "funding": "Quỹ toàn cầu", "bottles": []any{
					map[string]any{"bottle": bottleID, "label_ul": 1_000_000, "measured_ul": 1_002_500, "finding": "nứt"},
					map[string]any{"bottle": anID, "label_ul": 1_000_000},
				},
			}
		}
		return clinicapi.DocumentDetail{Document: shown, Moves: []clinicapi.Move{move}}
	})
	f.on("GET /stock-setting", 200, func(*http.Request, map[string]any) any {
		return clinicapi.StockSetting{CountGate: true, ReviewUl: 10_000, ReviewPermille: 5, CoverDays: 30, LeadDays: 10}
	})
	f.on("POST /stock-setting", 200, func(*http.Request, map[string]any) any { return clinicapi.StockSetting{} })
	f.countRoutes()
	f.on("GET /forecasts", 200, func(*http.Request, map[string]any) any {
		return clinicapi.StockForecastList{Items: []clinicapi.StockForecast{{
			Product: anID, ProductName: "Methadon", LeftUl: 12_000_000, PerDayUl: 1_200_000, DaysLeft: 10, DaysBasis: 28, RunsOut: "2026-12-02", OrderBy: "2026-11-22", OrderUl: 36_000_000,
			Expiring: []clinicapi.ExpiringLot{{Lot: lotID, LotNumber: "A1", Expiry: "2026-11-30", LeftUl: 9_000_000, UnusedUl: 1_000_000}},
		}}}
	})
	f.on("GET /patients/{id}/lots", 200, func(*http.Request, map[string]any) any {
		return clinicapi.TracedDoseList{Items: []clinicapi.TracedDose{{
			Dispensing: paperID, Patient: anID, PatientCode: anCode, PatientName: "Nguyễn Văn An", Lot: lotID, LotNumber: "A1", Bottle: bottleID, BottleCode: "B0100000017",
			Day: "2026-11-22", State: "administered", MeasuredUl: 6250, DoseUg: 62_500, RecordedAt: fakeNow,
		}}}
	})
	f.on("GET /lots/{id}/trace", 200, func(*http.Request, map[string]any) any {
		return clinicapi.LotTrace{
			Lot: clinicapi.Lot{Id: lotID, Number: "A1", State: "released", Expiry: "2027-01-01"}, Bottles: []clinicapi.Bottle{}, Moves: []clinicapi.Move{move}, Patients: 1,
			Doses: []clinicapi.TracedDose{{
				Dispensing: paperID, Patient: anID, PatientCode: anCode, PatientName: "Nguyễn Văn An", Lot: lotID, LotNumber: "A1", Bottle: bottleID, BottleCode: "B0100000017",
				Day: "2026-11-22", State: "administered", MeasuredUl: 6250, DoseUg: 62_500, RecordedAt: fakeNow,
			}},
		}
	})
}

func (f *fakeAPI) countRoutes() {
	f.on("GET /counter-sessions", 200, func(*http.Request, map[string]any) any {
		of := func(state clinicapi.SessionState, count clinicapi.CountState, overdue bool) clinicapi.CounterSession {
			return clinicapi.CounterSession{
				Id: paperID, Station: stationID, StationName: "Cửa 1", Day: "2026-11-22", Shift: 1, State: state, Overdue: overdue, StartedBy: "Lê Điều Dưỡng",
				StartedAt: fakeNow, OpenedAt: fakeNow, Count: countedID, CountState: count,
			}
		}
		return clinicapi.CounterSessionList{Items: []clinicapi.CounterSession{of("open", "settled", true), of("closing_count", "disagreed", false), of("reconciled", "settled", false)}}
	})
	f.on("POST /counter-sessions", 201, func(*http.Request, map[string]any) any { return clinicapi.CounterSession{} })
	f.on("POST /counter-sessions/{id}/count", 200, func(*http.Request, map[string]any) any { return clinicapi.CounterSession{} })
	f.on("POST /counter-sessions/{id}/close", 200, func(*http.Request, map[string]any) any { return clinicapi.CounterSession{} })
	f.on("GET /counts", 200, func(*http.Request, map[string]any) any {
		return clinicapi.CountList{Items: []clinicapi.CountHead{{Id: paperID, Phase: "opening", State: "counting", Station: "Cửa 1", StartedAt: fakeNow}}}
	})
	f.on("POST /counts", 201, func(*http.Request, map[string]any) any { return clinicapi.Count{} })
	for _, act := range []string{"entries", "settle"} {
		f.on("POST /counts/{id}/"+act, 200, func(*http.Request, map[string]any) any { return clinicapi.Count{} })
	}
	f.on("GET /counts/{id}", 200, func(r *http.Request, _ map[string]any) any {
		n := clinicapi.Count{Id: r.PathValue("id"), Phase: "opening", Station: "Cửa 1", State: "counting", People: []string{"Lê Điều Dưỡng"}, StartedAt: fakeNow}
		bottle := clinicapi.CountedBottle{Bottle: bottleID, Code: "B0100000017", LotNumber: "A1", State: "in_use", LabelVolumeUl: 1_000_000, Weighable: true, Entries: []clinicapi.CountEntry{}}
		sealed := bottle
		sealed.Bottle, sealed.Code, sealed.State, sealed.Weighable = anID, "B0100000025", "sealed", false
		if n.Id == countedID {
			n.State = "counted"
			bottle.Entries = []clinicapi.CountEntry{
				{Person: "Lê Điều Dưỡng", Method: "weighed", GrossWeightUg: 1_100_000_000, CountedUl: 988_000, RecordedAt: fakeNow},
				{Person: "Ngô Dược Sĩ", Method: "measured", CountedUl: 988_000, RecordedAt: fakeNow},
			}
			bottle.BookUl, bottle.CountedUl, bottle.DiffUl, bottle.Review = 1_000_000, 988_000, -12_000, true
			sealed.BookUl, sealed.CountedUl = 1_000_000, 1_000_000
		}
		n.Bottles = []clinicapi.CountedBottle{bottle, sealed}
		return n
	})
	f.on("GET /variances", 200, func(*http.Request, map[string]any) any {
		l := clinicapi.VarianceList{AlarmUl: 10_000, Suspects: []clinicapi.VarianceSuspect{
			{By: "person", SeenBy: "count", Name: "Lê Điều Dưỡng", SinceAt: fakeNow, NoticedAt: fakeNow, SumUl: -11_200},
			{By: "lot", SeenBy: "dose", Name: "A1", SinceAt: fakeNow, NoticedAt: fakeNow, MeanPpm: -6100, Certain: true},
			{By: "undecided", SeenBy: "dose", Name: "Cửa 2", SinceAt: fakeNow, NoticedAt: fakeNow, MeanPpm: 7000},
		}}
		var s clinicapi.VarianceSeries
		s.Key, s.Name = lotID, "A1"
		var sum, low int64
		for i, diff := range []int64{-800, 300, -1500, -2500, -3000, -4200} {
			sum, low = sum+diff, min(0, low+diff+1000)
			at := fakeNow.Add(time.Duration(i-6) * 24 * time.Hour)
			s.Points = append(s.Points, clinicapi.ChartPoint{At: at, DiffUl: diff, SumUl: sum, LowUl: low, Alarm: low < -6000, Since: at})
			l.Items = append(l.Items, clinicapi.Variance{
				Bottle: bottleID, BottleCode: "B0100000017", Lot: lotID, LotNumber: "A1", StationName: "Cửa 1", Person: "Lê Điều Dưỡng", Day: "2026-11-22", Shift: 1,
				BookUl: 500_000, CountedUl: 500_000 + diff, DiffUl: diff, DiffUg: diff * 10, DiffPpm: diff * 1_000_000 / 1_200_000, TurnoverUl: 1_200_000,
				Parts: []clinicapi.VariancePart{{Cause: "unexplained", AmountUl: diff, Since: at}}, BeganAt: at, Document: paperID, RecordedAt: at,
			})
			s.LossUl, s.SurplusUl = s.LossUl+max(0, -diff), s.SurplusUl+max(0, diff)
			s.LossUnexplainedUl, s.TurnoverUl, s.Counts = s.LossUl, s.TurnoverUl+1_200_000, s.Counts+1
		}
		l.Series = []clinicapi.VarianceSeries{s}
		return l
	})
}
