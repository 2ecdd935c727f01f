// Command generate writes the Grafana dashboards from the description in this
// directory: one file each, and the blocks they are made of in panels.go.
//
//	go run ./deploy/grafana/generate
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// all are the dashboards by file name.
var all = map[string]func() *dashboard{
	"mail-at-a-glance.json":  glance,
	"provider.json":          provider,
	"causes-and-advice.json": causes,
	"exporter-health.json":   health,
	"messages.json":          messages,
	"fleet.json":             fleet,
}

func main() {
	dir := "deploy/grafana/dashboards"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	for name, build := range all {
		data, err := encode(build())
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o644)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "generate:", err)
			os.Exit(1)
		}
	}
}

func encode(d *dashboard) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // queries have < and > in them
	enc.SetIndent("", "  ")
	err := enc.Encode(d)
	return out.Bytes(), err
}
