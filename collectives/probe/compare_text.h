// What --compare found, for people and for programs. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "collectives/probe/options.h"
#include "collectives/probe/table.h"

namespace everstep {

struct PeerColumn {
  ProbePeer peer = ProbePeer::gloo;
  std::string library{};                           // "PyTorch 1.13.1"
  std::string why_not{};                           // it did not run; empty: it did
  std::map<std::uint64_t, double> microseconds{};  // of one run in place, by size
};

// A peer's program and its figures, from the JSON that it has printed: nccl-tests', or the part of it that is asked for here.
Status ReadPeerJson(const std::string& text, PeerColumn& column);

// Lines that begin with '#', below a table of nccl-tests'.
std::string CompareText(const ProbeTable& own, const std::vector<PeerColumn>& columns);
// nccl-tests' JSON with one key more, "compare".
std::string WithCompare(std::string table_json, const ProbeTable& own, const std::vector<PeerColumn>& columns);

}  // namespace everstep
