package httpapi

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// sample makes a value that keeps to a schema of the contract: required members only, or all of them.
func sample(s *openapi3.Schema, all bool) any {
	switch {
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Type.Is("object"):
		out := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			if all || slices.Contains(s.Required, name) {
				out[name] = sample(s.Properties[name].Value, all)
			}
		}
		if s.MaxProps != nil && uint64(len(out)) > *s.MaxProps {
			delete(out, "badge")
		}
		if uint64(len(out)) < s.MinProps {
			if _, ok := s.Properties["username"]; ok {
				out["username"] = "witness"
			} else {
				name := slices.Sorted(maps.Keys(s.Properties))[0]
				out[name] = sample(s.Properties[name].Value, all)
			}
		}
		return out
	case s.Type.Is("array"):
		return []any{sample(s.Items.Value, all)}
	case s.Type.Is("integer"):
		if s.MultipleOf != nil {
			return int64(*s.MultipleOf)
		}
		if s.Min != nil {
			return int64(*s.Min)
		}
		return int64(1)
	case s.Type.Is("boolean"):
		return true
	default:
		return sampleString(s)
	}
}

func sampleString(s *openapi3.Schema) string {
	switch s.Format {
	case "uuid":
		return "01930000-0000-7000-8000-000000000001"
	case "date":
		return "2031-05-06"
	case "date-time":
		return "2031-05-06T01:02:03Z"
	case "byte":
		return base64.StdEncoding.EncodeToString(make([]byte, (int(s.MinLength)+3)/4*3))
	}
	switch {
	case strings.Contains(s.Pattern, "0-9]{14}"):
		return "08936000000010"
	case strings.Contains(s.Pattern, "0-9]{4,8}"):
		return "4711"
	case strings.Contains(s.Pattern, "[0-9A-Z]{9,12}"):
		return "012345678901"
	}
	return strings.Repeat("a", max(int(s.MinLength), 4))
}

// badBody is a body that breaks the contract, and how.
type badBody struct {
	how  string
	body []byte
}

// spoil lists ways in which a body can break its schema.
func spoil(schema *openapi3.Schema, good map[string]any, encode func(any) []byte) []badBody {
	var out []badBody
	with := func(how string, edit func(map[string]any)) {
		bad := maps.Clone(good)
		edit(bad)
		out = append(out, badBody{how, encode(bad)})
	}
	with("unknown member", func(m map[string]any) { m["colour"] = "red" })
	with("a member in capitals", func(m map[string]any) {
		for k, v := range m {
			delete(m, k)
			m[strings.ToUpper(k)] = v
			return
		}
	})
	for _, name := range schema.Required {
		with("missing "+name, func(m map[string]any) { delete(m, name) })
	}
	for name, ref := range schema.Properties {
		for how, v := range wrongValues(ref.Value) {
			with(name+" "+how, func(m map[string]any) { m[name] = v })
		}
	}
	text := string(encode(good))
	for name := range good {
		out = append(out, badBody{"twice " + name, []byte(fmt.Sprintf(`{"%s":%s,%s`, name, encode(good[name]), text[1:]))})
		break
	}
	return append(out,
		badBody{"not JSON", []byte(`{"`)}, badBody{"two values", []byte(text + text)}, badBody{"an array", []byte("[" + text + "]")},
		badBody{"null", []byte("null")}, badBody{"empty", nil}, badBody{"bad UTF-8", []byte("{\"\xff\":1}")},
		badBody{"deep", []byte(strings.Repeat("[", 100) + strings.Repeat("]", 100))},
	)
}

func wrongValues(s *openapi3.Schema) map[string]any {
	out := map[string]any{"of another type": map[string]any{"x": 1}, "an array of arrays": []any{[]any{}}}
	if !s.Nullable {
		out["null"] = nil
	}
	switch {
	case s.Type.Is("integer"):
		out["as text"], out["a fraction"], out["absurd"] = "6000", 0.5, 1e18
		if s.Min != nil {
			out["below the minimum"] = int64(*s.Min) - 1
			out["negative"] = int64(-1) << 50
		}
		if s.Max != nil {
			out["above the maximum"] = int64(*s.Max) + 1
		}
	case s.Type.Is("string"):
		out["a number"] = 5
		if s.MaxLength != nil {
			out["too long"] = strings.Repeat("a", int(*s.MaxLength)+1)
		}
		switch {
		case s.Format == "uuid" || s.Format == "date" || s.Format == "date-time":
			out["malformed"] = "01930000-0000-7000-8000-00000000000g"
		case len(s.Enum) > 0:
			out["not in the list"] = "nonsense"
		case s.Pattern != "":
			out["with a control character"] = "ab\x00cd"
		}
	}
	return out
}
