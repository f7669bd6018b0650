// configs/checks.yaml, xid.yaml and profiles/*.yaml, and a site's own kernel_log.yaml: what is checked, when it is bad, and
// what a host of each kind has. Read like every file a person writes: a bad one is refused whole, with file, line, key, what
// was found and what is legal.
//
// What a check reads is code (health/probe), so that a check in the file must be one that some probe knows, in its unit; checks
// of kernel lines may be added freely.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "health/core/check.h"
#include "health/core/xid.h"

namespace everstep::health {

struct Catalogue {
  std::vector<Check> checks{};
  XidTable xids{};
  std::vector<Profile> profiles{};  // one for each instance type, and one without a type for each file

  const Check* Find(std::string_view id) const;
};

// A line of the kernel's log that a site calls harmless: kernel_log.yaml.
struct IgnoredLine {
  std::string pattern{};
  std::string note{};
};

Result<std::vector<Check>> ReadChecks(std::string_view text, std::string_view file);
Result<std::vector<IgnoredLine>> ReadIgnoredLines(std::string_view text, std::string_view file);
Result<XidTable> ReadXids(std::string_view text, std::string_view file);
// `checks`: those that limits may name.
Result<std::vector<Profile>> ReadProfile(std::string_view text, std::string_view file, const std::vector<Check>& checks);

// The files of `directory` that are there, the built-in ones for the others: a directory may hold a checks.yaml alone. Profiles
// of the directory stand before the built-in ones of the same name. Its kernel_log.yaml, where there is one, becomes the lines
// of the check kIgnoredLines. Empty: all as built in.
Result<Catalogue> LoadCatalogue(const std::string& directory);

// Where a host's profile comes from, the first that is known: the flag, instance metadata, DMI.
struct HostKind {
  std::string wanted{};         // a profile's name or an instance type; empty: find out
  std::string instance_type{};  // as instance metadata or DMI tell it: "p5.48xlarge"
  std::string told_by{};        // "DMI"
  std::string unheard{};        // who was asked before and what came instead; empty: nobody
  bool gpus = false;            // NVIDIA GPUs are on the bus
  std::string lost_gpus{};      // none is, but this says that there were: "their driver is loaded: …"; empty: nothing does
};
struct Chosen {
  Profile profile{};
  std::string why{};  // one sentence; says so where the kind of host is not known
  // What hosts of the same make have in common: the profile's name or instance type, and where that is a general one what the
  // host calls itself.
  std::string kind{}, product{};
};
// kNotFound: no profile has the name that is wanted.
Result<Chosen> ChooseProfile(const Catalogue& catalogue, const HostKind& host);

// What the probes can read.
struct KnownCheck {
  std::string_view id{};
  Unit unit = Unit::count;
};
std::span<const KnownCheck> KnownChecks();

// The files as they were when this program was built.
std::string_view BuiltInChecksText();
std::string_view BuiltInXidText();
struct BuiltInProfile {
  std::string_view file{};
  std::string_view text{};
};
std::vector<BuiltInProfile> BuiltInProfiles();

}  // namespace everstep::health
