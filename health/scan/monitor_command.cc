#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "base/json/codec.h"
#include "base/real/clock.h"
#include "base/real/files.h"
#include "base/real/host.h"
#include "base/text.h"
#include "health/scan/command.h"
#include "health/scan/monitor.h"
#include "health/scan/report_text.h"

namespace everstep::health {

namespace {

constexpr Duration kTellChecksEvery = 1s;  // at most: the kernel may say ten thousand lines a second
constexpr Duration kTellEvery = 20s;       // also without news: who hears nothing takes this monitor for hanging

// Of the same boot; anything else is no memory of this host.
MonitorMemory Remembered(RealFiles& files, const std::string& path, const BootId& boot) {
  const auto text = files.Read(path);
  if (!text) return {};
  const auto memory = FromJson<MonitorMemory>(*text);
  return memory && memory->boot == boot ? *memory : MonitorMemory();
}

// What an agent reads, and what stays for the next monitor.
class Feed {
 public:
  Feed(std::string path, BootId boot) : path_(std::move(path)), boot_(std::move(boot)) {}
  MonitorMemory Memory() { return Remembered(files_, path_, boot_); }

  // false: nobody reads it.
  bool Tell(const Monitor& monitor, Time now) {
    if (!TellHealth(monitor, now) || !TellChecks(monitor, now)) return false;
    Remember(monitor);  // after it is told: a disk may be what is bad
    return true;
  }

 private:
  bool TellHealth(const Monitor& monitor, Time now) {
    const HostHealth health = monitor.Health();
    if (told_ && *told_ == health && now - told_at_ < kTellEvery) return true;
    told_at_ = now;
    told_ = health;
    return std::fputs((ToJson(health) + '\n').c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  }

  bool TellChecks(const Monitor& monitor, Time now) {
    if (monitor.looks() == looks_told_ || (checks_told_at_ && now - *checks_told_at_ < kTellChecksEvery)) return true;
    looks_told_ = monitor.looks();
    checks_told_at_ = now;
    return std::fputs(Cat(kChecksWord, ToJson(monitor.Checks(now)), '\n').c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  }
  // A healthy host has no news, and its disk is left in peace.
  void Remember(const Monitor& monitor) {
    if (news_ && monitor.looks() == looks_remembered_) return;
    looks_remembered_ = monitor.looks();
    MonitorMemory memory = monitor.Memory();
    memory.boot = boot_;
    std::string news = NewsIn(memory);
    if (news_ == news) return;
    news_ = std::move(news);
    if (const Status kept = files_.Write(path_, ToJson(memory)); !kept)
      std::fprintf(stderr, "everstep-agent monitor: %s\n", kept.error().Str().c_str());
  }

  RealFiles files_{};
  std::string path_;
  BootId boot_;
  std::optional<HostHealth> told_{};
  Time told_at_{};
  std::uint64_t looks_told_ = 0, looks_remembered_ = 0;
  std::optional<std::string> news_{};  // in what was remembered last
  std::optional<Time> checks_told_at_{};
};

// The reader of stdout has gone: a pipe says so without a word being written.
bool Unheard(const pollfd& out) { return (out.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0; }

// Lines of readings on stdin, from an agent.
class Heard {
 public:
  void AddTo(std::vector<pollfd>& polled) const {
    if (open_) polled.push_back({.fd = STDIN_FILENO, .events = POLLIN, .revents = 0});
  }
  // REQUIRES: something is there to be read, or it is at its end.
  void Read(Monitor& monitor, Time now) {
    constexpr std::size_t kLineBytes = 4096;  // more is no reading
    std::array<char, 4096> buffer{};
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    open_ = got > 0;
    if (!open_) return;
    rest_.append(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n')) {
      if (const auto reading = FromJson<Reading>(std::string_view(rest_).substr(0, end))) monitor.Hear(*reading, now);
      rest_.erase(0, end + 1);
    }
    if (rest_.size() > kLineBytes) rest_.clear();
  }

 private:
  bool open_ = true;
  std::string rest_{};
};

}  // namespace

int RunMonitorCommand(int argc, const char* const* argv) {
  const auto failed = [](const Error& error) {
    std::fprintf(stderr, "everstep-agent monitor: %s\n", error.Str().c_str());
    return 2;
  };
  const auto command = ScanCommandFrom(argc, argv);
  if (!command) return failed(command.error());
  if (!command->print.empty()) return std::fputs(command->print.c_str(), stdout) >= 0 ? 0 : 2;
  const ScanOptions& options = command->options;
  if (options.deep.time > Duration())
    return failed({.message = "--deep is of scan: a monitor leaves the host to its job", .hint = "everstep-agent scan --deep"});
  const auto catalogue = LoadCatalogue(options.catalogue);
  if (!catalogue) return failed(catalogue.error());
  const auto chosen = ProfileOf(options, *catalogue);
  if (!chosen) return failed(chosen.error());
  std::fprintf(stderr, "everstep-agent monitor: %s\n", chosen->why.c_str());
  std::optional<Feed> feed;
  if (!command->feed.empty()) {
    auto boot = command->boot.empty() ? KernelBootId() : Result<BootId>(BootId(command->boot));
    if (!boot) return failed(boot.error());
    feed.emplace(command->feed, *std::move(boot));
  }
  RealClock clock;
  bool heard = true;
  const std::string host = HostName(),
                    log = options.kernel_log.empty() ? Root(options.root).At("/dev/kmsg") : options.kernel_log;
  const auto emit = [&](const AlarmChange& change) {
    if (!feed) heard = heard && std::fputs(AlarmJson(change, host).c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  };
  Monitor monitor(*catalogue, chosen->profile, HostGroups(options, *catalogue, chosen->profile), log, {}, clock.Now(), emit,
                  feed ? feed->Memory() : MonitorMemory());
  Heard agent;
  while (heard) {
    monitor.Step(clock.Now());
    if (feed) heard = heard && feed->Tell(monitor, clock.Now());
    std::vector<pollfd> polled{{.fd = STDOUT_FILENO, .events = 0, .revents = 0}};
    if (feed) agent.AddTo(polled);
    const bool listens = polled.size() > 1;
    monitor.AddTo(polled);
    ::poll(polled.data(), polled.size(), monitor.TimeoutMs(clock.Now()));
    if (listens && polled[1].revents != 0) agent.Read(monitor, clock.Now());
    heard = heard && !Unheard(polled.front());
  }
  return 0;
}

}  // namespace everstep::health
