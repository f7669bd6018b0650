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

}  // namespace

Result<Chosen> ChooseProfile(const Catalogue& catalogue, const HostKind& host) {
  if (!host.wanted.empty()) {
    const Profile* profile = Find(catalogue, {}, host.wanted);
    if (!profile) profile = Find(catalogue, host.wanted, {});
    if (profile) return Chosen{*profile, Cat("profile ", host.wanted, ", as asked for")};
    std::set<std::string> names;
    for (const Profile& one : catalogue.profiles) names.insert(one.instance.empty() ? one.name : one.instance);
    const std::vector<std::string> all(names.begin(), names.end());
    const std::string meant = DidYouMean(host.wanted, all);
    return Fail(ErrorCode::kNotFound, Cat("there is no profile ", Printable(host.wanted)),
                Cat(meant, meant.empty() ? "" : " ", "known are ", Join(all)));
  }
  const std::string unheard = host.unheard.empty() ? "" : Cat("; ", host.unheard);
  if (const Profile* profile = host.instance_type.empty() ? nullptr : Find(catalogue, {}, host.instance_type))
    return Chosen{*profile, Cat("profile ", profile->name, ": ", host.told_by, " says ", host.instance_type, unheard)};
  const bool lost = !host.gpus && !host.lost_gpus.empty();
  const std::string_view name = host.gpus || lost ? "gpu" : "cpu";
  const Profile* profile = Find(catalogue, name, {});
  if (!profile) return Fail(ErrorCode::kNotFound, Cat("there is no profile ", name), "name one with --profile");
  const std::string said = host.instance_type.empty()
                               ? std::string("nothing says what kind of host this is")
                               : Cat(host.told_by, " says ", Printable(host.instance_type), ", which no profile is for");
  const std::string seen = lost ? Cat(", though none is on the bus: ", host.lost_gpus) : std::string();
  return Chosen{*profile, Cat(said, ": taken as ", profile->about, seen,
                              ", so that nothing is known of how much there should be", unheard)};
}

}  // namespace everstep::health
