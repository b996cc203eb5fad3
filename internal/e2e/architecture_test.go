package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/lieu-clinic/lieu"

// A layer is one or more packages with what they may import. The rank is the layer's place in the list below.
type layer struct {
	packages []string // below the module; path.Match patterns
	why      string   // what the layer is, which is the reason why it may not look up
}

// layers is the order of the house: a package imports packages of layers before its own and none of its own or after.
var layers = []layer{
	{[]string{"pkg/measure", "pkg/protocol/lines", "pkg/checkchar", "internal/fault", "internal/font", "api", "migrations"},
		"vocabulary: quantities, lines of text, check characters, error codes, the typeface, the contract and the schema, which depend on nothing"},
	{[]string{"internal/id", "internal/calendar", "internal/drift", "internal/secret", "pkg/protocol/*", "pkg/gs1", "pkg/cardcode", "pkg/personcode", "pkg/clinicapi", "pkg/stationlog", "devices"},
		"small vocabulary and wire formats: bytes, codes and time, without the clinic"},
	{[]string{"internal/clinic", "internal/flow", "internal/print", "internal/reconcile", "internal/store/pgtest", "internal/web/browsertest", "devices/serialport", "devices/tcplink", "devices/scanning", "devices/devicetest", "devices/weighing"},
		"the tenant that every row carries; what stands on labels and tickets; the one way to a port; the one way to ask a balance"},
	{[]string{"internal/audit", "internal/rush", "devices/scale/*", "devices/pump/*", "devices/scanner/*", "devices/printer/*", "devices/sim", "devices/decode"},
		"the record of changes, which ranks below the nouns because all of them write to it; the model of a morning; drivers"},
	{[]string{"internal/staff"}, "the people who act: every other noun's changes carry a member of staff"},
	{[]string{"internal/patient", "internal/stock", "internal/equipment"}, "the nouns, each by itself"},
	{[]string{"internal/calibration"}, "the check of the day: a station's pump and scale against a bottle of a lot"},
	{[]string{"internal/prescription", "internal/census", "internal/book", "internal/calibration/walk"}, "a check by whoever plays the counter; orders and holds, of a patient by a member of staff; patients counted; the stock as registers have it"},
	{[]string{"internal/queue"}, "tickets of patients at stations"},
	{[]string{"internal/dosing"}, "the rule book: a pure function over the nouns"},
	{[]string{"internal/rulepack", "internal/dispensing", "devices/catalog", "devices/sim/simtest", "internal/httpapi/gen", "internal/paper"},
		"the workflow that joins the nouns; the values of the rules; the list of drivers; the bench under their suites; code generated from the contract"},
	{[]string{"internal/store", "internal/httpapi", "internal/store/pgtest", "internal/web", "internal/metrics", "internal/station"},
		"technology: each of these meets one technology and none of the others"},
	{[]string{"internal/bench", "internal/demo", "internal/e2e", "internal/replay"}, "whole systems put together"},
	{[]string{"cmd/*"}, "the programs"},
}

// foreign lists which packages may import which modules from outside, and why only they. A package that is not listed
// imports the standard library only.
var foreign = []struct {
	pkg     string
	modules []string
	why     string
}{
	{"internal/id", []string{"github.com/google/uuid"}, "ids are made in one place"},
	{"internal/secret", []string{"github.com/alexedwards/argon2id", "golang.org/x/text"}, "one choice of password hash, over one form of each letter"},
	{"pkg/protocol/*", []string{"github.com/sigurn/crc16"}, "codecs use CRC tables and do no I/O"},
	{"pkg/protocol/protocoltest", []string{"pgregory.net/rapid"}, "the suite that every codec passes draws its messages"},
	{"pkg/clinicapi", []string{"github.com/oapi-codegen/runtime"}, "the runtime of the generated client"},
	{"internal/httpapi/gen", []string{"github.com/gin-gonic/gin", "github.com/oapi-codegen/runtime"}, "the generated server"},
	{"devices/serialport", []string{"go.bug.st/serial", "golang.org/x/sys"}, "the one place that knows the serial library's traps"},
	{"devices/scanner/evdev", []string{"golang.org/x/sys"}, "taking a keyboard for one program is a system call"},
	{"devices/sim", []string{"github.com/creack/pty"}, "only the bench plays the device's end of a wire"},
	{"internal/rulepack", []string{"go.yaml.in/yaml/v3"}, "rule packs are YAML"},
	{"internal/store", []string{
		"gorm.io/gorm", "gorm.io/driver/postgres", "github.com/jackc/pgx/v5", "github.com/ncruces/go-sqlite3",
		"github.com/ncruces/go-sqlite3/gormlite", "github.com/pressly/goose/v3", "golang.org/x/text",
	}, "every SQL statement, and the folding of names it searches by, lives here"},
	{"internal/store/pgtest", []string{"github.com/jackc/pgx/v5"}, "a private PostgreSQL for tests"},
	{"internal/web/browsertest", []string{"github.com/chromedp/chromedp"}, "a real browser for tests"},
	{"internal/station", []string{"github.com/ncruces/go-sqlite3", "go.yaml.in/yaml/v3", "github.com/cenkalti/backoff/v5"},
		"the counter has a journal, a configuration file and a line to the server, and nothing of the server's"},
	{"internal/httpapi", []string{
		"github.com/gin-gonic/gin", "github.com/getkin/kin-openapi", "github.com/alexedwards/scs/v2", "golang.org/x/time",
		"github.com/nicksnyder/go-i18n/v2", "golang.org/x/text", "github.com/swaggest/swgui", "github.com/oapi-codegen/runtime",
	}, "gin and the contract's machinery end here"},
	{"internal/web", []string{"github.com/nicksnyder/go-i18n/v2", "golang.org/x/text", "github.com/boombuler/barcode", "go.yaml.in/yaml/v3"},
		"the screens speak the reader's language and draw bar codes; everything else is html/template"},
	{"internal/paper", []string{"codeberg.org/go-pdf/fpdf", "github.com/xuri/excelize/v2"}, "reports become files in one place"},
	{"internal/print", []string{"golang.org/x/image", "golang.org/x/text"}, "text becomes dots in one place, one dot pattern to each letter"},
	{"internal/metrics", []string{"github.com/prometheus/client_golang"}, "metrics are declared in one place, so that a test can list them"},
	{"devices/devicetest", []string{"go.uber.org/goleak"}, "the suites that every driver passes look for goroutines left behind"},
	{"cmd/*", []string{"github.com/alecthomas/kong"}, "flags are read by the programs alone"},
	{"cmd/counterd", []string{"go.yaml.in/yaml/v3"}, "the counter's configuration file"},
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func TestPackagesImportOnlyLowerRanks(t *testing.T) {
	for _, p := range packages(t) {
		own, known := rank(p.ImportPath)
		if !known {
			t.Errorf("%s has no place in the table of layers: add it where its imports allow, as low as it can stand", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			switch other, known := rank(imported); {
			case !within(imported) || !known: // reported when its own turn comes
			case other >= own:
				t.Errorf("%s (layer %d: %s)\n\timports %s (layer %d: %s)", p.ImportPath, own, layers[own].why, imported, other, layers[other].why)
			}
		}
	}
}

func TestForeignModulesAreMetInOnePlace(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			if within(imported) || standard(imported) || allowed(p.ImportPath, imported) {
				continue
			}
			t.Errorf("%s imports %s%s", p.ImportPath, imported, home(imported))
		}
	}
}

// What is offered to others must not need what is not.
func TestPublicPackagesDoNotImportInternal(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		if !strings.HasPrefix(name, "pkg/") && !strings.HasPrefix(name, "devices") {
			continue
		}
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, module+"/internal/") {
				t.Errorf("%s imports %s, which nobody outside this module can", p.ImportPath, imported)
			}
		}
	}
}

// packages lists every package of the module with the imports of its non-test files.
func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", module+"/...")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("go list: %v\n%s", err, exit.Stderr)
	}
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages: it did not see the module", len(all))
	}
	return all
}

func rank(importPath string) (int, bool) {
	name := strings.TrimPrefix(importPath, module+"/")
	for i, l := range layers {
		if slices.ContainsFunc(l.packages, func(pattern string) bool { return match(pattern, name) }) {
			return i, true
		}
	}
	return 0, false
}

func allowed(importPath, imported string) bool {
	name := strings.TrimPrefix(importPath, module+"/")
	for _, f := range foreign {
		if match(f.pkg, name) && slices.ContainsFunc(f.modules, func(m string) bool { return below(m, imported) }) {
			return true
		}
	}
	return false
}

// home says where a module may be imported instead, and why.
func home(imported string) string {
	for _, f := range foreign {
		if slices.ContainsFunc(f.modules, func(m string) bool { return below(m, imported) }) {
			return "; that belongs in " + f.pkg + ": " + f.why
		}
	}
	return ", which no package of this module may import outside its tests"
}

func match(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

func within(importPath string) bool { return below(module, importPath) }

func below(prefix, importPath string) bool {
	return importPath == prefix || strings.HasPrefix(importPath, prefix+"/")
}

// standard reports whether the import is of the standard library: its first element has no dot.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}
