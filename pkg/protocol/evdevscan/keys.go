package evdevscan

// Types, codes and values of events that mean something here.
const (
	typeSync  = 0
	typeKey   = 1
	lastType  = 0x1f
	lastKey   = 0x2ff
	dropped   = 3 // code of typeSync: the kernel lost events
	released  = 0
	pressed   = 1
	repeating = 2
)

// Keys with a meaning of their own.
const (
	keyEnter       = 28
	keyLeftCtrl    = 29
	keyLeftShift   = 42
	keyRightShift  = 54
	keyCapsLock    = 58
	keyKeypadEnter = 96
	keyRightCtrl   = 97
	keyBracket     = 27 // with Ctrl, the group separator
)

const gs = 0x1d

// key is one place on a US keyboard: what it types without and with Shift.
type key struct {
	code           uint16
	plain, shifted byte
}

// rows are the places, in runs of neighbouring codes.
var rows = []struct {
	first          uint16
	plain, shifted string
}{
	{2, "1234567890-=", "!@#$%^&*()_+"},
	{16, "qwertyuiop[]", "QWERTYUIOP{}"},
	{30, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
	{43, "\\zxcvbnm,./", "|ZXCVBNM<>?"},
	{57, " ", " "},
}

// keyOf finds the place with that code.
func keyOf(code uint16) (key, bool) {
	for _, r := range rows {
		if i := int(code) - int(r.first); i >= 0 && i < len(r.plain) {
			return key{code, r.plain[i], r.shifted[i]}, true
		}
	}
	return key{}, false
}

// keyFor finds the place that types c.
func keyFor(c byte) (k key, shift, ok bool) {
	for _, r := range rows {
		for i := range len(r.plain) {
			switch k := (key{r.first + uint16(i), r.plain[i], r.shifted[i]}); c {
			case k.plain:
				return k, false, true
			case k.shifted:
				return k, true, true
			}
		}
	}
	return key{}, false, false
}

// types is what the key types. Caps Lock turns Shift round for letters and does nothing to the others.
func (k key) types(shift, caps bool) byte {
	if letter(k.plain) && caps {
		shift = !shift
	}
	if shift {
		return k.shifted
	}
	return k.plain
}

func letter(c byte) bool { return 'a' <= c && c <= 'z' }
