// everstep-probe as processes of this machine, one a rank, as torchrun would start them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace everstep {

struct RankEnd {
  int code = -1;  // 128 + signal where a signal ended it
  std::string out{}, err{};
};

// By its own fault, or because another rank could not: which it hears first is chance.
inline bool CouldNotStart(const RankEnd& end) { return end.code == 2 || end.code == 3; }

class ProbeRanks {
 public:
  // Starts all, with nothing else in their environment.
  ProbeRanks(std::uint32_t ranks, const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {});
  // One program of any kind, which may start ranks by itself.
  ProbeRanks(const std::vector<std::string>& argv, const std::vector<std::string>& environment);
  // Kills what is left.
  ~ProbeRanks();
  ProbeRanks(const ProbeRanks&) = delete;
  ProbeRanks& operator=(const ProbeRanks&) = delete;

  void Signal(std::uint32_t rank, int signal) const;  // nothing to one that has ended
  // Waits until this rank has printed `text`; false if it has ended without.
  bool Prints(std::uint32_t rank, const std::string& text);
  const std::string& Printed(std::uint32_t rank) const { return ranks_[rank].end.out; }
  RankEnd End(std::uint32_t rank);

 private:
  struct Rank {
    pid_t pid = -1;
    int out = -1, err = -1;
    RankEnd end{};
  };
  static Rank Start(const std::vector<std::string>& argv, const std::vector<std::string>& variables);
  // Reads what there is, at least something unless the rank has closed both; false: it has.
  static bool Read(Rank& rank);

  std::vector<Rank> ranks_{};
};

// One run to its end.
std::vector<RankEnd> RunProbe(std::uint32_t ranks, const std::vector<std::string>& arguments,
                              const std::vector<std::string>& environment = {});

}  // namespace everstep
