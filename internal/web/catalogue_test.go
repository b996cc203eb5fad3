package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func catalogueKeys(t *testing.T, lang string) map[string]any {
	t.Helper()
	raw, err := localeFiles.ReadFile("locales/" + lang + ".yaml")
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, yaml.Unmarshal(raw, &m))
	return m
}

func TestBothCataloguesSayTheSame(t *testing.T) {
	vi, en := catalogueKeys(t, "vi"), catalogueKeys(t, "en")
	require.Equal(t, slices.Sorted(maps.Keys(vi)), slices.Sorted(maps.Keys(en)))
	for key, v := range vi {
		require.IsType(t, v, en[key], key)
		if forms, ok := v.(map[string]any); ok {
			for _, m := range []map[string]any{forms, en[key].(map[string]any)} {
				require.Contains(t, m, "one", key)
				require.Contains(t, m, "other", key)
			}
		}
		require.NotEmpty(t, v, key)
		require.Equal(t, arguments(v), arguments(en[key]), "arguments of %s", key)
	}
}

var argument = regexp.MustCompile(`\{\{\.\w+\}\}|\{\}`)

func arguments(v any) []string {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	found := argument.FindAllString(s, -1)
	slices.Sort(found)
	return found
}

// used finds the keys that templates and code name in full.
var used = regexp.MustCompile(`\b(?:t|n|known)(?:\(| )"([a-z_0-9]+(?:\.[a-z_0-9]+)*)"`)

func TestEveryKeyInUseIsInTheCatalogue(t *testing.T) {
	vi := catalogueKeys(t, "vi")
	var sources []string
	for _, pattern := range []string{"templates/*.html", "*.go"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		sources = append(sources, found...)
	}
	seen := 0
	for _, file := range sources {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range used.FindAllStringSubmatch(string(raw), -1) {
			seen++
			require.Contains(t, vi, m[1], file)
		}
	}
	require.Greater(t, seen, 300, "the pattern finds the keys")
	for _, family := range [][]string{
		{"field.", "left", "witness", "witness_pin", "pin", "code"},
		{"exception.", "partly", "wasted", "deviation", "resolve", "void", "outcome", "cancel"},
		{"severity.", "information", "warning", "refer", "stop"},
		{"day.", "taken", "take_home", "missed", "not_due", "closed", "due"},
	} {
		for _, word := range family[1:] {
			require.Contains(t, vi, family[0]+word)
		}
	}
	for kind := range exceptions {
		require.Contains(t, vi, "exception."+kind+"_say")
		require.Contains(t, vi, "exception."+kind+"_do")
	}
}

func TestFormFieldsHaveLabels(t *testing.T) {
	vi := catalogueKeys(t, "vi")
	read := regexp.MustCompile(`f\.(?:need|mass|volume|strength|density|weight|masses|integer|day)\("([a-z_]+)"`)
	sources, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range sources {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range read.FindAllStringSubmatch(string(raw), -1) {
			require.Contains(t, vi, "field."+m[1], file)
		}
	}
}

func TestCountsHaveNoErrorInVietnamese(t *testing.T) {
	texts, err := loadPhrases()
	require.NoError(t, err)
	require.Equal(t, "1 phút", texts["vi"].n("minutes", 1))
	require.Equal(t, "5 phút", texts["vi"].n("minutes", 5))
	require.Equal(t, "1 minute", texts["en"].n("minutes", 1))
	require.Equal(t, "5 minutes", texts["en"].n("minutes", 5))
	require.Equal(t, "no.such_key", texts["vi"].t("no.such_key"))
}

func TestVendoredFilesAreWhatTheManifestSays(t *testing.T) {
	raw, err := os.ReadFile("vendored.json")
	require.NoError(t, err)
	var manifest []struct{ File, Name, Version, Licence, Source, SHA256 string }
	require.NoError(t, json.Unmarshal(raw, &manifest))
	listed := map[string]bool{}
	for _, m := range manifest {
		content, err := os.ReadFile(m.File)
		require.NoError(t, err)
		sum := sha256.Sum256(content)
		require.Equal(t, m.SHA256, hex.EncodeToString(sum[:]), m.File)
		require.NotEmpty(t, m.Version)
		require.NotEmpty(t, m.Licence)
		require.Contains(t, m.Source, m.Version)
		listed[m.File] = true
		if before, embedded := strings.CutPrefix(m.File, "static/"); embedded {
			name, _, _ := strings.Cut(before, ".")
			licence, err := os.ReadFile("static/" + name + ".LICENSE.txt")
			require.NoError(t, err, "what is embedded has its licence beside it")
			require.NotEmpty(t, licence)
		}
	}
	for _, pattern := range []string{"static/vendor/*.js", "static/vendor/*.css", "browsertest/*.js"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range found {
			require.True(t, listed[file], "%s is not in the manifest", file)
		}
	}
}
