package staff

import "slices"

// Action is something a signed-in person or station may be allowed to do.
type Action string

// The actions. A route names exactly one; a route without one does not build.
const (
	SignIn            Action = "session"             // see and end one's own session
	ReadClinic        Action = "clinic.read"         // the clinic's own particulars, calendar and live stream
	ManageClinic      Action = "clinic.manage"       // closures
	AdoptRules        Action = "rules.adopt"         // sign a rule pack
	ReadStaff         Action = "staff.read"          //
	ManageStaff       Action = "staff.manage"        //
	ReadPatient       Action = "patient.read"        // every read is audited
	ManagePatient     Action = "patient.manage"      // register, change particulars
	EndTreatment      Action = "patient.end"         //
	ReadPrescription  Action = "prescription.read"   //
	Prescribe         Action = "prescription.sign"   // sign, cancel; clear a referral
	PlaceHold         Action = "hold.place"          //
	LiftHold          Action = "hold.lift"           // the hold itself names who may lift it
	CheckIn           Action = "queue.check_in"      //
	ReadQueue         Action = "queue.read"          //
	CallTicket        Action = "queue.call"          // also books arrival slots
	ReadMorning       Action = "morning.read"        // the day's figures, without names
	ReadStation       Action = "station.read"        //
	ManageStation     Action = "station.manage"      // create, enrol, revoke, configure
	VerifyDevice      Action = "station.verify"      // carry out and sign the check of the day
	RecalibratePump   Action = "station.recalibrate" // sign what was done to a pump
	SetCheckLimits    Action = "check.limits"        // sign what a check asks for
	MountBottle       Action = "station.bottle"      // put a bottle under a pump
	ReportEvents      Action = "station.report"      // a station's own events and live readings
	ReceiveOrders     Action = "station.orders"      // a station's own orders
	ReadDispensing    Action = "dispensing.read"     //
	Dispense          Action = "dispensing.perform"  // begin, hand over, taken, partly taken, void
	WitnessDispensing Action = "dispensing.witness"  // be the second person
	ResolveDoubt      Action = "dispensing.resolve"  //
	ReadStock         Action = "stock.read"          //
	ManageStock       Action = "stock.manage"        // products, lots, bottles, moves
	WitnessStock      Action = "stock.witness"       // be the second person
	CountStock        Action = "stock.count"         // counter sessions and counts
	ReviewStock       Action = "stock.review"        // sign a difference beyond the review level
	TraceStock        Action = "trace.read"          // from a lot to the patients; every read is audited
	ReadRegister      Action = "register.read"       //
	ReadAudit         Action = "audit.read"          //
	ReadFigures       Action = "figures.read"        // patients counted, of the clinic and of its province
)

// permissions is the whole truth about who may do what; what is not here is denied.
var permissions = map[Action][]Role{
	SignIn:            Roles,
	ReadClinic:        Roles,
	ManageClinic:      {Administrator, Supervisor},
	AdoptRules:        {Doctor},
	ReadStaff:         {Administrator, Supervisor, Auditor},
	ManageStaff:       {Administrator},
	ReadPatient:       {Nurse, Pharmacist, Doctor, Supervisor, Auditor},
	ManagePatient:     {Doctor, Administrator},
	EndTreatment:      {Doctor},
	ReadPrescription:  {Nurse, Pharmacist, Doctor, Supervisor, Auditor},
	Prescribe:         {Doctor},
	PlaceHold:         {Nurse, Pharmacist, Doctor},
	LiftHold:          {Nurse, Pharmacist, Doctor},
	CheckIn:           {Nurse, Pharmacist, Doctor, Supervisor, Administrator},
	ReadQueue:         Roles,
	CallTicket:        {Nurse, Pharmacist},
	ReadMorning:       {Pharmacist, Doctor, Supervisor, Administrator, Auditor},
	ReadStation:       Roles,
	ManageStation:     {Administrator},
	VerifyDevice:      {Pharmacist, Nurse},
	RecalibratePump:   {Pharmacist},
	SetCheckLimits:    {Doctor},
	MountBottle:       {Pharmacist, Nurse},
	ReportEvents:      {StationRole},
	ReceiveOrders:     {StationRole},
	ReadDispensing:    {Nurse, Pharmacist, Doctor, Supervisor, Auditor},
	Dispense:          {Nurse, Pharmacist},
	WitnessDispensing: {Nurse, Pharmacist, Doctor, Supervisor},
	ResolveDoubt:      {Nurse, Pharmacist, Supervisor},
	ReadStock:         {Nurse, Pharmacist, Supervisor, Auditor},
	ManageStock:       {Pharmacist},
	WitnessStock:      {Nurse, Pharmacist, Doctor, Supervisor},
	CountStock:        {Nurse, Pharmacist, Supervisor},
	ReviewStock:       {Supervisor},
	TraceStock:        {Pharmacist, Supervisor, Auditor},
	ReadRegister:      {Nurse, Pharmacist, Doctor, Supervisor, Auditor},
	ReadAudit:         {Supervisor, Auditor, Administrator},
	ReadFigures:       {Doctor, Pharmacist, Supervisor, Auditor, Administrator},
}

// Permitted reports whether the role may do it. An action that is not in the table is denied to everyone.
func Permitted(r Role, a Action) bool { return slices.Contains(permissions[a], r) }

// Actions lists every action in the table, sorted, for the documentation and the tests.
func Actions() []Action {
	all := make([]Action, 0, len(permissions))
	for a := range permissions {
		all = append(all, a)
	}
	slices.Sort(all)
	return all
}
