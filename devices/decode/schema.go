package decode

// Schema is the vocabulary of [Result] as a JSON Schema.
func Schema() map[string]any {
	return map[string]any{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "counterd decode: one line of output",
		"type":                 "object",
		"additionalProperties": false,
		"required":             []string{"frames", "incomplete", "skipped_bytes", "error"},
		"properties": map[string]any{
			"frames": map[string]any{"type": "array", "items": map[string]any{"$ref": "#/$defs/frame"}},
			"incomplete": map[string]any{"type": "boolean",
				"description": "the bytes end inside of what may become a frame"},
			"skipped_bytes": map[string]any{"type": "integer", "minimum": 0,
				"description": "bytes that belong to no frame"},
			"error": map[string]any{"type": []string{"string", "null"},
				"description": "why the line could not be read as bytes; null when it could"},
		},
		"$defs": map[string]any{"frame": frameSchema()},
	}
}

func frameSchema() map[string]any {
	return map[string]any{
		"type":                 "object",
		"additionalProperties": false,
		"required":             []string{"kind", "raw"},
		"properties":           frameProperties(),
		"allOf": []any{
			when(property("kind", map[string]any{"enum": []string{"weight", "tare"}}),
				map[string]any{"required": []string{"value", "unit"}}),
			when(property("kind", map[string]any{"enum": []string{"error"}}),
				map[string]any{"required": []string{"error"}}),
			// What is broken has no value.
			when(property("checksum", map[string]any{"enum": []string{"bad"}}), valueless()),
			when(property("crc", map[string]any{"enum": []string{"bad"}}), valueless()),
			when(property("valid", map[string]any{"enum": []bool{false}}),
				map[string]any{"required": []string{"reason"}, "not": map[string]any{"required": []string{"text"}}}),
		},
	}
}

func property(name string, is map[string]any) map[string]any {
	return map[string]any{"required": []string{name}, "properties": map[string]any{name: is}}
}

func when(condition, then map[string]any) map[string]any {
	return map[string]any{"if": condition, "then": then}
}

func valueless() map[string]any {
	var none []any
	for _, name := range []string{"value", "volume_ml", "infused_ml", "withdrawn_ml", "remaining_ml", "position", "ais"} {
		none = append(none, map[string]any{"required": []string{name}})
	}
	return map[string]any{"not": map[string]any{"anyOf": none}}
}

const decimalNumber = `^-?[0-9]+(\.[0-9]+)?$`

func frameProperties() map[string]any {
	text := func(description string) map[string]any {
		return map[string]any{"type": "string", "description": description}
	}
	number := func(description string) map[string]any {
		return map[string]any{"type": "integer", "description": description}
	}
	truth := func(description string) map[string]any {
		return map[string]any{"type": "boolean", "description": description}
	}
	amount := func(description string) map[string]any {
		return map[string]any{"type": "string", "pattern": decimalNumber, "description": description}
	}
	words := func(description string, words ...string) map[string]any {
		return map[string]any{"type": "string", "enum": words, "description": description}
	}
	texts := func(description string) map[string]any {
		return map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}, "description": description}
	}
	return map[string]any{
		"kind": words("what the frame is; an answer is one whose meaning depends on a command that is not known",
			"weight", "tare", "status", "ack", "identity", "error", "event", "scan", "volume", "position", "setting", "command",
			"count", "total", "text", "answer"),
		"value":  amount("the number of a balance as printed, without blanks and padding"),
		"unit":   map[string]any{"type": []string{"string", "null"}, "description": "as printed; null when none was printed"},
		"stable": truth("the balance's own claim"),
		"basis":  words("what a weight or a position is", "net", "gross", "commanded", "encoder"),

		"id":      text("the word that the answer begins with"),
		"status":  text("overload, underload, not_executable, off, adjusting, ok, …; of a printer all that is wrong, with commas between"),
		"error":   text("why something was not done, or what is broken"),
		"code":    number("the device's own number for that"),
		"address": number("of the device on its line; of a channel"),
		"alarm":   text("why a pump stopped: reset, stalled, timeout, overpressure, …"),
		"ready":   truth("the device takes commands that move it, or a printer a job"),
		"busy":    truth("the device moves, or a printer prints"),
		"state":   text("what the device does: infusing, stopped, complete, …; the verdict of a comparator"),

		"infused_ml":   amount("pushed out since the counter was cleared"),
		"withdrawn_ml": amount("drawn in since the counter was cleared"),
		"volume_ml":    amount("moved so far or, of a setting, to be moved"),
		"remaining_ml": amount("left in the chamber"),
		"rate_ml_min":  amount("the flow that is set"),
		"position":     number("of a plunger, in increments"),
		"channel":      number("of a pump"),
		"seconds":      amount("of a dose, or since the first of a series of prints"),

		"setting": text("which setting"),
		"data":    text("as the device said it"),
		"text":    text("as the device said it; what a code says"),

		"command":  text("what a host asks for"),
		"sequence": number("of a block"),
		"repeat":   truth("the block is sent again"),

		"model":    text("of the device"),
		"serial":   text("of the device"),
		"firmware": text("of the device"),

		"crc":      words("of the frame", "ok", "bad"),
		"checksum": words("of the frame or code", "ok", "bad"),

		"symbology": text("AIM identifier without its bracket"),
		"ais":       texts("GS1 fields by application identifier"),
		"expiry":    map[string]any{"type": "string", "pattern": `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`, "description": "last day of use"},
		"valid":     truth("the code is one"),
		"reason":    text("why it is none, or what is doubtful"),
		"fields":    texts("what else it says"),

		"raw": map[string]any{"type": "string", "pattern": "^([0-9A-F]{2})+$", "description": "the frame's bytes in hexadecimal"},
	}
}
