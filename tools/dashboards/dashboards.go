// Package dashboards reads the dashboards of this repository as far as tests must understand them: their panels, what these
// ask, and which fields of the answer they name.
package dashboards

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Dashboard is one file of dashboards/.
type Dashboard struct {
	File        string `json:"-"`
	Text        []byte `json:"-"`
	UID         string
	Title       string
	Description string
	Links       []Link
	Panels      []Panel
	Templating  struct{ List []Variable }
	Annotations struct{ List []Annotation }
}

// Link leads to another dashboard, or to all that have one of the tags.
type Link struct {
	Title, Type, URL      string
	Tags                  []string
	KeepTime, IncludeVars bool
}

// Annotation is one question about events, drawn on every graph.
type Annotation struct {
	Name       string
	Datasource *Reference
	Target     Target
}

// Variable is one template variable.
type Variable struct {
	Name, Type, AllValue string
	IncludeAll           bool
	Datasource           *Reference
	Query                json.RawMessage
}

// Reference is how a panel, target or variable names its data source.
type Reference struct{ Type, UID string }

// Panel is one panel or row.
type Panel struct {
	ID              int
	Type            string
	Title           string
	Description     string
	GridPos         struct{ X, Y, W, H int }
	Datasource      *Reference
	Targets         []Target
	Options         json.RawMessage
	Transformations []struct {
		ID      string
		Options struct {
			Include     struct{ Names []string }
			IndexByName map[string]int
		}
	}
	FieldConfig struct {
		Defaults struct {
			Unit, NoValue string
			Links         []Link
		}
		Overrides []struct {
			Matcher struct {
				ID      string
				Options json.RawMessage
			}
			Properties []struct {
				ID    string
				Value json.RawMessage
			}
		}
	}
}

// Target is one query: the data source's own model, which Grafana passes on as it is.
type Target map[string]any

// Chosen are the fields that the panel keeps of an answer; none means all.
func (p Panel) Chosen() (names []string) {
	for _, t := range p.Transformations {
		names = append(names, t.Options.Include.Names...)
	}
	return names
}

// Links are the addresses that its fields lead to.
func (p Panel) Links() (urls []string, err error) {
	for _, l := range p.FieldConfig.Defaults.Links {
		urls = append(urls, l.URL)
	}
	for _, o := range p.FieldConfig.Overrides {
		for _, property := range o.Properties {
			if property.ID != "links" {
				continue
			}
			var links []Link
			if err := json.Unmarshal(property.Value, &links); err != nil {
				return nil, fmt.Errorf("panel %s: links: %w", p.Title, err)
			}
			for _, l := range links {
				urls = append(urls, l.URL)
			}
		}
	}
	return urls, nil
}

// Load reads all dashboards of the checkout.
func Load(root string) ([]Dashboard, error) {
	files, err := filepath.Glob(filepath.Join(root, "dashboards", "*.json"))
	if err != nil {
		return nil, err
	}
	var all []Dashboard
	for _, file := range files {
		d := Dashboard{File: filepath.Base(file)}
		if d.Text, err = os.ReadFile(file); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(d.Text, &d); err != nil {
			return nil, fmt.Errorf("%s: %w", d.File, err)
		}
		all = append(all, d)
	}
	return all, nil
}
