// nccl-tests' output, to the letter (version 2.17: its header, its columns, its footer): parsers for it exist everywhere. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "collectives/probe/options.h"

namespace everstep {

struct TableHalf {
  double microseconds = 0;
  double algorithm_gigabytes = 0;  // a second
  double bus_gigabytes = 0;
  std::optional<std::uint64_t> wrong{};  // nullopt: not checked
};

struct TableRow {
  DataType type = DataType::f32;
  ReduceOperation operation = ReduceOperation::sum;
  std::uint64_t bytes = 0;
  std::uint64_t count = 0;
  TableHalf out_of_place{};
  TableHalf in_place{};
};

struct TableRank {
  std::uint32_t rank = 0;
  std::uint64_t pid = 0;
  std::string host{};
  std::string device{};  // provider and interface
};

struct ProbeTable {
  std::string program{};  // with version and library
  std::string started{};  // wall clock, for display
  std::string ended{};
  std::vector<std::string> arguments{};
  ProbeOptions options{};
  std::vector<TableRank> ranks{};
  std::string waits{};  // who held the others up; empty: nobody
  std::vector<TableRow> rows{};

  double AverageBus() const;
  std::uint64_t Wrong() const;
};

std::string TableHead(const ProbeTable& table);
std::string TableLine(const ProbeTable& table, const TableRow& row);
std::string TableFoot(const ProbeTable& table);

// nccl-tests' JSON, version 3, without the environment: it holds secrets.
std::string TableJson(const ProbeTable& table);

}  // namespace everstep
