// Package rulepack ships the rule packs: one YAML file per country, each value with its unit, its source and whether the
// source's text was read.
//
// A file names every value of the book, set or unset, and nothing else; anything that is not exactly understood is an
// error. A pack that was shipped is never edited: a change of a value is a new version number.
package rulepack
