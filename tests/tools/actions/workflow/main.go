// workflow says what the schema of workflows has against files: nothing, when they are ones.
//
// The schema is act's, which Forgejo's runner took over and adds a few contexts to.
package main

import (
	"fmt"
	"os"

	"github.com/nektos/act/pkg/model"
)

func main() {
	refused := false
	for _, name := range os.Args[1:] {
		if err := judge(name); err != nil {
			fmt.Printf("%s: %s\n", name, err)
			refused = true
		}
	}
	if refused {
		os.Exit(1)
	}
}

func judge(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = model.ReadWorkflow(file, true)
	return err
}
