// Names in short, as Slurm's users write them: n[0-3,7] is n0 n1 n2 n3 n7; gpu-[08-10],head is gpu-08 gpu-09 gpu-10 head. Names
// of hosts and ids of jobs alike. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace everstep {

inline constexpr std::size_t kHostListMax = 16384;

// The names in the order of the text, none twice. A number keeps the width in which its range begins: [08-10]. kInvalid says
// where the text stops making sense, and what could stand there.
Result<std::vector<std::string>> ExpandHostList(std::string_view text);

// Several texts, one after another.
Result<std::vector<std::string>> ExpandHostLists(const std::vector<std::string>& texts);

// A short list that expands to these names, for tables: {"n1", "n2", "n3", "m"} is "m,n[1-3]". Sorted, none twice. Numbers are
// folded where they stand last in a name.
std::string FoldHostList(const std::vector<std::string>& names);

// Ranks as a list: "3", "0,2", "0-3". kInvalid: found, legal.
Result<std::vector<std::uint32_t>> ExpandRankList(std::string_view text);

}  // namespace everstep
