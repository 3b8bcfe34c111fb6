package inventory

import (
	"crypto/sha256"
	"fmt"
	"math"
	"strings"

	"github.com/vmware/govmomi/vim25/types"
)

func pathParts(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

func joined(parts []string) string { return strings.Join(parts, "/") }

// stableUUID derives an id from what identifies the object, so that two runs agree.
func stableUUID(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

func whole(v *float64, otherwise int64) int64 {
	if v == nil {
		return otherwise
	}
	return int64(math.Round(*v))
}

func whole32(v *float64, otherwise int64) int32 { return int32(whole(v, otherwise)) }

// allocation is a resource allocation with every field set; limit -1 is unlimited.
func allocation(reservation, limit *float64, expandable bool, shares types.SharesInfo) types.ResourceAllocationInfo {
	return types.ResourceAllocationInfo{
		Reservation:           types.NewInt64(whole(reservation, 0)),
		ExpandableReservation: types.NewBool(expandable),
		Limit:                 types.NewInt64(whole(limit, -1)),
		Shares:                &shares,
	}
}

// Shares per MiB or vCPU at each level.
const (
	lowPerUnit    = 5
	normalPerUnit = 10
	highPerUnit   = 20
)

// MemoryShares names the level when the number is what that level gives to this size.
func MemoryShares(shares *float64, sizeMiB int64) types.SharesInfo {
	value := whole(shares, normalPerUnit*sizeMiB)
	level := types.SharesLevelCustom
	switch value {
	case lowPerUnit * sizeMiB:
		level = types.SharesLevelLow
	case normalPerUnit * sizeMiB:
		level = types.SharesLevelNormal
	case highPerUnit * sizeMiB:
		level = types.SharesLevelHigh
	}
	return types.SharesInfo{Shares: int32(min(value, math.MaxInt32)), Level: level}
}

// Linux tells whether a guest id names a Linux, to which the 3 GB boundary of hot-add applies.
func Linux(guestID string) bool {
	id := strings.ToLower(guestID)
	for _, other := range []string{
		"win", "darwin", "freebsd", "solaris", "netware", "dos", "os2", "openserver", "unixware",
		"ecomstation", "vmkernel", "otherguest",
	} {
		if strings.HasPrefix(id, other) {
			return false
		}
	}
	return id != ""
}
