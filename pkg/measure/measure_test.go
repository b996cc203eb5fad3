package measure

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// int64s draws the whole range, with a liking for its edges.
func int64s() *rapid.Generator[int64] {
	return rapid.OneOf(
		rapid.Int64(), rapid.Int64Range(-2_000_000, 2_000_000),
		rapid.SampledFrom([]int64{0, 1, -1, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1, 1 << 32}),
	)
}

func positives() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64Range(1, math.MaxInt64), rapid.Int64Range(1, 100_000), rapid.Just(int64(math.MaxInt64)))
}

func TestMulDivAgainstBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, div := int64s().Draw(t, "a"), int64s().Draw(t, "b"), positives().Draw(t, "div")
		product := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		wantQ, wantR := new(big.Int).QuoRem(product, big.NewInt(div), new(big.Int))
		q, r, err := mulDiv(a, b, div)
		// The one quotient that fits and is refused is the smallest integer, which has no opposite.
		fits := wantQ.IsInt64() && wantQ.Int64() != math.MinInt64
		switch {
		case fits && (err != nil || q != wantQ.Int64() || r != wantR.Int64()):
			t.Fatalf("%d×%d/%d = %d rest %d, %v; want %s rest %s", a, b, div, q, r, err, wantQ, wantR)
		case !fits && !errors.Is(err, ErrOverflow):
			t.Fatalf("%d×%d/%d = %d, %v; want overflow", a, b, div, q, err)
		}
	})
}

func TestDivRoundAgainstBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, div := int64s().Draw(t, "a"), int64s().Draw(t, "b"), positives().Draw(t, "div")
		// Half away from zero: (2·|a·b| + div) / (2·div), with the sign put back.
		num := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		sign := num.Sign()
		num.Abs(num).Lsh(num, 1).Add(num, big.NewInt(div))
		want := num.Quo(num, new(big.Int).Lsh(big.NewInt(div), 1))
		if sign < 0 {
			want.Neg(want)
		}
		got, err := divRound(a, b, div)
		switch {
		case err == nil && (!want.IsInt64() || got != want.Int64()):
			t.Fatalf("%d×%d/%d rounds to %d, want %s", a, b, div, got, want)
		case err != nil && want.IsInt64() && want.Int64() < math.MaxInt64 && want.Int64() > -math.MaxInt64:
			t.Fatalf("%d×%d/%d: %v, want %s", a, b, div, err, want)
		}
	})
}

// Volume and Mass undo each other wherever both are exact.
func TestVolumeAndMassAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Concentration(rapid.SampledFrom([]int64{1, 3, 1000, 5000, 7000, 10_000, 20_000, 333}).Draw(t, "c"))
		m := Mass(rapid.Int64Range(-1_000_000_000, 1_000_000_000).Draw(t, "m"))
		v, err := c.Volume(m)
		if err != nil {
			return
		}
		if back, err := c.Mass(v); err != nil || back != m {
			t.Fatalf("%d µg at %d is %d µL, and that is %d µg, %v", m, c, v, back, err)
		}
		if floor, err := c.MassFloor(v); err != nil || floor != m {
			t.Fatalf("floor of an exact mass is %d, %v", floor, err)
		}
	})
}

func TestInexactExactlyWhenNotDivisible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.Int64Range(1, 50_000).Draw(t, "c")
		n := rapid.Int64Range(-1_000_000_000, 1_000_000_000).Draw(t, "n")
		if _, err := Concentration(c).Volume(Mass(n)); errors.Is(err, ErrInexact) != (n*1000%c != 0) || (err != nil && !errors.Is(err, ErrInexact)) {
			t.Fatalf("volume of %d µg at %d: %v", n, c, err)
		}
		if _, err := Concentration(c).Mass(Volume(n)); errors.Is(err, ErrInexact) != (n*c%1000 != 0) || (err != nil && !errors.Is(err, ErrInexact)) {
			t.Fatalf("mass of %d µL at %d: %v", n, c, err)
		}
	})
}

func TestDoseTable(t *testing.T) {
	for _, tc := range []struct {
		mass Mass
		conc Concentration
		want Volume
		err  error
	}{
		{5 * Milligram, 10 * MilligramPerMillilitre, 500, nil},
		{60 * Milligram, 10 * MilligramPerMillilitre, 6 * Millilitre, nil},
		{60 * Milligram, 5 * MilligramPerMillilitre, 12 * Millilitre, nil},
		{60 * Milligram, MilligramPerMillilitre, 60 * Millilitre, nil},
		{300 * Milligram, 10 * MilligramPerMillilitre, 30 * Millilitre, nil},
		{500, 10 * MilligramPerMillilitre, 50, nil},
		{10, 10 * MilligramPerMillilitre, 1, nil},
		{9, 10 * MilligramPerMillilitre, 0, ErrInexact},
		{11, 10 * MilligramPerMillilitre, 0, ErrInexact},
		{60 * Milligram, 7 * MilligramPerMillilitre, 0, ErrInexact},
		{60 * Milligram, 0, 0, ErrUnknown},
		{60 * Milligram, -1, 0, ErrUnknown},
		{math.MaxInt64, 999, 0, ErrOverflow},
		{math.MaxInt64, 1000, math.MaxInt64, nil},
		{0, 1, 0, nil},
	} {
		got, err := tc.conc.Volume(tc.mass)
		if got != tc.want || !errors.Is(err, tc.err) || (tc.err == nil && err != nil) {
			t.Errorf("%d µg at %d: %d, %v; want %d, %v", tc.mass, tc.conc, got, err, tc.want, tc.err)
		}
	}
}

func TestUnknownConcentrationOrDensity(t *testing.T) {
	for _, n := range []int64{0, -1, math.MinInt64} {
		_, mass := Concentration(n).Mass(1)
		_, floor := Concentration(n).MassFloor(1)
		_, volume := Density(n).Volume(1)
		_, weight := Density(n).Weight(1)
		for what, err := range map[string]error{"mass": mass, "floor": floor, "volume": volume, "weight": weight} {
			if !errors.Is(err, ErrUnknown) {
				t.Errorf("%s at %d: %v", what, n, err)
			}
		}
	}
}

func TestDensityRounds(t *testing.T) {
	for _, tc := range []struct {
		d    Density
		w    Weight
		want Volume
	}{
		{GramPerMillilitre, 6 * WeightGram, 6 * Millilitre},
		{GramPerMillilitre, 499, 0},
		{GramPerMillilitre, 500, 1}, // half a microlitre goes away from zero
		{GramPerMillilitre, -500, -1},
		{GramPerMillilitre, -499, 0},
		{1_080_000, 6_480_000, 6 * Millilitre},
		{3, 1, 333},
		{3, 2, 667},
	} {
		if got, err := tc.d.Volume(tc.w); err != nil || got != tc.want {
			t.Errorf("%d µg at %d: %d, %v; want %d", tc.w, tc.d, got, err, tc.want)
		}
	}
}

func TestWeightOfAVolumeIsThatVolume(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Density(rapid.Int64Range(800_000, 1_400_000).Draw(t, "d"))
		v := Volume(rapid.Int64Range(-1_000_000, 1_000_000).Draw(t, "v"))
		w, err := d.Weight(v)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := d.Volume(w); err != nil || back != v {
			t.Fatalf("%d µL weigh %d µg, which is %d µL, %v", v, w, back, err)
		}
	})
}

func TestPerMilleAndAbs(t *testing.T) {
	for _, tc := range []struct {
		v    Volume
		n    int64
		want Volume
	}{
		{6000, 20, 120}, {6049, 20, 120}, {-6049, 20, -120}, {999, 1, 0}, {1000, 1, 1}, {0, 20, 0},
		{math.MaxInt64, 1000, math.MaxInt64}, {math.MaxInt64, 1001, math.MaxInt64}, {math.MinInt64, 2000, math.MinInt64},
	} {
		if got := tc.v.PerMille(tc.n); got != tc.want {
			t.Errorf("%d ‰ of %d: %d, want %d", tc.n, tc.v, got, tc.want)
		}
	}
	for _, tc := range [][2]Volume{{5, 5}, {-5, 5}, {0, 0}, {math.MinInt64, math.MaxInt64}} {
		if got := tc[0].Abs(); got != tc[1] {
			t.Errorf("|%d| = %d, want %d", tc[0], got, tc[1])
		}
	}
}
