package httpapi

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"

	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/paper"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// file is a report on its way out. It is made whole before the first byte is sent, so that half a report is never taken
// for one.
type file struct {
	name, kind string
	body       []byte
}

// format is how a report is written.
type format struct {
	kind  string
	write func(io.Writer, paper.Sheet) error
}

var fileFormats = map[string]format{
	"pdf":  {"application/pdf", paper.PDF},
	"xlsx": {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", paper.XLSX},
	"csv":  {"text/csv; charset=utf-8", paper.CSV},
}

func fileOf(s paper.Sheet, ending string) (file, error) {
	f := fileFormats[ending]
	var b bytes.Buffer
	if err := f.write(&b, s); err != nil {
		return file{}, err
	}
	return file{name: s.Name + "." + ending, kind: f.kind, body: b.Bytes()}, nil
}

func (f file) send(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.name}))
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(f.body)
	return gone(err)
}

func (f file) VisitReadPatientFiguresFileResponse(w http.ResponseWriter) error { return f.send(w) }

// fileLanguage is the language asked for, or else the reader's.
func fileLanguage(ctx context.Context, asked *gen.FileLanguage) string {
	if asked != nil {
		return string(*asked)
	}
	return exchangeOf(ctx).lang
}

func localeOf(lang string) measure.Locale {
	if lang == englishLanguage {
		return measure.English
	}
	return measure.Vietnamese
}

func (f file) VisitReadNarcoticRegisterFileResponse(w http.ResponseWriter) error { return f.send(w) }

func (f file) VisitReadStockReportFileResponse(w http.ResponseWriter) error { return f.send(w) }

func (f file) VisitReadDispensingRegisterFileResponse(w http.ResponseWriter) error { return f.send(w) }

func (f file) VisitReadControlledRegisterFileResponse(w http.ResponseWriter) error { return f.send(w) }
