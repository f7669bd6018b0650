// The probes: each samples one part of the host and judges nothing. All read from a Root, so that recorded trees test them;
// none is written to, but for the file that ProbeMount makes and removes.
//
// Each may block for as long as what it reads: run them where that does no harm (health/scan/runner.h). Thread: any, one at a
// time.
#pragma once

#include <string>
#include <vector>

#include "health/core/check.h"
#include "health/core/xid.h"
#include "health/probe/kernel_listener.h"
#include "health/probe/root.h"
#include "health/probe/sink.h"

namespace everstep::health {

void ProbeCpu(const Root& root, Sink& sink);
void ProbeMemory(const Root& root, Sink& sink);  // and EDAC
void ProbeHost(const Root& root, Sink& sink);    // boot, product, versions
void ProbeLimits(const Root& root, Sink& sink);  // of this process: of whom it starts
// Of a process that runs, a rank: its limits, cgroups, CPU mask and /dev/shm as it sees them. The scope is "pid PID". What this
// user may not see of it is unread.
void ProbeLimitsOf(const Root& root, const std::string& pid, Sink& sink);
// Its CPU mask alone, of the CPUs that are online.
void ProbeCpuMaskOf(const Root& root, const std::string& pid, Sink& sink);
void ProbeClock(const Root& root, Sink& sink);
void ProbeProcesses(const Root& root, Sink& sink);   // takes half a second on the running host: two looks
void ProbePci(const Root& root, Sink& sink);         // counts, lanes, errors
void ProbeDisks(const Root& root, Sink& sink);       // NVMe and arrays
void ProbeInfiniband(const Root& root, Sink& sink);  // EFA told apart
void ProbeNetdev(const Root& root, Sink& sink);

// Of jobs, but for the one that this process belongs to. `cgroups`: also by these, which is one more file of each process.
void ProbeLeftovers(const Root& root, bool cgroups, Sink& sink);

// `library`: libnvidia-ml.so.1, found as the loader finds it, or a path. A recorded tree has no driver to ask, so that without
// a path it says so. `smi`: nvidia-smi or a file with what `nvidia-smi -q -x` printed, asked where the library cannot be
// loaded; empty: it is not. REQUIRES, with `smi`: the probe's deadline is longer than `patience`.
struct NvmlAsked {
  std::string library{};
  std::string smi{};
  Duration patience = 3s;
  std::vector<std::string> daemons{};  // programs of the system that may compute on GPUs
};
void ProbeNvml(const Root& root, const NvmlAsked& asked, Sink& sink);

// What is kept at a path. Of data and checkpoints it counts where they are; data may be read-only, and nothing is written
// beside it.
EVERSTEP_ENUM(PathUse, plain, data, checkpoint)
void ProbeMount(const Root& root, const std::string& path, PathUse use, Sink& sink);

// All that the log still holds: since the boot, or as far back as it reaches.
void ProbeKernelLog(const Root& root, const KernelLogAsked& asked, Sink& sink);

// What is on the PCI bus.
struct PciDevice {
  std::string address{};  // "0000:18:00.0"
  std::string kind{};     // "10de:2330"
  std::string vendor{}, device{};
  std::uint32_t type{};  // the class: 0x0302 a 3D controller
  int node = -1;
};
Result<std::vector<PciDevice>> PciDevices(const Root& root);
bool IsNvidiaGpu(const PciDevice& device);
// Of a host without a GPU on the bus: what says that it had one since its boot, as a driver that is loaded, which it is not
// without a GPU. Empty: nothing does, or there is one.
std::string LostGpus(const Root& root, const std::vector<PciDevice>& devices);
bool IsNvswitch(const PciDevice& device);
bool IsNeuron(const PciDevice& device);
bool IsEfa(const PciDevice& device);

// "p5.48xlarge" or "" as DMI tells it.
std::string ProductName(const Root& root);

}  // namespace everstep::health
