// A host of unknown kind whose GPUs have all fallen off the bus is a sick host with GPUs, not a healthy one without.
#include <gtest/gtest.h>

#include "base/text.h"
#include "health/scan/scan.h"
#include "tests/health/probe/tree.h"

namespace everstep::health {
namespace {

constexpr const char* kBus =
    "== /sys/bus/pci/devices/0000:00:04.0/class\n0x020000\n== /sys/bus/pci/devices/0000:00:04.0/vendor\n0x1d0f\n"
    "== /sys/bus/pci/devices/0000:00:04.0/device\n0xec20\n";

struct Seen {
  std::string profile{}, why{}, count{};  // "fail: evidence"; empty: the check does not apply
};

Seen Look(const std::string& files, const std::string& wanted = "") {
  const Tree host("== /proc/uptime\n86400 1\n" + files);
  const auto report = Scan({.root = host.root(), .profile = wanted, .paths = {}, .between_looks = Duration()});
  EXPECT_TRUE(report) << report.error().Str();
  Seen seen{.profile = report->profile.name, .why = report->profile_why};
  for (const Verdict& verdict : report->verdicts)
    if (verdict.check == "gpu.count")
      seen.count = Cat(Name(verdict.state), ": ", verdict.state == State::fail ? verdict.evidence : verdict.why);
  return seen;
}

TEST(LostGpus, ADriverWithoutAGpuFailsTheCountOfAHostOfUnknownKind) {
  const Seen seen = Look(Cat(kBus, "== /sys/module/nvidia/version\n550.90.07\n"));
  EXPECT_EQ(seen.profile, "gpu");
  EXPECT_EQ(
      seen.why,
      "nothing says what kind of host this is: taken as a host with NVIDIA GPUs of any kind, though none is on the bus: their "
      "driver is loaded: there is /sys/module/nvidia, so that nothing is known of how much there should be");
  EXPECT_EQ(seen.count, "fail: there is no NVIDIA GPU on the bus, but their driver is loaded: there is /sys/module/nvidia");
}

TEST(LostGpus, SoDoesTheDriversOwnFolderAndASwitchThatIsLeft) {
  EXPECT_EQ(Look(Cat(kBus, "== /proc/driver/nvidia/version\nNVRM version\n")).count,
            "fail: there is no NVIDIA GPU on the bus, but their driver is loaded: there is /proc/driver/nvidia/version");
  EXPECT_EQ(
      Look(Cat(kBus,
               "== /sys/bus/pci/devices/0000:c1:00.0/class\n0x068000\n== /sys/bus/pci/devices/0000:c1:00.0/vendor\n0x10de\n"))
          .count,
      "fail: there is no NVIDIA GPU on the bus, but an NVSwitch is on the bus at 0000:c1:00.0");
}

TEST(LostGpus, WhereTheBusIsHiddenTheCountIsUnknown) {
  EXPECT_EQ(
      Look("== /sys/module/nvidia/version\n550.90.07\n").count,
      "unknown: GPUs on the PCI bus could not be read: /sys/bus/pci/devices shows no device at all, but of NVIDIA GPUs their "
      "driver is loaded: there is /sys/module/nvidia");
}

TEST(LostGpus, AHostWithoutAnyTraceOfThemHasNone) {
  const Seen seen = Look(kBus);
  EXPECT_EQ(seen.profile, "cpu");
  EXPECT_EQ(seen.count, "");
}

TEST(LostGpus, AHostThatHasOneIsNoSuchHost) {
  const Seen seen = Look(Cat(kBus, "== /sys/module/nvidia/version\n550\n== /sys/bus/pci/devices/0000:18:00.0/class\n0x030200\n",
                             "== /sys/bus/pci/devices/0000:18:00.0/vendor\n0x10de\n"));
  EXPECT_EQ(seen.profile, "gpu");
  EXPECT_EQ(seen.why.find("though none"), std::string::npos);
  EXPECT_EQ(seen.count, "ok: GPUs on the PCI bus: 1");
}

TEST(LostGpus, WhoNamesTheKindIsBelieved) {
  EXPECT_EQ(Look(Cat(kBus, "== /sys/module/nvidia/version\n550\n"), "cpu").count, "");
  EXPECT_EQ(Look(Cat(kBus, "== /sys/module/nvidia/version\n550\n"), "p5.48xlarge").count.substr(0, 5), "fail:");
}

}  // namespace
}  // namespace everstep::health
