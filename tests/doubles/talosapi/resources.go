package main

import (
	"context"
	"net"

	"github.com/cosi-project/runtime/pkg/resource"
	"github.com/cosi-project/runtime/pkg/resource/meta"
	"github.com/cosi-project/runtime/pkg/safe"
	"github.com/cosi-project/runtime/pkg/state"
	"github.com/cosi-project/runtime/pkg/state/impl/inmem"
	"github.com/cosi-project/runtime/pkg/state/impl/namespaced"
	"github.com/cosi-project/runtime/pkg/state/registry"
	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/constants"
	"github.com/siderolabs/talos/pkg/machinery/nethelpers"
	"github.com/siderolabs/talos/pkg/machinery/resources/block"
	"github.com/siderolabs/talos/pkg/machinery/resources/network"
	"github.com/siderolabs/talos/pkg/machinery/resources/runtime"
)

// Resources are what `talosctl get` reads.
type Resources struct {
	state state.State
}

// NewResources are those of a machine in maintenance mode.
func NewResources(description Description) (*Resources, error) {
	ctx := context.Background()
	resources := &Resources{state.WrapCore(namespaced.NewState(inmem.Build))}
	definitions := registry.NewResourceRegistry(resources.state)

	if err := definitions.RegisterDefault(ctx); err != nil {
		return nil, err
	}

	for _, kind := range []meta.ResourceWithRD{&network.LinkStatus{}, &network.AddressStatus{}, &block.Disk{}, &runtime.MachineStatus{}, &runtime.Version{}, &runtime.ExtensionStatus{}, &runtime.SecurityState{}, &block.VolumeStatus{}} {
		if err := definitions.Register(ctx, kind); err != nil {
			return nil, err
		}
	}

	loopback := network.NewLinkStatus(network.NamespaceName, "lo")
	loopback.TypedSpec().Type = nethelpers.LinkLoopbck

	contents := []resource.Resource{loopback}

	for _, link := range description.Links {
		found := network.NewLinkStatus(network.NamespaceName, link.Name)

		mac, err := net.ParseMAC(link.MAC)
		if err != nil {
			return nil, err
		}

		spec := found.TypedSpec()
		spec.Type = nethelpers.LinkEther
		spec.HardwareAddr = nethelpers.HardwareAddr(mac)
		spec.PermanentAddr = nethelpers.HardwareAddr(mac)
		spec.LinkState = link.Up
		spec.SpeedMegabits = link.Speed
		spec.MTU = 1500
		contents = append(contents, found)
	}

	for _, disk := range description.Disks {
		found := block.NewDisk(block.NamespaceName, disk.Path[len("/dev/"):])
		spec := found.TypedSpec()
		spec.DevPath = disk.Path
		spec.SetSize(disk.Size)
		spec.Model = disk.Model
		spec.Serial = disk.Serial
		spec.Symlinks = disk.Symlinks
		spec.Readonly = disk.Readonly
		spec.CDROM = disk.CDROM
		spec.Transport = "nvme"
		contents = append(contents, found)
	}

	stage := runtime.NewMachineStatus()
	stage.TypedSpec().Stage = runtime.MachineStageMaintenance
	stage.TypedSpec().Status.Ready = true
	security := runtime.NewSecurityStateSpec(runtime.NamespaceName)
	security.TypedSpec().SecureBoot = description.SecureBoot

	contents = append(contents, security, stage, runtime.NewVersion(), runtime.NewExtensionStatus(runtime.NamespaceName, "0"))

	for _, content := range contents {
		if err := resources.state.Create(ctx, content); err != nil {
			return nil, err
		}
	}

	return resources, resources.Boot(ctx, System{description.Version, description.Schematic})
}

// Boot makes a system the running one.
func (resources *Resources) Boot(ctx context.Context, system System) error {
	_, err := resources.state.UpdateWithConflicts(ctx, runtime.NewVersion().Metadata(), func(found resource.Resource) error {
		found.(*runtime.Version).TypedSpec().Name = "Talos"
		found.(*runtime.Version).TypedSpec().Version = system.version

		return nil
	})
	if err != nil {
		return err
	}

	// The Image Factory's images say what they were made from in an extension of this name.
	schematic := runtime.NewExtensionStatus(runtime.NamespaceName, "0").Metadata()
	_, err = resources.state.UpdateWithConflicts(ctx, schematic, func(found resource.Resource) error {
		found.(*runtime.ExtensionStatus).TypedSpec().Metadata.Name = constants.ImageFactorySchematicExtensionName
		found.(*runtime.ExtensionStatus).TypedSpec().Metadata.Version = system.schematic

		return nil
	})

	return err
}

func (resources *Resources) version(ctx context.Context) (string, error) {
	found, err := safe.StateGetByID[*runtime.Version](ctx, resources.state, "version")
	if err != nil {
		return "", err
	}

	return found.TypedSpec().Version, nil
}

// Install makes the system's volumes, encrypted or not, as the configuration says.
func (resources *Resources) Install(ctx context.Context, provider config.Provider) error {
	for _, name := range []string{constants.StatePartitionLabel, constants.EphemeralPartitionLabel} {
		volume := block.NewVolumeStatus(block.NamespaceName, name)
		if found, ok := provider.Volumes().ByName(name); ok && found.Encryption() != nil {
			volume.TypedSpec().EncryptionProvider = found.Encryption().Provider()
		}

		if err := resources.state.Destroy(ctx, volume.Metadata()); err != nil && !state.IsNotFoundError(err) {
			return err
		}

		if err := resources.state.Create(ctx, volume); err != nil {
			return err
		}
	}

	return nil
}

// Running is the stage after installation.
func (resources *Resources) Running(ctx context.Context) error {
	return resources.stage(ctx, runtime.MachineStageRunning)
}

// Maintenance is the stage before installation, and after a reset.
func (resources *Resources) Maintenance(ctx context.Context) error {
	return resources.stage(ctx, runtime.MachineStageMaintenance)
}

func (resources *Resources) stage(ctx context.Context, stage runtime.MachineStage) error {
	_, err := resources.state.UpdateWithConflicts(ctx, runtime.NewMachineStatus().Metadata(), func(found resource.Resource) error {
		found.(*runtime.MachineStatus).TypedSpec().Stage = stage

		return nil
	})

	return err
}
