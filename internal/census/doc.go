// Package census counts patients the way clinics and provinces report them: from the courses of treatment that stand in
// the files, for any clinic, group of clinics and period, and never from typed totals.
//
// A course is one stay in treatment, from the acceptance to its end. A person who comes back begins another course and
// stays one person. Being sent to a dispensing point and a guest's dose are not courses.
package census
