package counters

import (
	"reflect"
	"testing"
	"time"
)

func at(seconds int64) time.Time { return time.Unix(1_800_000_000+seconds, 0) }

func all(s *Store, keys ...int32) Series {
	return s.Realtime("vm-1", time.Unix(0, 0), at(1_000_000), 0, keys)
}

func expect(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestAbsentCountersHaveNoSeries(t *testing.T) {
	s := NewStore()
	expect(t, len(all(s, 1).Values), 0)
	s.Append("vm-1", at(0), map[int32]int64{1: 5})
	expect(t, all(s, 1, 2).Values, map[int32][]int64{1: {5}})
	_, known := s.Last("vm-1", 2)
	expect(t, known, false)
}

func TestASecondSampleOfAnInstantMergesAndAnOlderIsRefused(t *testing.T) {
	s := NewStore()
	s.Append("vm-1", at(20), map[int32]int64{1: 5})
	s.Append("vm-1", at(20), map[int32]int64{2: 6})
	expect(t, all(s, 1, 2).Values, map[int32][]int64{1: {5}, 2: {6}})
	expect(t, s.Append("vm-1", at(0), map[int32]int64{1: 4}), false)
	expect(t, all(s, 1).Values, map[int32][]int64{1: {5}})
}

func TestTheRingForgetsTheOldestAndColumnsThatRanDry(t *testing.T) {
	s := NewStore()
	s.Append("vm-1", at(0), map[int32]int64{9: 1})
	for n := range int64(2 * Kept) {
		s.Append("vm-1", at(20*(n+1)), map[int32]int64{1: n})
	}
	got := all(s, 1, 9)
	expect(t, len(got.Times), Kept)
	expect(t, got.Values[1][0], int64(Kept))
	expect(t, got.Values[1][Kept-1], int64(2*Kept-1))
	if _, there := got.Values[9]; there {
		t.Fatal("a counter that was set once, hours ago, still has a series")
	}
	e := s.entities["vm-1"]
	if len(e.times) > Kept+Kept/4 || e.values[9] != nil {
		t.Fatalf("the ring keeps %d samples", len(e.times))
	}
}

func TestHistoryFoldsWholeIntervals(t *testing.T) {
	s := NewStore()
	// The first sample is 20 s after a full interval, so the first interval is whole.
	base := at(0).Unix() / 300 * 300
	for n := range int64(31) {
		s.Append("vm-1", time.Unix(base+20*(n+1), 0), map[int32]int64{1: n, 2: n})
	}
	got := s.Historical("vm-1", 300, time.Unix(0, 0), time.Unix(base+100_000, 0),
		map[int32]Rollup{1: Average, 2: Maximum})
	expect(t, got.Times, []int64{base + 300, base + 600})
	expect(t, got.Values, map[int32][]int64{1: {7, 22}, 2: {14, 29}})
	half := s.Historical("vm-1", 300, time.Unix(base+300, 0), time.Unix(base+600, 0), map[int32]Rollup{1: Latest})
	expect(t, half.Values, map[int32][]int64{1: {29}})
}
