// What a check of several hosts makes of their scans and of the network's verdicts.
#include "launcher/cli/check_report.h"

#include <gtest/gtest.h>

#include "base/json/codec.h"
#include "base/text.h"

namespace everstep {
namespace {

using Mark = health::State;
using health::VerdictLine;

std::string Line(const std::string& check, Mark status, const std::string& value, const std::string& why) {
  return ToJson(VerdictLine{.host = "vm", .check = check, .status = status, .value = value, .why = why, .remedy = "mend it"}) +
         '\n';
}

TEST(CheckReport, AHostIsAsBadAsTheWorstThatIsSaidOfIt) {
  const auto hosts =
      Checked({.nodes = {"n1", "n2"},
               .scans = {{0, Line("cpu.online", Mark::ok, "2", "2")},
                         {1, Line("gpu.count", Mark::fail, "7", "7 of 8 GPUs") + Line("memory.swap", Mark::warn, "", "swaps")}},
               .fabric = std::vector<ProbeVerdict>()});
  EXPECT_EQ(hosts[0].status, Mark::ok);
  EXPECT_EQ(hosts[0].fabric, "passed");
  EXPECT_EQ(hosts[1].status, Mark::fail);
  EXPECT_EQ(hosts[1].fail, 1u);
  EXPECT_EQ(hosts[1].warn, 1u);
  EXPECT_FALSE(Fit(hosts, false));
  EXPECT_EQ(
      FindingsText(hosts),
      "n2: FAIL gpu.count: 7 of 8 GPUs\n    to do: mend it\nn2: WARN memory.swap: swaps\n    to do: mend it\n"
      "n[1-2]: not compared with others: 2 hosts of a profile that its agent does not tell, and it takes 3 to tell who is "
      "odd\n");
}

TEST(CheckReport, WhatTheNetworkSaysOfARankIsSaidOfItsHostAndOfALinkOfBothEnds) {
  const auto hosts =
      Checked({.nodes = {"n1", "n2", "n3"},
               .scans = {{0, Line("a", Mark::ok, "", "")}, {1, Line("a", Mark::ok, "", "")}, {2, Line("a", Mark::ok, "", "")}},
               .fabric = std::vector<ProbeVerdict>{{.kind = "link", .ranks = {0, 2}, .why = "LINK: slow"}}});
  EXPECT_EQ(hosts[0].fabric, "failed");
  EXPECT_EQ(hosts[1].fabric, "passed");
  EXPECT_EQ(hosts[2].status, Mark::fail);
  EXPECT_EQ(Split(FindingsText(hosts), '\n').front(), "n[1,3]: FAIL fabric.link: LINK: slow");
}

TEST(CheckReport, AHostThatSaysNothingIsUnknownAndNotFitWhereThatCounts) {
  const auto hosts = Checked({.nodes = {"n1"}, .scans = {{0, "no JSON\n"}}, .fabric = {}});
  EXPECT_EQ(hosts[0].status, Mark::unknown);
  EXPECT_EQ(hosts[0].fabric, "not checked");
  EXPECT_TRUE(Fit(hosts, false));
  EXPECT_FALSE(Fit(hosts, true));
}

TEST(CheckReport, TheOddOneOutIsNamedAndOfTwoNobody) {
  const auto scan = [](const std::string& driver) { return Line("version.nvidia", Mark::ok, driver, driver); };
  const auto three =
      Checked({.nodes = {"n1", "n2", "n3"}, .scans = {{0, scan("550")}, {1, scan("535")}, {2, scan("550")}}, .fabric = {}});
  EXPECT_EQ(three[0].status, Mark::ok);
  EXPECT_EQ(three[1].status, Mark::warn);
  EXPECT_NE(three[1].findings.front().why.find("535"), std::string::npos) << three[1].findings.front().why;
  const auto two = Checked({.nodes = {"n1", "n2"}, .scans = {{0, scan("550")}, {1, scan("535")}}, .fabric = {}});
  EXPECT_EQ(two[0].status, Mark::ok);
  EXPECT_EQ(two[1].status, Mark::ok);
}

TEST(CheckReport, AHostOnWhichNoGpuCameUpIsNamedByTheOthers) {
  const std::string cpu = Line("cpu.online", Mark::ok, "96", ""), gpus = cpu + Line("gpu.count", Mark::ok, "8", "");
  const auto hosts =
      Checked({.nodes = {"n1", "n2", "n3", "n4"}, .scans = {{0, gpus}, {1, cpu}, {2, gpus}, {3, gpus}}, .fabric = {}});
  ASSERT_EQ(hosts[1].findings.size(), 1u);
  EXPECT_EQ(hosts[1].findings.front().why, "gpu.count differs from the others: 0, 3 of 4 hosts have 8");
  EXPECT_EQ(hosts[0].status, Mark::ok);
  const auto none = Checked({.nodes = {"n1", "n2", "n3"}, .scans = {{0, cpu}, {1, cpu}, {2, cpu}}, .fabric = {}});
  EXPECT_TRUE(none[1].findings.empty()) << "hosts without GPUs are alike";
}

std::string Alike(const std::string& check, const std::string& scope, const std::string& value) {
  return ToJson(VerdictLine{.check = check, .scope = scope, .value = value, .same = true}) + '\n';
}

std::vector<std::string> Findings(const HostChecked& host) {
  std::vector<std::string> all;
  for (const VerdictLine& line : host.findings) all.push_back(Cat(line.scope, line.scope.empty() ? "" : ": ", line.why));
  return all;
}

TEST(CheckReport, WhatAScanSaysMustBeTheSameIsCompared) {
  using Words = std::vector<std::string>;
  const auto scan = [](const std::string& mtu, const std::string& firmware) {
    return Alike("net.mtu", "eth0", mtu) + Alike("efa.firmware", "rdmap16s27", firmware) + Alike("memory.nodes", "", "2") +
           Line("host.boot_id", Mark::ok, mtu + firmware, "");
  };
  const auto mtu = Checked({.nodes = {"n1", "n2", "n3"},
                            .scans = {{0, scan("9001", "1.7")}, {1, scan("9001", "1.7")}, {2, scan("1500", "1.7")}},
                            .fabric = {}});
  EXPECT_EQ(Findings(mtu[0]), Words());
  EXPECT_EQ(Findings(mtu[1]), Words());
  EXPECT_EQ(Findings(mtu[2]), Words{"eth0: net.mtu differs from the others: 1500, 2 of 3 hosts have 9001"});
  EXPECT_EQ(mtu[2].status, Mark::warn);
  const auto firmware = Checked({.nodes = {"n1", "n2", "n3"},
                                 .scans = {{0, scan("9001", "1.6")}, {1, scan("9001", "1.7")}, {2, scan("9001", "1.7")}},
                                 .fabric = {}});
  EXPECT_EQ(Findings(firmware[0]), Words{"rdmap16s27: efa.firmware differs from the others: 1.6, 2 of 3 hosts have 1.7"});
  EXPECT_EQ(Findings(firmware[1]), Words());
}

TEST(CheckReport, AnOlderAgentsLinesAreComparedByTheListAndByWhatTheOthersSay) {
  using Words = std::vector<std::string>;
  const std::string odd = "version.nvidia differs from the others: 535, 2 of 3 hosts have 550";
  const std::string now =
      Alike("version.nvidia", "", "550") + Alike("host.bios", "", "7") + Line("cpu.online", Mark::ok, "8", "");
  const std::string old = Line("version.nvidia", Mark::ok, "535", "") + Line("host.bios", Mark::ok, "6", "");
  const auto hosts = Checked({.nodes = {"n1", "n2", "n3"}, .scans = {{0, now}, {1, old}, {2, now}}, .fabric = {}});
  EXPECT_EQ(Findings(hosts[1]), (Words{"host.bios differs from the others: 6, 2 of 3 hosts have 7", odd}));
  const std::string four = Alike("host.bios", "", "7") + Line("cpu.online", Mark::ok, "4", "");
  const auto theirs = Checked({.nodes = {"n1", "n2", "n3"}, .scans = {{0, now}, {1, four}, {2, now}}, .fabric = {}});
  EXPECT_EQ(Findings(theirs[1]), Words()) << "a site's own list that does not call the CPUs the same";
}

std::string Deep(const std::string& model, const std::string& sum, double rate) {
  return ToJson(VerdictLine{.check = "deep.compute", .scope = model, .value = sum}) + '\n' +
         ToJson(VerdictLine{.check = "deep.bandwidth", .value = "x", .measured = rate}) + '\n';
}

std::vector<HostChecked> CheckedDeep(const std::vector<std::string>& scans) {
  CheckInput input;
  for (std::uint32_t rank = 0; rank < scans.size(); ++rank) {
    input.nodes.push_back(Cat("n", rank + 1));
    input.scans[rank] = scans[rank];
  }
  return Checked(input);
}

struct Of {
  const char* profile;
  const char* product;
  const char* cpus;
  const char* gpus = "8";
};

// Its scan, as the host would write it.
std::string ScanOf(const Of& host) {
  std::string lines;
  for (const auto& [check, value] : {std::pair("cpu.online", host.cpus), std::pair("gpu.count", host.gpus)}) {
    VerdictLine line{.check = check, .value = value, .same = true, .profile = host.profile};
    if (*host.product != '\0') line.product = host.product;
    lines += ToJson(line) + '\n';
  }
  return lines;
}

std::vector<HostChecked> CheckedOf(const std::vector<Of>& fleet) {
  std::vector<std::string> scans;
  for (const Of& host : fleet) scans.push_back(ScanOf(host));
  return CheckedDeep(scans);
}

TEST(CheckReport, OfTwoInstanceTypesNeitherIsOddAndOneThatDiffersFromItsOwnIs) {
  const Of p5{"p5.48xlarge", "", "192"}, g5{"g5.48xlarge", "", "96"}, smaller{"g5.48xlarge", "", "48"};
  for (const HostChecked& host : CheckedOf({p5, p5, p5, p5, g5, g5, g5})) EXPECT_TRUE(host.findings.empty()) << host.node;
  const auto odd = CheckedOf({p5, p5, p5, p5, g5, smaller, g5});
  EXPECT_EQ(Findings(odd[5]),
            (std::vector<std::string>{"cpu.online differs from the others of g5.48xlarge: 48, 2 of 3 hosts have 96"}));
  EXPECT_EQ(odd[0].compared, 4u);
  EXPECT_EQ(odd[4].compared, 3u);
  EXPECT_TRUE(odd[4].findings.empty());
}

TEST(CheckReport, WhoIsOfAProfileWithTooFewHostsIsSaidNotToBeCompared) {
  const Of p5{"p5.48xlarge", "", "192"}, g5{"g5.48xlarge", "", "96"}, smaller{"g5.48xlarge", "", "48"};
  const auto hosts = CheckedOf({p5, p5, p5, g5, smaller});
  EXPECT_EQ(hosts[4].compared, std::nullopt);
  EXPECT_EQ(FindingsText(hosts),
            "n[4-5]: not compared with others: 2 hosts of profile g5.48xlarge, and it takes 3 to tell who is odd\n");
  EXPECT_EQ(CheckedTable(hosts).titles.at(7), "PROFILE");
  EXPECT_EQ(CheckedTable(hosts).rows.at(3).at(7), "g5.48xlarge");
  EXPECT_EQ(CheckedTable(CheckedOf({p5, p5})).titles.size(), 8u) << "all of one profile: nothing to be told";
  EXPECT_EQ(FindingsText(CheckedOf({p5})), "") << "nobody to be compared with was asked for";
  EXPECT_EQ(FindingsText(CheckedOf({p5, p5})),
            "n[1-2]: not compared with others: 2 hosts of profile p5.48xlarge, and it takes 3 to tell who is odd\n");
}

TEST(CheckReport, HostsWithoutAProfileOfTheirOwnAreComparedWithThoseOfTheSameMake) {
  const Of dell{"cpu", "R760", "64", "0"}, hp{"cpu", "DL380", "32", "0"};
  for (const HostChecked& host : CheckedOf({dell, dell, dell, dell, hp, hp, hp}))
    EXPECT_TRUE(host.findings.empty()) << host.node;
  const Of whole{"gpu", "XE9680", "192"}, none{"cpu", "XE9680", "192", "0"};
  const auto lost = CheckedOf({whole, whole, whole, none});
  EXPECT_EQ(Findings(lost[3]), std::vector<std::string>{"gpu.count differs from the others of XE9680: 0, 3 of 4 hosts have 8"})
      << "on which no GPU came up: it takes itself for a host without any";
  EXPECT_EQ(lost[3].profile, "XE9680 (cpu)");
  EXPECT_TRUE(lost[0].findings.empty());
}

TEST(CheckReport, AnOlderAgentsHostIsComparedWithTheOthersWhereThoseAreOfOneProfile) {
  const std::string p5 = ScanOf({"p5.48xlarge", "", "192"}), g5 = ScanOf({"g5.48xlarge", "", "96"});
  const std::string old = Alike("cpu.online", "", "96") + Alike("gpu.count", "", "8");
  EXPECT_EQ(Findings(CheckedDeep({p5, p5, p5, old})[3]).size(), 1u);
  const auto among = CheckedDeep({p5, p5, p5, g5, g5, g5, old});
  EXPECT_TRUE(among[6].findings.empty()) << "of which it is nobody knows";
  EXPECT_EQ(
      FindingsText(among),
      "n7: not compared with others: 1 host of a profile that its agent does not tell, and it takes 3 to tell who is odd\n");
}

TEST(CheckReport, WhoSaysNothingIsNotCountedAmongThoseThatAreCompared) {
  const std::string p5 = ScanOf({"p5.48xlarge", "", "192"});
  const auto hosts = CheckedDeep({p5, p5, "no JSON\n"});
  EXPECT_EQ(hosts[0].compared, std::nullopt);
  EXPECT_EQ(FindingsText(hosts),
            "n[1-2]: not compared with others: 2 hosts of profile p5.48xlarge, and it takes 3 to tell who is odd\n");
}

TEST(CheckReport, SpeedIsComparedWithinAProfileAndWhatIsComputedWithinAModel) {
  const auto scan = [](const char* profile, const char* sum, double rate) {
    const auto of = [&](VerdictLine line) {
      line.profile = profile;
      return ToJson(line) + '\n';
    };
    return of({.check = "deep.compute", .scope = "A", .value = sum}) +
           of({.check = "deep.bandwidth", .value = "x", .measured = rate});
  };
  const auto hosts = CheckedDeep({scan("p5", "aa", 400e9), scan("p5", "aa", 401e9), scan("p5", "aa", 200e9),
                                  scan("g5", "aa", 100e9), scan("g5", "ab", 101e9), scan("g5", "aa", 99e9)});
  ASSERT_EQ(hosts[2].findings.size(), 1u);
  EXPECT_TRUE(hosts[2].findings[0].why.starts_with("its memory is slower than the others of p5': "))
      << hosts[2].findings[0].why;
  ASSERT_EQ(hosts[4].findings.size(), 1u);
  EXPECT_EQ(hosts[4].findings[0].why, "computes something else than the other hosts with A: ab, 5 of 6 hosts have aa");
  EXPECT_TRUE(hosts[3].findings.empty()) << "slow beside the others, and as its own are";
}

TEST(CheckReport, TheHostWithSlowMemoryIsNamedAndTheFastOneIsNot) {
  const auto hosts = CheckedDeep(
      {Deep("A", "aa", 100e9), Deep("A", "aa", 101e9), Deep("A", "aa", 60e9), Deep("A", "aa", 99e9), Deep("A", "aa", 140e9)});
  for (const std::size_t good : {0u, 1u, 3u, 4u}) EXPECT_EQ(hosts[good].status, Mark::ok) << good;
  EXPECT_EQ(hosts[2].status, Mark::warn);
  EXPECT_EQ(hosts[2].findings.front().why,
            "its memory is slower than the others': 55.9 GiB, the median of 5 hosts is 93.1 GiB");
  EXPECT_EQ(CheckedDeep({Deep("A", "aa", 100e9), Deep("A", "aa", 101e9), Deep("A", "aa", 95e9)})[2].status, Mark::ok);
}

TEST(CheckReport, TheHostThatComputesSomethingElseFailsAmongThoseOfItsCpu) {
  const auto hosts = CheckedDeep({Deep("A", "aa", 1), Deep("A", "ab", 1), Deep("A", "aa", 1), Deep("B", "cc", 1)});
  for (const std::size_t good : {0u, 2u, 3u}) EXPECT_EQ(hosts[good].status, Mark::ok) << good;
  EXPECT_EQ(hosts[1].status, Mark::fail);
  EXPECT_EQ(hosts[1].findings.front().why, "computes something else than the other hosts with A: ab, 2 of 3 hosts have aa");
}

TEST(CheckReport, SlowGpusAndThoseThatComputeSomethingElseAreFoundAsProcessorsAre) {
  const auto of_gpus = [](const std::string& sum, double rate, double link) {
    return ToJson(VerdictLine{.check = "deep.gpu_compute", .scope = "NVIDIA H200", .value = sum}) + '\n' +
           ToJson(VerdictLine{.check = "deep.gpu_bandwidth", .value = "x", .measured = rate}) + '\n' +
           ToJson(VerdictLine{.check = "deep.gpu_link", .value = "x", .measured = link}) + '\n';
  };
  const auto hosts = CheckedDeep({of_gpus("aa", 4e12, 50e9), of_gpus("ab", 4e12, 50e9), of_gpus("aa", 3e12, 50e9),
                                  of_gpus("aa", 4e12, 25e9), of_gpus("aa", 4e12, 50e9)});
  EXPECT_EQ(hosts[0].status, Mark::ok);
  EXPECT_EQ(hosts[1].status, Mark::fail);
  EXPECT_EQ(hosts[1].findings.front().remedy, "take the host out of work and replace the GPU");
  ASSERT_EQ(hosts[2].status, Mark::warn);
  EXPECT_TRUE(hosts[2].findings.front().why.starts_with("the memory of its slowest GPU is slower than the others': 2.7 TiB"))
      << hosts[2].findings.front().why;
  ASSERT_EQ(hosts[3].status, Mark::warn);
  EXPECT_TRUE(hosts[3].findings.front().why.starts_with("the way between its memory and its slowest GPU is slower than"))
      << hosts[3].findings.front().why;
}

TEST(CheckReport, OfTwoHostsThatComputeDifferentlyBothAreToldAndNeitherIsBlamed) {
  const auto hosts = CheckedDeep({Deep("A", "aa", 1), Deep("A", "ab", 1)});
  EXPECT_EQ(hosts[0].status, Mark::warn);
  EXPECT_EQ(hosts[1].status, Mark::warn);
  EXPECT_EQ(hosts[0].findings.front().why, "hosts with A compute different results, and none has a majority");
}

}  // namespace
}  // namespace everstep
