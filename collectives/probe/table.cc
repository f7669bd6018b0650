#include "collectives/probe/table.h"

#include <array>
#include <cstdarg>
#include <cstdio>

#include "base/json/writer.h"
#include "base/text.h"

namespace everstep {
namespace {

[[gnu::format(printf, 1, 2)]] std::string Print(const char* format, ...) {
  std::array<char, 1024> text{};
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text.data(), text.size(), format, arguments);
  va_end(arguments);
  return text.data();
}

// As many digits after the point as the column has room for.
std::string Fitted(double value, int width) {
  int digits = 0;
  for (double power = 1; value >= power && digits < 30; power *= 10) ++digits;
  if (digits < width - 2) return Print("%*.2f", width, value);
  if (digits < width - 1) return Print("%*.1f", width, value);
  if (digits < width + 1) return Print("%*.0f", width, value);
  return Print(width >= 7 ? "%*.1e" : "%*.0e", width, value);
}

std::string Half(const TableHalf& half) {
  const std::string figures = Print("  %7s  %6s  %6s", Fitted(half.microseconds, 7).c_str(),
                                    Fitted(half.algorithm_gigabytes, 6).c_str(), Fitted(half.bus_gigabytes, 6).c_str());
  return figures + (half.wrong ? Print("  %6g", static_cast<double>(*half.wrong)) : "     N/A");
}

std::string_view OperationName(ProbeTest test, const TableRow& row) {
  return test == ProbeTest::allreduce || test == ProbeTest::reducescatter ? Name(row.operation) : "none";
}

std::string_view Program(ProbeTest test) {
  switch (test) {
    case ProbeTest::allreduce: return "all_reduce_perf";
    case ProbeTest::reducescatter: return "reduce_scatter_perf";
    case ProbeTest::allgather: return "all_gather_perf";
    case ProbeTest::alltoall: return "alltoall_perf";
    case ProbeTest::pairs: return "pairs";
    case ProbeTest::loopback: return "loopback";
  }
  return "";
}

void WriteHalf(JsonWriter& json, std::string_view name, const TableHalf& half) {
  json.Key(name);
  json.BeginObject();
  json.Key("time");
  json.Real(half.microseconds);
  json.Key("alg_bw");
  json.Real(half.algorithm_gigabytes);
  json.Key("bus_bw");
  json.Real(half.bus_gigabytes);
  json.Key("nwrong");
  if (half.wrong)
    json.Unsigned(*half.wrong);
  else
    json.Null();
  json.EndObject();
}

void WriteConfig(JsonWriter& json, const ProbeTable& table) {
  const ProbeOptions& options = table.options;
  json.Key("config");
  json.BeginObject();
  json.Key("nthreads");
  json.Unsigned(1);
  json.Key("ngpus");
  json.Unsigned(1);
  json.Key("minimum_bytes");
  json.Unsigned(options.bytes_min);
  json.Key("maximum_bytes");
  json.Unsigned(options.bytes_max);
  json.Key(options.step_factor > 1 ? "step_factor" : "step_bytes");
  json.Unsigned(options.step_factor > 1 ? options.step_factor : options.step_bytes);
  json.Key("warmup_iters");
  json.Unsigned(options.warmups);
  json.Key("iterations");
  json.Unsigned(options.iterations.value_or(20));
  json.Key("validation");
  json.Unsigned(options.checks);
  json.EndObject();
  json.Key("devices");
  json.BeginArray();
  for (const TableRank& rank : table.ranks) {
    json.BeginObject();
    json.Key("rank");
    json.Unsigned(rank.rank);
    json.Key("pid");
    json.Unsigned(rank.pid);
    json.Key("hostname");
    json.String(rank.host);
    json.Key("device_info");
    json.String(rank.device);
    json.EndObject();
  }
  json.EndArray();
}

void WriteRow(JsonWriter& json, const ProbeTable& table, const TableRow& row) {
  json.BeginObject();
  json.Key("size");
  json.Unsigned(row.bytes);
  json.Key("count");
  json.Unsigned(row.count);
  json.Key("type");
  json.String(NcclName(row.type));
  json.Key("redop");
  json.String(OperationName(table.options.test, row));
  json.Key("root");
  json.String("-1");
  WriteHalf(json, "out_of_place", row.out_of_place);
  WriteHalf(json, "in_place", row.in_place);
  json.EndObject();
}

}  // namespace

double ProbeTable::AverageBus() const {
  double sum = 0;
  for (const TableRow& row : rows) sum += row.out_of_place.bus_gigabytes + row.in_place.bus_gigabytes;
  return rows.empty() ? 0 : sum / (2 * static_cast<double>(rows.size()));
}

std::uint64_t ProbeTable::Wrong() const {
  std::uint64_t wrong = 0;
  for (const TableRow& row : rows) wrong += row.out_of_place.wrong.value_or(0) + row.in_place.wrong.value_or(0);
  return wrong;
}

std::string TableHead(const ProbeTable& table) {
  const ProbeOptions& options = table.options;
  std::string text = Cat("# ", table.program, "\n# Collective test starting: ", Program(options.test), "\n");
  const bool factor = options.step_factor > 1;
  text += Print(
      "# nThread %d nGpus %d minBytes %ld maxBytes %ld step: %ld(%s) warmup iters: %u iters: %u agg iters: %d validation: %u "
      "graph: %d unalign: %d\n",
      1, 1, static_cast<long>(options.bytes_min), static_cast<long>(options.bytes_max),
      static_cast<long>(factor ? options.step_factor : options.step_bytes), factor ? "factor" : "bytes", options.warmups,
      options.iterations.value_or(20), 1, options.checks, 0, 0);
  text += "#\n# Using devices\n";
  for (const TableRank& rank : table.ranks)
    text += Print("#  Rank %2u Group %2d Pid %6llu on %10s device %2d [%04x:%02x:%02x] %s\n", rank.rank, 0,
                  static_cast<unsigned long long>(rank.pid), rank.host.c_str(), 0, 0, 0, 0, rank.device.c_str());
  text += "#\n";
  text += Print("# %10s  %12s  %8s  %6s  %6s           out-of-place                       in-place          \n", "", "", "", "",
                "");
  text += Print("# %10s  %12s  %8s  %6s  %6s  %7s  %6s  %6s  %6s  %7s  %6s  %6s  %6s %*s\n", "size", "count", "type", "redop",
                "root", "time", "algbw", "busbw", "#wrong", "time", "algbw", "busbw", "#wrong", 0, "");
  text += Print("# %10s  %12s  %8s  %6s  %6s  %7s  %6s  %6s  %6s  %7s  %6s  %6s  %6s %*s\n", "(B)", "(elements)", "", "", "",
                "(us)", "(GB/s)", "(GB/s)", "", "(us)", "(GB/s)", "(GB/s)", "", 0, "");
  return text;
}

std::string TableLine(const ProbeTable& table, const TableRow& row) {
  return Print("%12li  %12li  %8s  %6s  %6s", static_cast<long>(row.bytes), static_cast<long>(row.count),
               std::string(NcclName(row.type)).c_str(), std::string(OperationName(table.options.test, row)).c_str(), "-1") +
         Half(row.out_of_place) + Half(row.in_place) + "\n";
}

std::string TableFoot(const ProbeTable& table) {
  const std::uint64_t wrong = table.Wrong();
  std::string text =
      Print("# %-20s : %llu %s\n# %-20s : %g %s\n", "Out of bounds values", static_cast<unsigned long long>(wrong),
            wrong > 0 ? "FAILED" : "OK", "Avg bus bandwidth", table.AverageBus(), "");
  if (!table.waits.empty()) text += Print("# %-20s : %s\n", "Waits", table.waits.c_str());
  return text + Cat("#\n# Collective test concluded: ", Program(table.options.test), "\n");
}

std::string TableJson(const ProbeTable& table) {
  JsonWriter json;
  json.BeginObject();
  json.Key("version");
  json.Unsigned(3);
  json.Key("program");
  json.String(table.program);
  json.Key("start_time");
  json.String(table.started);
  json.Key("args");
  json.BeginArray();
  for (const std::string& argument : table.arguments) json.String(argument);
  json.EndArray();
  WriteConfig(json, table);
  json.Key("results");
  json.BeginArray();
  for (const TableRow& row : table.rows) WriteRow(json, table, row);
  json.EndArray();
  json.Key("out_of_bounds");
  json.BeginObject();
  json.Key("count");
  json.Unsigned(table.Wrong());
  json.Key("okay");
  json.Bool(table.Wrong() == 0);
  json.EndObject();
  json.Key("average_bus_bandwidth");
  json.BeginObject();
  json.Key("bandwidth");
  json.Real(table.AverageBus());
  json.Key("okay");
  json.String("unchecked");
  json.EndObject();
  json.Key("end_time");
  json.String(table.ended);
  json.EndObject();
  return std::move(json).text();
}

}  // namespace everstep
