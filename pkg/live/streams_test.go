package live

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheNumberOfStreamsIsBounded(t *testing.T) {
	s := NewStreams()
	var leave []func()
	for i := range maxStreams {
		gone, err := s.enter(fmt.Sprint("requests/", i), &stream{})
		require.NoError(t, err)
		leave = append(leave, gone)
	}
	_, err := s.enter("requests/more", &stream{})
	require.ErrorContains(t, err, "which is the most")
	again, err := s.enter("requests/0", &stream{})
	require.NoError(t, err, "one that runs may be started anew")
	leave[0]()
	require.NotNil(t, s.running["requests/0"], "the end of its former run does not end it")
	again()
	_, err = s.enter("requests/more", &stream{})
	require.NoError(t, err)
}

func TestNobodyHoldsAllLivePlacesAlone(t *testing.T) {
	now := time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	s := NewStreams()
	s.Now = func() time.Time { return now }
	enter := func(path string) func() {
		t.Helper()
		leave, err := s.enter(path, &stream{})
		require.NoError(t, err)
		return leave
	}
	var leave []func()
	for i := range MaxStreamsOfUser {
		path := fmt.Sprint("requests/", i)
		require.NoError(t, s.Subscribe(path, "alice"))
		leave = append(leave, enter(path))
	}
	require.EqualError(t, s.Subscribe("requests/more", "alice"),
		"you follow 5 different live queries of this data source already, which is the most for one user: close one, and try again half a minute later")
	require.NoError(t, s.Subscribe("requests/0", "alice"), "what is followed may be followed again, by another panel")
	require.NoError(t, s.Subscribe("requests/more", "bob"), "others have room")

	require.NoError(t, s.Subscribe("requests/0", "bob"))
	require.NoError(t, s.Subscribe("requests/more of alice's", "alice"), "what others follow too is not hers alone")
	require.Error(t, s.Subscribe("requests/even more", "alice"), "a place is held for who subscribed, before the stream runs")

	now = now.Add(placeHeld)
	require.NoError(t, s.Subscribe("requests/even more", "alice"), "but not for long")
	require.Error(t, s.Subscribe("requests/yet more", "alice"))
	leave[1]()
	require.NoError(t, s.Subscribe("requests/yet more", "alice"))

	for i := range maxStreams {
		_ = s.Subscribe(fmt.Sprint("requests/of ", i), fmt.Sprint("viewer ", i/MaxStreamsOfUser))
	}
	require.ErrorIs(t, s.Subscribe("requests/last", "carol"), errAllPlaces)
	_, err := s.enter("requests/last", &stream{})
	require.ErrorIs(t, err, errAllPlaces)
}
