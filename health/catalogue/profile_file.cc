#include <algorithm>
#include <set>

#include "base/yaml/item.h"
#include "base/yaml/typo.h"
#include "health/catalogue/catalogue.h"
#include "health/catalogue/item.h"

namespace everstep::health {

EVERSTEP_ENUM(Vendor, none, nvidia, neuron)

namespace {

using yaml::Key;
using yaml::Required;

struct LimitText {
  std::string check{}, warn{}, fail{};
};

struct ProfileFile {
  Profile all{};  // what holds for every size
  Vendor vendor = Vendor::none;
  std::vector<Profile> instances{};
  std::vector<LimitText> limits{};
};

yaml::Type<std::optional<double>> Whole(std::uint32_t max) {
  return yaml::As<std::optional<double>, std::uint32_t>(
      yaml::Integer<std::uint32_t>(0, max), [](std::uint32_t n) { return std::optional<double>(n); },
      [](const std::optional<double>& n) { return static_cast<std::uint32_t>(n.value_or(0)); });
}

yaml::Type<std::optional<double>> Size() {
  return yaml::As<std::optional<double>, std::uint64_t>(
      yaml::SizeBetween(1u << 20, std::uint64_t{1} << 50),
      [](std::uint64_t n) { return std::optional(static_cast<double>(n)); },
      [](const std::optional<double>& n) { return static_cast<std::uint64_t>(n.value_or(0)); });
}

// The keys that both the file and each of its instances may have.
std::vector<yaml::Row<Profile>> CommonRows() {
  return {
      Key("cpus", &Profile::cpus, Whole(65536), "CPUs online, with threads"),
      Key("memory", &Profile::memory, Size(), "memory"),
      Key("accelerators", &Profile::accelerators, Whole(1024), "GPUs or Neuron devices"),
      Key("efa", &Profile::efa, Whole(1024), "EFA devices"),
      Key("infiniband", &Profile::infiniband, Whole(1024), "InfiniBand and RoCE devices"),
      Key("nvme", &Profile::nvme, Whole(1024), "NVMe disks"),
      Key("nvlinks", &Profile::nvlinks, Whole(1024), "NVLinks of each GPU"),
      Key("port_gbps", &Profile::port_gbps, Whole(100'000), "rate of each InfiniBand port"),
      Key("pair_gbps", &Profile::pair_gbps, Whole(100'000),
          "least that a pair of hosts must reach in a preflight, one way over one NIC"),
      Key("has", &Profile::has, yaml::ListOf(yaml::EnumOf<Facility>(), 30, "[nvswitch, edac]"), "what else must be there"),
  };
}

yaml::Table<ProfileFile> FileTable() {
  yaml::Table<ProfileFile> table{{
      yaml::KeyThrough<ProfileFile, std::string>(
          "name", [](const ProfileFile& f) { return f.all.name; },
          [](ProfileFile& f, std::string v) { f.all.name = std::move(v); }, yaml::Name(), "of the profile"),
      yaml::KeyThrough<ProfileFile, std::string>(
          "about", [](const ProfileFile& f) { return f.all.about; },
          [](ProfileFile& f, std::string v) { f.all.about = std::move(v); }, yaml::Text(), "in one line"),
      Key("vendor", &ProfileFile::vendor, yaml::EnumOf<Vendor>(), "of the accelerators"),
      yaml::KeyThrough<ProfileFile, std::string>(
          "accelerator", [](const ProfileFile& f) { return f.all.accelerator; },
          [](ProfileFile& f, std::string v) { f.all.accelerator = std::move(v); }, yaml::Text(), "a part of the model's name"),
  }};
  table.keys[0].required = table.keys[1].required = true;
  for (const yaml::Row<Profile>& row : CommonRows())
    table.keys.push_back({.name = row.name,
                          .doc = row.doc,
                          .legal = row.legal,
                          .read = [row](const yaml::Node& node, ProfileFile& file,
                                        yaml::Problems& problems) { row.read(node, file.all, problems); },
                          .entry = [row](const ProfileFile& file) { return row.entry(file.all); },
                          .schema = row.schema});
  yaml::Table<Profile> instance{{Required("type", &Profile::instance, yaml::Text(), "as EC2 calls it")}};
  for (yaml::Row<Profile>& row : CommonRows()) instance.keys.push_back(row);
  const yaml::Table<LimitText> limit{{Required("check", &LimitText::check, yaml::Text(), "which"),
                                      Key("warn", &LimitText::warn, yaml::Text(), "instead of the catalogue's"),
                                      Key("fail", &LimitText::fail, yaml::Text(), "instead of the catalogue's")}};
  table.keys.push_back(Key("instances", &ProfileFile::instances,
                           yaml::ListOf(yaml::Item(instance), 100, "[{type: p5.48xlarge, efa: 32}]"), "sizes"));
  table.keys.push_back(Key("limits", &ProfileFile::limits,
                           yaml::ListOf(yaml::Item(limit), 1000, "[{check: limits.shm, warn: \"< 1GiB\"}]"),
                           "limits of its own"));
  table.keys.push_back(yaml::KeyThrough<ProfileFile, std::vector<std::string>>(
      "off", [](const ProfileFile& f) { return f.all.off; },
      [](ProfileFile& f, std::vector<std::string> v) { f.all.off = std::move(v); },
      yaml::ListOf(yaml::Text(), 1000, "[limits.memlock]"), "checks that are not made"));
  return table;
}

tl::unexpected<Error> Bad(std::string_view place, std::string_view why) {
  return Fail(ErrorCode::kInvalid, Cat(place, ": ", why));
}

// The unit of a check of the file; or of one that only probes know: a file may leave checks out that a profile has limits for.
Result<Unit> UnitOf(const std::vector<Check>& checks, const std::string& id, const std::string& place) {
  std::vector<std::string> ids;
  for (const Check& check : checks) {
    if (check.id == id) return check.unit;
    ids.push_back(check.id);
  }
  for (const KnownCheck& known : KnownChecks())
    if (known.id == id) return known.unit;
  const std::string next = DidYouMean(id, ids);
  return Bad(place, Cat("found the unknown check \"", Printable(id), "\", legal: a check of checks.yaml",
                        next.empty() ? "" : "; ", next));
}

Status TakeLimits(ProfileFile& file, const std::vector<Check>& checks) {
  std::set<std::string> off;
  for (std::size_t i = 0; i < file.all.off.size(); ++i) {
    const std::string& id = file.all.off[i];
    if (const auto unit = UnitOf(checks, id, Cat("off[", i, ']')); !unit) return Fail(unit.error());
    off.insert(id);
  }
  for (std::size_t i = 0; i < file.limits.size(); ++i) {
    const LimitText& text = file.limits[i];
    const std::string place = Cat("limits[", i, ']');
    EVERSTEP_ASSIGN(const Unit unit, UnitOf(checks, text.check, Cat(place, ".check")));
    if (off.contains(text.check))
      return Bad(Cat(place, ".check"),
                 Cat("the profile contradicts itself: it gives ", text.check, " a limit, and does not make it"));
    Profile::Limit limit{.check = text.check};
    EVERSTEP_ASSIGN(limit.warn, RuleFrom(text.warn, unit, Cat(place, ".warn")));
    EVERSTEP_ASSIGN(limit.fail, RuleFrom(text.fail, unit, Cat(place, ".fail")));
    if (const std::string why = Contradiction(limit.warn, limit.fail, unit); !why.empty()) return Bad(Cat(place, ".fail"), why);
    file.all.limits.push_back(std::move(limit));
  }
  return {};
}

bool Has(const Profile& profile, Facility facility) {
  return std::find(profile.has.begin(), profile.has.end(), facility) != profile.has.end();
}

// What cannot both be true of one host; empty: it may be.
std::string SelfContradiction(const Profile& profile, Vendor vendor) {
  const bool some = profile.accelerators.value_or(0) > 0;
  if (vendor == Vendor::none && (some || !profile.accelerator.empty())) return "it has accelerators, and their vendor is none";
  if (vendor != Vendor::none && profile.accelerators && !some)
    return Cat("its vendor is ", Name(vendor), ", and it has 0 accelerators");
  if (vendor != Vendor::nvidia && (profile.nvlinks.value_or(0) > 0 || Has(profile, Facility::nvswitch)))
    return "it has NVLinks, and no GPUs of NVIDIA";
  if (Has(profile, Facility::nvswitch) && profile.nvlinks.value_or(0) <= 0) return "it has an NVSwitch, and no NVLinks";
  if (Has(profile, Facility::efa) && profile.efa && *profile.efa <= 0) return "it has EFA, and 0 EFA devices";
  if (profile.port_gbps && profile.infiniband && *profile.infiniband <= 0)
    return "it has a rate of InfiniBand ports, and 0 of them";
  if (Has(profile, Facility::nvme) && profile.nvme && *profile.nvme <= 0) return "it has NVMe, and 0 disks";
  return {};
}

// The size's own keys on top of what holds for all.
Profile Merged(const Profile& all, const Profile& size) {
  Profile merged = all;
  merged.instance = size.instance;
  const auto take = [&](std::optional<double> Profile::*key) {
    if (size.*key) merged.*key = size.*key;
  };
  for (const auto key : {&Profile::cpus, &Profile::memory, &Profile::accelerators, &Profile::efa, &Profile::infiniband,
                         &Profile::nvme, &Profile::nvlinks, &Profile::port_gbps, &Profile::pair_gbps})
    take(key);
  merged.has.insert(merged.has.end(), size.has.begin(), size.has.end());
  return merged;
}

}  // namespace

Result<std::vector<Profile>> ReadProfile(std::string_view text, std::string_view file, const std::vector<Check>& checks) {
  std::vector<Profile> profiles;
  const auto finish = [&](ProfileFile& read) -> Status {
    EVERSTEP_TRY(TakeLimits(read, checks));
    if (read.vendor != Vendor::none)
      read.all.has.push_back(read.vendor == Vendor::nvidia ? Facility::nvidia : Facility::neuron);
    if (const std::string why = SelfContradiction(read.all, read.vendor); !why.empty())
      return Bad("vendor", Cat("the profile contradicts itself: ", why));
    profiles.push_back(read.all);
    std::set<std::string> types;
    for (std::size_t i = 0; i < read.instances.size(); ++i) {
      const Profile merged = Merged(read.all, read.instances[i]);
      const std::string place = Cat("instances[", i, ']');
      if (!types.insert(merged.instance).second)
        return Bad(Cat(place, ".type"), Cat("found ", merged.instance, " twice, legal: once"));
      if (const std::string why = SelfContradiction(merged, read.vendor); !why.empty())
        return Bad(Cat(place, ".type"), Cat("the profile contradicts itself: ", merged.instance, ": ", why));
      profiles.push_back(merged);
    }
    return {};
  };
  if (const auto read = yaml::Read<ProfileFile>(FileTable(), text, file, {}, finish); !read) return Fail(read.error());
  return profiles;
}

}  // namespace everstep::health
