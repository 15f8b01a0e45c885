package numbering

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// How many numbers a pool needs is the oldest question of telephony: how many
// lines a group needs so that a caller rarely finds all of them busy. A number
// is a line, its assignment and the cool-down after it are one call, and a
// request that finds no number goes without and does not come back: a loss
// system, and Erlang's first formula ("B") says what share is lost (A. K.
// Erlang, Solution of some Problems in the Theory of Probabilities of
// Significance in Automatic Telephone Exchanges, 1917):
//
//	B = (A^N / N!) / (1 + A + A^2/2! + … + A^N/N!)
//
// with N numbers and A, the offered load, the requests that come while one
// number is away. How long numbers are away matters by its mean alone, not by
// its distribution (B. A. Sevast'yanov, An Ergodic Theorem for Markov Processes
// and Its Application to Telephone Systems with Refusals, 1957). What does
// matter is that requests come independently of each other, as a Poisson
// process. A burst (an advertisement, nine o'clock on Monday) needs more than
// the formula says: take the rate of the worst stretch as long as a number is
// away.

// MaxNumbers is how many numbers the sizing goes up to.
const MaxNumbers = 10_000_000

// ErrTooMany means that more than [MaxNumbers] would be needed.
var ErrTooMany = fmt.Errorf("needs more than %d numbers", MaxNumbers)

// Load is the offered load in erlangs of so many requests a second, each of
// which takes a number away for so long: how many would be away on average if
// there were no end of them.
func Load(perSecond float64, away time.Duration) float64 { return perSecond * away.Seconds() }

// Blocking is the share of requests that find none of n numbers, from 0 to 1,
// at an offered load in erlangs.
func Blocking(load float64, n int) float64 {
	b := 1.0
	for i := 1; i <= n; i++ {
		b = withOneMore(load, b, i)
	}
	return b
}

// withOneMore is B(n), given B(n-1): a recursion that neither overflows nor
// loses digits, unlike the formula as it stands, as each step adds and divides
// positive numbers of like size.
func withOneMore(load, b float64, n int) float64 {
	return load * b / (float64(n) + load*b)
}

// NumbersFor is the smallest number of numbers with which at most the share
// blocking, above 0, of the requests finds none. Error: [ErrTooMany].
func NumbersFor(load, blocking float64) (int, error) {
	if !(load >= 0 && blocking > 0) {
		return 0, errors.New("load must not be negative, and blocking above 0")
	}
	n := 0
	for b := 1.0; b > blocking; {
		if n == MaxNumbers {
			return 0, ErrTooMany
		}
		n++
		b = withOneMore(load, b, n)
	}
	return n, nil
}

// LoadFor is the largest offered load in erlangs that n numbers bear so that at
// most the share blocking, between 0 and 1, of the requests finds none.
func LoadFor(n int, blocking float64) float64 {
	if n <= 0 {
		return 0
	}
	// Numbers cannot do more than be away all the time: (1-B)·A <= N.
	low, high := 0.0, float64(n)/(1-blocking)
	for range 100 {
		middle := low + (high-low)/2
		if high-low <= high*1e-12 || math.IsNaN(middle) {
			break
		}
		if Blocking(middle, n) > blocking {
			high = middle
		} else {
			low = middle
		}
	}
	return low
}
