#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "health/probe/probes.h"

namespace everstep::health {

namespace {

constexpr std::string_view kClass = "/sys/class/infiniband";

struct Counter {
  const char* check;
  const char* file;  // below ports/N
};

// Of EFA, hw_counters are all there is; a counter that a driver is too old for is not there.
constexpr std::array<Counter, 9> kEfa = {{{"efa.keep_alive", "hw_counters/keep_alive_rcvd"},
                                          {"efa.cmds_err", "hw_counters/cmds_err"},
                                          {"efa.no_completion_cmds", "hw_counters/no_completion_cmds"},
                                          {"efa.rx_drops", "hw_counters/rx_drops"},
                                          {"efa.rdma_read_wr_err", "hw_counters/rdma_read_wr_err"},
                                          {"efa.rdma_write_wr_err", "hw_counters/rdma_write_wr_err"},
                                          {"efa.retrans_timeout_events", "hw_counters/retrans_timeout_events"},
                                          {"efa.unresponsive_remote_events", "hw_counters/unresponsive_remote_events"},
                                          {"efa.impaired_remote_conn_events", "hw_counters/impaired_remote_conn_events"}}};
constexpr std::array<Counter, 8> kIb = {{{"ib.link_downed", "counters/link_downed"},
                                         {"ib.buffer_overrun", "counters/excessive_buffer_overrun_errors"},
                                         {"ib.local_integrity", "counters/local_link_integrity_errors"},
                                         {"ib.symbol_errors", "counters/symbol_error"},
                                         {"ib.link_recovery", "counters/link_error_recovery"},
                                         {"ib.receive_errors", "counters/port_rcv_errors"},
                                         {"ib.rnr_nak_retry", "hw_counters/rnr_nak_retry_err"},
                                         {"ib.roce_slow_restart", "hw_counters/roce_slow_restart"}}};

struct Device {
  std::string name{};
  std::string folder{};
  bool efa = false;
};

// "4: ACTIVE", "5: LinkUp": the word.
Result<std::string> Behind(const Root& root, const std::string& path) {
  EVERSTEP_ASSIGN(const std::string text, root.Read(path));
  const std::size_t colon = text.find(": ");
  return colon == std::string::npos ? text : text.substr(colon + 2);
}

void Counters(const Root& root, const Device& device, const std::string& port, Sink& sink) {
  const std::string scope = device.efa ? device.name : Cat(device.name, " port ", port);
  const auto read = [&](const Counter& counter) {
    const std::string path = Cat(device.folder, "/ports/", port, '/', counter.file);
    // The device's own counters, keep_alive_rcvd among them, stand a level higher with newer drivers.
    const std::string above = Cat(device.folder, '/', counter.file);
    const bool higher = device.efa && !root.Exists(path) && root.Exists(above);
    const auto number = root.Number(higher ? above : path);
    if (!number && number.error().code == ErrorCode::kNotFound)
      return sink.Moot(counter.check, scope, Cat("the driver does not count it: there is no ", path));
    sink.NumberOf(counter.check, scope, number, higher ? above : path);
  };
  if (device.efa) {
    for (const Counter& counter : kEfa) read(counter);
  } else {
    for (const Counter& counter : kIb) read(counter);
  }
}

void Port(const Root& root, const Device& device, const std::string& port, Sink& sink) {
  const std::string folder = Cat(device.folder, "/ports/", port), scope = Cat(device.name, " port ", port);
  sink.WordOf("ib.state", scope, Behind(root, folder + "/state"), folder + "/state");
  sink.WordOf("ib.phys_state", scope, Behind(root, folder + "/phys_state"), folder + "/phys_state");
  const auto rate = root.Read(folder + "/rate");  // "400 Gb/sec (4X NDR)"
  double gbps = 0;
  if (rate && std::from_chars(rate->data(), rate->data() + rate->size(), gbps).ec == std::errc()) {
    sink.Number("ib.rate", scope, gbps, Cat(folder, "/rate: ", *rate));
  } else {
    sink.Unread("ib.rate", scope, rate ? Cat(folder, "/rate has no number") : rate.error().message);
  }
}

// The file of libfabric's way in: /dev/infiniband/uverbsN of this device.
void Open(const Root& root, const Device& device, Sink& sink) {
  const auto verbs = root.List(device.folder + "/device/infiniband_verbs");
  if (!verbs || verbs->empty())
    return sink.Word("efa.open", device.name, "no",
                     Cat(device.folder, "/device/infiniband_verbs is empty: is ib_uverbs loaded?"));
  const std::string path = Cat("/dev/infiniband/", verbs->front());
  const bool good = ::access(root.At(path).c_str(), R_OK | W_OK) == 0;
  sink.Word("efa.open", device.name, good ? "yes" : "no",
            Cat(path, good ? " can be opened" : " cannot be opened by this user"));
}

void Efa(const Root& root, const Device& device, Sink& sink) {
  Open(root, device, sink);
  const std::string p2p = device.folder + "/device/p2p";
  const auto whose = root.Read(p2p);
  sink.Word("efa.p2p", device.name, whose && !whose->empty() ? *whose : "none", Cat(p2p, ": ", whose.value_or("not there")));
  sink.WordOf("efa.firmware", device.name, root.Read(device.folder + "/fw_ver"), device.folder + "/fw_ver");
}

void Firmware(const Root& root, const Device& device, Sink& sink) {
  const auto version = root.Read(device.folder + "/fw_ver"), board = root.Read(device.folder + "/board_id");
  if (!version) return sink.Unread("ib.firmware", device.name, version.error().message);
  sink.Word("ib.firmware", device.name, board ? Cat(*version, ' ', *board) : *version, device.folder + "/fw_ver and board_id");
}

void CountBoth(const Root& root, const std::vector<Device>& devices, Sink& sink) {
  const auto efa = static_cast<double>(std::count_if(devices.begin(), devices.end(), [](const Device& d) { return d.efa; }));
  const double others = static_cast<double>(devices.size()) - efa;
  const auto pci = PciDevices(root);
  const double on_bus = pci ? static_cast<double>(std::count_if(pci->begin(), pci->end(), IsEfa)) : 0;
  if (others > 0) {
    sink.Number("ib.count", "", others, Cat(kClass, ", without EFA's: ", ShowNumber(others, Unit::count)));
  } else {
    sink.None("ib.count", "there is no InfiniBand or RoCE device");
    for (const char* check : {"ib.state", "ib.phys_state", "ib.rate", "ib.firmware"})
      sink.Absent(check, "there is no InfiniBand or RoCE device");
    for (const Counter& counter : kIb) sink.Absent(counter.check, "there is no InfiniBand or RoCE device");
  }
  if (efa > 0 || on_bus > 0) {
    sink.Number("efa.count", "", efa, Cat(kClass, ", driver efa: ", ShowNumber(efa, Unit::count)));
    sink.Number("efa.missing", "", on_bus - efa,
                Cat(ShowNumber(on_bus, Unit::count), " on the PCI bus, ", ShowNumber(efa, Unit::count), " in ", kClass));
  }
  if (efa > 0) return;
  if (on_bus <= 0) {
    sink.None("efa.count", "there is no EFA device");
    sink.None("efa.missing", "there is no EFA device");
  }
  for (const char* check : {"efa.open", "efa.p2p", "efa.firmware"}) sink.Absent(check, "no EFA device has a driver");
  for (const Counter& counter : kEfa) sink.Absent(counter.check, "no EFA device has a driver");
}

}  // namespace

void ProbeInfiniband(const Root& root, Sink& sink) {
  const auto names = root.List(kClass);
  std::vector<Device> devices;
  for (const std::string& name : names ? *names : std::vector<std::string>()) {
    const std::string folder = Cat(kClass, '/', name);
    devices.push_back({name, folder, root.LinkName(folder + "/device/driver") == "efa"});
  }
  CountBoth(root, devices, sink);
  for (const Device& device : devices) {
    if (device.efa) {
      Efa(root, device, sink);
    } else {
      Firmware(root, device, sink);
    }
    const auto ports = root.List(device.folder + "/ports");
    for (const std::string& port : ports ? *ports : std::vector<std::string>()) {
      if (!device.efa) Port(root, device, port, sink);  // EFA's driver always says ACTIVE: that is no evidence
      Counters(root, device, port, sink);
    }
  }
}

}  // namespace everstep::health
