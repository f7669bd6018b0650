#include <algorithm>

#include "base/text.h"
#include "health/probe/kernel_listener.h"
#include "health/probe/kmsg.h"
#include "health/probe/probes.h"

namespace everstep::health {

namespace {

// A site without such a list ignores nothing.
void NoList(const KernelLogAsked& asked, Sink& sink) {
  const bool has = std::any_of(asked.checks.begin(), asked.checks.end(),
                               [](const Check& check) { return check.id == kIgnoredLines && !check.lines.empty(); });
  if (!has) sink.Moot(std::string(kIgnoredLines), "", "the catalogue has no kernel_log.yaml");
}

void CannotRead(const KernelLogAsked& asked, const Error& error, Sink& sink) {
  sink.Word("kernel.log", "", "unreadable", error.message);
  for (const char* check : {"kernel.overrun", "gpu.xid", "gpu.sxid"}) sink.Unread(check, "", error.message);
  for (const Check& check : asked.checks)
    if (!check.lines.empty()) sink.Unread(check.id, "", error.message);
}

}  // namespace

void ProbeKernelLog(const Root& root, const KernelLogAsked& asked, Sink& sink) {
  NoList(asked, sink);
  auto listener = KernelListener::Make(asked);
  if (!listener) return CannotRead(asked, listener.error(), sink);
  const std::string path = asked.log.empty() ? root.At("/dev/kmsg") : asked.log;
  auto kmsg = Kmsg::Open(path);
  if (!kmsg) return CannotRead(asked, kmsg.error(), sink);
  std::size_t records = 0;
  const bool all = kmsg->ReadNew([&](const KernelRecord& record) {
    ++records;
    listener->Take(record);
  });
  if (records == 0)
    return CannotRead(asked, {ErrorCode::kCorrupt, Cat(path, " has no record as the kernel writes them"), ""}, sink);
  sink.Word("kernel.log", "", "readable",
            Cat(path, ": ", Count(records, "record"), all ? "" : ", and it grows faster than it is read"));
  sink.Number("kernel.overrun", "", static_cast<double>(kmsg->overrun()),
              Cat(path, ": gaps in the numbers of ", Count(records, "record")));
  listener->Tell(root, sink);
}

}  // namespace everstep::health
