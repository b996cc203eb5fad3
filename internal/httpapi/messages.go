package httpapi

import (
	"embed"
	"fmt"
	"regexp"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
)

//go:embed locales/*.json
var localeFiles embed.FS

// Languages of messages. The first is what everybody gets who does not ask for another.
const (
	defaultLanguage = "vi"
	englishLanguage = "en"
)

var languages = []string{defaultLanguage, englishLanguage}

// messages is the catalogue: problems under their keys, rules under "rule.<id>", machine words under "word.<word>".
type messages struct {
	matcher    language.Matcher
	localizers map[string]*i18n.Localizer
}

func newMessages() (*messages, error) {
	bundle := i18n.NewBundle(language.Vietnamese)
	m := &messages{localizers: make(map[string]*i18n.Localizer, len(languages))}
	tags := make([]language.Tag, 0, len(languages))
	for _, lang := range languages {
		if _, err := bundle.LoadMessageFileFS(localeFiles, "locales/"+lang+".json"); err != nil {
			return nil, fmt.Errorf("catalogue %s: %w", lang, err)
		}
		tags = append(tags, language.Make(lang))
	}
	for _, lang := range languages {
		m.localizers[lang] = i18n.NewLocalizer(bundle, lang)
	}
	m.matcher = language.NewMatcher(tags)
	return m, nil
}

// match chooses the language that suits an Accept-Language header best.
func (m *messages) match(accept string) string {
	if accept == "" || len(accept) > 200 {
		return defaultLanguage
	}
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return defaultLanguage
	}
	_, i, _ := m.matcher.Match(wanted...)
	return languages[i]
}

// find returns the message of a key, and whether the catalogue has it.
func (m *messages) find(lang, key string, args map[string]string) (string, bool) {
	l, ok := m.localizers[lang]
	if !ok {
		l = m.localizers[defaultLanguage]
	}
	text, err := l.Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: args})
	return text, err == nil && text != ""
}

// label returns the message of a key that takes no arguments; the key itself when the catalogue lacks it.
func (m *messages) label(lang, key string) string {
	if text, ok := m.find(lang, key, nil); ok {
		return text
	}
	return key
}

// problem returns the title of a problem: the message of its key, or of its code when the key has none.
func (m *messages) problem(lang, key, code string, args map[string]string) string {
	if text, ok := m.find(lang, key, m.words(lang, args)); ok {
		return text
	}
	if text, ok := m.find(lang, code, nil); ok {
		return text
	}
	return code
}

// reason returns what a rule says, its value and limit filled in.
func (m *messages) reason(lang string, r dosing.Reason) string {
	args := m.words(lang, r.Args)
	args["Value"], args["Limit"] = m.word(lang, r.Value), m.word(lang, r.Limit)
	if text, ok := m.find(lang, "rule."+string(r.Rule), args); ok {
		return text
	}
	return string(r.Rule)
}

func (m *messages) words(lang string, args map[string]string) map[string]string {
	out := make(map[string]string, len(args)+2)
	for k, v := range args {
		if k == "reason" { // a person's own words
			out[k] = v
			continue
		}
		out[k] = m.word(lang, v)
	}
	return out
}

var (
	machineWord = regexp.MustCompile(`^[a-z][a-z_]*$`)
	amount      = regexp.MustCompile(`\d[\d.,]*`)
	isoDay      = regexp.MustCompile(`^(\d{4})-(\d{2})-(\d{2})$`)
)

// word turns a value into what a person reads: machine words by the catalogue, amounts with the language's separators.
func (m *messages) word(lang, v string) string {
	if machineWord.MatchString(v) {
		if text, ok := m.find(lang, "word."+v, nil); ok {
			return text
		}
		return v
	}
	if lang != defaultLanguage {
		return v
	}
	if d := isoDay.FindStringSubmatch(v); d != nil {
		return d[3] + "/" + d[2] + "/" + d[1]
	}
	v = amount.ReplaceAllStringFunc(v, func(n string) string {
		return strings.NewReplacer(".", ",", ",", ".").Replace(n)
	})
	if n, ok := strings.CutSuffix(v, " d"); ok {
		return n + " ngày"
	}
	if n, ok := strings.CutSuffix(v, " h"); ok {
		return n + " giờ"
	}
	return v
}

func (s *Server) reasons(lang string, rs []dosing.Reason) []gen.Reason {
	out := make([]gen.Reason, 0, len(rs))
	for _, r := range rs {
		cleared := make([]gen.Role, 0, len(r.ClearedBy))
		for _, role := range r.ClearedBy {
			cleared = append(cleared, gen.Role(role))
		}
		out = append(out, gen.Reason{
			Rule: string(r.Rule), Severity: gen.Severity(r.Severity), Value: r.Value, Limit: r.Limit, Source: r.Source,
			Verified: r.Verified, ClearedBy: cleared, Args: r.Args, Message: s.messages.reason(lang, r),
		})
	}
	return out
}
