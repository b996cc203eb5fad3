package web

import (
	"embed"
	"fmt"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

//go:embed locales/*.yaml
var localeFiles embed.FS

// The languages of the screens. The first is what a reader gets who never chose: many computers of Vietnamese clinics
// run an English Windows, so what the browser asks for says little.
var languages = []string{"vi", "en"}

// phrases are the texts of one language. A Vietnamese message with a count needs the plural forms "one" and "other":
// the Unicode tables know both.
type phrases struct {
	lang   string
	loc    *i18n.Localizer
	locale measure.Locale
}

func loadPhrases() (map[string]phrases, error) {
	bundle := i18n.NewBundle(language.Vietnamese)
	bundle.RegisterUnmarshalFunc("yaml", yaml.Unmarshal)
	all := make(map[string]phrases, len(languages))
	for _, lang := range languages {
		if _, err := bundle.LoadMessageFileFS(localeFiles, "locales/"+lang+".yaml"); err != nil {
			return nil, fmt.Errorf("catalogue %s: %w", lang, err)
		}
	}
	for _, lang := range languages {
		p := phrases{lang: lang, loc: i18n.NewLocalizer(bundle, lang), locale: measure.English}
		if lang == "vi" {
			p.locale = measure.Vietnamese
		}
		all[lang] = p
	}
	return all, nil
}

// t returns a message. args are name, value, name, value …; a message that is missing is its own key, which a test
// keeps from happening.
func (p phrases) t(key string, args ...any) string { return p.message(key, nil, args) }

// n returns a message for a count, which the message calls .N.
func (p phrases) n(key string, count int, args ...any) string {
	return p.message(key, count, append(args, "N", count))
}

// known returns a message, or fallback when the catalogue has none: for machine words that the API may add to.
func (p phrases) known(key, fallback string, args ...any) string {
	if s := p.t(key, args...); s != key {
		return s
	}
	return fallback
}

func (p phrases) message(key string, count any, args []any) string {
	data := make(map[string]any, len(args)/2)
	for i := 0; i+1 < len(args); i += 2 {
		if name, ok := args[i].(string); ok {
			data[name] = args[i+1]
		}
	}
	s, err := p.loc.Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: data, PluralCount: count})
	if err != nil || s == "" {
		return key
	}
	return s
}
