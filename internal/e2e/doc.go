// Package e2e tests the house as a whole: who may import whom, what is deployed, and a dose from card to swallow over
// simulated devices. It has no code of its own outside its tests.
package e2e
