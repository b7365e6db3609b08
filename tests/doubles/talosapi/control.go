package main

import (
	"encoding/json"
	"log"
	"os"
)

// Said is what a test says of one machine while it runs.
type Said struct {
	Down            bool    `json:"down"`            // takes connections, and says nothing
	EtcdStopped     bool    `json:"etcdStopped"`     // runs, without its etcd
	Leader          bool    `json:"leader"`          // leads etcd, when it can
	Learner         bool    `json:"learner"`         // does not vote
	Alarm           string  `json:"alarm"`           // NOSPACE or CORRUPT
	SnapshotSeconds float64 `json:"snapshotSeconds"` // how long it sends a snapshot
	SnapshotFails   string  `json:"snapshotFails"`   // why it stops within
	UpgradeFails    string  `json:"upgradeFails"`    // what its installer says
	RollsBack       bool    `json:"rollsBack"`       // boots its previous system again
	RebootSeconds   float64 `json:"rebootSeconds"`   // how long it is away
}

// Control is the file in which a test says it, by address; without the file nothing is special.
type Control struct {
	path string
}

var control Control

func (control Control) of(machine *Machine) Said {
	content, err := os.ReadFile(control.path)
	if os.IsNotExist(err) {
		return Said{}
	}

	if err != nil {
		log.Fatal(err)
	}

	said := map[string]Said{}
	if err := json.Unmarshal(content, &said); err != nil {
		log.Fatal(err)
	}

	return said[machine.description.Address]
}
