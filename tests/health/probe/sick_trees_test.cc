// Each check of the catalogue against a host that is sick in this one way: exactly its verdict, and none on the healthy host.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/text.h"
#include "tests/health/probe/sick_host.h"

namespace everstep::health {
namespace {

using Words = std::vector<std::string>;

struct Sick {
  const char* name;
  Changes changes;
  Words bad;                        // all that is not OK then
  std::optional<Action> asks = {};  // what the worst of it asks for
};

Action Asked(const ScanReport& report) {
  Action asked = Action::note;
  for (const Verdict& verdict : report.verdicts) asked = std::max(asked, verdict.action);
  return asked;
}

std::string Cpu(const char* file, const char* text) { return Cat("== /sys/devices/system/cpu/cpu2/", file, "\n", text, "\n"); }
std::string Efa(const char* file, const char* text) {
  return Cat("== /sys/class/infiniband/rdmap16s27/ports/1/hw_counters/", file, "\n", text, "\n");
}
std::string Ib(const char* file, const char* text) {
  return Cat("== /sys/class/infiniband/mlx5_1/ports/1/", file, "\n", text, "\n");
}
std::string Pci(const char* file, const char* text) {
  return Cat("== /sys/bus/pci/devices/0000:2a:00.0/", file, "\n", text, "\n");
}
std::string Limits(const char* nofile, const char* memlock, const char* processes) {
  return Cat("== /proc/self/limits\nMax processes             ", processes, "               126000               processes\n",
             "Max open files            ", nofile, "              1048576              files\n", "Max locked memory         ",
             memlock, "            unlimited            bytes\n");
}
std::string Space(const char* shm, const char* ckpt) {
  return Cat("== /captured/statvfs\n/dev/shm ", shm, " 1 2097152 2097100\n/ 107374182400 53687091200 6553600 6000000\n",
             "/data 1099511627776 0 0 0\n/ckpt ", ckpt, "\n");
}
std::string Mounts(const char* data) {
  return Cat("== /proc/self/mountinfo\n22 1 259:1 / / rw,relatime - ext4 /dev/nvme0n1p1 rw\n", data,
             "\n25 22 0:51 / /ckpt rw,relatime - lustre 10.0.1.1@tcp:/fsx rw\n");
}

const std::vector<Sick>& HostRows() {
  static const std::vector<Sick> kRows = {
      {"two CPUs are off", {.files = "== /sys/devices/system/cpu/online\n0-1\n"}, {"warn cpu.online"}},
      {"a CPU mask", {.files = "== /captured/cpus_allowed\n2\n"}, {"warn cpu.allowed"}},
      {"one CPU saves power", {.files = Cpu("cpufreq/scaling_governor", "powersave")}, {"warn cpu.governor"}},
      {"a CPU gets hot", {.between = Cpu("thermal_throttle/core_throttle_count", "8")}, {"warn cpu.throttle"}},
      {"a DIMM is missing", {.files = "== /proc/meminfo\nMemTotal: 14777216 kB\nHugePages_Total: 0\n"}, {"fail memory.size"}},
      {"memory in crumbs",
       {.files = "== /proc/buddyinfo\nNode 0, zone Normal 9 9 9 9 9 9 9 9 3 2 1\n"},
       {"warn memory.fragmentation"}},
      {"swapping",
       {.files = "== /proc/swaps\nFilename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition\t8388604\t2097152\t-2\n"},
       {"warn memory.swap"}},
      {"uncorrected memory error",
       {.files = "== /sys/devices/system/edac/mc/mc0/ue_count\n1\n"},
       {"fail mc0: edac.uncorrected"}},
      {"memory is corrected all the time",
       {.between = "== /sys/devices/system/edac/mc/mc0/ce_count\n200\n"},
       {"warn mc0: edac.corrected"}},
      {"just booted", {.files = "== /proc/uptime\n90.00 100.00\n"}, {"warn host.uptime"}},
      {"a process hangs in the kernel",
       {.files = "== /proc/900/stat\n900 (python3 (x)) D 1 900 900 0 -1\n== /proc/900/status\nName:\tpython3\n"
                 "voluntary_ctxt_switches:\t55\n"},
       {"warn process.stuck"}},
      {"little memory may be locked", {.files = Limits("1048576", "65536", "126000")}, {"fail limits.memlock"}},
      {"few files", {.files = Limits("4096", "unlimited", "126000")}, {"warn limits.nofile"}},
      {"hardly any files", {.files = Limits("256", "unlimited", "126000")}, {"fail limits.nofile"}},
      {"few processes", {.files = Limits("1048576", "unlimited", "1024")}, {"warn limits.processes"}},
      {"few processes in the cgroup above",
       {.files = "== /sys/fs/cgroup/system.slice/pids.max\n900\n"},
       {"warn limits.processes"}},
      {"half of the memory",
       {.files = "== /sys/fs/cgroup/system.slice/everstep-agent.service/memory.max\n8589934592\n"},
       {"warn limits.memory"}},
      {"a container's shared memory", {.files = Space("67108864", "1099511627776 549755813888 0 0")}, {"fail limits.shm"}},
      {"a slow clock",
       {.files = "== /sys/devices/system/clocksource/clocksource0/current_clocksource\nhpet\n"},
       {"warn clock.source"}},
      {"no time service", {.files = "== /captured/adjtimex\n64 16000000\n"}, {"warn clock.synchronised"}},
      {"a vague clock", {.files = "== /captured/adjtimex\n8193 2000000\n"}, {"warn clock.error"}},
      {"remounted read-only",
       {.files =
            "== /proc/self/mountinfo\n22 1 259:1 / / rw - ext4 /dev/nvme0n1p1 rw\n25 22 0:51 / /ckpt ro - lustre a:/fsx rw\n"},
       {"fail /ckpt: mount.mode"}},
      {"nearly full", {.files = Space("17179869184", "1099511627776 77777777777 0 0")}, {"warn /ckpt: mount.space"}},
      {"full", {.files = Space("17179869184", "1099511627776 7777777777 0 0")}, {"fail /ckpt: mount.space"}},
      {"no inodes left", {.files = Space("17179869184", "1099511627776 549755813888 1000 3")}, {"fail /ckpt: mount.inodes"}},
      {"writes crawl", {.files = "== /captured/write_us/ckpt\n9000000\n"}, {"warn /ckpt: mount.write"}},
      {"data across a wide-area network", {.files = "== /captured/rtt_us/10.0.0.7\n40000\n"}, {"warn /data: mount.locality"}},
      {"data on HDFS",
       {.files = Mounts("24 22 0:50 / /data rw,relatime - fuse.fuse_dfs fuse_dfs rw")},
       {"warn /data: mount.locality"}},
      {"a disk is gone",
       {.files = "== /sys/class/nvme/nvme1/state\nlive\n== /captured/nvme_smart/nvme1\n000000640a03\n"},
       {"warn nvme.count"}},
      {"a disk's controller is dead", {.files = "== /sys/class/nvme/nvme0/state\ndead\n"}, {"fail nvme0: nvme.state"}},
      {"a disk warns", {.files = "== /captured/nvme_smart/nvme0\n042c01640a03\n"}, {"fail nvme0: nvme.critical_warning"}},
      {"a disk wears out", {.files = "== /captured/nvme_smart/nvme0\n002c01640a5a\n"}, {"warn nvme0: nvme.used"}},
      {"a disk is worn out", {.files = "== /captured/nvme_smart/nvme0\n002c01640a78\n"}, {"fail nvme0: nvme.used"}},
      {"no spare blocks", {.files = "== /captured/nvme_smart/nvme0\n002c01050a03\n"}, {"fail nvme0: nvme.spare"}},
      {"an array misses a disk",
       {.files = "== /proc/mdstat\nmd127 : active raid1 nvme1n1[0]\n      3750606848 blocks super 1.2 [2/1] [U_]\n"},
       {"fail md127: raid.degraded"}},
  };
  return kRows;
}

const std::vector<Sick>& CardRows() {
  static const std::vector<Sick> kRows = {
      {"half of the lanes", {.files = Pci("current_link_width", "8")}, {"fail GPU 0000:2a:00.0: pcie.width"}},
      {"fatal PCIe error", {.between = Pci("aer_dev_fatal", "TOTAL_ERR_FATAL 4")}, {"fail GPU 0000:2a:00.0: aer.fatal"}},
      {"uncorrected PCIe error",
       {.between = Pci("aer_dev_nonfatal", "TOTAL_ERR_NONFATAL 4")},
       {"fail GPU 0000:2a:00.0: aer.nonfatal"}},
      {"many corrected PCIe errors",
       {.between = Pci("aer_dev_correctable", "TOTAL_ERR_COR 4000")},
       {"warn GPU 0000:2a:00.0: aer.correctable"}},
      {"an EFA device is gone",
       {.files = "== /sys/class/infiniband/rdmap32s27 gone\n== /sys/bus/pci/devices/0000:20:1b.0 gone\n"},
       {"fail efa.count"}},
      {"an EFA device has no driver",
       {.files = "== /sys/class/infiniband/rdmap32s27 gone\n"},
       {"fail efa.count", "fail efa.missing"}},
      {"EFA cannot be opened", {.files = "== /dev/infiniband/uverbs0 gone\n"}, {"fail rdmap16s27: efa.open"}},
      {"EFA gives no sign of life", {.between = Efa("keep_alive_rcvd", "1000")}, {"fail rdmap16s27: efa.keep_alive"}},
      {"EFA commands fail", {.between = Efa("cmds_err", "6")}, {"warn rdmap16s27: efa.cmds_err"}},
      {"EFA commands are not answered",
       {.between = Efa("no_completion_cmds", "6")},
       {"fail rdmap16s27: efa.no_completion_cmds"}},
      {"EFA drops packets", {.between = Efa("rx_drops", "6")}, {"warn rdmap16s27: efa.rx_drops"}},
      {"EFA reads fail", {.between = Efa("rdma_read_wr_err", "6")}, {"warn rdmap16s27: efa.rdma_read_wr_err"}},
      {"EFA writes fail", {.between = Efa("rdma_write_wr_err", "6")}, {"warn rdmap16s27: efa.rdma_write_wr_err"}},
      {"EFA paths are unstable",
       {.between = Efa("retrans_timeout_events", "6")},
       {"warn rdmap16s27: efa.retrans_timeout_events"}},
      {"EFA peers are silent",
       {.between = Efa("unresponsive_remote_events", "6")},
       {"warn rdmap16s27: efa.unresponsive_remote_events"}},
      {"EFA connections are slow",
       {.between = Efa("impaired_remote_conn_events", "6")},
       {"warn rdmap16s27: efa.impaired_remote_conn_events"}},
      {"an InfiniBand card is gone", {.files = "== /sys/class/infiniband/mlx5_1 gone\n"}, {"fail ib.count"}},
      {"a port is down", {.files = Ib("state", "1: DOWN")}, {"fail mlx5_1 port 1: ib.state"}},
      {"a port polls", {.files = Ib("phys_state", "2: Polling")}, {"fail mlx5_1 port 1: ib.phys_state"}},
      {"a port came up slower", {.files = Ib("rate", "200 Gb/sec (4X HDR)")}, {"fail mlx5_1 port 1: ib.rate"}},
      {"a link went down", {.between = Ib("counters/link_downed", "4")}, {"fail mlx5_1 port 1: ib.link_downed"}},
      {"buffers overran",
       {.between = Ib("counters/excessive_buffer_overrun_errors", "4")},
       {"fail mlx5_1 port 1: ib.buffer_overrun"}},
      {"link integrity",
       {.between = Ib("counters/local_link_integrity_errors", "4")},
       {"fail mlx5_1 port 1: ib.local_integrity"}},
      {"a receiver was not ready",
       {.between = Ib("hw_counters/rnr_nak_retry_err", "4")},
       {"fail mlx5_1 port 1: ib.rnr_nak_retry"}},
      {"some symbol errors", {.between = Ib("counters/symbol_error", "40")}, {"warn mlx5_1 port 1: ib.symbol_errors"}},
      {"many symbol errors", {.between = Ib("counters/symbol_error", "140")}, {"fail mlx5_1 port 1: ib.symbol_errors"}},
      {"a link recovers", {.between = Ib("counters/link_error_recovery", "40")}, {"warn mlx5_1 port 1: ib.link_recovery"}},
      {"bad packets", {.between = Ib("counters/port_rcv_errors", "40")}, {"warn mlx5_1 port 1: ib.receive_errors"}},
      {"congestion", {.between = Ib("hw_counters/roce_slow_restart", "4000")}, {"warn mlx5_1 port 1: ib.roce_slow_restart"}},
      {"a network card is down", {.files = "== /sys/class/net/eth0/operstate\ndown\n"}, {"warn eth0: net.state"}},
      {"a carrier flaps", {.between = "== /sys/class/net/eth0/carrier_changes\n14\n"}, {"fail eth0: net.carrier_changes"}},
      {"bad frames", {.between = "== /sys/class/net/eth0/statistics/rx_errors\n500\n"}, {"warn eth0: net.errors"}},
  };
  return kRows;
}

const std::vector<Sick>& GpuRows() {
  static const std::vector<Sick> kRows = {
      {"a GPU fell off the bus",
       {.files = "== /sys/bus/pci/devices/0000:2a:00.0 gone\n", .nvml = "gpus 1\n"},
       {"fail gpu.count"}},
      {"the driver lost a GPU", {.nvml = "gpus 1\n"}, {"fail gpu.missing"}},
      {"another model",
       {.nvml = "all.name NVIDIA A100-SXM4-40GB\n"},
       {"fail GPU 0 at 0000:18:00: gpu.model", "fail GPU 1 at 0000:2A:00: gpu.model"}},
      {"two firmwares", {.nvml = "1.vbios 95.00.00.00.00\n"}, {"warn gpu.kinds"}},
      {"the driver asks for a reset",
       {.nvml = "1.recovery 1\n"},
       {"fail GPU 1 at 0000:2A:00: gpu.recovery_action"},
       Action::reset},
      {"the driver asks for a reboot",
       {.nvml = "1.recovery 2\n"},
       {"fail GPU 1 at 0000:2A:00: gpu.recovery_action"},
       Action::reboot},
      {"the driver asks for an end of peer-to-peer traffic",
       {.nvml = "1.recovery 3\n"},
       {"warn GPU 1 at 0000:2A:00: gpu.recovery_action"},
       Action::drain},
      {"the driver asks for a reset once the job is gone",
       {.nvml = "1.recovery 4\n"},
       {"fail GPU 1 at 0000:2A:00: gpu.recovery_action"},
       Action::reset},
      {"the driver asks for what nobody knows",
       {.nvml = "1.recovery 5\n"},
       {"fail GPU 1 at 0000:2A:00: gpu.recovery_action"},
       Action::drain},
      {"no error correction", {.nvml = "1.ecc 0\n"}, {"warn GPU 1 at 0000:2A:00: gpu.ecc_mode"}},
      {"uncorrected errors", {.nvml = "1.ecc_uncorrected 2\n"}, {"fail GPU 1 at 0000:2A:00: gpu.ecc_uncorrected"}},
      {"many corrected errors", {.nvml = "1.ecc_corrected 20000\n"}, {"warn GPU 1 at 0000:2A:00: gpu.ecc_corrected"}},
      {"remapping failed", {.nvml = "1.remap_failed 1\n"}, {"fail GPU 1 at 0000:2A:00: gpu.remap_failed"}},
      {"remapping is due", {.nvml = "1.remap_pending 1\n"}, {"warn GPU 1 at 0000:2A:00: gpu.remap_pending"}},
      {"rows run out", {.nvml = "1.remap_uncorrected 513\n"}, {"fail GPU 1 at 0000:2A:00: gpu.remap_uncorrected"}},
      {"a page is to be retired", {.nvml = "1.retired_pending 1\n"}, {"warn GPU 1 at 0000:2A:00: gpu.retired_pending"}},
      {"throttled by heat", {.nvml = "1.throttle 72\n"}, {"fail GPU 1 at 0000:2A:00: gpu.throttle"}},
      {"throttled by power", {.nvml = "1.throttle 136\n"}, {"fail GPU 1 at 0000:2A:00: gpu.throttle"}},
      {"warm", {.nvml = "1.temperature 90\n"}, {"warn GPU 1 at 0000:2A:00: gpu.temperature"}},
      {"hot", {.nvml = "1.temperature 97\n"}, {"fail GPU 1 at 0000:2A:00: gpu.temperature"}},
      {"a busy link of an old generation",
       {.nvml = "1.pcie_generation 1\n"},
       {"fail GPU 1 at 0000:2A:00: gpu.pcie_generation"}},
      {"PCIe packets again and again", {.nvml_between = "1.replays 300\n"}, {"warn GPU 1 at 0000:2A:00: gpu.pcie_replays"}},
      {"a link is down", {.nvml = "1.link1 0\n"}, {"fail GPU 1 at 0000:2A:00: gpu.nvlink_down"}},
      {"NVLink errors", {.nvml_between = "1.link_errors 300\n"}, {"warn GPU 1 at 0000:2A:00: gpu.nvlink_errors"}},
      {"the fabric does not come up",
       {.nvml = "all.fabric 2\n"},
       {"fail GPU 0 at 0000:18:00: gpu.fabric_state", "fail GPU 1 at 0000:2A:00: gpu.fabric_state"}},
      {"no persistence", {.nvml = "1.persistence 0\n"}, {"warn GPU 1 at 0000:2A:00: gpu.persistence"}},
      {"Fabric Manager is dead", {.files = "== /proc/812 gone\n"}, {"fail service.fabricmanager"}},
      {"no way from cards to GPU memory",
       {.files = "== /proc/modules\nnvidia 56000000 40 - Live 0x0\n"},
       {"warn module.peermem"}},
  };
  return kRows;
}

const std::vector<Sick>& LogRows() {
  static const std::vector<Sick> kRows = {
      {"Xid 79",
       {.log = "NVRM: Xid (PCI:0000:18:00): 79, pid=1, name=x, GPU has fallen off the bus."},
       {"fail GPU at 0000:18:00: gpu.xid"}},
      {"Xid 63",
       {.log = "NVRM: Xid (PCI:0000:18:00): 63, Row Remapper: New row marked for remapping"},
       {"warn GPU at 0000:18:00: gpu.xid"}},
      {"Xid 154",
       {.log = "NVRM: Xid (PCI:0000:18:00): 154, GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)"},
       {"fail GPU at 0000:18:00: gpu.xid"}},
      {"a fatal SXid",
       {.log = "nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 20034, Fatal, Link 30 LTSSM Fault Up"},
       {"fail NVSwitch at 0000:c1:00: gpu.sxid"}},
      {"a GPU does not start",
       {.log = "NVRM: GPU 0000:18:00.0: RmInitAdapter failed! (0x62:0xffff:2351)"},
       {"fail gpu.init_failed"}},
      {"library and driver differ",
       {.log = "NVRM: API mismatch: the client has the version 535, but"},
       {"warn gpu.driver_mismatch"}},
      {"EFA is dead",
       {.log = "infiniband rdmap16s27: The device didn't send any completion for admin cmd CREATE_QP(1) status 0"},
       {"fail efa.log_fatal"}},
      {"EFA refuses",
       {.log = "infiniband rdmap16s27: Failed to process command REG_MR (opcode 7) comp_status 1"},
       {"warn efa.log_warn"}},
      {"mlx5 is dead",
       {.log = "mlx5_core 0000:40:00.0: poll_health:814:(pid 0): device's health compromised - reached miss count"},
       {"fail mlx5.log_fatal"}},
      {"mlx5 is hot",
       {.log = "mlx5_core 0000:40:00.0: Port module event[error]: module 0, Cable error, High Temperature"},
       {"warn mlx5.log_warn"}},
      {"a carrier is lost again and again",
       {.log = "mlx5_core 0000:40:00.0 eth1: Link down\nmlx5_core 0000:40:00.0 eth1: Link down\nmlx5_core 0000:40:00.0 eth1: "
               "Link down\n"
               "mlx5_core 0000:40:00.0 eth1: Link down\nmlx5_core 0000:40:00.0 eth1: Link down\nmlx5_core 0000:40:00.0 eth1: "
               "Link down"},
       {"fail net.link_down"}},
      {"a queue stands still", {.log = "NETDEV WATCHDOG: eth0 (ena): transmit queue 3 timed out"}, {"warn net.watchdog"}},
      {"an oops", {.log = "BUG: kernel NULL pointer dereference, address: 0000000000000008"}, {"fail kernel.oops"}},
      {"a CPU is stuck", {.log = "watchdog: BUG: soft lockup - CPU#3 stuck for 26s! [python3:77]"}, {"fail kernel.lockup"}},
      {"RCU stalls", {.log = "rcu: INFO: rcu_sched self-detected stall on CPU"}, {"warn kernel.stall"}},
      {"a task hangs", {.log = "INFO: task python3:4242 blocked for more than 120 seconds."}, {"warn kernel.hung_task"}},
      {"no memory", {.log = "Out of memory: Killed process 77 (python3) total-vm:1kB"}, {"warn kernel.oom"}},
      {"no file handles", {.log = "VFS: file-max limit 1024 reached"}, {"warn kernel.files"}},
      {"memory is bad", {.log = "EDAC MC0: 1 UE memory read error on CPU_SrcID#0"}, {"fail kernel.memory_error"}},
      {"memory is corrected",
       {.log = "EDAC MC0: 1 CE x\nEDAC MC0: 1 CE x\nEDAC MC0: 1 CE x\nEDAC MC0: 1 CE x\nEDAC MC0: 1 CE x\nEDAC MC0: 1 CE x\n"
               "EDAC MC0: 1 CE x\nEDAC MC0: 1 CE x\nEDAC MC0: 1 CE x\nEDAC MC0: 1 CE x\nEDAC MC0: 1 CE x"},
       {"warn kernel.machine_check"}},
      {"a CPU is slowed down",
       {.log = "mce: CPU3: Package temperature above threshold, cpu clock throttled (total events = 1)"},
       {"warn kernel.throttle"}},
      {"a PCIe error",
       {.log = "pcieport 0000:17:01.0: AER: Uncorrected (Non-Fatal) error received: 0000:18:00.0"},
       {"fail kernel.aer"}},
      {"a narrow slot",
       {.log = "mlx5_core 0000:40:00.0: 63.008 Gb/s available PCIe bandwidth, limited by 8.0 GT/s PCIe x8 link"},
       {"warn kernel.pcie_bandwidth"}},
      {"read-only", {.log = "EXT4-fs (sdb1): Remounting filesystem read-only"}, {"fail kernel.read_only"}},
      {"a file system's error",
       {.log = "EXT4-fs error (device sdb1): ext4_find_entry:1455: inode #2: comm ls: reading directory"},
       {"warn kernel.file_system"}},
      {"a disk's error", {.log = "I/O error, dev nvme1n1, sector 12345 op 0x0:(READ) flags 0x0"}, {"fail kernel.io_error"}},
      {"an NVMe time-out", {.log = "nvme nvme0: I/O 258 (I/O Cmd) QID 4 timeout, aborting"}, {"fail kernel.nvme"}},
      {"an array's disk", {.log = "md/raid1:md127: Disk failure on nvme1n1, disabling device."}, {"fail kernel.raid"}},
      {"NFS", {.log = "nfs: server 10.0.0.7 not responding, still trying"}, {"warn kernel.nfs"}},
  };
  return kRows;
}

std::vector<const Sick*> AllRows() {
  std::vector<const Sick*> rows;
  for (const auto* table : {&HostRows(), &CardRows(), &GpuRows(), &LogRows()})
    for (const Sick& row : *table) rows.push_back(&row);
  return rows;
}

TEST(SickTrees, TheHealthyHostHasNoFinding) {
  const ScanReport report = ScanOf({});
  EXPECT_EQ(Bad(report), Words());
  EXPECT_GT(report.verdicts.size(), 150u);
  EXPECT_TRUE(report.same.contains("net.mtu"));
  EXPECT_FALSE(report.same.contains("host.boot_id"));
}

TEST(SickTrees, EachSickHostHasExactlyItsVerdict) {
  SickHost host;
  for (const Sick* row : AllRows()) {
    const ScanReport report = host.Scan(row->changes);
    EXPECT_EQ(Bad(report), row->bad) << row->name;
    if (row->asks) {
      EXPECT_EQ(Name(Asked(report)), Name(*row->asks)) << row->name;
    }
  }
  EXPECT_EQ(Bad(host.Scan({})), Words());
}

// What no look at a host alone can read: as who reads it tells it. Who that is has tests of its own (clock_offset_test.cc,
// deep_test.cc, adapters_test.cc, tests/story/fabric_checks_test.cc).
struct Told {
  Reading good;
  Reading sick;
  const char* bad;
};
const std::vector<Told>& ToldRows() {
  static const std::vector<Told> kRows = {
      {{.check = "clock.offset", .number = 0.9}, {.check = "clock.offset", .number = 1.1}, "warn"},
      {{.check = "deep.compute", .word = "5f3a"}, {.check = "deep.compute", .word = "differs"}, "fail"},
      {{.check = "deep.stress", .number = 0}, {.check = "deep.stress", .number = 1}, "fail"},
      {{.check = "deep.gpu_compute", .word = "5f3a"}, {.check = "deep.gpu_compute", .word = "differs"}, "fail"},
      {{.check = "deep.gpu_stress", .number = 0}, {.check = "deep.gpu_stress", .number = 1}, "fail"},
      {{.check = "gpu.dcgm_diag", .word = "pass"}, {.check = "gpu.dcgm_diag", .word = "warn"}, "warn"},
      {{.check = "gpu.dcgm_diag", .word = "pass"}, {.check = "gpu.dcgm_diag", .word = "fail"}, "fail"},
      {{.check = "fabric.connect", .word = "yes"}, {.check = "fabric.connect", .word = "no"}, "fail"},
      {{.check = "fabric.data", .word = "right"}, {.check = "fabric.data", .word = "wrong"}, "fail"},
      {{.check = "fabric.bandwidth", .word = "normal"}, {.check = "fabric.bandwidth", .word = "slow"}, "fail"},
  };
  return kRows;
}

TEST(SickTrees, WhatOthersReadOfAHostHasExactlyItsVerdictToo) {
  const auto checks = ReadChecks(BuiltInChecksText(), "built in");
  ASSERT_TRUE(checks);
  for (const Told& row : ToldRows()) {
    const auto check = std::find_if(checks->begin(), checks->end(), [&](const Check& one) { return one.id == row.sick.check; });
    ASSERT_NE(check, checks->end()) << row.sick.check;
    EXPECT_EQ(Judge(*check, row.good, {})->state, State::ok) << row.sick.check;
    EXPECT_EQ(Name(Judge(*check, row.sick, {})->state), row.bad) << row.sick.check;
    EXPECT_EQ(Judge(*check, {.check = check->id, .unread = "nobody told"}, {})->state, State::unknown) << row.sick.check;
  }
}

TEST(SickTrees, NoCheckThatCanFindSomethingIsWithoutASickHost) {
  std::set<std::string> found = {"kernel.log", "kernel.overrun", "gpu.nvml", "mount.writable", "neuron.count"};  // tested below
  for (const Sick* row : AllRows())
    for (const std::string& bad : row->bad) found.insert(bad.substr(bad.rfind(' ') + 1));
  for (const Told& row : ToldRows()) found.insert(row.sick.check);
  const auto checks = ReadChecks(BuiltInChecksText(), "built in");
  ASSERT_TRUE(checks);
  for (const Check& check : *checks) {
    if (!check.warn && !check.fail) continue;
    EXPECT_TRUE(found.contains(check.id)) << check.id;
  }
}

TEST(SickTrees, ALogThatCannotBeReadLeavesAllThatItWouldTellUnknownWithTheReason) {
  const ScanReport report = ScanOf({}, {.kernel_log = "/nowhere/kmsg"});
  std::size_t unknown = 0;
  for (const Verdict& verdict : report.verdicts) {
    if (verdict.check == "kernel.log") {
      EXPECT_EQ(verdict.state, State::warn);
      EXPECT_EQ(verdict.evidence, "cannot read the kernel's log /nowhere/kmsg: No such file or directory");
    } else if (verdict.state == State::unknown) {
      ++unknown;
      EXPECT_NE(verdict.why.find("/nowhere/kmsg: No such file or directory"), std::string::npos) << verdict.why;
    }
  }
  std::size_t wanted = 3;  // overruns, Xid and SXid
  const auto checks = ReadChecks(BuiltInChecksText(), "built in");
  ASSERT_TRUE(checks);
  for (const Check& check : *checks) wanted += check.lines.empty() ? 0 : 1;
  EXPECT_EQ(unknown, wanted);
}

TEST(SickTrees, AGapInTheLogIsTold) {
  EXPECT_EQ(Bad(ScanOf({.files = "== /dev/kmsg\n6,1,500000,-;a\n6,9,600000,-;b\n"})), Words{"warn kernel.overrun"});
}

TEST(SickTrees, ADriverThatDoesNotStartIsAFailureAndLeavesItsGpusUnknown) {
  const ScanReport report = ScanOf({.nvml = "init 9\n"});
  for (const Verdict& verdict : report.verdicts) {
    if (verdict.check == "gpu.nvml") {
      EXPECT_EQ(verdict.why, "whether the driver answers: fails, and != answers is bad");
    } else if (verdict.check == "gpu.temperature") {
      EXPECT_EQ(verdict.why, "temperature could not be read: nvmlInit_v2(): Driver Not Loaded");
    }
  }
}

TEST(SickTrees, AnIdleLinkMayDropItsGeneration) {
  EXPECT_EQ(Bad(ScanOf({.nvml = "all.busy 0\nall.pcie_generation 1\n"})), Words());
}

TEST(SickTrees, ANoisyValueThatIsGoodAgainAtTheSecondLookIsNoFinding) {
  EXPECT_EQ(Bad(ScanOf({.nvml = "1.temperature 97\n", .nvml_between = "1.temperature 60\n"})), Words());
}

TEST(SickTrees, ANoisyValueThatIsBadAtTheSecondLookOnlyIsNoFindingYet) {
  EXPECT_EQ(Bad(ScanOf({.nvml_between = "1.temperature 97\n"})), Words());
}

TEST(SickTrees, PortStateOfEfaIsNoEvidence) {
  const ScanReport report = ScanOf({.files = "== /sys/class/infiniband/rdmap16s27/ports/1/state\n1: DOWN\n"});
  EXPECT_EQ(Bad(report), Words());
}

TEST(SickTrees, LinesThatOnlyLookLikeTroubleAreNone) {
  EXPECT_EQ(Bad(ScanOf({.log = "python3: NVRM: Xid (PCI:0000:18:00): 79, quoted\n"
                               "nvme nvme1: Shutdown timeout set to 8 seconds\n"
                               "docker0: port 1(vethab) entered disabled state\n"
                               "vethab: Link down\n"
                               "oom_reaper: reaped process 77 (python3), now anon-rss:0kB\n"
                               "Memory cgroup out of memory: Killed process 77 (python3)\n"
                               "nfs: server 10.0.0.7 OK\n"
                               "mlx5_core 0000:40:00.0: 252.048 Gb/s available PCIe bandwidth (32.0 GT/s PCIe x8 link)\n"
                               "mlx5_core 0000:40:00.0: Port module event: module 0, Cable plugged\n"
                               "EXT4-fs (sdb1): re-mounted. Opts: (null)\n"
                               "traps: python3[78] general protection fault ip:0 sp:0 error:0\n"
                               "NVRM: Xid (PCI:0000:18:00): 13, Graphics Exception: an application's\n"})),
            Words());
  // As an H200 with driver 580 writes them when it starts, and when a program writes where nothing is mapped.
  EXPECT_EQ(
      Bad(ScanOf({.log = "nvidia-nvlink: Nvlink Core is being initialized, major device number 240\n"
                         "NVRM: loading NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build\n"
                         "NVRM: gpuClearFbhubPoisonIntrForBug2924523_GA100: FBHUB Interrupt detected. Clearing it.\n"
                         "NVRM: Persistence mode is deprecated and will be removed in a future release.\n"
                         "NVRM: Xid (PCI:0000:18:00): 31, pid=828, name=bad, channel 0x0000000a, intr 00000000. MMU Fault: "
                         "ENGINE GRAPHICS GPC1 GPCCLIENT_T1_4 faulted @ 0x7f00_00001000. Fault is of type FAULT_PDE "
                         "ACCESS_TYPE_VIRT_WRITE\n"})),
      Words());
}

struct Disks {
  const char* name;
  int local, volumes;
  State state;
  const char* value;
};

TEST(SickTrees, AVolumeOfTheNetworkIsNoDiskOfTheHost) {
  for (const Disks& row : std::initializer_list<Disks>{{"all and the root's volume", 8, 1, State::ok, "8"},
                                                       {"all, no volume", 8, 0, State::ok, "8"},
                                                       {"a volume does not stand in for a disk", 7, 1, State::warn, "7"},
                                                       {"nothing but the root's volume", 0, 1, State::warn, "0"}}) {
    std::string files = "== /sys/class/nvme/nvme0 gone\n";
    for (int i = 0; i < row.volumes + row.local; ++i)
      files += Cat("== /sys/class/nvme/nvme", i, "/state\nlive\n== /sys/class/nvme/nvme", i, "/model\n",
                   i < row.volumes ? "Amazon Elastic Block Store" : "Amazon EC2 NVMe Instance Storage",
                   "              \n== /captured/nvme_smart/nvme", i, "\n002c01640a03\n");
    const ScanReport report = ScanOf({.files = files}, {.profile = "p5.48xlarge"});
    const auto found = std::find_if(report.verdicts.begin(), report.verdicts.end(),
                                    [](const Verdict& one) { return one.check == "nvme.count"; });
    ASSERT_NE(found, report.verdicts.end()) << row.name;
    EXPECT_EQ(Name(found->state), Name(row.state)) << row.name;
    EXPECT_EQ(found->value, row.value) << row.name;
  }
}

TEST(SickTrees, TrainingDataMayBeReadOnly) {
  EXPECT_EQ(Bad(ScanOf({.files = Mounts("24 22 0:50 / /data ro,relatime - ext4 /dev/sdb1 ro")})), Words());
}

TEST(SickTrees, AnXidThatTheDriverTookBackIsNoFinding) {
  EXPECT_EQ(
      Bad(ScanOf(
          {.log = "NVRM: Xid (PCI:0000:18:00): 154, GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)\n"
                  "NVRM: Xid (PCI:0000:18:00): 154, GPU recovery action changed from 0x1 (GPU Reset Required) to 0x0 (None)"})),
      Words());
}

TEST(SickTrees, WhatHappenedLongerAgoThanItsWindowDoesNotCount) {
  EXPECT_EQ(
      Bad(ScanOf(
          {.files =
               "== /dev/kmsg\n6,1,500000,-;a\n3,2,600000,-;VFS: file-max limit 1024 reached\n== /proc/uptime\n90000.0 1\n"})),
      Words());
}

TEST(SickTrees, AllGpusGoneIsAFailureNotAHostWithoutGpus) {
  const Words bad = Bad(ScanOf(
      {.files = "== /sys/bus/pci/devices/0000:18:00.0 gone\n== /sys/bus/pci/devices/0000:2a:00.0 gone\n", .nvml = "init 9\n"}));
  EXPECT_EQ(bad.front(), "fail gpu.count");
}

TEST(SickTrees, AHostThatLacksWhatItsProfilePromisesIsUnknownOrBadNeverGood) {
  const ScanReport report = ScanOf({}, {.profile = "trn1.32xlarge"});
  bool neuron = false;
  for (const Verdict& verdict : report.verdicts) {
    if (verdict.check != "neuron.count") continue;
    neuron = true;
    EXPECT_EQ(verdict.why, "Neuron devices on the PCI bus: 0, and != 16 (profile trn1) is bad");
  }
  EXPECT_TRUE(neuron);
}

}  // namespace
}  // namespace everstep::health
