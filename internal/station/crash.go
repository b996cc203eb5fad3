package station

// CrashPoints names every place of a pour and of a recovery at which a test may end the process, in the order in which
// a pour passes them: before and after each write to the journal and each command to a device.
var CrashPoints = [...]string{
	"before-armed", "after-armed",
	"before-check", "after-check",
	"before-arm", "before-weigh-empty", "after-weigh-empty", "after-arm",
	"before-dispensing", "after-dispensing",
	"before-run", "before-progress", "after-progress", "after-run",
	"before-stop", "after-stop", "before-state", "after-state",
	"before-identify", "after-identify",
	"before-weigh-full", "after-weigh-full",
	"before-measured", "after-measured",
	"before-in-doubt", "after-in-doubt",
	"before-never-commanded", "after-never-commanded",
}
