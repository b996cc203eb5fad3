package rulepack

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/fault"
)

//go:embed packs/*.yaml
var packs embed.FS

// Names lists the shipped packs, sorted.
func Names() []string {
	entries, err := packs.ReadDir("packs")
	if err != nil {
		panic(fmt.Sprintf("embedded rule packs: %v", err)) // the folder is part of the program
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Load returns the shipped pack of that name, not adopted. The code is NotFound when there is none.
func Load(name string) (dosing.Pack, error) {
	if !slices.Contains(Names(), name) {
		return dosing.Pack{}, fault.New(fault.NotFound, "rulepack.unknown", "rule pack %q is not shipped", name)
	}
	text, err := packs.ReadFile(path.Join("packs", name+".yaml"))
	if err != nil {
		return dosing.Pack{}, fmt.Errorf("rule pack %s: %w", name, err)
	}
	pack, err := Parse(text)
	if err != nil {
		return dosing.Pack{}, fmt.Errorf("rule pack %s: %w", name, err)
	}
	if pack.Name != name {
		return dosing.Pack{}, fmt.Errorf("rule pack %s calls itself %q", name, pack.Name)
	}
	return pack, nil
}
