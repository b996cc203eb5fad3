package rulepack_test

import (
	"os"
	"strings"
	"testing"

	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/rulepack"
)

func shipped(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("packs/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestParseRefuses(t *testing.T) {
	vn := shipped(t, "vn")
	for name, tc := range map[string]struct{ old, new, want string }{
		"unknown key at the top":     {"version: 1", "version: 1\nadopted: true", "field adopted not found"},
		"unknown value":              {"values:\n", "values:\n  dose.lucky:\n    unset: true\n    note: x\n", "field dose.lucky not found"},
		"unknown key of a value":     {"    value: 30 days\n", "    value: 30 days\n    limit: 3\n", "field limit not found"},
		"repeated key":               {"values:\n", "values:\n  bottle.low:\n    unset: true\n    note: x\n", "already defined"},
		"repeated key of a value":    {"    value: 30 days\n", "    value: 30 days\n    value: 31 days\n", "already defined"},
		"missing value":              {"  bottle.low:\n    value: 100 mL\n    source: Lieu's own choice, after the NSW Health guidance on dosing devices\n    vi: Lieu tự chọn, theo hướng dẫn của NSW Health về thiết bị phân liều\n    verified: false\n", "", "bottle.low: missing"},
		"empty value":                {"    value: 30 days\n", "    value:\n", "neither a value nor unset"},
		"neither":                    {"    value: 30 days\n", "", "neither a value nor unset"},
		"set and unset":              {"    value: 30 days\n", "    value: 30 days\n    unset: true\n", "something is said of it"},
		"unset with a source":        {"    note: no number was found; for the medical lead", "    source: x", "something is said of it"},
		"unset without a note":       {"    note: no number was found; for the medical lead\n", "", "without a note"},
		"no source":                  {"    source: Circular 26/2023/TT-BYT art. 5(1)(a)\n", "", "no source"},
		"blank source":               {"    source: Circular 26/2023/TT-BYT art. 5(1)(a)\n", "    source: \"  \"\n", "no source"},
		"nothing in Vietnamese":      {"    vi: Thông tư 26/2023/TT-BYT, điểm a khoản 1 Điều 5\n", "", "nothing in Vietnamese"},
		"no flag":                    {"    verified: true\n", "", "not said whether"},
		"flag that is a word":        {"    verified: true\n", "    verified: perhaps\n", "cannot unmarshal"},
		"negative days":              {"value: 30 days", "value: -30 days", "whole number of days"},
		"no days":                    {"value: 30 days", "value: 0 days", "not above 0"},
		"too many days":              {"value: 30 days", "value: 367 days", "at most 366"},
		"half a day":                 {"value: 30 days", "value: 1.5 days", "whole number of days"},
		"days without a unit":        {"value: 30 days", "value: 30", "whole number of days"},
		"days in hours":              {"value: 30 days", "value: 30 hours", "whole number of days"},
		"hours in days":              {"value: 12 hours", "value: 1 days", "whole number of hours"},
		"a week and an hour":         {"value: 12 hours", "value: 169 hours", "at most 168"},
		"percent as a sign":          {"value: 30 percent", "value: 30 %", "whole number of percent"},
		"warning above stop":         {"value: 30 percent", "value: 101 percent", "above dose.jump_stop"},
		"volume in mg":               {"value: 100 mL", "value: 100 mg", "not a number of mL"},
		"volume without a unit":      {"value: 100 mL", "value: 100", "not a number of mL"},
		"negative volume":            {"value: 100 mL", "value: -100 mL", "not a quantity"},
		"no volume":                  {"value: 100 mL", "value: 0 mL", "not above 0"},
		"volume with a comma":        {"value: 100 mL", "value: 0,1 mL", "not a quantity"},
		"drift without a unit":       {"value: 0.6 percent", "value: 0.6", "not a number of percent"},
		"drift with a sign":          {"value: 0.6 percent", "value: 0.6 %", "not a number of percent"},
		"no drift":                   {"value: 0.6 percent", "value: 0 percent", "not above 0"},
		"negative drift":             {"value: 0.6 percent", "value: -0.6 percent", "not a share"},
		"drift of a tenth and more":  {"value: 1 percent", "value: 10.0001 percent", "at most"},
		"drift that warns too late":  {"value: 0.6 percent", "value: 1.5 percent", "above drift.stop"},
		"yes for true":               {"value: \"true\"", "value: \"yes\"", "not true or false"},
		"list for a value":           {"value: 30 days", "value: [30 days]", "cannot unmarshal"},
		"table that stops":           {"severity: refer, advice: new_induction", "severity: stop, advice: new_induction", "severity \"stop\""},
		"table with unknown advice":  {"advice: same_dose", "advice: double_dose", "advice \"double_dose\""},
		"table that does not ascend": {"from_days: 6", "from_days: 4", "does not ascend"},
		"table from nothing":         {"from_days: 1,", "from_days: 0,", "does not ascend"},
		"table with a negative row":  {"from_days: 1,", "from_days: -1,", "not a whole number"},
		"table beyond a year":        {"from_days: 6", "from_days: 400", "above 366"},
		"table row with a unit":      {"from_days: 6", "from_days: 6 days", "not a whole number"},
		"table without rows":         {"    steps:\n      - {from_days: 1, severity: warning, advice: same_dose}\n      - {from_days: 4, severity: refer, advice: see_prescriber}\n      - {from_days: 6, severity: refer, advice: new_induction}\n", "", "neither a value nor unset"},
		"version of nought":          {"version: 1", "version: 0", "not positive"},
		"version below nought":       {"version: 1", "version: -1", "not a whole number"},
		"version with a fraction":    {"version: 1", "version: 1.5", "not a whole number"},
		"version in quotes":          {"version: 1", "version: \"1\"", "not a whole number"},
		"version in octal":           {"version: 1", "version: 0o1", "not a whole number"},
		"row with a fraction":        {"from_days: 6", "from_days: 6.5", "not a whole number"},
		"no name":                    {"pack: vn\n", "", "not a name"},
		"name of capitals":           {"pack: vn\n", "pack: VN\n", "not a name"},
		"second document":            {"pack: vn\n", "pack: vn\nversion: 1\n---\npack: vn\n", "yaml"},
		"not YAML":                   {"values:\n", "values: {\n", "yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(vn, tc.old, tc.new, 1)
			if text == vn {
				t.Fatal("nothing was changed")
			}
			p, err := rulepack.Parse([]byte(text))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if p.Name != "" {
				t.Error("a pack came with the error")
			}
		})
	}
}

func TestParseRefusesEmptyAndHuge(t *testing.T) {
	vn := shipped(t, "vn")
	for name, text := range map[string]string{
		"empty":               "",
		"a word":              "vn",
		"two whole documents": vn + "---\n" + vn,
		"huge":                vn + strings.Repeat("# padding\n", rulepack.MaxSize/10),
	} {
		if _, err := rulepack.Parse([]byte(text)); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

// Every mistake is named at once, not one at a time.
func TestParseNamesEveryMistake(t *testing.T) {
	text := strings.NewReplacer("value: 30 days", "value: 30", "value: 12 hours", "value: 12").Replace(shipped(t, "vn"))
	_, err := rulepack.Parse([]byte(text))
	if err == nil || !strings.Contains(err.Error(), "rx.max_days.maintenance") || !strings.Contains(err.Error(), "dose.min_hours") {
		t.Errorf("got %v", err)
	}
}

// Whatever is accepted is within bounds, and a decision can be made with it.
func FuzzParse(f *testing.F) {
	for _, name := range rulepack.Names() {
		f.Add([]byte(shipped(f, name)))
	}
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := rulepack.Parse(text)
		if err != nil {
			return
		}
		for key, l := range limits(p) {
			if l.set != (l.source != "") || (!l.set && l.verified) {
				t.Errorf("%s: %+v", key, l)
			}
		}
		if p.Version < 1 || p.Adopted || p.HardCeiling.Value < 0 || p.LowBottle.Value < 0 || p.MinHours.Value < 0 || p.JumpStop.Value < 0 {
			t.Errorf("accepted %+v", p)
		}
		for _, step := range p.Missed.Value {
			if step.FromDays < 1 || step.Severity == dosing.Stop {
				t.Errorf("accepted %+v", step)
			}
		}
		dosing.Decide(p, dosing.Facts{})
	})
}
