// Profiles: what is shipped fits the checks, one that contradicts itself is refused, and who is not known is said to be
// unknown.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "health/catalogue/catalogue.h"

namespace everstep::health {
namespace {

const Catalogue& BuiltIn() {
  static const Catalogue catalogue = *LoadCatalogue("");
  return catalogue;
}

std::string Refusal(const std::string& text) {
  const auto read = ReadProfile(text, "p.yaml", BuiltIn().checks);
  return read ? "it was taken" : read.error().message;
}

TEST(Profiles, EveryKindOfHostThatWeKnowIsShipped) {
  const auto loaded = LoadCatalogue("");
  ASSERT_TRUE(loaded) << loaded.error().Str();
  std::set<std::string> names;
  for (const Profile& profile : loaded->profiles) names.insert(profile.name);
  EXPECT_EQ(names, (std::set<std::string>{"cpu", "g5", "g6", "g6e", "gpu", "neuron", "p4d", "p4de", "p5", "p5e", "p5en",
                                          "p6-b200", "p6-b300", "trn1", "trn2"}));
}

struct Size {
  const char* type;
  int accelerators, efa;
};

TEST(Profiles, AcceleratorsAndEfaDevicesOfEachTypeAreAwsOwn) {
  for (const Size& size : std::initializer_list<Size>{{"p4d.24xlarge", 8, 4},
                                                      {"p4de.24xlarge", 8, 4},
                                                      {"p5.48xlarge", 8, 32},
                                                      {"p5e.48xlarge", 8, 32},
                                                      {"p5en.48xlarge", 8, 16},
                                                      {"p6-b200.48xlarge", 8, 8},
                                                      {"p6-b300.48xlarge", 8, 16},
                                                      {"g5.48xlarge", 8, 1},
                                                      {"g6.48xlarge", 8, 1},
                                                      {"g6e.48xlarge", 8, 4},
                                                      {"trn1.32xlarge", 16, 8},
                                                      {"trn2.48xlarge", 16, 16}}) {
    const auto chosen = ChooseProfile(BuiltIn(), {.instance_type = size.type, .told_by = "DMI"});
    ASSERT_TRUE(chosen) << size.type;
    EXPECT_EQ(chosen->profile.accelerators, size.accelerators) << size.type;
    EXPECT_EQ(chosen->profile.efa, size.efa) << size.type;
  }
}

TEST(Profiles, TheFlagWinsThenWhatTheHostSaysAndTheUnknownIsSaid) {
  const auto flag = ChooseProfile(BuiltIn(), {.wanted = "p5", .instance_type = "g5.48xlarge", .told_by = "DMI"});
  ASSERT_TRUE(flag);
  EXPECT_EQ(flag->why, "profile p5, as asked for");
  EXPECT_EQ(flag->profile.accelerators, std::nullopt);  // no size was named
  const auto told = ChooseProfile(BuiltIn(), {.instance_type = "p5.48xlarge", .told_by = "DMI", .gpus = true});
  EXPECT_EQ(told->why, "profile p5: DMI says p5.48xlarge");
  const auto other = ChooseProfile(BuiltIn(), {.instance_type = "ThinkStation", .told_by = "DMI", .gpus = true});
  EXPECT_EQ(other->profile.name, "gpu");
  EXPECT_EQ(other->why,
            "DMI says ThinkStation, which no profile is for: taken as a host with NVIDIA GPUs of any kind, so that nothing is "
            "known of "
            "how much there should be");
  EXPECT_EQ(ChooseProfile(BuiltIn(), {})->profile.name, "cpu");
  const auto typo = ChooseProfile(BuiltIn(), {.wanted = "p5en.48xlarg"});
  ASSERT_FALSE(typo);
  EXPECT_EQ(typo.error().hint.substr(0, 30), "did you mean `p5en.48xlarge`? ");
}

struct Alike {
  HostKind host;
  const char* kind;
  const char* product;
};

TEST(Profiles, WhatHostsOfOneMakeHaveInCommonIsSaid) {
  const Alike rows[] = {{{.instance_type = "p5.48xlarge", .told_by = "DMI"}, "p5.48xlarge", ""},
                        {{.wanted = "p5", .instance_type = "g5.48xlarge", .told_by = "DMI"}, "p5", ""},
                        {{.instance_type = "g5.xlarge", .told_by = "DMI"}, "gpu", "g5.xlarge"},
                        {{.wanted = "g5.xlarge"}, "gpu", "g5.xlarge"},
                        {{.instance_type = "ThinkStation", .told_by = "DMI", .gpus = true}, "gpu", "ThinkStation"},
                        {{.instance_type = "ThinkStation", .told_by = "DMI"}, "cpu", "ThinkStation"},
                        {{}, "cpu", ""}};
  for (const Alike& row : rows) {
    const auto chosen = ChooseProfile(BuiltIn(), row.host);
    ASSERT_TRUE(chosen) << row.kind;
    EXPECT_EQ(chosen->kind, row.kind);
    EXPECT_EQ(chosen->product, row.product);
  }
}

struct Unlisted {
  const char* type;
  const char* profile;  // empty: it is refused where it is asked for, and else taken by what is on the bus
};

TEST(Profiles, ASizeWithoutARowIsTakenByItsFamilyAndItsCountsAreNotKnown) {
  for (const Unlisted& row : std::initializer_list<Unlisted>{{"g5.xlarge", "gpu"},
                                                             {"g6e.2xlarge", "gpu"},
                                                             {"p5e.metal-24xl", "gpu"},
                                                             {"trn1.2xlarge", "neuron"},
                                                             {"trn1n.2xlarge", "neuron"},
                                                             {"g5.xlarg", ""},
                                                             {"g5.", ""},
                                                             {"g5", "g5"},
                                                             {"m7i.4xlarge", ""}}) {
    const auto asked = ChooseProfile(BuiltIn(), {.wanted = row.type});
    ASSERT_EQ(asked.has_value(), *row.profile != '\0') << row.type;
    if (asked) {
      EXPECT_EQ(asked->profile.name, row.profile) << row.type;
      EXPECT_EQ(asked->profile.accelerators, std::nullopt) << row.type;
    }
    const auto told = ChooseProfile(BuiltIn(), {.instance_type = row.type, .told_by = "DMI"});
    ASSERT_TRUE(told) << row.type;
    const bool sized = asked && std::string_view(row.type).find('.') != std::string_view::npos;
    EXPECT_EQ(told->profile.name, sized ? row.profile : "cpu") << row.type;
  }
  EXPECT_EQ(ChooseProfile(BuiltIn(), {.instance_type = "trn1.2xlarge", .told_by = "DMI"})->why,
            "DMI says trn1.2xlarge, a size that no profile is for though its family has one: taken as a host with Neuron "
            "devices of any kind, and how much there should be is not known and not judged");
}

TEST(Profiles, OneThatContradictsItselfIsRefused) {
  EXPECT_EQ(Refusal("name: x\nabout: x\nvendor: none\naccelerators: 8\n"),
            "p.yaml:3:1: vendor: the profile contradicts itself: it has accelerators, and their vendor is none");
  EXPECT_EQ(Refusal("name: x\nabout: x\nvendor: nvidia\nhas: [nvswitch]\n"),
            "p.yaml:3:1: vendor: the profile contradicts itself: it has an NVSwitch, and no NVLinks");
  EXPECT_EQ(Refusal("name: x\nabout: x\nvendor: neuron\nnvlinks: 4\n"),
            "p.yaml:3:1: vendor: the profile contradicts itself: it has NVLinks, and no GPUs of NVIDIA");
  EXPECT_EQ(Refusal("name: x\nabout: x\noff: [limits.shm]\nlimits:\n  - {check: limits.shm, warn: \"< 1GiB\"}\n"),
            "p.yaml:5:6: limits[0].check: the profile contradicts itself: it gives limits.shm a limit, and does not make it");
  EXPECT_EQ(
      Refusal("name: x\nabout: x\nvendor: nvidia\ninstances:\n  - {type: a, accelerators: 0}\n"),
      "p.yaml:5:6: instances[0].type: the profile contradicts itself: a: its vendor is nvidia, and it has 0 accelerators");
}

TEST(Profiles, ALimitNamesACheckAndIsReadInItsUnit) {
  EXPECT_EQ(Refusal("name: x\nabout: x\nlimits:\n  - {check: limits.shn, warn: \"< 1GiB\"}\n"),
            "p.yaml:4:6: limits[0].check: found the unknown check \"limits.shn\", legal: a check of checks.yaml; did you mean "
            "`limits.shm`?");
  EXPECT_EQ(Refusal("name: x\nabout: x\nlimits:\n  - {check: limits.shm, warn: \"< 1GiB\", fail: \"< 2GiB\"}\n"),
            "p.yaml:4:41: limits[0].fail: fails at \"< 2 GiB\" before it warns at \"< 1 GiB\": swap them");
}

TEST(Profiles, ASitesOwnFilesStandBeforeTheBuiltInOnes) {
  const std::string directory = testing::TempDir() + "health_catalogue";
  std::filesystem::create_directories(directory + "/profiles");
  std::ofstream(directory + "/profiles/mine.yaml") << "name: p5\nabout: ours\nvendor: nvidia\n";
  const auto loaded = LoadCatalogue(directory);
  ASSERT_TRUE(loaded) << loaded.error().Str();
  EXPECT_EQ(ChooseProfile(*loaded, {.wanted = "p5"})->profile.about, "ours");
  EXPECT_EQ(loaded->checks.size(), BuiltIn().checks.size());
  std::filesystem::remove_all(directory);
  EXPECT_EQ(LoadCatalogue(directory).error().message, directory + " is no directory");
}

TEST(Catalogue, AFileThatNobodyReadsIsRefusedForItMayBeAMisspeltOne) {
  const std::string directory = ::testing::TempDir() + "everstep-misspelt";
  for (const auto& [file, refusal] :
       {std::pair("check.yaml",
                  ": found check.yaml, which nobody reads, legal: checks.yaml, xid.yaml and kernel_log.yaml; did you mean "
                  "`checks.yaml`?"),
        std::pair("profiles/p5.yml", "/profiles: found p5.yml, which nobody reads, legal: *.yaml; call it p5.yaml"),
        std::pair("README.md", ""), std::pair("launcher.yaml", ""), std::pair("profiles/notes.txt", "")}) {
    std::filesystem::create_directories(directory + "/profiles");
    std::ofstream(directory + "/" + file) << "x: 1\n";
    const auto loaded = LoadCatalogue(directory);
    EXPECT_EQ(loaded ? std::string() : loaded.error().Str(), *refusal == '\0' ? "" : directory + refusal) << file;
    std::filesystem::remove_all(directory);
  }
}

}  // namespace
}  // namespace everstep::health
