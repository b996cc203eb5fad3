package httpapi

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func TestStrictJSON(t *testing.T) {
	for body, want := range map[string]error{
		`{"a":1,"b":{"a":2}}`:               nil,
		`{"a":1,"a":1}`:                     errDuplicate,
		`{"a":{"b":1,"b":2}}`:               errDuplicate,
		`{"a":[{"b":1},{"b":2}]}`:           nil,
		`{"a":[{"b":1,"\u0062":2}]}`:        errDuplicate,
		`{"a":1}{"a":1}`:                    errNotJSON,
		`{"a":1} x`:                         errNotJSON,
		`{"a":`:                             errNotJSON,
		``:                                  errNotJSON,
		"{\"a\":\"\xff\"}":                  errNotJSON,
		strings.Repeat(`{"a":`, maxDepth+2): errNotJSON,
	} {
		require.ErrorIs(t, errorOrNil(strictJSON([]byte(body))), errorOrNil(want), "%s", body)
	}
}

var errNone = errors.New("none")

func errorOrNil(err error) error {
	if err == nil {
		return errNone
	}
	return err
}

// Every key that an error can carry to a reader, every rule of the book and every machine word has its text in every
// language, with the same arguments.
func TestCatalogueIsComplete(t *testing.T) {
	texts := map[string]map[string]string{}
	for _, lang := range languages {
		b, err := localeFiles.ReadFile("locales/" + lang + ".json")
		require.NoError(t, err)
		texts[lang] = map[string]string{}
		m := texts[lang]
		require.NoError(t, json.Unmarshal(b, &m))
	}
	require.Equal(t, slices.Sorted(maps.Keys(texts["vi"])), slices.Sorted(maps.Keys(texts["en"])))
	for key, text := range texts["vi"] {
		require.Equal(t, arguments(text), arguments(texts["en"][key]), key)
	}
	for _, r := range dosing.Rules() {
		require.Contains(t, texts["vi"], "rule."+string(r.ID))
	}
	for key, where := range faultKeys(t) {
		if _, ok := texts["vi"][key]; !ok {
			t.Errorf("key %q of %s has no message", key, where)
		}
	}
	m, err := newMessages()
	require.NoError(t, err)
	for _, lang := range languages {
		for key := range texts[lang] {
			_, ok := m.find(lang, key, nil)
			require.True(t, ok, "%s %s", lang, key)
		}
	}
}

func arguments(text string) []string {
	var out []string
	for _, part := range strings.Split(text, "{{")[1:] {
		inner, _, _ := strings.Cut(part, "}}")
		for _, word := range strings.Fields(inner) {
			if strings.HasPrefix(word, ".") && !slices.Contains(out, word) {
				out = append(out, word)
			}
		}
	}
	slices.Sort(out)
	return out
}

// faultKeys finds the keys of errors in the source of the packages behind this one. Errors of the code internal stay in
// the log, and so do those of the command line.
func faultKeys(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{"gen", "demo", "bench", "e2e", "station", "web", "pgtest"}, d.Name()) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if key, ok := faultKey(n); ok {
				out[key] = path
			}
			return true
		})
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, len(out), 80)
	return out
}

func faultKey(n ast.Node) (string, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) < 3 {
		return "", false
	}
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || fun.Sel.Name != "New" || name(fun.X) != "fault" {
		return "", false
	}
	code, ok := call.Args[0].(*ast.SelectorExpr)
	if !ok || code.Sel.Name == "Internal" {
		return "", false
	}
	lit, ok := call.Args[1].(*ast.BasicLit)
	if !ok {
		return "", false
	}
	key, err := strconv.Unquote(lit.Value)
	return key, err == nil && key != ""
}

func name(e ast.Expr) string {
	id, ok := e.(*ast.Ident)
	if !ok {
		return ""
	}
	return id.Name
}

func TestMessagesSpeakTheReadersLanguage(t *testing.T) {
	m, err := newMessages()
	require.NoError(t, err)
	for header, want := range map[string]string{
		"": "vi", "vi-VN,vi;q=0.9": "vi", "en-US,en;q=0.5": "en", "fr": "vi", "en;q=0.1, vi;q=0.9": "vi", "\x00": "vi", strings.Repeat("x,", 200): "vi",
	} {
		require.Equal(t, want, m.match(header), "%q", header)
	}
	r := dosing.Reason{Rule: dosing.DoseTooSoon, Value: "3.5 h", Limit: "12 h"}
	require.Equal(t, "Mới 3,5 giờ từ liều trước; cần ít nhất 12 giờ.", m.reason("vi", r))
	require.Equal(t, "3.5 h since the last dose; at least 12 h are needed.", m.reason("en", r))
	r = dosing.Reason{Rule: dosing.OrderExpired, Value: "4 d", Limit: "2026-03-01"}
	require.Equal(t, "Đơn hết hạn ngày 01/03/2026 (4 ngày trước).", m.reason("vi", r))
	r = dosing.Reason{Rule: dosing.DeviceNotReady, Value: "down", Args: map[string]string{"device": "pump"}}
	require.Equal(t, "bơm chưa sẵn sàng (hỏng).", m.reason("vi", r))
	r = dosing.Reason{Rule: dosing.BottleTooLow, Value: "1,234.5 mL", Limit: "6 mL"}
	require.Equal(t, "Chai chỉ còn lấy được 1.234,5 mL, cần 6 mL.", m.reason("vi", r))
}

func TestDayCells(t *testing.T) {
	today := calendar.DateOf(2026, 3, 10)
	f := dosing.Facts{
		Today: today, Order: &prescription.Prescription{},
		Doses: []dosing.Dose{
			{Day: today - 5, Mass: 60 * measure.Milligram, Kind: dosing.Observed},
			{Day: today - 2, Mass: 30 * measure.Milligram, Kind: dosing.TakeAway}, {Day: today - 2, Mass: 30 * measure.Milligram, Kind: dosing.TakeAway},
		},
	}
	closures := []clinic.Closure{{Day: today - 3}, {Day: today - 5}}
	var got []string
	for day := today - 6; day <= today; day++ {
		got = append(got, string(dayCell(f, closures, day).State))
	}
	require.Equal(t, []string{"not_due", "taken", "missed", "closed", "take_home", "missed", "due"}, got)
	require.EqualValues(t, 60_000, dayCell(f, nil, today-2).DoseUg, "both parts")
	f.Order = nil
	require.Equal(t, gen.PatientDayStateNotDue, dayCell(f, nil, today).State, "no order for today")
}

func TestCacheForgetsAndDoesNotStoreTheOldAfterAChange(t *testing.T) {
	now := time.Unix(0, 0)
	c := newCache[string, int](func() time.Time { return now }, 2)
	reads := 0
	read := func() (int, error) { reads++; return reads, nil }
	get := func() int { v, err := c.get("k", read); require.NoError(t, err); return v }
	require.Equal(t, 1, get())
	require.Equal(t, 1, get())
	now = now.Add(cacheFor)
	require.Equal(t, 2, get(), "believed no longer")
	c.forget("k")
	require.Equal(t, 3, get())
	c.forget("k")
	v, err := c.get("k", func() (int, error) { c.forget("k"); return 99, nil })
	require.NoError(t, err)
	require.Equal(t, 99, v)
	require.Equal(t, 4, get(), "what was read before the change is not kept after it")
}
