package links

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Text is one string of a shipped file, with the way to it: the file, then keys and places in lists.
type Text struct{ At, Key, Value string }

// Shipped gives every string of every JSON and YAML file (and of samples of them) below folders of the checkout, and every
// template as one string.
func Shipped(root string, folders ...string) (all []Text, err error) {
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			at, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			switch filepath.Ext(strings.TrimSuffix(path, ".sample")) {
			case ".json", ".yml", ".yaml":
			case ".tmpl":
				content, err := os.ReadFile(path)
				all = append(all, Text{At: at, Value: string(content)})
				return err
			default:
				if entry.Name() != "Kustomization" {
					return nil
				}
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			found, err := texts(at, content)
			all = append(all, found...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// texts are the strings of all documents of a YAML file; JSON is YAML.
func texts(file string, content []byte) (all []Text, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var document any
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = collect(all, file, "", document)
	}
}

func collect(all []Text, at, key string, value any) []Text {
	switch value := value.(type) {
	case string:
		return append(all, Text{at, key, value})
	case map[string]any:
		for name, below := range value {
			all = collect(all, at+"/"+name, name, below)
		}
	case []any:
		for i, below := range value {
			all = collect(all, fmt.Sprintf("%s/%d", at, i), key, below)
		}
	}
	return all
}
