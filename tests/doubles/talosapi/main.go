// Talosapi plays the Talos API of machines for tests: the real talosctl talks to it.
//
//	talosapi MACHINES.json CALLS.jsonl CONTROL.json
//
// MACHINES.json describes the machines; each listens on its own loopback address, port 50000. What CONTROL.json
// says of them by address holds from the moment it is written: Said in control.go. A machine starts in maintenance mode. ApplyConfiguration takes it to the configured state: from then on it wants
// a client certificate of the configuration's own authority. Each call is written to CALLS.jsonl.
//
// What it can't show: that a machine boots, installs, or keeps etcd.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Link is a network link of a machine.
type Link struct {
	Name  string `json:"name"`
	MAC   string `json:"mac"`
	Up    bool   `json:"up"`
	Speed int    `json:"speed"`
}

// Disk is a disk of a machine.
type Disk struct {
	Path     string   `json:"path"`
	Size     uint64   `json:"size"`
	Model    string   `json:"model"`
	Serial   string   `json:"serial"`
	Symlinks []string `json:"symlinks"`
	Readonly bool     `json:"readonly"`
	CDROM    bool     `json:"cdrom"`
}

// Description is what a machine is made of.
type Description struct {
	Address   string `json:"address"`
	Links     []Link `json:"links"`
	Disks     []Disk `json:"disks"`
	Version   string `json:"version"`
	Schematic string `json:"schematic"`
	// SecureBoot is whether the firmware checks what it boots.
	SecureBoot bool `json:"secureBoot"`
}

// Recorder writes down what the machines were asked.
type Recorder struct {
	mutex sync.Mutex
	file  *os.File
}

// Record writes one call.
func (recorder *Recorder) Record(call map[string]any) {
	recorder.mutex.Lock()
	defer recorder.mutex.Unlock()

	line, err := json.Marshal(call)
	if err != nil {
		log.Fatal(err)
	}

	fmt.Fprintln(recorder.file, string(line))
}

func main() {
	content, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}

	var descriptions []Description
	if err = json.Unmarshal(content, &descriptions); err != nil {
		log.Fatal(err)
	}

	calls, err := os.OpenFile(os.Args[2], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		log.Fatal(err)
	}

	recorder := &Recorder{file: calls}
	control = Control{path: os.Args[3]}

	var served sync.WaitGroup

	for _, description := range descriptions {
		machine, err := NewMachine(description, recorder)
		if err != nil {
			log.Fatal(err)
		}

		listener, err := net.Listen("tcp", net.JoinHostPort(description.Address, "50000"))
		if err != nil {
			log.Fatal(err)
		}

		machines = append(machines, machine)

		server := grpc.NewServer(grpc.Creds(credentials.NewTLS(machine.TLS())))
		machine.Register(server)
		served.Go(func() { log.Fatal(server.Serve(listener)) })
	}

	fmt.Println("ready")
	served.Wait()
}
