// Lines of the kernel's log that a site calls harmless: they count for nothing, and are counted themselves.
#include <gtest/gtest.h>

#include "base/text.h"
#include "health/probe/kernel_listener.h"
#include "health/scan/report_text.h"
#include "tests/health/probe/tree.h"

namespace everstep::health {
namespace {

constexpr const char* kList =
    "== /kernel_log.yaml\nkernel_log_ignore:\n  - {line: 'dev nvme9n1,', note: a disk that is pulled on purpose}\n"
    "  - {line: 'Xid \\(PCI:0000:18:00\\): 79,', note: the card of the lab}\n";
constexpr const char* kPulled = "I/O error, dev nvme9n1, sector 1 op 0x0:(READ)";
constexpr const char* kOther = "I/O error, dev nvme1n1, sector 2 op 0x0:(READ)";
constexpr const char* kXid = "NVRM: Xid (PCI:0000:18:00): 79, pid=1, GPU has fallen off the bus.";
constexpr const char* kHarmlessAnyway = "nvme: dev nvme9n1, hello";

class Told : public Sink {
 public:
  void Take(Reading reading) override { readings[reading.check] = std::move(reading); }
  void Waiting(std::string) override {}
  double Number(const std::string& check) { return readings[check].number.value_or(-1); }
  std::map<std::string, Reading> readings{};
};

KernelListener Listener(const Tree& catalogue) {
  const auto loaded = LoadCatalogue(catalogue.root());
  EXPECT_TRUE(loaded) << loaded.error().Str();
  return *KernelListener::Make({.checks = loaded->checks, .xids = loaded->xids});
}

TEST(IgnoredLines, CountForNoCheckNorAsXidAndAreCountedThemselves) {
  const Tree list(kList), nothing("== /proc/uptime\n100 1\n");
  KernelListener listener = Listener(list);
  for (const char* line : {kPulled, kOther, kPulled, kXid, kHarmlessAnyway}) listener.Take({.at = 1'000'000, .text = line});
  Told told;
  listener.Tell(Root(nothing.root()), told);
  EXPECT_EQ(told.Number("kernel.io_error"), 1);
  EXPECT_EQ(told.readings["kernel.io_error"].evidence, kOther);
  EXPECT_NE(told.readings["gpu.xid"].word, "reboot");
  EXPECT_EQ(told.Number("kernel.ignored"), 3);
  EXPECT_EQ(told.readings["kernel.ignored"].evidence,
            Cat("2 of \"a disk that is pulled on purpose\" (dev nvme9n1,), 1 of \"the card of the lab\" (Xid "
                "\\(PCI:0000:18:00\\): 79,), the last: ",
                kXid));
}

TEST(IgnoredLines, RaiseNothingForWhoFollowsTheLogAndAreToldToThem) {
  const Tree list(kList);
  KernelListener listener = Listener(list);
  listener.Take({.at = 1'000'000, .text = kPulled});
  Told told;
  listener.TellNew(2, told);
  EXPECT_EQ(told.readings.size(), 1u);
  EXPECT_EQ(told.Number("kernel.ignored"), 1);
}

TEST(IgnoredLines, WithoutAListNothingIsIgnored) {
  const Tree none("== /profiles/README\n\n"), nothing("== /proc/uptime\n100 1\n");
  KernelListener listener = Listener(none);
  listener.Take({.at = 1'000'000, .text = kPulled});
  Told told;
  listener.Tell(Root(nothing.root()), told);
  EXPECT_EQ(told.Number("kernel.io_error"), 1);
  EXPECT_FALSE(told.readings.contains("kernel.ignored"));
}

// A scan, from the file to what people read.
ScanReport Scanned(const std::string& list) {
  const Tree host(Cat("== /dev/kmsg\n3,1,1000000,-;", kPulled, "\n== /proc/uptime\n100 1\n== /c/profiles/README\n\n"));
  Tree catalogue(list.empty() ? "== /profiles/README\n\n" : list);
  ScanOptions options{
      .root = host.root(), .profile = "cpu", .catalogue = catalogue.root(), .paths = {}, .between_looks = Duration()};
  const auto report = Scan(options);
  EXPECT_TRUE(report) << report.error().Str();
  return report.value_or(ScanReport());
}

TEST(IgnoredLines, AScanShowsThemWithoutBeingAsked) {
  const ScanReport report = Scanned(kList);
  const std::string text = ReportText(report, false), nagios = ReportNagios(report);
  EXPECT_NE(text.find("IGNORED  kernel.ignored: lines of the kernel's log that count for nothing, as the site's own list calls "
                      "them harmless: 1\n         evidence: 1 of \"a disk that is pulled on purpose\""),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("kernel.io_error: lines"), std::string::npos);
  EXPECT_TRUE(nagios.ends_with("; 1 of the kernel's lines ignored\n")) << nagios;
}

TEST(IgnoredLines, AScanWithoutAListSaysNothingOfOne) {
  const ScanReport report = Scanned("");
  EXPECT_EQ(ReportText(report, false).find("kernel.ignored"), std::string::npos);
  EXPECT_NE(ReportText(report, false).find("FAIL     kernel.io_error"), std::string::npos) << ReportText(report, false);
  EXPECT_NE(ReportText(report, true).find("kernel.ignored: does not apply: the catalogue has no kernel_log.yaml"),
            std::string::npos);
}

}  // namespace
}  // namespace everstep::health
