package web

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"strings"
)

// assets are the scripts, styles and pictures, under an address that changes with any of them. A browser may so keep
// them for ever and never asks again, and after an update no screen runs an old script on a new page.
type assets struct {
	prefix string // "/static/<hash>/"
	files  fs.FS
}

func newAssets(files fs.FS) (assets, error) {
	static, err := fs.Sub(files, "static")
	if err != nil {
		return assets{}, err
	}
	all := sha256.New()
	err = fs.WalkDir(static, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(static, path)
		all.Write([]byte(path))
		all.Write(content)
		return err
	})
	return assets{prefix: "/static/" + hex.EncodeToString(all.Sum(nil)[:8]) + "/", files: static}, err
}

// address is where a page finds a file.
func (a assets) address(name string) string { return a.prefix + name }

// ServeHTTP serves the files of this program's version; those of another version are not here any more.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, a.prefix) || strings.HasSuffix(r.URL.Path, "/") {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.StripPrefix(a.prefix, http.FileServerFS(a.files)).ServeHTTP(w, r)
}
