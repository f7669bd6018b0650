#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <optional>

#include "base/real/fd.h"
#include "base/text.h"
#include "health/probe/probes.h"

namespace everstep::health {

namespace {

constexpr std::string_view kNvme = "/sys/class/nvme";
constexpr std::size_t kPageBytes = 512;
using Page = std::array<unsigned char, kPageBytes>;

// Log page 02h, "SMART / Health Information". A recorded tree has it as hexadecimal text.
Result<Page> SmartPage(const Root& root, const std::string& controller) {
  Page page{};
  if (!root.live()) {
    EVERSTEP_ASSIGN(const std::string text, root.Read(Cat("/captured/nvme_smart/", controller)));
    for (std::size_t i = 0; i < page.size() && 2 * i + 1 < text.size(); ++i) {
      const auto digit = [&](char c) { return static_cast<unsigned>(IsDigit(c) ? c - '0' : (c | 32) - 'a' + 10) & 15u; };
      page[i] = static_cast<unsigned char>(digit(text[2 * i]) * 16 + digit(text[2 * i + 1]));
    }
    return page;
  }
  constexpr std::uint8_t kGetLogPage = 0x02;
  constexpr std::uint32_t kHealth = 0x02, kWords = kPageBytes / 4 - 1, kAllNamespaces = 0xffffffff, kTimeoutMs = 2000;
  const std::string path = Cat("/dev/", controller);
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.open()) return FailErrno(errno, "open", path);
  nvme_admin_cmd command{};
  command.opcode = kGetLogPage;
  command.nsid = kAllNamespaces;
  command.addr = reinterpret_cast<std::uint64_t>(page.data());
  command.data_len = kPageBytes;
  command.cdw10 = kHealth | kWords << 16;
  command.timeout_ms = kTimeoutMs;
  const int answer = ::ioctl(fd.get(), NVME_IOCTL_ADMIN_CMD, &command);
  if (answer < 0) return FailErrno(errno, "read the SMART log of", path);
  if (answer > 0) return Fail(ErrorCode::kIo, Cat(path, " refuses its SMART log with status ", answer));
  return page;
}

void Smart(const Root& root, const std::string& controller, Sink& sink) {
  sink.Waiting(Cat("the SMART log of ", controller));
  const auto page = SmartPage(root, controller);
  if (!page) {
    for (const char* check : {"nvme.critical_warning", "nvme.used", "nvme.spare"})
      sink.Unread(check, controller, Cat(page.error().message, " (this needs CAP_SYS_ADMIN)"));
    return;
  }
  constexpr std::size_t kWarning = 0, kSpare = 3, kThreshold = 4, kUsed = 5;
  const auto at = [&](std::size_t i) { return static_cast<double>((*page)[i]); };
  sink.Number("nvme.critical_warning", controller, at(kWarning),
              Cat("SMART log: critical_warning ", ShowNumber(at(kWarning), Unit::count)));
  sink.Number("nvme.used", controller, at(kUsed), Cat("SMART log: percentage_used ", ShowNumber(at(kUsed), Unit::count)));
  sink.Number("nvme.spare", controller, at(kSpare) - at(kThreshold),
              Cat("SMART log: available_spare ", ShowNumber(at(kSpare), Unit::count), ", threshold ",
                  ShowNumber(at(kThreshold), Unit::count)));
}

// An EBS volume is a controller too, and no disk of the host: how many there are is the doing of who started it.
bool IsNetworkVolume(const Root& root, const std::string& controller) {
  const auto model = root.Read(Cat(kNvme, '/', controller, "/model"));
  return model && Trim(*model) == "Amazon Elastic Block Store";
}

void Nvme(const Root& root, Sink& sink) {
  const auto names = root.List(kNvme);
  std::size_t count = 0;
  std::vector<std::string> disks;
  for (const std::string& name : names ? *names : std::vector<std::string>()) {
    if (!name.starts_with("nvme")) continue;
    ++count;
    if (!IsNetworkVolume(root, name)) disks.push_back(name);
    const std::string path = Cat(kNvme, '/', name, "/state");
    sink.WordOf("nvme.state", name, root.Read(path), path);
    Smart(root, name, sink);
  }
  if (count == 0) {
    sink.None("nvme.count", "there is no NVMe controller");
    for (const char* check : {"nvme.state", "nvme.critical_warning", "nvme.used", "nvme.spare"})
      sink.Absent(check, "there is no NVMe controller");
    return;
  }
  if (disks.empty()) return sink.None("nvme.count", "all NVMe controllers are EBS volumes");
  const std::string volumes = disks.size() == count ? "" : Cat("; without ", Count(count - disks.size(), "EBS volume"));
  sink.Number("nvme.count", "", static_cast<double>(disks.size()), Cat(kNvme, ": ", Clip(Join(disks), 200), volumes));
}

// "[8/7]" behind an array: eight are wanted, seven work.
std::optional<double> Missing(std::string_view line) {
  for (std::size_t open = line.find('['); open != std::string_view::npos; open = line.find('[', open + 1)) {
    const std::size_t slash = line.find('/', open), close = line.find(']', open);
    if (slash == std::string_view::npos || close == std::string_view::npos || slash > close) continue;
    const auto wanted = ParseUnsigned(line.substr(open + 1, slash - open - 1));
    const auto works = ParseUnsigned(line.substr(slash + 1, close - slash - 1));
    if (wanted && works && *works <= *wanted) return static_cast<double>(*wanted - *works);
  }
  return std::nullopt;
}

void Arrays(const Root& root, Sink& sink) {
  const auto text = root.Read("/proc/mdstat");
  std::string array;
  bool any = false;
  for (const std::string& line : text ? Split(*text, '\n') : std::vector<std::string>()) {
    if (line.starts_with("md")) array = line.substr(0, line.find(' '));
    if (array.empty()) continue;
    if (const auto missing = Missing(line)) {
      any = true;
      sink.Number("raid.degraded", array, *missing, Cat("/proc/mdstat: ", Trim(line)));
      array.clear();
    }
  }
  if (!any) sink.Absent("raid.degraded", "there is no array that could miss a disk");
}

}  // namespace

void ProbeDisks(const Root& root, Sink& sink) {
  Nvme(root, sink);
  Arrays(root, sink);
}

}  // namespace everstep::health
