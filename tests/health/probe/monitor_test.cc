// A host that is watched: alarms come at once from the log, after strikes from noisy checks, and nothing that hangs holds them
// up.
#include "health/scan/monitor.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/json/codec.h"
#include "base/text.h"
#include "tests/health/probe/tree.h"

namespace everstep::health {
namespace {

constexpr Time kStart = Time(1h);  // the host has been up for an hour

class Watched {
 public:
  explicit Watched(std::vector<MonitorGroup> groups = {}, const std::string& profile = "gpu",
                   const std::string& log = "6,1,500000,-;Linux version 6.1", const MonitorMemory& memory = {})
      : tree_(Cat("== /kmsg\n", log, '\n')),
        catalogue_(*LoadCatalogue("")),
        monitor_(
            catalogue_, ChooseProfile(catalogue_, {.wanted = profile})->profile, std::move(groups), tree_.root() + "/kmsg", {},
            kStart, [this](const AlarmChange& change) { told.push_back(Cat(change.raised ? "raised " : "over ", change.why)); },
            memory) {}

  void KernelSays(const std::string& line, Duration since = 1s) {
    std::ofstream(tree_.root() + "/kmsg", std::ios::app)
        << "3," << number_++ << ',' << Nanoseconds(kStart + since) / 1000 << ",-;" << line << '\n';
  }
  void Step(Duration since) { monitor_.Step(kStart + since); }
  // Until what runs has ended.
  void StepUntilQuiet(Duration since) {
    for (;;) {
      monitor_.Step(kStart + since);
      std::vector<pollfd> polled;
      monitor_.AddTo(polled);
      if (polled.empty()) return;
      ::poll(polled.data(), polled.size(), 10'000);
    }
  }

  std::vector<HostAlarm> Alarms() const { return monitor_.Health().alarms; }
  std::vector<HostGpu> Gpus() const { return monitor_.Health().gpus; }
  // As it would be read from the disk.
  MonitorMemory Memory() const { return *FromJson<MonitorMemory>(ToJson(monitor_.Memory())); }
  std::string Log() const {
    std::ifstream file(tree_.root() + "/kmsg");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void AgentTells(const Reading& reading, Duration since) { monitor_.Hear(reading, kStart + since); }

  std::vector<std::string> told{};

 private:
  Tree tree_;
  Catalogue catalogue_;
  Monitor monitor_;
  int number_ = 2;
};

MonitorGroup Group(std::vector<std::string> checks, std::function<void(Sink&)> run, Duration deadline = 3s) {
  return {.probes = {{.name = "x", .checks = std::move(checks), .deadline = deadline, .run = std::move(run)}}, .every = 10s};
}

// Of a log with one line, said so long before the monitor starts; negative: it is of an earlier boot, which lasted longer.
std::string SaidBefore(Duration ago, const std::string& line) {
  return Cat("3,1,", Nanoseconds(kStart - ago) / 1000, ",-;", line);
}
constexpr const char* kOffBus = "NVRM: Xid (PCI:0000:18:00): 79, GPU has fallen off the bus.";

TEST(Monitor, WhatTheKernelSaidOfThisBootBeforeTheStartCountsAsIfItWasSaidNow) {
  Watched host({}, "gpu", SaidBefore(2min, kOffBus));
  host.Step(500ms);
  ASSERT_EQ(host.told.size(), 1u);
  EXPECT_EQ(host.told[0], "raised GPU at 0000:18:00: gpu.xid: Xid 79 of 0000:18:00: GPU has fallen off the bus: reboot");
}

TEST(Monitor, WhatAnEarlierBootSaidIsHistory) {
  Watched host({}, "gpu", SaidBefore(-2h, kOffBus));
  host.Step(500ms);
  EXPECT_TRUE(host.told.empty()) << host.told.front();
}

TEST(Monitor, AnOldLineCountsOnlyWithinTheWindowOfItsCheck) {
  Watched recent({}, "gpu", SaidBefore(2min, "nfs: server 10.0.0.7 not responding, still trying"));
  recent.Step(500ms);
  EXPECT_EQ(recent.told.size(), 1u);
  Watched older({}, "gpu", SaidBefore(59min + 59s, "nfs: server 10.0.0.7 not responding, still trying"));
  older.Step(2s);
  EXPECT_TRUE(older.told.empty()) << older.told.front();
}

TEST(Monitor, WhatIsSaidInTheFirstMinuteOfABootIsRaisedAfterIt) {
  Watched host({}, "gpu", SaidBefore(1h - 20s, kOffBus));
  host.Step(40s - 1h);
  EXPECT_TRUE(host.told.empty()) << host.told.front();
  host.Step(61s - 1h);
  EXPECT_EQ(host.told.size(), 1u);
}

TEST(Monitor, AnXidOfAProgramIsNoAlarmButIsToldToTheLauncherWithItsGpu) {
  Watched host;
  host.Step(500ms);
  host.KernelSays("NVRM: Xid (PCI:0000:2a:00): 31, pid=7, name=python3, MMU Fault");
  host.Step(1s);
  EXPECT_TRUE(host.told.empty());
  ASSERT_EQ(host.Alarms().size(), 1u);
  EXPECT_EQ(host.Alarms()[0].action, Action::app);
  EXPECT_EQ(host.Alarms()[0].why, "Xid 31 of 0000:2a:00: MMU page fault");
  EXPECT_FALSE(host.Alarms()[0].fail);
  host.Step(11min);
  EXPECT_TRUE(host.Alarms().empty());
}

TEST(Monitor, ALineOfTheKernelIsAnAlarmAtTheNextStep) {
  Watched host;
  host.Step(500ms);
  EXPECT_TRUE(host.told.empty()) << host.told.front();
  host.KernelSays("NVRM: Xid (PCI:0000:2a:00): 79, GPU has fallen off the bus.");
  host.Step(1s);
  ASSERT_EQ(host.told.size(), 1u);
  EXPECT_EQ(host.told[0], "raised GPU at 0000:2a:00: gpu.xid: Xid 79 of 0000:2a:00: GPU has fallen off the bus: reboot");
  host.Step(2s);
  EXPECT_EQ(host.told.size(), 1u);  // told once
}

TEST(Monitor, WhatOnlyTheAgentCanReadIsJudgedTooAndOfOtherChecksItIsNotBelieved) {
  Watched host;
  host.AgentTells({.check = "gpu.count", .number = 0}, 1s);
  EXPECT_TRUE(host.told.empty());
  host.AgentTells({.check = "clock.offset", .number = 3}, 2s);
  ASSERT_EQ(host.told.size(), 1u);
  EXPECT_EQ(host.told[0], "raised clock.offset: offset of the clock to the launcher's: 3 s, and > 1 s is suspect");
}

TEST(Monitor, AnOldXidMakesNoLaterOneGrave) {
  Watched host;
  host.KernelSays("NVRM: Xid (PCI:0000:2a:00): 79, GPU has fallen off the bus.");
  host.Step(1s);
  ASSERT_EQ(host.told.size(), 1u);
  host.Step(11min);
  ASSERT_EQ(host.told.size(), 2u) << "it is over";
  host.KernelSays("NVRM: Xid (PCI:0000:2a:00): 31, pid=7, name=python3, MMU Fault", 12min);
  host.Step(12min);
  EXPECT_EQ(host.told.size(), 2u) << host.told.back() << ": the program's doing";
  host.KernelSays("NVRM: Xid (PCI:0000:2a:00): 79, GPU has fallen off the bus.", 13min);
  host.Step(13min);
  EXPECT_EQ(host.told.size(), 3u);
}

TEST(Monitor, AProbeThatHangsHoldsUpNoAlarmOfTheLog) {
  Watched host({Group(
      {"mount.writable"},
      [](Sink&) {
        for (;;) ::pause();
      },
      1h)});
  host.Step(0s);
  host.KernelSays("watchdog: BUG: soft lockup - CPU#3 stuck for 26s! [python3:77]");
  host.Step(1s);
  ASSERT_EQ(host.told.size(), 1u);
  EXPECT_EQ(host.told[0], "raised kernel.lockup: CPUs that were stuck in the kernel: 1, and > 0 is bad");
}

TEST(Monitor, AFloodOfHarmlessLinesIsNoAlarmAndHidesNone) {
  Watched host;
  for (int i = 0; i < 5000; ++i) host.KernelSays("docker0: port 1(vethab) entered disabled state");
  host.KernelSays("I/O error, dev nvme1n1, sector 12345 op 0x0:(READ) flags 0x0");
  host.Step(1s);
  ASSERT_EQ(host.told.size(), 1u);
  EXPECT_EQ(host.told[0], "raised kernel.io_error: errors of disks, within a day: 1, and > 0 is bad");
}

TEST(Monitor, ANoisyValueIsAnAlarmAtItsSecondBadLookAndOverAfterTenGoodMinutes) {
  bool hot = true;
  Watched host(
      {Group({"gpu.temperature"}, [&](Sink& sink) { sink.Number("gpu.temperature", "GPU 3", hot ? 97 : 40, "read"); })});
  host.StepUntilQuiet(0s);
  host.StepUntilQuiet(5s);  // it is not looked at yet
  EXPECT_TRUE(host.told.empty());
  host.StepUntilQuiet(10s);
  ASSERT_EQ(host.told.size(), 1u);
  EXPECT_EQ(host.told[0], "raised GPU 3: gpu.temperature: temperature: 97 °C, and > 95 °C is bad (2 looks in a row)");
  hot = false;
  for (int look = 2; look < 70; ++look) host.StepUntilQuiet(look * 10s);
  ASSERT_EQ(host.told.size(), 2u);
  EXPECT_EQ(host.told[1], "over GPU 3: gpu.temperature: not seen again for 10 min");
}

TEST(Monitor, ACounterIsAnAlarmWhenItGrows) {
  double count = 5;
  Watched host(
      {Group({"efa.no_completion_cmds"}, [&](Sink& sink) { sink.Number("efa.no_completion_cmds", "rdma0", count, "read"); })});
  host.StepUntilQuiet(0s);
  host.StepUntilQuiet(10s);
  EXPECT_TRUE(host.told.empty());
  count = 6;
  host.StepUntilQuiet(20s);
  ASSERT_EQ(host.told.size(), 1u);
  EXPECT_EQ(host.told[0],
            "raised rdma0: efa.no_completion_cmds: commands that the device never answered within an hour: 1, and > 0 is bad");
}

// ---- a monitor that goes on where another one of the same boot ended -------------------------------------------------------

TEST(Monitor, StrikesAndWhatCountersHaveGrownByOutliveIt) {
  double hot = 97, drops = 5;
  const auto groups = [&] {
    return std::vector{Group({"gpu.temperature", "efa.no_completion_cmds"}, [&](Sink& sink) {
      sink.Number("gpu.temperature", "GPU 3", hot, "read");
      sink.Number("efa.no_completion_cmds", "rdma0", drops, "read");
    })};
  };
  Watched first(groups());
  first.StepUntilQuiet(0s);
  drops = 6;
  hot = 40;
  first.StepUntilQuiet(10s);
  hot = 97;
  first.StepUntilQuiet(20s);
  ASSERT_EQ(first.told.size(), 1u) << "the counter; the first strike was forgiven, and here is another";
  drops = 8;
  Watched next(groups(), "gpu", first.Log(), first.Memory());
  next.StepUntilQuiet(30s);
  ASSERT_EQ(next.told.size(), 1u);
  EXPECT_EQ(next.told[0], "raised GPU 3: gpu.temperature: temperature: 97 °C, and > 95 °C is bad (2 looks in a row)");
  for (const HostAlarm& alarm : next.Alarms())
    if (alarm.check == "efa.no_completion_cmds") {
      EXPECT_EQ(alarm.why, "commands that the device never answered within an hour: 1, and > 0 is bad") << "as it was raised";
    }
}

TEST(Monitor, ACounterThatHasGrownBeforeIsStillBadAtTheFirstLookOfTheNextOne) {
  double drops = 5;
  const auto groups = [&] {
    return std::vector{
        Group({"efa.no_completion_cmds"}, [&](Sink& sink) { sink.Number("efa.no_completion_cmds", "rdma0", drops, "read"); })};
  };
  Watched first(groups());
  first.StepUntilQuiet(0s);
  drops = 7;
  first.StepUntilQuiet(10s);
  MonitorMemory memory = first.Memory();
  memory.alarms.clear();  // as if it had ended before it could raise it
  Watched next(groups(), "gpu", first.Log(), memory);
  next.StepUntilQuiet(20s);
  ASSERT_EQ(next.told.size(), 1u);
  EXPECT_NE(next.told[0].find("within an hour: 2, and > 0 is bad"), std::string::npos) << next.told[0];
}

TEST(Monitor, LinesThatTheLastOneHasCountedCountWithTheNextOne) {
  constexpr const char* kFlap = "e1000e 0000:00:1f.6 eth0: NIC Link is Down";
  Watched first;
  for (int i = 0; i < 5; ++i) first.KernelSays(kFlap, 1s);
  first.Step(2s);
  EXPECT_TRUE(first.told.empty()) << first.told.front();
  Watched next({}, "gpu", first.Log(), first.Memory());
  next.Step(3s);
  EXPECT_TRUE(next.told.empty()) << "told already: " << next.told.front();
  next.KernelSays(kFlap, 4s);
  next.Step(5s);
  ASSERT_EQ(next.told.size(), 1u);
  EXPECT_NE(next.told[0].find("6, and > 5 is bad"), std::string::npos) << next.told[0];
}

TEST(Monitor, AnXidThatWasToldIsNotToldAgainByTheNextOne) {
  Watched first;
  first.KernelSays(kOffBus);
  first.Step(2s);
  ASSERT_EQ(first.told.size(), 1u);
  Watched next({}, "gpu", first.Log(), first.Memory());
  next.Step(3s);
  EXPECT_TRUE(next.told.empty());
  EXPECT_EQ(next.Alarms().size(), 1u) << "it stands";
}

TEST(Monitor, AGpuThatFellOffTheBusIsStillKnownToTheNextOne) {
  bool there = true;
  const auto groups = [&] {
    return std::vector{Group({"gpu.uuid"}, [&](Sink& sink) {
      sink.Word("gpu.uuid", "GPU 0 at 0000:18:00", "GPU-a", "read");
      if (there) sink.Word("gpu.uuid", "GPU 1 at 0000:2A:00", "GPU-b", "read");
    })};
  };
  Watched first(groups());
  first.StepUntilQuiet(0s);
  ASSERT_EQ(first.Gpus().size(), 2u);
  there = false;
  Watched next(groups(), "gpu", first.Log(), first.Memory());
  next.StepUntilQuiet(10s);
  ASSERT_EQ(next.Gpus().size(), 2u);
  EXPECT_EQ(next.Gpus()[1].uuid, "GPU-b");
}

TEST(Monitor, ThatAnAlarmGoesOnIsNoNewsForItsMemoryAndAStrikeIs) {
  double hot = 97;
  Watched host({Group({"gpu.temperature", "gpu.ecc_mode"}, [&](Sink& sink) {
    sink.Number("gpu.temperature", "GPU 3", hot, "read");
    sink.Word("gpu.ecc_mode", "GPU 3", "off", "read");
  })});
  host.StepUntilQuiet(0s);
  const std::string strike = NewsIn(host.Memory());
  host.StepUntilQuiet(10s);
  const std::string raised = NewsIn(host.Memory());
  EXPECT_NE(strike, raised);
  host.StepUntilQuiet(20s);
  EXPECT_EQ(NewsIn(host.Memory()), raised);
}

TEST(Monitor, ACounterThatHasGrownIsNewsOnceAndNotEachTimeItIsLookedAt) {
  double errors = 3;
  Watched host({Group({"net.errors"}, [&](Sink& sink) { sink.Number("net.errors", "eth0", errors, "read"); })});
  host.StepUntilQuiet(0s);
  const std::string before = NewsIn(host.Memory());
  errors = 7;
  host.StepUntilQuiet(10s);
  const std::string grown = NewsIn(host.Memory());
  EXPECT_NE(before, grown);
  host.StepUntilQuiet(20s);
  host.StepUntilQuiet(30s);
  EXPECT_EQ(NewsIn(host.Memory()), grown);
}

TEST(Monitor, ALineThatCountsIsNewsAlsoIfItIsNoAlarmAndOneThatDoesNotIsNone) {
  Watched host({}, "gpu");
  host.Step(0s);
  const std::string before = NewsIn(host.Memory());
  host.KernelSays("usb 1-1: new high-speed USB device");
  host.Step(1s);
  EXPECT_EQ(NewsIn(host.Memory()), before);
  host.KernelSays("NVRM: Xid (PCI:0000:2a:00): 31, pid=7, name=python3, MMU Fault", 2s);
  host.Step(2s);
  EXPECT_NE(NewsIn(host.Memory()), before) << "the next monitor would tell it once more, of whatever job runs then";
}

TEST(Monitor, AHungMountIsAnAlarm) {
  Watched host({Group(
      {"mount.writable"},
      [](Sink& sink) {
        sink.Waiting("fsync(/data/x)");
        for (;;) ::pause();
      },
      100ms)});
  host.Step(0s);
  host.Step(1s);  // past its deadline
  ASSERT_EQ(host.told.size(), 1u);
  EXPECT_EQ(host.told[0], "raised mount.writable: whether a file can be written and read back: hangs, and != yes is bad");
}

TEST(Monitor, ALogThatCannotBeReadIsAnAlarmOfItsOwn) {
  std::vector<std::string> told;
  const Catalogue catalogue = *LoadCatalogue("");
  Monitor monitor(catalogue, {.name = "cpu"}, {}, "/nowhere/kmsg", {}, kStart,
                  [&](const AlarmChange& change) { told.push_back(change.alarm.verdict.evidence); });
  EXPECT_EQ(told, std::vector<std::string>{"cannot read the kernel's log /nowhere/kmsg: No such file or directory"});
}

}  // namespace
}  // namespace everstep::health
