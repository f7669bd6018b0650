#include "collectives/probe/compare_text.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <optional>

#include "base/json/value.h"
#include "base/json/writer.h"
#include "base/text.h"
#include "collectives/core/formulas.h"

namespace everstep {
namespace {

[[gnu::format(printf, 1, 2)]] std::string Print(const char* format, ...) {
  std::array<char, 256> text{};
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text.data(), text.size(), format, arguments);
  va_end(arguments);
  return text.data();
}

const JsonValue* Member(const JsonValue* object, std::string_view key) {
  const auto* members = object == nullptr ? nullptr : std::get_if<JsonValue::Object>(&object->is);
  if (members == nullptr) return nullptr;
  for (const JsonMember& member : *members)
    if (member.key == key) return &member.value;
  return nullptr;
}

std::optional<double> NumberIn(const JsonValue* value) {
  if (value == nullptr) return std::nullopt;
  if (const auto* whole = std::get_if<std::uint64_t>(&value->is)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&value->is)) return *real;
  return std::nullopt;
}

// GB/s; nullopt: this size was not measured.
std::optional<double> BusOf(const ProbeTable& own, const PeerColumn& column, std::uint64_t bytes) {
  const auto found = column.microseconds.find(bytes);
  if (found == column.microseconds.end() || found->second <= 0) return std::nullopt;
  const auto collective = static_cast<Collective>(own.options.test);
  const auto ranks = static_cast<std::uint32_t>(own.ranks.size());
  return BandwidthOf(collective, ranks, bytes, found->second / 1e6).bus_bytes_per_second / 1e9;
}

// Of the own time and a peer's, which has all digits where the bandwidth of small sizes has none.
std::optional<double> RatioOf(const TableRow& row, const PeerColumn& column) {
  const auto found = column.microseconds.find(row.bytes);
  if (found == column.microseconds.end() || row.in_place.microseconds <= 0) return std::nullopt;
  return found->second / row.in_place.microseconds;
}

}  // namespace

Status ReadPeerJson(const std::string& text, PeerColumn& column) {
  const std::size_t begin = text.find('{');
  if (begin == std::string::npos) return Fail(ErrorCode::kCorrupt, "it printed no JSON");
  EVERSTEP_ASSIGN(const JsonValue whole, ParseJson(Trim(std::string_view(text).substr(begin))));
  if (const JsonValue* program = Member(&whole, "program"); program != nullptr)
    if (const auto* name = std::get_if<std::string>(&program->is)) column.library = *name;
  const JsonValue* results = Member(&whole, "results");
  const auto* rows = results == nullptr ? nullptr : std::get_if<JsonValue::Array>(&results->is);
  if (rows == nullptr) return Fail(ErrorCode::kCorrupt, "its JSON has no results");
  for (const JsonValue& row : *rows) {
    const auto size = NumberIn(Member(&row, "size")), time = NumberIn(Member(Member(&row, "in_place"), "time"));
    if (!size || !time) return Fail(ErrorCode::kCorrupt, "its JSON has a result without size or time");
    column.microseconds[static_cast<std::uint64_t>(*size)] = *time;
  }
  return {};
}

std::string CompareText(const ProbeTable& own, const std::vector<PeerColumn>& columns) {
  std::string text = Print("#\n# Compared: busbw in place, GB/s; ratio: everstep / peer\n# %12s  %9s", "size", "everstep");
  for (const PeerColumn& column : columns) text += Print("  %9s  %6s", std::string(Name(column.peer)).c_str(), "ratio");
  text += "\n";
  for (const TableRow& row : own.rows) {
    text += Print("# %12llu  %9.4f", static_cast<unsigned long long>(row.bytes), row.in_place.bus_gigabytes);
    for (const PeerColumn& column : columns) {
      const auto bus = BusOf(own, column, row.bytes), ratio = RatioOf(row, column);
      text += bus ? Print("  %9.4f", *bus) : Print("  %9s", "-");
      text += ratio ? Print("  %6.2f", *ratio) : Print("  %6s", "-");
    }
    text += "\n";
  }
  for (const PeerColumn& column : columns)
    text += column.why_not.empty() ? Cat("# ", Name(column.peer), ": ", Printable(column.library), "\n")
                                   : Cat("# ", Name(column.peer), " did not run: ", Printable(column.why_not), "\n");
  return text;
}

std::string WithCompare(std::string table_json, const ProbeTable& own, const std::vector<PeerColumn>& columns) {
  JsonWriter json;
  const auto text = [&](std::string_view key, const std::string& value) {
    json.Key(key);
    if (value.empty())
      json.Null();
    else
      json.String(Printable(value));
  };
  json.BeginArray();
  for (const PeerColumn& column : columns) {
    json.BeginObject();
    json.Key("peer");
    json.String(Name(column.peer));
    text("program", column.library);
    text("why_not", column.why_not);
    json.Key("results");
    json.BeginArray();
    for (const TableRow& row : own.rows) {
      const auto bus = BusOf(own, column, row.bytes), ratio = RatioOf(row, column);
      if (!bus || !ratio) continue;
      json.BeginObject();
      json.Key("size");
      json.Unsigned(row.bytes);
      json.Key("time");
      json.Real(column.microseconds.at(row.bytes));
      json.Key("bus_bw");
      json.Real(*bus);
      json.Key("ratio");
      json.Real(*ratio);
      json.EndObject();
    }
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  table_json.pop_back();
  return Cat(table_json, R"(,"compare":)", std::move(json).text(), "}");
}

}  // namespace everstep
