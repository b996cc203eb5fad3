package stock

import (
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Ids of the nouns of stock.
type (
	ProductID string
	LotID     string
	BottleID  string
	MoveID    string
)

// Product is a medicine as registered: one substance, one strength, one form.
type Product struct {
	ID            ProductID
	Clinic        clinic.ID
	Name          string
	Concentration measure.Concentration // what the label declares
	Form          string                // "oral solution"
	Registration  string                // registration number, such as VD-27703-17
	GTIN          string                // 14 digits, or ""
}

// LotState says whether a lot may be dispensed.
type LotState string

// The states of a lot.
const (
	LotReleased    LotState = "released"
	LotQuarantined LotState = "quarantined"
	LotRecalled    LotState = "recalled"
)

// Lot is one batch of a product. Strength and density belong to the lot that is in the bottle, never to a setting.
type Lot struct {
	ID            LotID
	Clinic        clinic.ID
	Product       ProductID
	Number        string // as printed
	Concentration measure.Concentration
	Density       measure.Density // 0 until somebody measured it: the scale may compare but not convert
	DensityBy     string          // staff id of who measured it
	DensityAt     calendar.Instant
	DensityTempC  int          // temperature of the measurement in tenths of a degree Celsius
	Expiry        calendar.Day // last day of use
	State         LotState
	Funding       string // who paid, which decides who gets a copy of the delivery minutes
}

// BottleState is the life of a bottle.
type BottleState string

// The states of a bottle.
const (
	Sealed      BottleState = "sealed"
	InUse       BottleState = "in_use"
	Empty       BottleState = "empty"
	Quarantined BottleState = "quarantined"
	Broken      BottleState = "broken"
	Destroyed   BottleState = "destroyed"
)

// Place is where a bottle stands. Decree 141/2024 knows two locked cabinets: one for the store, one for the day.
type Place string

// The places.
const (
	PlaceStore   Place = "store"
	PlaceCabinet Place = "cabinet" // the day's: sealed bottles of the day, and every bottle in use
	PlaceAway    Place = "away"    // at another site
)

// Bottle is a thing with a label of its own.
type Bottle struct {
	ID          BottleID
	Clinic      clinic.ID
	Lot         LotID
	Code        string // label code with its check digits; see pkg/cardcode
	State       BottleState
	Place       Place
	LabelVolume measure.Volume
	TareWeight  measure.Weight // of the empty bottle, 0 when never weighed
	OpenedAt    calendar.Instant
	OpenedGross measure.Weight // gross weight when opened, 0 when not weighed
	Balance     Balance
}

// weighable reports whether a weight of the bottle says how much is in it.
func (b Bottle) weighable(l Lot) bool { return l.Density > 0 && b.TareWeight > 0 }

// Account is where liquid of a bottle can be. Every microlitre of a bottle is on exactly one of them.
type Account string

// The accounts. Loss and surplus are apart and are never netted.
const (
	Supplier     Account = "supplier" // where it came from: negative by what was received
	Store        Account = "store"    // in the sealed bottle
	InBottle     Account = "bottle"   // in the opened bottle
	Reserved     Account = "reserved" // promised to a dispensing
	InDoubt      Account = "in_doubt" // nobody knows yet
	Administered Account = "administered"
	TakeHome     Account = "take_home"
	Waste        Account = "waste"
	Purge        Account = "purge" // primed or purged through the tube, a narcotic's waste
	Loss         Account = "loss"
	Surplus      Account = "surplus" // negative by what was found beyond the book
	Returned     Account = "returned"
	Destruction  Account = "destroyed"
	Transferred  Account = "transferred" // to another site, or to another bottle of the lot
)

// Accounts lists every account, in the order of the columns of a balance.
var Accounts = []Account{
	Supplier, Store, InBottle, Reserved, InDoubt, Administered, TakeHome, Waste, Purge, Loss, Surplus, Returned, Destruction, Transferred,
}

// Valid reports whether a is one of Accounts.
func (a Account) Valid() bool {
	for _, known := range Accounts {
		if a == known {
			return true
		}
	}
	return false
}

// Balance is what stands on each account of one bottle. Its values always add up to zero: nothing is created or lost.
// A negative InBottle is possible, and loud: facts are recorded even when the book says there was not enough.
type Balance map[Account]measure.Volume

// Sum adds up every account; it is zero in a true ledger.
func (b Balance) Sum() measure.Volume {
	var sum measure.Volume
	for _, v := range b {
		sum += v
	}
	return sum
}

// Move is one line of the perpetual inventory: Amount leaves From and arrives at To, both accounts of one bottle. Moves
// are only ever added; a mistake is answered by its reverse.
type Move struct {
	ID        MoveID
	Clinic    clinic.ID
	Bottle    BottleID
	Lot       LotID
	From, To  Account
	Amount    measure.Volume // > 0
	FromAfter measure.Volume // balance of From after this move
	ToAfter   measure.Volume
	Cause     string           // id of the dispensing or document behind it
	Reason    string           // "begin", "taken", "receipt", "open", "waste", …
	Occurred  calendar.Instant // when the liquid moved
	Recorded  calendar.Instant // when we learned of it
	Reverses  MoveID           // "" unless this corrects another move
}

// MaxAmount bounds one move: more than a delivery of bottles ever holds.
const MaxAmount = 1000 * measure.Litre

// Validate checks a move before it is appended.
func (m Move) Validate() error {
	switch {
	case !m.From.Valid() || !m.To.Valid() || m.From == m.To:
		return fault.New(fault.Invalid, "move.accounts", "move from %s to %s", m.From, m.To)
	case m.Amount <= 0 || m.Amount > MaxAmount:
		return fault.New(fault.Invalid, "move.amount", "move of %d µL", int64(m.Amount))
	case m.Bottle == "" || m.Lot == "" || m.Clinic == "":
		return fault.New(fault.Invalid, "move.incomplete", "move without bottle, lot or clinic")
	}
	return nil
}

// Apply posts m to b and fills in the balances after it.
func (b Balance) Apply(m *Move) {
	b[m.From] -= m.Amount
	b[m.To] += m.Amount
	m.FromAfter, m.ToAfter = b[m.From], b[m.To]
}

// Reverse returns the move that undoes m.
func (m Move) Reverse(newID MoveID, cause string, now calendar.Instant) Move {
	return Move{
		ID: newID, Clinic: m.Clinic, Bottle: m.Bottle, Lot: m.Lot, From: m.To, To: m.From, Amount: m.Amount,
		Cause: cause, Reason: "reversal", Occurred: now, Recorded: now, Reverses: m.ID,
	}
}
