#include <sys/timex.h>

#include <cerrno>

#include "base/text.h"
#include "health/probe/probes.h"

namespace everstep::health {

namespace {

struct Kept {
  bool synchronised = false;
  double error_seconds = 0;
};

// A recorded tree has it as "STATUS MAXERROR", the numbers that adjtimex() gave.
Result<Kept> Ask(const Root& root) {
  if (root.live()) {
    struct timex is {};
    if (::adjtimex(&is) < 0) return FailErrno(errno, "ask with", "adjtimex()");
    return Kept{(is.status & STA_UNSYNC) == 0, static_cast<double>(is.maxerror) / 1e6};
  }
  EVERSTEP_ASSIGN(const std::string text, root.Read("/captured/adjtimex"));
  const std::vector<std::string> words = Split(text, ' ');
  const auto status = ParseUnsigned(words[0]);
  const auto error = words.size() == 2 ? ParseUnsigned(words[1]) : std::nullopt;
  if (!status || !error) return Fail(ErrorCode::kCorrupt, "captured/adjtimex is no pair of numbers");
  return Kept{(*status & STA_UNSYNC) == 0, static_cast<double>(*error) / 1e6};
}

}  // namespace

void ProbeClock(const Root& root, Sink& sink) {
  const std::string path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
  sink.WordOf("clock.source", "", root.Read(path), path);
  const auto kept = Ask(root);
  if (!kept) {
    sink.Unread("clock.synchronised", "", kept.error().message);
    sink.Unread("clock.error", "", kept.error().message);
    return;
  }
  const std::string said = Cat("adjtimex(): ", kept->synchronised ? "synchronised" : "STA_UNSYNC", ", maxerror ",
                               ShowNumber(kept->error_seconds, Unit::seconds));
  sink.Word("clock.synchronised", "", kept->synchronised ? "yes" : "no", said);
  if (kept->synchronised) {
    sink.Number("clock.error", "", kept->error_seconds, said);
  } else {
    sink.Moot("clock.error", "", "the clock is not synchronised at all");
  }
}

}  // namespace everstep::health
