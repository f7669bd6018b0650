// A host's big file systems: every check is good unless the story says otherwise.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/seam/slow_files.h"

namespace everstep {

class FakeSlowFiles : public SlowFiles {
 public:
  explicit FakeSlowFiles(std::function<void(GangChecked)> post) : post_(std::move(post)) {}

  std::optional<NotReadied> refusal{};  // set: what every check answers
  bool hung = false;                    // checks never end
  std::vector<GangSpec> checked{};
  std::map<GangKey, CheckpointSpec> watched{};
  std::vector<GangKey> unwatched{};
  std::vector<std::string> registered{};
  std::vector<GangKey> torn{};

  void Ready(const GangSpec& spec) override {
    checked.push_back(spec);
    if (hung) return;
    GangChecked answer{.gang = {.job = spec.job, .generation = spec.generation}};
    if (refusal)
      answer.not_readied = refusal;
    else
      answer.readied = Readied{.program = "/usr/bin/" + spec.command.front(), .env = spec.env};
    post_(std::move(answer));
  }
  void Watch(const GangKey& gang, const CheckpointSpec& checkpoint) override { watched[gang] = checkpoint; }
  void Registered(const std::string& path) override { registered.push_back(path); }
  void Tear(const GangKey& gang, std::uint32_t) override { torn.push_back(gang); }
  void Unwatch(const GangKey& gang) override {
    watched.erase(gang);
    unwatched.push_back(gang);
  }

 private:
  std::function<void(GangChecked)> post_;
};

}  // namespace everstep
