// everstep-launcher: the parts and their wires.
//
//   agents, people ──► server ──inputs──► loop ──batches──► store thread ──► log
//          ▲─────────── commands, replies ──┘ ◄── durable ──────┘
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "base/real/clock.h"
#include "base/real/log.h"
#include "base/real/loop_thread.h"
#include "base/real/signals.h"
#include "base/version.h"
#include "health/catalogue/catalogue.h"
#include "launcher/config/launcher_flags.h"
#include "launcher/daemon/loop.h"
#include "launcher/daemon/store_thread.h"
#include "launcher/rpc/server.h"
#include "launcher/store/open.h"

namespace everstep {
namespace {

std::optional<std::string> FromEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

Status Run(LauncherOptions options, StopSignals& signals) {
  const StderrLog log;
  EVERSTEP_ASSIGN(const health::Catalogue catalogue, health::LoadCatalogue(""));
  options.checks = catalogue.checks;
  options.xids = catalogue.xids;
  RealClock clock;
  EVERSTEP_ASSIGN(const auto store, OpenStore("sqlite:" + options.state_dir, clock));
  EVERSTEP_ASSIGN(const Recovered recovered, store->Open());
  Rng rng((std::random_device()()));
  LoopThread<LauncherInput> inputs(clock);
  const auto post = [&inputs](LauncherInput input) { inputs.Post(std::move(input)); };
  LauncherServer server;
  RealSiteHooks fences(post);
  StoreThread journal(*store, options.history, post);
  LauncherLoop loop(options, std::string(Version()),
                    {clock, server, server, journal, fences, log,
                     [&server](const NodeId& node, const GangKey& gang) { return server.LastWords(node, gang); },
                     [] { std::raise(SIGKILL); }},
                    Rng(rng.Next()));
  EVERSTEP_TRY(loop.Replay(recovered));
  const Epoch epoch = NextEpoch(recovered, rng);
  EVERSTEP_TRY(store->BeginEpoch(epoch));
  loop.Begin(clock.Now(), recovered.last_write, epoch);
  EVERSTEP_ASSIGN(
      const LauncherServing serving,
      server.Start({.listen = options.listen, .insecure = options.insecure, .address_file = options.address_file}, post));
  if (!serving.warning.empty()) log("warning", serving.warning);
  log("info", "serving on " + serving.address + ", state in " + options.state_dir);

  signals.OnStop([&inputs](int) { inputs.Stop(); });
  inputs.Run(loop);
  signals.OnStop(nullptr);
  server.Shutdown();
  if (loop.Ended())
    return Fail(ErrorCode::kIo, loop.fatal(),
                "free the disk or repair it, then start the launcher again: nothing that was acknowledged is lost");
  log("info", "stopped: running jobs go on, agents wait for a launcher");
  return {};
}

}  // namespace
}  // namespace everstep

int main(int argc, char** argv) {
  using namespace everstep;
  const auto settings = LauncherOptionsFrom(argc, argv, FromEnvironment);
  if (!settings) {
    std::fprintf(stderr, "everstep-launcher: %s\n", settings.error().Str().c_str());
    return 2;
  }
  if (settings->print) {
    std::fputs(settings->print->c_str(), stdout);
    return 0;
  }
  StopSignals signals;  // before any thread: they inherit the mask
  if (const Status status = Run(settings->options, signals); !status) {
    std::fprintf(stderr, "everstep-launcher: %s\n", status.error().Str().c_str());
    return 1;
  }
  return 0;
}
