package main

import (
	"encoding/json"
	"errors"
	"os"

	"github.com/fluxcd/pkg/envsubst"
)

// substitution is a text, and the variables that have a value.
type substitution struct {
	Text   string            `json:"text"`
	Values map[string]string `json:"values"`
}

// substituted is the text with its variables replaced, or why Flux stops.
type substituted struct {
	Text  string `json:"text"`
	Error string `json:"error,omitempty"`
}

// substitute replaces the variables of texts as Flux does with its feature gate StrictPostBuildSubstitutions.
//
//	envsubst < substitutions.json
func substitute(arguments []string) error {
	if len(arguments) != 0 {
		return errors.New("usage: envsubst < substitutions.json")
	}

	var asked []substitution
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return err
	}

	results := make([]substituted, 0, len(asked))

	for _, each := range asked {
		text, err := envsubst.Eval(each.Text, func(name string) (string, bool) {
			value, exists := each.Values[name]

			return value, exists
		})
		if err != nil {
			results = append(results, substituted{Error: err.Error()})
		} else {
			results = append(results, substituted{Text: text})
		}
	}

	return json.NewEncoder(os.Stdout).Encode(results)
}
