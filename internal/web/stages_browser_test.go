package web

import (
	"maps"
	"slices"
	"testing"

	"github.com/lieu-clinic/lieu/internal/web/browsertest"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// Whatever the window shows of a dose, and each screen for what is not routine, is accessible and needs no scrolling in
// both languages.
func everyStageFits(t *testing.T, b *tab) {
	measured := func(d *clinicapi.Dispensing) {
		d.State, d.Agreed, d.PumpVolumeUl, d.WeighedKnown, d.WeighedUg, d.MeasuredUl = "measured", true, 6_250, true, 6_379_000, 6_248
	}
	apart := func(d *clinicapi.Dispensing) {
		measured(d)
		d.Agreed, d.WeighedUg, d.MeasuredUl = false, 5_100_000, 4_995
	}
	for _, lang := range languages {
		b.inLanguage(lang)
		look := func(name string) {
			t.Log(lang, name)
			b.Shot("stage-" + lang + "-" + name)
			b.Accessible()
			b.Fits()
		}
		for _, x := range []struct {
			stage string
			dose  func(*clinicapi.Dispensing)
		}{
			{stagePouring, func(d *clinicapi.Dispensing) { d.State = "dispensing" }},
			{stageBind, measured},
			{stageSwallow, func(d *clinicapi.Dispensing) { measured(d); d.HandedAt = fakeNow }},
			{stageDoubt, func(d *clinicapi.Dispensing) { d.State = "in_doubt" }},
			{stageApart, apart},
		} {
			b.begun(x.dose)
			b.Until(stage + `'` + x.stage + `'`)
			look(x.stage)
		}
		for _, kind := range slices.Sorted(maps.Keys(exceptions)) {
			browsertest.Eval[bool](b.Tab, `htmx.ajax('GET', '/window/`+stationID+`/exception/`+kind+`?id=`+fakeDose(apart).Id+`', {target: '#work', swap: 'outerHTML'}).then(() => true)`)
			b.Until(stage + `'exception'`)
			look("exception-" + kind)
		}
	}
}
