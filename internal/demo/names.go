package demo

import (
	"math/rand/v2"

	"github.com/lieu-clinic/lieu/internal/patient"
)

// Every name is put together by chance from parts that are common in Vietnam; none is of a person.

// weighted is a word and how often it is drawn against the others of its list.
type weighted struct {
	word   string
	weight int
}

var familyNames = []weighted{
	{"Nguyễn", 38}, {"Trần", 12}, {"Lê", 10}, {"Phạm", 7}, {"Hoàng", 5}, {"Phan", 4}, {"Vũ", 4}, {"Đặng", 3}, {"Bùi", 3},
	{"Đỗ", 3}, {"Hồ", 2}, {"Ngô", 2}, {"Dương", 2}, {"Lý", 1}, {"Đinh", 1}, {"Đoàn", 1}, {"Trịnh", 1}, {"Mai", 1}, {"Lò", 1},
	{"Quàng", 1}, {"Tòng", 1}, {"Cà", 1}, {"Giàng", 1}, {"Vừ", 1}, {"Hà", 1}, {"Tạ", 1}, {"Lương", 1}, {"Chu", 1},
}

var maleMiddles = []string{
	"Văn", "Văn", "Văn", "Đức", "Hữu", "Quang", "Minh", "Xuân", "Đình", "Công", "Ngọc", "Quốc", "Thành", "Trọng", "Bá", "Thế",
}

var maleGivens = []string{
	"An", "Bình", "Chiến", "Chung", "Cường", "Dũng", "Duy", "Đạt", "Định", "Đông", "Giang", "Hà", "Hải", "Hậu", "Hiếu", "Hoà",
	"Hoàng", "Huân", "Hùng", "Huy", "Hưng", "Khải", "Khánh", "Kiên", "Lâm", "Long", "Lộc", "Lực", "Mạnh", "Nam", "Nghĩa", "Phong",
	"Phúc", "Phương", "Quân", "Quý", "Quyết", "Sơn", "Tài", "Tâm", "Thái", "Thắng", "Thịnh", "Thuận", "Tiến", "Toàn", "Trung",
	"Trường", "Tú", "Tuấn", "Tùng", "Việt", "Vinh", "Vượng",
}

var femaleMiddles = []string{"Thị", "Thị", "Thị", "Thị", "Ngọc", "Thu", "Thanh", "Kim", "Bích", "Hồng", "Mỹ", "Phương"}

var femaleGivens = []string{
	"Anh", "Ánh", "Bích", "Châu", "Chi", "Diệp", "Dung", "Duyên", "Đào", "Gấm", "Giang", "Hà", "Hạnh", "Hằng", "Hiền", "Hoa",
	"Hồng", "Huệ", "Hương", "Lan", "Liên", "Linh", "Loan", "Mai", "Nga", "Ngân", "Nhung", "Oanh", "Phượng", "Quyên", "Thảo", "Thuỷ",
	"Thương", "Trang", "Tuyết", "Uyên", "Vân", "Xuân", "Yến",
}

func name(r *rand.Rand, sex patient.Sex) string {
	middles, givens := maleMiddles, maleGivens
	if sex == patient.Female {
		middles, givens = femaleMiddles, femaleGivens
	}
	middle, given := pick(r, middles), pick(r, givens)
	for given == middle {
		given = pick(r, givens)
	}
	return drawn(r, familyNames) + " " + middle + " " + given
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func drawn(r *rand.Rand, from []weighted) string {
	total := 0
	for _, w := range from {
		total += w.weight
	}
	n := r.IntN(total)
	for _, w := range from {
		if n -= w.weight; n < 0 {
			return w.word
		}
	}
	return from[0].word
}
