package sim

import (
	"math"
	"math/rand/v2"
)

// Physics of one counter. Volumes are µL, weights g, times seconds of the world: a simulated reality has no
// resolution, so these are floats; nothing of them leaves the package but through a device.
const (
	stepTime     = 0.005 // s
	dripAt       = 0.4   // s after the flow has stopped, the hanging drop falls
	dropSize     = 30.0  // µL that hang at the nozzle
	tubeVolume   = 800.0 // µL from the pump to the nozzle
	stallAfter   = 0.8   // s of pushing against a closed tube
	flowNoise    = 0.01  // relative, per step; over a dose it averages out
	ownBias      = 0.002 // the largest error of one pump
	cupSpread    = 0.05  // g between one cup and the next
	settleTau    = 0.3   // s, of the balance
	updateEvery  = 0.1   // s between two values of the balance
	scaleNoise   = 0.0008
	vibration    = 0.25 // g, while the bench shakes
	tremor       = 0.02 // relative, of a hand
	leakAt       = 2.0  // s after the flow has stopped, a leaking nozzle drips
	stableValues = 5    // values in a row within one digit make a weight stable
	digit        = 0.01 // g
)

type cup struct {
	weight float64 // g, empty
	liquid float64 // µL
}

// world is everything that is not a device's own memory.
type world struct {
	rng       *rand.Rand
	density   float64 // g/mL
	bias      float64 // of the pump, relative
	ownBias   float64 // which it has without a fault
	noise     float64 // of the flow, relative, per step
	cupWeight float64

	bottle    float64
	tubeEmpty float64 // µL of the tube that hold air
	bubble    float64 // µL of air on the way
	occluded  bool
	hanging   float64
	still     float64 // s since the last flow
	leak      float64 // µL that fall late
	cup       *cup

	pushed    float64 // what the pump has pushed, all told
	delivered float64 // what reached a cup
	spilled   float64 // what fell beside

	load      float64 // g, as the balance's sensor feels it: settling behind the true load
	shaking   float64 // s left
	shakes    float64 // g
	hand      float64 // g on the pan beside the cup
	handLeft  float64 // s
	drift     float64 // g/s
	drifted   float64 // g
	drying    float64 // g/s out of the cup
	frozen    bool
	sinceShow float64
	shown     [stableValues]float64 // the latest values of the balance, newest first
}

func newWorld(cfg Config, rng *rand.Rand) *world {
	w := &world{
		rng:       rng,
		density:   float64(cfg.Density) / 1e6,
		bias:      cfg.PumpBias + ownBias*(2*rng.Float64()-1),
		noise:     flowNoise,
		cupWeight: float64(cfg.CupWeight) / 1e6,
		bottle:    float64(cfg.Bottle),
	}
	w.ownBias = w.bias
	if cfg.Unprimed {
		w.tubeEmpty = tubeVolume
	}
	return w
}

func (w *world) newCup() *cup {
	return &cup{weight: w.cupWeight + cupSpread*(2*w.rng.Float64()-1)}
}

// push moves what the pump counts as µL from the bottle towards the nozzle, as a pump does that draws and pushes at once.
func (w *world) push(counted float64) {
	w.pushed += counted
	w.still = 0
	if w.occluded {
		return
	}
	w.toNozzle(drain(&w.bottle, w.truly(counted)))
}

// truly is how much moves when the pump counts that many µL.
func (w *world) truly(counted float64) float64 {
	return max(0, counted*(1+w.bias+w.noise*w.rng.NormFloat64()))
}

// toNozzle moves liquid into the tube, behind whatever air is in it.
func (w *world) toNozzle(liquid float64) {
	liquid -= drain(&w.tubeEmpty, liquid)
	liquid -= drain(&w.bubble, liquid)
	w.hanging += liquid
	if w.hanging > dropSize {
		w.fall(w.hanging - dropSize)
	}
}

// drawBack draws up to v of the liquid that hangs at the nozzle back into the tube.
func (w *world) drawBack(v float64) { w.tubeEmpty += drain(&w.hanging, v) }

// A barrel is the inside of a syringe that fills from the bottle and empties towards the nozzle.
type barrel struct {
	liquid, air float64 // µL
}

// fill draws what the pump counts as µL out of the bottle; from an empty one comes air.
func (w *world) fill(b *barrel, counted float64) {
	v := w.truly(counted)
	liquid := drain(&w.bottle, v)
	b.liquid += liquid
	b.air += v - liquid
}

// giveBack pushes what the pump counts as µL back into the bottle; air bubbles away there.
func (w *world) giveBack(b *barrel, counted float64) {
	v := w.truly(counted)
	v -= drain(&b.air, v)
	w.bottle += drain(&b.liquid, v)
}

// expel pushes what the pump counts as µL out of the syringe towards the nozzle; the air on top of it goes first.
func (w *world) expel(b *barrel, counted float64) {
	w.pushed += counted
	w.still = 0
	if w.occluded {
		return
	}
	v := w.truly(counted)
	v -= drain(&b.air, v)
	w.toNozzle(drain(&b.liquid, v))
}

// drain takes up to v from store and returns how much that was.
func drain(store *float64, v float64) float64 {
	n := min(*store, v)
	*store -= n
	return n
}

// fall lets v of the hanging liquid drop.
func (w *world) fall(v float64) {
	w.hanging -= v
	if w.cup == nil {
		w.spilled += v
		return
	}
	w.cup.liquid += v
	w.delivered += v
}

// step lets one stepTime pass.
func (w *world) step() {
	w.still += stepTime
	if w.still > dripAt && w.hanging > 0 {
		w.fall(w.hanging)
	}
	if w.still > leakAt && w.leak > 0 {
		w.hanging += drain(&w.bottle, drain(&w.leak, w.leak))
		w.fall(w.hanging)
	}
	if w.cup != nil {
		drain(&w.cup.liquid, w.drying*stepTime/w.density*1000)
	}
	w.drifted += w.drift * stepTime
	w.load += (w.trueLoad() - w.load) * (1 - math.Exp(-stepTime/settleTau))
	w.shaking, w.handLeft = max(0, w.shaking-stepTime), max(0, w.handLeft-stepTime)
	w.sinceShow += stepTime
	if w.sinceShow >= updateEvery-stepTime/2 {
		w.sinceShow = 0
		w.show()
	}
}

// trueLoad is what weighs on the pan.
func (w *world) trueLoad() float64 {
	var load float64
	if w.handLeft > 0 {
		load = w.hand
	}
	if w.cup != nil {
		load += w.cup.weight + w.cup.liquid/1000*w.density
	}
	return load
}

// show takes the next value of the balance.
func (w *world) show() {
	copy(w.shown[1:], w.shown[:])
	if w.frozen {
		return
	}
	v := w.load + w.drifted + scaleNoise*w.rng.NormFloat64()
	if w.shaking > 0 {
		v += w.shakes * (2*w.rng.Float64() - 1)
	}
	if w.handLeft > 0 {
		v += tremor * w.hand * (2*w.rng.Float64() - 1)
	}
	w.shown[0] = math.Round(v/digit) * digit
}

// stable reports whether the latest values agree within one digit.
func (w *world) stable() bool {
	low, high := w.shown[0], w.shown[0]
	for _, v := range w.shown {
		low, high = min(low, v), max(high, v)
	}
	return high-low < 1.5*digit
}

// befall carries a fault of the world out.
func (w *world) befall(f Fault) {
	switch f.Kind {
	case Bias:
		w.bias = f.Relative
	case Noise:
		w.noise = orElse(f.Relative, 0.05)
	case Bubble:
		w.bubble += 1000 * orElse(f.ML, 0.3)
	case Occlusion:
		w.occluded = true
	case Unprime:
		w.tubeEmpty = orElse(1000*f.ML, tubeVolume)
	case Drip:
		w.leak += 1000 * orElse(f.ML, 0.05)
	case Unstable:
		w.shaking, w.shakes = orElse(f.Seconds, 5), orElse(f.Grams, vibration)
	case Hand:
		w.handLeft, w.hand = orElse(f.Seconds, 5), orElse(f.Grams, 80)
	case Drift:
		w.drift = orElse(f.Grams, 0.05) / 60
	case Evaporation:
		w.drying = orElse(f.Grams, 0.002) / 60
	case Frozen:
		w.frozen = true
	}
}

// heal ends what befell. What has drifted stays until the balance is zeroed.
func (w *world) heal() {
	w.occluded, w.bubble, w.leak, w.shaking, w.handLeft = false, 0, 0, 0, 0
	w.bias, w.noise = w.ownBias, flowNoise
	w.drift, w.drying, w.frozen = 0, 0, false
}
