// Quick does what the fast tests need of talosctl, helm and Flux' kustomize-controller, on the libraries
// that these programs themselves are made of. It builds in a fraction of their time; `make test-all` runs
// the programs.
//
// The name by which it is called says which of them it stands in for.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

var programs = map[string]func(arguments []string) error{
	"envsubst":   substitute,
	"flux-build": fluxBuild,
	"helm":       helm,
	"talosctl":   talosctl,
}

func main() {
	name := filepath.Base(os.Args[0])

	run, ok := programs[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "%s is none of envsubst, flux-build, helm, talosctl\n", name)
		os.Exit(2)
	}

	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// errNotHere says that a test needs the program itself, and so belongs to `make test-all`.
var errNotHere = errors.New("only the real program does this: mark the test with `full`")
