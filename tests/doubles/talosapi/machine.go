package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	stdx509 "crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"time"

	cosi "github.com/cosi-project/runtime/api/v1alpha1"
	"github.com/cosi-project/runtime/pkg/state/protobuf/server"
	"github.com/siderolabs/crypto/x509"
	"github.com/siderolabs/talos/pkg/machinery/api/common"
	api "github.com/siderolabs/talos/pkg/machinery/api/machine"
	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// authority is the machines' own: a worker's configuration holds no key to sign with, a controller's does.
var authority struct {
	sync.Mutex
	pair *x509.PEMEncodedCertificateAndKey
}

// machines are all of them.
var machines []*Machine

// System is what a machine boots.
type System struct {
	version, schematic string
}

// Machine is one machine, in maintenance mode until it has a configuration.
type Machine struct {
	api.UnimplementedMachineServiceServer

	description Description
	recorder    *Recorder
	resources   *Resources
	selfSigned  tls.Certificate

	mutex  sync.Mutex
	config config.Provider
	// member is its id in etcd, 0 for none.
	member uint64
	// next is the system that an upgrade has installed.
	next *System
	away time.Time
}

// NewMachine is a machine in maintenance mode.
func NewMachine(description Description, recorder *Recorder) (*Machine, error) {
	resources, err := NewResources(description)
	if err != nil {
		return nil, err
	}

	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}

	certificate, err := sign(description.Address, nil, key, key)
	if err != nil {
		return nil, err
	}

	return &Machine{description: description, recorder: recorder, resources: resources, selfSigned: certificate}, nil
}

// Register adds the machine's services to a server.
func (machine *Machine) Register(registrar *grpc.Server) {
	api.RegisterMachineServiceServer(registrar, machine)
	api.RegisterLifecycleServiceServer(registrar, &lifecycle{machine: machine})
	api.RegisterImageServiceServer(registrar, &images{machine: machine})
	cosi.RegisterStateServer(registrar, server.NewState(machine.resources.state))
}

// TLS is what the machine shows and wants at this moment.
func (machine *Machine) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{"h2"},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if machine.isDown() {
				<-hello.Context().Done()

				return nil, hello.Context().Err()
			}

			machine.mutex.Lock()
			defer machine.mutex.Unlock()

			if machine.config == nil {
				return &tls.Config{
					MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
					Certificates: []tls.Certificate{machine.selfSigned},
				}, nil
			}

			certificate, roots, err := machine.issued()
			if err != nil {
				return nil, err
			}

			return &tls.Config{
				MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
				Certificates: []tls.Certificate{certificate},
				ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: roots,
			}, nil
		},
	}
}

// issued is a certificate of the cluster's authority, and that authority.
func (machine *Machine) issued() (tls.Certificate, *stdx509.CertPool, error) {
	authority.Lock()
	defer authority.Unlock()

	if authority.pair == nil {
		return tls.Certificate{}, nil, status.Error(codes.Unavailable, "no controller has signed this machine's certificate yet")
	}

	parent, err := authority.pair.GetCert()
	if err != nil {
		return tls.Certificate{}, nil, err
	}

	signer, err := authority.pair.GetKey()
	if err != nil {
		return tls.Certificate{}, nil, err
	}

	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}

	roots := stdx509.NewCertPool()
	roots.AddCert(parent)

	certificate, err := sign(machine.description.Address, parent, key, signer)

	return certificate, roots, err
}

// sign makes a server's certificate for an address; without a parent it signs itself.
func sign(address string, parent *stdx509.Certificate, key ed25519.PrivateKey, signer any) (tls.Certificate, error) {
	template := &stdx509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "talos"},
		NotBefore:    time.Now().Add(-time.Minute),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     stdx509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []stdx509.ExtKeyUsage{stdx509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.ParseIP(address)},
	}
	if parent == nil {
		parent = template
	}

	der, err := stdx509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)

	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// record writes down a call and how the caller proved who it is.
func (machine *Machine) record(ctx context.Context, method string, details map[string]any) {
	call := map[string]any{"node": machine.description.Address, "method": method, "proven": false}

	if caller, ok := peer.FromContext(ctx); ok {
		if info, ok := caller.AuthInfo.(credentials.TLSInfo); ok {
			call["proven"] = len(info.State.VerifiedChains) > 0
		}
	}

	for key, value := range details {
		call[key] = value
	}

	machine.recorder.Record(call)
}

// configured is an error in maintenance mode, in which Talos does not offer the method.
func (machine *Machine) configured(method string) error {
	machine.mutex.Lock()
	defer machine.mutex.Unlock()

	if machine.config == nil {
		return status.Errorf(codes.Unimplemented, "API is not implemented in maintenance mode: %s", method)
	}

	return nil
}

// isDown is whether it says nothing at all.
func (machine *Machine) isDown() bool {
	machine.mutex.Lock()
	defer machine.mutex.Unlock()

	return control.of(machine).Down || time.Now().Before(machine.away)
}

// isController is whether its configuration makes it one.
func (machine *Machine) isController() bool {
	machine.mutex.Lock()
	defer machine.mutex.Unlock()

	return machine.config != nil && machine.config.Machine().Type().IsControlPlane()
}

// hostname is the name in its configuration.
func (machine *Machine) hostname() string {
	machine.mutex.Lock()
	defer machine.mutex.Unlock()

	if machine.config == nil || machine.config.NetworkHostnameConfig() == nil {
		return ""
	}

	return machine.config.NetworkHostnameConfig().Hostname()
}

// addressed is the machine that a call is for: a controller passes on what is for another one.
func (machine *Machine) addressed(ctx context.Context) *Machine {
	asked, _ := metadata.FromIncomingContext(ctx)
	for _, address := range append(asked.Get("node"), asked.Get("nodes")...) {
		for _, other := range machines {
			if other.description.Address == address {
				return other
			}
		}
	}

	return machine
}

// Version is asked before most commands.
func (machine *Machine) Version(ctx context.Context, _ *emptypb.Empty) (*api.VersionResponse, error) {
	tag, err := machine.addressed(ctx).resources.version(ctx)
	if err != nil {
		return nil, err
	}

	return &api.VersionResponse{Messages: []*api.Version{{
		Version:  &api.VersionInfo{Tag: tag},
		Platform: &api.PlatformInfo{Name: "metal", Mode: "metal"},
		Features: &api.FeaturesInfo{},
	}}}, nil
}

// ApplyConfiguration checks and takes a configuration.
func (machine *Machine) ApplyConfiguration(ctx context.Context, request *api.ApplyConfigurationRequest) (*api.ApplyConfigurationResponse, error) {
	provider, err := configloader.NewFromBytes(request.GetData())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}

	hostname := ""
	if named := provider.NetworkHostnameConfig(); named != nil {
		hostname = named.Hostname()
	}

	machine.record(ctx, "ApplyConfiguration", map[string]any{
		"mode": request.GetMode().String(), "hostname": hostname, "controller": provider.Machine().Type().IsControlPlane(),
	})

	if pair := provider.Machine().Security().IssuingCA(); pair != nil && len(pair.Key) > 0 {
		authority.Lock()
		authority.pair = pair
		authority.Unlock()
	}

	machine.mutex.Lock()
	installs := machine.config == nil
	machine.config = provider
	machine.mutex.Unlock()

	if installs {
		if err = machine.resources.Install(ctx, provider); err != nil {
			return nil, err
		}
	}

	if err = machine.resources.Running(ctx); err != nil {
		return nil, err
	}

	return &api.ApplyConfigurationResponse{Messages: []*api.ApplyConfiguration{{
		Mode: request.GetMode(), ModeDetails: "Applied configuration with a reboot",
	}}}, nil
}

// kubeconfig has the structure that talosctl insists on, and leads nowhere.
func (machine *Machine) kubeconfig() ([]byte, error) {
	key, err := stdx509.MarshalPKCS8PrivateKey(machine.selfSigned.PrivateKey)
	if err != nil {
		return nil, err
	}

	certificate := encoded("CERTIFICATE", machine.selfSigned.Certificate[0])

	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
  - name: anton
    cluster:
      server: https://127.0.0.1:1
      certificate-authority-data: %s
contexts:
  - name: admin@anton
    context:
      cluster: anton
      namespace: default
      user: admin@anton
current-context: admin@anton
users:
  - name: admin@anton
    user:
      client-certificate-data: %s
      client-key-data: %s
`, certificate, certificate, encoded("PRIVATE KEY", key)), nil
}

// encoded is PEM in base64.
func encoded(kind string, der []byte) string {
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// Kubeconfig is a file in a tar.gz.
func (machine *Machine) Kubeconfig(_ *emptypb.Empty, stream grpc.ServerStreamingServer[common.Data]) error {
	machine.record(stream.Context(), "Kubeconfig", nil)

	if err := machine.configured("Kubeconfig"); err != nil {
		return err
	}

	kubeconfig, err := machine.kubeconfig()
	if err != nil {
		return err
	}

	var archive bytes.Buffer

	zipped := gzip.NewWriter(&archive)
	files := tar.NewWriter(zipped)

	if err := files.WriteHeader(&tar.Header{Name: "kubeconfig", Mode: 0o600, Size: int64(len(kubeconfig)), Typeflag: tar.TypeReg}); err != nil {
		return err
	}

	if _, err := files.Write(kubeconfig); err != nil {
		return err
	}

	if err := files.Close(); err != nil {
		return err
	}

	if err := zipped.Close(); err != nil {
		return err
	}

	return stream.Send(&common.Data{Bytes: archive.Bytes()})
}

// Reset wipes the machine: it is in maintenance mode again.
func (machine *Machine) Reset(ctx context.Context, request *api.ResetRequest) (*api.ResetResponse, error) {
	labels := []string{}
	for _, partition := range request.GetSystemPartitionsToWipe() {
		labels = append(labels, partition.GetLabel())
	}

	machine.record(ctx, "Reset", map[string]any{
		"graceful": request.GetGraceful(), "reboot": request.GetReboot(), "wipe": labels,
	})

	etcd.Lock()
	if request.GetGraceful() {
		remove(machine.member)
	}

	machine.member = 0
	etcd.Unlock()

	machine.mutex.Lock()
	machine.config = nil
	machine.mutex.Unlock()

	if err := machine.resources.Maintenance(ctx); err != nil {
		return nil, err
	}

	return &api.ResetResponse{Messages: []*api.Reset{{}}}, nil
}

// Reboot starts the system that an upgrade installed, unless that one fails.
func (machine *Machine) Reboot(ctx context.Context, _ *api.RebootRequest) (*api.RebootResponse, error) {
	machine = machine.addressed(ctx)
	machine.record(ctx, "Reboot", nil)

	if machine.next != nil && !control.of(machine).RollsBack {
		if err := machine.resources.Boot(ctx, *machine.next); err != nil {
			return nil, err
		}
	}

	machine.next = nil

	machine.mutex.Lock()
	machine.away = time.Now().Add(time.Duration(control.of(machine).RebootSeconds * float64(time.Second)))
	machine.mutex.Unlock()

	return &api.RebootResponse{Messages: []*api.Reboot{{}}}, nil
}

type images struct {
	api.UnimplementedImageServiceServer

	machine *Machine
}

// Pull is the first half of an upgrade.
func (service *images) Pull(request *api.ImageServicePullRequest, stream grpc.ServerStreamingServer[api.ImageServicePullResponse]) error {
	machine := service.machine.addressed(stream.Context())
	machine.record(stream.Context(), "Pull", map[string]any{"image": request.GetImageRef()})

	return stream.Send(&api.ImageServicePullResponse{
		Response: &api.ImageServicePullResponse_Name{Name: request.GetImageRef()},
	})
}

type lifecycle struct {
	api.UnimplementedLifecycleServiceServer

	machine *Machine
}

// Upgrade is the second half: the image's name says what it holds.
func (service *lifecycle) Upgrade(request *api.LifecycleServiceUpgradeRequest, stream grpc.ServerStreamingServer[api.LifecycleServiceUpgradeResponse]) error {
	machine := service.machine.addressed(stream.Context())
	image := request.GetSource().GetImageName()
	machine.record(stream.Context(), "Upgrade", map[string]any{"image": image})

	code := int32(0)

	if message := control.of(machine).UpgradeFails; message != "" {
		code = 7

		if err := stream.Send(&api.LifecycleServiceUpgradeResponse{Progress: &api.LifecycleServiceInstallProgress{
			Response: &api.LifecycleServiceInstallProgress_Message{Message: message},
		}}); err != nil {
			return err
		}
	} else {
		name, tag, _ := strings.Cut(image, ":")
		machine.next = &System{version: tag, schematic: name[strings.LastIndex(name, "/")+1:]}
	}

	return stream.Send(&api.LifecycleServiceUpgradeResponse{Progress: &api.LifecycleServiceInstallProgress{
		Response: &api.LifecycleServiceInstallProgress_ExitCode{ExitCode: code},
	}})
}
