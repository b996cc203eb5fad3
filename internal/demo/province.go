package demo

import (
	"fmt"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// site is one clinic of the fictional province.
type site struct {
	number   int
	name     string
	district string
	target   int // patients to be in treatment this year
	kind     clinic.Kind
	patients int
	history  int // days before the first day
	windows  []string
}

// province is a fictional one. Its size is that of a small Vietnamese province: five clinics, 724 patients. The first
// clinic has the window with the simulated counter, see [LiveWindow], and five weeks of history; the others have a
// week, because a newcomer waits for the first start.
var province = []site{
	{1, "Cơ sở điều trị methadone An Hoà", "Thành phố An Thái", 236, clinic.TreatmentFacility, 214, HistoryDays, []string{"Cửa 1", "Cửa 2", "Cửa 3"}},
	{2, "Cơ sở điều trị methadone Bình Minh", "Huyện Bình Minh", 186, clinic.TreatmentFacility, 168, 7, []string{"Cửa 1"}},
	{3, "Cơ sở điều trị methadone Cẩm Sơn", "Huyện Cẩm Sơn", 156, clinic.TreatmentFacility, 141, 7, []string{"Cửa 1"}},
	{4, "Cơ sở cấp phát thuốc Đông Giang", "Huyện Cẩm Sơn", 125, clinic.DispensingPoint, 113, 7, []string{"Cửa 1"}},
	{5, "Cơ sở cấp phát thuốc Phú Xuân", "Huyện Bình Minh", 97, clinic.DispensingPoint, 88, 7, []string{"Cửa 1"}},
}

// provinceName is of no real province.
const provinceName = "Tỉnh An Thái (giả định)"

// LiveWindow is the window of the first clinic at which the simulated counter stands. Its history begins with the
// demonstration: a counter's records begin when its key is born.
const LiveWindow = "Cửa 1"

// zone is that of every clinic of the story.
const zone = "Asia/Ho_Chi_Minh"

// Password and PIN of everybody in the demonstration.
const (
	Password = "lieu-demo-demo"
	PIN      = "2580"
)

// post is a place of work at a clinic.
type post struct {
	username string // of the first clinic; elsewhere with the clinic's number before it
	name     string
	roles    []staff.Role
	badge    bool
}

var posts = []post{
	{"nurse", "Điều dưỡng Lê Thị Hạnh", []staff.Role{staff.Nurse}, true},
	{"nurse2", "Điều dưỡng Phạm Thu Trang", []staff.Role{staff.Nurse}, true},
	{"pharmacist", "Dược sĩ Vũ Ngọc Lan", []staff.Role{staff.Pharmacist}, true},
	{"pharmacist2", "Dược sĩ Hoàng Minh Tuấn", []staff.Role{staff.Pharmacist}, true},
	{"doctor", "Bác sĩ Trần Đức Khải", []staff.Role{staff.Doctor}, false},
	{"supervisor", "Đặng Quang Vinh", []staff.Role{staff.Supervisor}, false},
	{"admin", "Bùi Thanh Thảo", []staff.Role{staff.Administrator}, false},
	{"auditor", "Đỗ Hữu Nghĩa", []staff.Role{staff.Auditor}, false},
}

// Username is how somebody of a clinic signs in.
func Username(site int, post string) string {
	if site == 1 {
		return post
	}
	return fmt.Sprintf("c%d.%s", site, post)
}
