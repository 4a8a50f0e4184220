package mask

import (
	"errors"
	"go.yaml.in/yaml/v3"
)

func readGeneralize(y *yaml.Node) (strategy, error) { return nil, errors.New("x") }
func readSynthetic(y *yaml.Node) (strategy, error)  { return nil, errors.New("x") }
func readShift(y *yaml.Node) (strategy, error)      { return nil, errors.New("x") }
func readNoise(y *yaml.Node) (strategy, error)      { return nil, errors.New("x") }
