#include <algorithm>
#include <set>

#include "base/text.h"
#include "base/yaml/typo.h"
#include "health/catalogue/catalogue.h"

namespace everstep::health {

namespace {

// The first, so that a directory's own profile stands before the built-in one of its name.
const Profile* Find(const Catalogue& catalogue, std::string_view name, std::string_view instance) {
  for (const Profile& profile : catalogue.profiles)
    if (instance.empty() ? profile.name == name && profile.instance.empty() : profile.instance == instance) return &profile;
  return nullptr;
}

// "48xlarge", "metal-24xl": what EC2 calls a size, and no slip of the pen.
bool IsSize(std::string_view text) {
  constexpr std::string_view kLarge = "xlarge";
  if (text == "metal" || text.starts_with("metal-")) return true;
  if (text == "large" || text == "medium" || text == "small") return true;
  if (!text.ends_with(kLarge)) return false;
  text.remove_suffix(kLarge.size());
  return text.size() <= 3 && std::all_of(text.begin(), text.end(), IsDigit);
}

// For a size that has no row where its family ("g5" of g5.xlarge) has others: the generic profile of their vendor, for sizes
// differ in how much they have. nullptr: there is no such family, or it has several profiles, or no accelerators.
const Profile* OfFamily(const Catalogue& catalogue, std::string_view instance) {
  const std::size_t dot = instance.find('.');
  if (dot == std::string_view::npos || !IsSize(instance.substr(dot + 1))) return nullptr;
  const std::string_view family = instance.substr(0, dot + 1);
  const Profile* one = nullptr;
  for (const Profile& profile : catalogue.profiles) {
    if (!profile.instance.starts_with(family)) continue;
    if (one && one->name != profile.name) return nullptr;
    one = &profile;
  }
  if (!one) return nullptr;
  if (one->Promises(Facility::nvidia)) return Find(catalogue, "gpu", {});
  return one->Promises(Facility::neuron) ? Find(catalogue, "neuron", {}) : nullptr;
}

// A size of a family that is known.
Chosen OfUnknownSize(const Profile& profile, std::string_view said, const std::string& type) {
  return {profile,
          Cat(said, ", a size that no profile is for though its family has one: taken as ", profile.about,
              ", and how much there should be is not known and not judged"),
          profile.name, type};
}

}  // namespace

Result<Chosen> ChooseProfile(const Catalogue& catalogue, const HostKind& host) {
  if (!host.wanted.empty()) {
    const Profile* profile = Find(catalogue, {}, host.wanted);
    if (!profile) profile = Find(catalogue, host.wanted, {});
    if (profile) return Chosen{*profile, Cat("profile ", host.wanted, ", as asked for"), host.wanted, ""};
    if (const Profile* generic = OfFamily(catalogue, host.wanted))
      return OfUnknownSize(*generic, Cat(host.wanted, " is asked for"), host.wanted);
    std::set<std::string> names;
    for (const Profile& one : catalogue.profiles) names.insert(one.instance.empty() ? one.name : one.instance);
    const std::vector<std::string> all(names.begin(), names.end());
    const std::string meant = DidYouMean(host.wanted, all);
    return Fail(ErrorCode::kNotFound, Cat("there is no profile ", Printable(host.wanted)),
                Cat(meant, meant.empty() ? "" : " ", "known are ", Join(all)));
  }
  const std::string unheard = host.unheard.empty() ? "" : Cat("; ", host.unheard);
  if (const Profile* profile = host.instance_type.empty() ? nullptr : Find(catalogue, {}, host.instance_type))
    return Chosen{*profile, Cat("profile ", profile->name, ": ", host.told_by, " says ", host.instance_type, unheard),
                  host.instance_type, ""};
  if (const Profile* generic = OfFamily(catalogue, host.instance_type)) {
    Chosen chosen = OfUnknownSize(*generic, Cat(host.told_by, " says ", host.instance_type), host.instance_type);
    chosen.why += unheard;
    return chosen;
  }
  const bool lost = !host.gpus && !host.lost_gpus.empty();
  const std::string_view name = host.gpus || lost ? "gpu" : "cpu";
  const Profile* profile = Find(catalogue, name, {});
  if (!profile) return Fail(ErrorCode::kNotFound, Cat("there is no profile ", name), "name one with --profile");
  const std::string said = host.instance_type.empty()
                               ? std::string("nothing says what kind of host this is")
                               : Cat(host.told_by, " says ", Printable(host.instance_type), ", which no profile is for");
  const std::string seen = lost ? Cat(", though none is on the bus: ", host.lost_gpus) : std::string();
  return Chosen{
      *profile,
      Cat(said, ": taken as ", profile->about, seen, ", so that nothing is known of how much there should be", unheard),
      profile->name, host.instance_type};
}

}  // namespace everstep::health
