package decode_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lieu-clinic/lieu/devices/decode"
)

// theSchema is the schema as who gets it reads it.
var theSchema = sync.OnceValue(func() map[string]any {
	b, err := json.Marshal(decode.Schema())
	if err != nil {
		panic(err)
	}
	var s map[string]any
	if err := json.Unmarshal(b, &s); err != nil {
		panic(err)
	}
	return s
})

func schema(t testing.TB) map[string]any { t.Helper(); return theSchema() }

// validate says where v does not fit s. It knows the words of JSON Schema that the vocabulary uses and no others.
func validate(s map[string]any, v any) []string {
	return validator{root: s}.at("", s, v)
}

type validator struct{ root map[string]any }

func (c validator) at(path string, s map[string]any, v any) (bad []string) {
	say := func(format string, args ...any) { bad = append(bad, path+": "+fmt.Sprintf(format, args...)) }
	for word, is := range s {
		switch word {
		case "$schema", "title", "description", "$defs", "then":
		case "$ref":
			bad = append(bad, c.at(path, c.root["$defs"].(map[string]any)[strings.TrimPrefix(is.(string), "#/$defs/")].(map[string]any), v)...)
		case "type":
			if !slices.Contains(list(is), typeOf(v)) {
				say("%v is a %s, not %v", v, typeOf(v), is)
			}
		case "enum":
			if !slices.ContainsFunc(is.([]any), func(e any) bool { return reflect.DeepEqual(e, v) }) {
				say("%v is none of %v", v, is)
			}
		case "pattern":
			if text, ok := v.(string); ok && !regexp.MustCompile(is.(string)).MatchString(text) {
				say("%q does not match %s", text, is)
			}
		case "minimum":
			if n, ok := v.(float64); ok && n < is.(float64) {
				say("%v is less than %v", n, is)
			}
		case "required":
			for _, name := range list(is) {
				if object, ok := v.(map[string]any); ok {
					if _, there := object[name]; !there {
						say("%s is missing", name)
					}
				}
			}
		case "properties":
			for name, sub := range is.(map[string]any) {
				if object, ok := v.(map[string]any); ok {
					if value, there := object[name]; there {
						bad = append(bad, c.at(path+"/"+name, sub.(map[string]any), value)...)
					}
				}
			}
		case "additionalProperties":
			bad = append(bad, c.others(path, s, is, v)...)
		case "items":
			for i, item := range v.([]any) {
				bad = append(bad, c.at(fmt.Sprintf("%s/%d", path, i), is.(map[string]any), item)...)
			}
		case "allOf":
			for _, sub := range is.([]any) {
				bad = append(bad, c.at(path, sub.(map[string]any), v)...)
			}
		case "anyOf":
			if !slices.ContainsFunc(is.([]any), func(sub any) bool { return len(c.at(path, sub.(map[string]any), v)) == 0 }) {
				say("none of %v", is)
			}
		case "not":
			if len(c.at(path, is.(map[string]any), v)) == 0 {
				say("it must not be %v", is)
			}
		case "if":
			if len(c.at(path, is.(map[string]any), v)) == 0 {
				bad = append(bad, c.at(path, s["then"].(map[string]any), v)...)
			}
		default:
			say("the validator does not know %q", word)
		}
	}
	return bad
}

func (c validator) others(path string, s map[string]any, is, v any) (bad []string) {
	object, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	known, _ := s["properties"].(map[string]any)
	for name, value := range object {
		if _, there := known[name]; there {
			continue
		}
		if sub, ok := is.(map[string]any); ok {
			bad = append(bad, c.at(path+"/"+name, sub, value)...)
		} else {
			bad = append(bad, path+": "+name+" is not in the vocabulary")
		}
	}
	return bad
}

func list(v any) []string {
	if one, ok := v.(string); ok {
		return []string{one}
	}
	var all []string
	for _, e := range v.([]any) {
		all = append(all, e.(string))
	}
	return all
}

func typeOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	}
	return "object"
}

// The vocabulary names every field of a frame, and no others.
func TestTheSchemaNamesEveryField(t *testing.T) {
	properties := theSchema()["$defs"].(map[string]any)["frame"].(map[string]any)["properties"].(map[string]any)
	var fields []string
	for _, of := range []reflect.Type{reflect.TypeFor[decode.Frame](), reflect.TypeFor[decode.Weighed]()} {
		for i := range of.NumField() {
			if name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ","); name != "" {
				fields = append(fields, name)
				if properties[name] == nil {
					t.Errorf("%s is not in the schema", name)
				}
			}
		}
	}
	for name, is := range properties {
		if !slices.Contains(fields, name) {
			t.Errorf("%s is in the schema and no field", name)
		}
		if is.(map[string]any)["description"] == "" {
			t.Errorf("%s is not explained", name)
		}
	}
}

func TestTheSchemaRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"a missing field":            `{"frames":[],"incomplete":false,"error":null}`,
		"an unknown field":           `{"frames":[],"incomplete":false,"skipped_bytes":0,"error":null,"x":1}`,
		"a negative count":           `{"frames":[],"incomplete":false,"skipped_bytes":-1,"error":null}`,
		"an unknown kind":            `{"frames":[{"kind":"dream","raw":"00"}],"incomplete":false,"skipped_bytes":0,"error":null}`,
		"a weight without its unit":  `{"frames":[{"kind":"weight","value":"1","raw":"00"}],"incomplete":false,"skipped_bytes":0,"error":null}`,
		"a number that is none":      `{"frames":[{"kind":"weight","value":"1e3","unit":"g","raw":"00"}],"incomplete":false,"skipped_bytes":0,"error":null}`,
		"a value in a broken frame":  `{"frames":[{"kind":"error","error":"checksum","checksum":"bad","value":"1","unit":"g","raw":"00"}],"incomplete":false,"skipped_bytes":0,"error":null}`,
		"a bad code with its text":   `{"frames":[{"kind":"scan","valid":false,"reason":"x","text":"y","raw":"00"}],"incomplete":false,"skipped_bytes":0,"error":null}`,
		"a bad code without reason":  `{"frames":[{"kind":"scan","valid":false,"raw":"00"}],"incomplete":false,"skipped_bytes":0,"error":null}`,
		"an error that says nothing": `{"frames":[{"kind":"error","raw":"00"}],"incomplete":false,"skipped_bytes":0,"error":null}`,
	} {
		var v map[string]any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if len(validate(theSchema(), v)) == 0 {
			t.Errorf("%s fits", name)
		}
	}
}
