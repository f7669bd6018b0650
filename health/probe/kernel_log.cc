#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "base/text.h"
#include "health/probe/kernel_lines.h"
#include "health/probe/kmsg.h"
#include "health/probe/probes.h"

namespace everstep::health {

namespace {

// What the log has said for one check.
struct Said {
  std::vector<std::int64_t> times{};
  std::string last{};
};

struct WorstXid {
  Action action = Action::note;
  std::string why{};
  std::string line{};
  std::size_t count = 0;
};

std::string Quoted(const KernelRecord& record) {
  return Cat(record.by_program ? "(written by a program, not the kernel) " : "", Clip(Printable(record.text), 300));
}

// Seconds since the boot; the log's own last line where that is not told.
double Now(const Root& root, std::int64_t last) {
  const auto text = root.Read("/proc/uptime");
  double seconds = 0;
  if (text && std::from_chars(text->data(), text->data() + text->size(), seconds).ec == std::errc())
    return std::max(seconds, static_cast<double>(last) / 1e6);
  return static_cast<double>(last) / 1e6;
}

class Listener {
 public:
  Listener(const KernelLogAsked& asked, KernelLines lines) : asked_(asked), lines_(std::move(lines)) {}

  void Take(const KernelRecord& record) {
    if (first_ < 0) first_ = record.at;
    last_ = std::max(last_, record.at);
    for (const std::size_t check : lines_.Match(record.text)) {
      Said& said = said_[check];
      said.times.push_back(record.at);
      said.last = Quoted(record);
    }
    if (const auto xid = ParseXid(record.text)) TakeXid(*xid, record);
  }

  void Tell(const Root& root, Sink& sink) const {
    const double now = Now(root, last_);
    const Duration reach(
        static_cast<std::int64_t>(std::max(0.0, now - static_cast<double>(std::max<std::int64_t>(first_, 0)) / 1e6) * 1e9));
    for (std::size_t i = 0; i < asked_.checks.size(); ++i)
      if (!asked_.checks[i].lines.empty()) TellLines(i, now, reach, sink);
    TellXids(root, "gpu.xid", false, sink);
    TellXids(root, "gpu.sxid", true, sink);
  }

 private:
  void TakeXid(const Xid& xid, const KernelRecord& record) {
    const XidDecision decision = DecideXid(asked_.xids, xid, asked_.model);
    const std::string scope = Cat(xid.of_switch ? "NVSwitch at " : "GPU at ", xid.device);
    WorstXid& worst = xids_[xid.of_switch][scope];
    ++worst.count;
    // The driver's own last word takes back what it asked for before.
    const bool withdrawn = xid.code == 154 && decision.action == Action::note;
    if (!withdrawn && decision.action < worst.action) return;
    worst.action = decision.action;
    worst.why = decision.why;
    worst.line = Quoted(record);
  }

  void TellLines(std::size_t index, double now, Duration reach, Sink& sink) const {
    const Check& check = asked_.checks[index];
    const auto found = said_.find(index);
    if (found == said_.end())
      return sink.Number(check.id, "", 0, Cat("no such line in the ", Show(reach), " that the log reaches back"));
    const double since = check.window > Duration() ? now - Seconds(check.window) : 0;
    const auto count = std::count_if(found->second.times.begin(), found->second.times.end(),
                                     [&](std::int64_t at) { return static_cast<double>(at) / 1e6 >= since; });
    sink.Number(check.id, "", static_cast<double>(count), found->second.last);
  }

  void TellXids(const Root& root, const char* check, bool of_switch, Sink& sink) const {
    const auto& by_device = xids_[of_switch];
    for (const auto& [scope, worst] : by_device)
      sink.Word(check, scope, std::string(Name(worst.action)),
                Cat(worst.line, " (", worst.why, worst.count > 1 ? Cat("; ", worst.count, " such lines") : "", ')'));
    if (!by_device.empty()) return;
    const auto devices = PciDevices(root);
    if (devices && std::none_of(devices->begin(), devices->end(), IsNvidiaGpu))
      return sink.Absent(check, "there is no NVIDIA GPU on the bus");
    sink.Word(check, "", "none", "no such line in the log");
  }

  const KernelLogAsked& asked_;
  KernelLines lines_;
  std::map<std::size_t, Said> said_{};
  std::map<std::string, WorstXid> xids_[2]{};
  std::int64_t first_ = -1, last_ = 0;
};

void CannotRead(const KernelLogAsked& asked, const Error& error, Sink& sink) {
  sink.Word("kernel.log", "", "unreadable", error.message);
  for (const char* check : {"kernel.overrun", "gpu.xid", "gpu.sxid"}) sink.Unread(check, "", error.message);
  for (const Check& check : asked.checks)
    if (!check.lines.empty()) sink.Unread(check.id, "", error.message);
}

}  // namespace

void ProbeKernelLog(const Root& root, const KernelLogAsked& asked, Sink& sink) {
  auto lines = KernelLines::Make(asked.checks);
  if (!lines) return CannotRead(asked, lines.error(), sink);
  const std::string path = asked.log.empty() ? root.At("/dev/kmsg") : asked.log;
  auto kmsg = Kmsg::Open(path);
  if (!kmsg) return CannotRead(asked, kmsg.error(), sink);
  Listener listener(asked, *std::move(lines));
  std::size_t records = 0;
  const bool all = kmsg->ReadNew([&](const KernelRecord& record) {
    ++records;
    listener.Take(record);
  });
  sink.Word("kernel.log", "", "readable",
            Cat(path, ": ", Count(records, "record"), all ? "" : ", and it grows faster than it is read"));
  sink.Number("kernel.overrun", "", static_cast<double>(kmsg->overrun()),
              Cat(path, ": gaps in the numbers of ", Count(records, "record")));
  listener.Tell(root, sink);
}

}  // namespace everstep::health
