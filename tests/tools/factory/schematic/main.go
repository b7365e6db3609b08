// Schematic reads a schematic and writes it as the Image Factory does: the sha256 of these bytes is its id.
//
//	schematic < schematic.yaml
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/siderolabs/image-factory/pkg/schematic"
)

func main() {
	if err := rewrite(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func rewrite(input io.Reader, output io.Writer) error {
	data, err := io.ReadAll(input)
	if err != nil {
		return err
	}

	read, err := schematic.Unmarshal(data)
	if err != nil {
		return err
	}

	written, err := read.Marshal()
	if err != nil {
		return err
	}

	_, err = output.Write(written)

	return err
}
