package typescript

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

type shape string

type inner struct {
	Key string `json:"key"`
}

type outer struct {
	Inner  inner             `json:"inner"`
	All    []inner           `json:"all,omitempty"`
	Shape  shape             `json:"shape"`
	Count  *int              `json:"count,omitempty"`
	Labels map[string]string `json:"labels"`
	TLS    struct {
		Skip bool `json:"skip"`
	} `json:"tls"`
}

func TestInterfacesDeclareAllStructsOnce(t *testing.T) {
	n := Namer{
		Types:  map[reflect.Type]string{reflect.TypeFor[outer](): "Outer", reflect.TypeFor[shape](): "Shape"},
		Fields: map[string]string{"inner.key": "'a' | 'b'"},
	}
	require.Equal(t, `
export interface Outer {
  inner?: inner;
  all?: inner[];
  shape: Shape;
  count?: number;
  labels: Record<string, string>;
  tls?: { skip?: boolean };
}

export interface inner {
  key: 'a' | 'b';
}
`, n.Interfaces(reflect.TypeFor[outer]()))
	n.Sparse = true
	require.Contains(t, n.Interfaces(reflect.TypeFor[outer]()), "  shape?: Shape;")
}

func TestATypeThatTheGeneratorDoesNotKnowIsAnError(t *testing.T) {
	require.Panics(t, func() {
		Namer{}.Interfaces(reflect.TypeFor[struct {
			C chan int `json:"c"`
		}]())
	})
}

func TestAnEnumIsAListAndItsType(t *testing.T) {
	require.Equal(t, `
export const shapes = [
  'round',
] as const;

export type Shape = (typeof shapes)[number];
`, EnumOf("shapes", "Shape", []shape{"round"}).String())
}
