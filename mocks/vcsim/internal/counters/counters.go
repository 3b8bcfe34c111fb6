// Package counters keeps samples of performance counters per entity: one hour of realtime samples
// in a ring, as vCenter does, and nothing for a counter that was never set.
package counters

import (
	"math"
	"sync"
	"time"
)

// Kept is how many samples a ring holds: one hour at 20 s.
const Kept = 180

// Interval is the realtime sampling interval in seconds.
const Interval = 20

// absent marks a sample in which a counter was not set although it was in another.
const absent = math.MinInt64

// Undefined is what the wire shows for such a sample.
const Undefined = -1

type entity struct {
	times  []int64 // Unix seconds, ascending
	values map[int32][]int64
}

// Store is safe for concurrent use.
type Store struct {
	mu       sync.RWMutex
	entities map[string]*entity
	hold     bool
}

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{entities: map[string]*entity{}}
}

// Hold makes the last sample of every entity repeat every 20 s until now, so that a simulator that
// nobody drives still looks alive. Off by default: a test that sets samples means just those.
func (s *Store) Hold(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = on
}

// Append adds one sample at t. A time that is already there gets the new values; an older time than
// the newest is ignored, for rings only grow forwards. It tells whether the sample was taken.
func (s *Store) Append(moid string, t time.Time, values map[int32]int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entities[moid]
	if e == nil {
		e = &entity{values: map[int32][]int64{}}
		s.entities[moid] = e
	}
	at := t.Unix()
	n := len(e.times)
	switch {
	case n > 0 && at < e.times[n-1]:
		return false
	case n > 0 && at == e.times[n-1]:
	default:
		e.times = append(e.times, at)
		for key, column := range e.values {
			e.values[key] = append(column, absent)
		}
		n++
	}
	for key, value := range values {
		column := e.values[key]
		if column == nil {
			column = make([]int64, n, n+4)
			for i := range column {
				column[i] = absent
			}
		}
		column[n-1] = value
		e.values[key] = column
	}
	e.trim()
	return true
}

// trim drops what is older than the ring holds, and columns that hold nothing any more.
func (e *entity) trim() {
	over := len(e.times) - Kept
	if over <= 0 {
		return
	}
	// Copying on every append would be quadratic, so a quarter more than needed may pile up.
	if over < Kept/4 {
		return
	}
	e.times = append([]int64(nil), e.times[over:]...)
	for key, column := range e.values {
		column = append([]int64(nil), column[over:]...)
		empty := true
		for _, v := range column {
			if v != absent {
				empty = false
				break
			}
		}
		if empty {
			delete(e.values, key)
			continue
		}
		e.values[key] = column
	}
}

// Forget drops all samples of an entity, or of all when moid is "".
func (s *Store) Forget(moid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if moid == "" {
		s.entities = map[string]*entity{}
		return
	}
	delete(s.entities, moid)
}

// Series is the answer to one query: ascending times and a row of values per counter that has any.
type Series struct {
	Times  []int64
	Values map[int32][]int64
}

// Realtime gives samples with begin < t <= end, the newest max of them when max > 0. Counters
// without one value in that window are left out.
func (s *Store) Realtime(moid string, begin, end time.Time, max int, keys []int32) Series {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.entities[moid]
	if e == nil {
		return Series{}
	}
	times, index := e.window(begin.Unix(), end.Unix(), s.hold)
	if max > 0 && len(times) > max {
		times, index = times[len(times)-max:], index[len(index)-max:]
	}
	return Series{Times: times, Values: e.pick(index, keys)}
}

// window lists the times within (begin, end] and the row of each; held samples point to the last.
func (e *entity) window(begin, end int64, hold bool) (times []int64, index []int) {
	first := 0
	if over := len(e.times) - Kept; over > 0 {
		first = over
	}
	for i := first; i < len(e.times); i++ {
		if at := e.times[i]; at > begin && at <= end {
			times, index = append(times, at), append(index, i)
		}
	}
	if n := len(e.times); hold && n > 0 {
		oldest := end - Kept*Interval
		at := e.times[n-1] + Interval
		if at < oldest {
			at += (oldest - at) / Interval * Interval
		}
		for ; at <= end; at += Interval {
			if at > begin && at > oldest {
				times, index = append(times, at), append(index, n-1)
			}
		}
	}
	return times, index
}

func (e *entity) pick(index []int, keys []int32) map[int32][]int64 {
	values := map[int32][]int64{}
	for _, key := range keys {
		column := e.values[key]
		if column == nil {
			continue
		}
		row := make([]int64, len(index))
		any := false
		for i, at := range index {
			row[i] = Undefined
			if v := column[at]; v != absent {
				row[i], any = v, true
			}
		}
		if any {
			values[key] = row
		}
	}
	return values
}

// Rollup says how realtime samples become one historical value.
type Rollup int

// The rollups that vCenter has.
const (
	Average Rollup = iota
	Latest
	Sum
	Minimum
	Maximum
)

// Historical gives values of whole intervals that lie within the ring, by begin < t <= end. Real
// vCenter keeps longer; one hour is what the simulator has seen, so longer intervals are empty.
func (s *Store) Historical(moid string, interval int64, begin, end time.Time, rollups map[int32]Rollup) Series {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.entities[moid]
	if e == nil || len(e.times) == 0 {
		return Series{}
	}
	times, index := e.window(math.MinInt64, end.Unix(), s.hold)
	if len(times) == 0 {
		return Series{}
	}
	keys := make([]int32, 0, len(rollups))
	for key := range rollups {
		keys = append(keys, key)
	}
	raw := e.pick(index, keys)
	var out Series
	out.Values = map[int32][]int64{}
	first := (times[0]-1)/interval*interval + interval
	for at := first; at <= times[len(times)-1]; at += interval {
		if at <= begin.Unix() || at > end.Unix() || at-interval < times[0]-Interval {
			continue
		}
		out.Times = append(out.Times, at)
		for key, row := range raw {
			out.Values[key] = append(out.Values[key], fold(times, row, at-interval, at, rollups[key]))
		}
	}
	for key, row := range out.Values {
		if allUndefined(row) {
			delete(out.Values, key)
		}
	}
	return out
}

func allUndefined(row []int64) bool {
	for _, v := range row {
		if v != Undefined {
			return false
		}
	}
	return true
}

func fold(times, row []int64, after, until int64, how Rollup) int64 {
	var sum, n, low, high, last int64
	for i, t := range times {
		v := row[i]
		if t <= after || t > until || v == Undefined {
			continue
		}
		if n == 0 || v < low {
			low = v
		}
		if n == 0 || v > high {
			high = v
		}
		sum, n, last = sum+v, n+1, v
	}
	if n == 0 {
		return Undefined
	}
	switch how {
	case Latest:
		return last
	case Sum:
		return sum
	case Minimum:
		return low
	case Maximum:
		return high
	default:
		return sum / n
	}
}

// Keys are the ids of all counters that any entity has samples of.
func (s *Store) Keys() map[int32]bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	keys := map[int32]bool{}
	for _, e := range s.entities {
		for key := range e.values {
			keys[key] = true
		}
	}
	return keys
}

// Last gives the newest value of a counter.
func (s *Store) Last(moid string, key int32) (int64, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.entities[moid]
	if e == nil {
		return 0, false
	}
	column := e.values[key]
	if len(column) == 0 || column[len(column)-1] == absent {
		return 0, false
	}
	return column[len(column)-1], true
}
