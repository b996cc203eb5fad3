package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lieu-clinic/lieu/internal/metrics"
)

// root is the repository, seen from this package's folder, in which its tests run.
const root = "../.."

func compose(t *testing.T) *types.Project {
	t.Helper()
	file, err := filepath.Abs(filepath.Join(root, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  filepath.Dir(file),
		ConfigFiles: []types.ConfigFile{{Filename: file}},
		Environment: types.Mapping{},
	}, func(o *loader.Options) { o.SetProjectName("lieu", true) })
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestComposeFileIsValidAndWhatItNamesExists(t *testing.T) {
	project := compose(t)
	for _, name := range []string{"clinicd", "migrate", "postgres", "prometheus", "grafana"} {
		if _, err := project.GetService(name); err != nil {
			t.Error(err)
		}
	}
	for name, service := range project.Services {
		if b := service.Build; b != nil {
			if _, err := os.Stat(filepath.Join(b.Context, b.Dockerfile)); err != nil {
				t.Errorf("%s is built from a file that is not there: %v", name, err)
			}
		}
		for _, v := range service.Volumes {
			if v.Type == types.VolumeTypeBind {
				if _, err := os.Stat(v.Source); err != nil {
					t.Errorf("%s mounts what is not there: %v", name, err)
				}
			}
		}
	}
}

// A clinic's figures and the database are for this machine; opening them to a network is the operator's decision.
func TestComposePublishesOnlyToThisMachine(t *testing.T) {
	for name, service := range compose(t).Services {
		for _, p := range service.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes port %s on %q", name, p.Published, p.HostIP)
			}
		}
	}
}

// The programs' images hold a static program and a user who is not root.
func TestDockerfilesAreStaticAndNotRoot(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "cmd", "*", "Dockerfile"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%d Dockerfiles, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		program := filepath.Base(filepath.Dir(file))
		for _, want := range []string{"CGO_ENABLED=0", "USER nonroot", "./cmd/" + program, "/usr/local/bin/" + program} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s lacks %q", file, want)
			}
		}
		if n := strings.Count(string(text), "\nFROM "); n != 2 {
			t.Errorf("%s has %d stages, want a builder and the image", file, n)
		}
	}
}

func TestUnitsStartWhatTheCommandsOffer(t *testing.T) {
	for unit, start := range map[string]string{
		"clinicd.service": "/usr/local/bin/clinicd serve", "counterd.service": "/usr/local/bin/counterd run",
	} {
		text, err := os.ReadFile(filepath.Join(root, "deploy", "systemd", unit))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for _, want := range []string{"ExecStart=" + start, "User=lieu", "NoNewPrivileges=yes", "ProtectSystem=strict"} {
			if !slices.Contains(lines, want) {
				t.Errorf("%s lacks %s", unit, want)
			}
		}
	}
}

func TestAlertRulesDoWhatTheirTestsSay(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("SKIPPED: promtool is not installed")
	}
	for _, args := range [][]string{{"check", "rules", "rules.yml"}, {"test", "rules", "rules_test.yml"}} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = filepath.Join(root, "deploy", "prometheus")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// A dashboard that asks for a metric nobody makes shows an empty panel, and an alarm on one never rings.
func TestDashboardAndAlarmsNameRealMetrics(t *testing.T) {
	known := map[string]bool{}
	for _, r := range []*prometheus.Registry{metrics.NewServer().Registry(), metrics.NewCounter().Registry()} {
		for _, name := range described(r) {
			known[name] = true
		}
	}
	if len(known) < 15 {
		t.Fatalf("found only %d metrics in the programs", len(known))
	}
	used := map[string]bool{}
	for _, file := range []string{"deploy/grafana/dashboards/lieu.json", "deploy/prometheus/rules.yml"} {
		for _, name := range regexp.MustCompile(`\blieu_[a-z_]+`).FindAllString(text(t, file), -1) {
			base := name
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				base = strings.TrimSuffix(base, suffix)
			}
			if !known[name] && !known[base] {
				t.Errorf("%s names %s, which no program has", file, name)
			}
			used[base], used[name] = true, true
		}
	}
	for name := range known {
		if strings.HasPrefix(name, "lieu_") && !used[name] {
			t.Errorf("%s is on no panel and in no alarm", name)
		}
	}
}

// described lists the names of the metrics of a registry, also of those that have no value yet.
func described(r *prometheus.Registry) (names []string) {
	descs := make(chan *prometheus.Desc)
	go func() {
		r.Describe(descs)
		close(descs)
	}()
	for d := range descs {
		if m := regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(d.String()); m != nil {
			names = append(names, m[1])
		}
	}
	return names
}

func TestEachAlarmHasAPlaybook(t *testing.T) {
	manual := text(t, "docs/operators.md")
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(text(t, "deploy/prometheus/rules.yml"), -1) {
		if !strings.Contains(manual, "\n### "+m[1]+"\n") {
			t.Errorf("docs/operators.md has no paragraph on the alarm %s", m[1])
		}
	}
}

func text(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
