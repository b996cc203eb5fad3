// Package patient owns who is treated: a person's file at one clinic, its status and phase, and how a person is found.
//
// A file is opened once and ended once, by a doctor, for one reason of a fixed list; a patient who comes back gets a new
// file that names the one before. Statuses and phases change along one table each. A national id is kept sealed, with a
// keyed fingerprint that finds a second file of the same person. Every read of a file is audited, and whoever cannot be
// audited cannot read; the audit itself holds ids and what kind of thing changed, never names.
package patient
