#include "collectives/probe/collective_bench.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/text.h"
#include "collectives/core/waits.h"

namespace everstep {
namespace {

constexpr double kTimedAtLeast = 0.1;  // seconds: less is noise, and cold
constexpr std::uint32_t kRunsMin = 20, kRunsMax = 20'000;
constexpr std::size_t kWrongLinesMax = 8;

std::string Number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

// In front of what was wrong: a wrong sum travels on, and the hop that made it wrong is the first by round.
constexpr std::uint32_t kAtTheEnd = 99'999;
constexpr std::size_t kOrderDigits = 5;
std::string Ordered(std::uint32_t round) {
  const std::string digits = std::to_string(std::min(round, kAtTheEnd));
  return std::string(kOrderDigits - digits.size(), '0') + digits;
}

class Bench {
 public:
  Bench(ProbeGroup& group, const ProbeOptions& options, DataType type, ReduceOperation operation)
      : group_(group),
        options_(options),
        type_(type),
        operation_(operation),
        backend_(*group.backend),
        collective_(static_cast<Collective>(options.test)) {}

  // In place, all-to-all has no room of its own for what comes: it is timed as out of place, and not checked again.
  Result<TableHalf> Half(const Shape& shape, bool in_place);
  std::vector<std::string>& wrong() { return wrong_; }

 private:
  void Fill(const ExactData& data, const CollectiveRun& run);
  std::size_t CompareResult(const ExactData& data, const Shape& shape);
  Result<std::uint64_t> Checked(const CollectiveRun& run);

  ProbeGroup& group_;
  const ProbeOptions& options_;
  const DataType type_;
  const ReduceOperation operation_;
  Backend& backend_;
  Collective collective_;
  std::vector<std::string> wrong_{};
  std::uint64_t salt_ = 0;
};

void Bench::Fill(const ExactData& data, const CollectiveRun& run) {
  const Shape& shape = run.shape;
  std::byte* result = backend_.Image(Side::result);
  std::byte* source = run.in_place ? result : backend_.Image(Side::source);
  std::memset(result, 0xff, shape.bytes);
  if (collective_ != Collective::all_gather) {
    data.Fill(source, group_.rank(), 0, shape.bytes / shape.element);
    return;
  }
  const std::uint64_t first = group_.rank() * shape.count;
  data.Fill(result + first * shape.element, group_.rank(), first, shape.count);
  if (!run.in_place) data.Fill(source, group_.rank(), first, shape.count);
}

// The end result, block by block; how many elements are wrong.
std::size_t Bench::CompareResult(const ExactData& data, const Shape& shape) {
  const std::byte* result = backend_.Image(Side::result);
  std::size_t elements = 0;
  const auto compare = [&](const std::vector<std::uint32_t>& of, std::size_t at, std::uint64_t place, std::size_t count) {
    const auto wrong = data.Compare(result + at * shape.element, of, place, count, ExactData::Stage::at_the_end);
    if (!wrong) return;
    elements += wrong->elements;
    wrong_.push_back(Cat(Ordered(kAtTheEnd), group_.company.Who(group_.rank()), ": result at byte ",
                         (at + wrong->at) * shape.element, " of ", shape.bytes, " is ", Number(wrong->got), " instead of ",
                         Number(wrong->expected), " (", Count(wrong->elements, "element"), ")"));
  };
  std::vector<std::uint32_t> all;
  for (std::uint32_t rank = 0; rank < group_.ranks(); ++rank) all.push_back(rank);
  const std::size_t share = shape.count;
  if (collective_ == Collective::all_reduce) compare(all, 0, 0, shape.count);
  if (collective_ == Collective::reduce_scatter) compare(all, group_.rank() * share, group_.rank() * share, share);
  for (const std::uint32_t rank : all) {
    if (collective_ == Collective::all_gather) compare({rank}, rank * share, rank * share, share);
    if (collective_ == Collective::all_to_all) compare({rank}, rank * share, group_.rank() * share, share);
  }
  return elements;
}

Result<std::uint64_t> Bench::Checked(const CollectiveRun& run) {
  const Shape& shape = run.shape;
  std::uint64_t wrong = 0;
  for (std::uint32_t time = 0; time < options_.checks; ++time) {
    const ExactData data(type_, operation_, group_.ranks(), ++salt_);
    Fill(data, run);
    EVERSTEP_TRY(backend_.Upload(shape.bytes));
    EVERSTEP_TRY(group_.company.Barrier());
    EVERSTEP_ASSIGN(const std::vector<WrongHop> hops, backend_.Check(run, data));
    std::uint64_t on_the_way = 0;
    for (const WrongHop& hop : hops) {
      on_the_way += hop.elements;
      wrong_.push_back(Cat(Ordered(hop.round), group_.company.Who(group_.rank()), ": what came from ",
                           group_.company.Who(hop.from), " in round ", hop.round, " at byte ", hop.element * shape.element,
                           " of ", shape.bytes, " is ", Number(hop.got), " instead of ", Number(hop.expected), " (",
                           Count(hop.elements, "element"), ")"));
    }
    EVERSTEP_TRY(backend_.Download(shape.bytes));
    // A bit that was turned on the way may vanish in the rounding of a later addition: the result is right and the link is not.
    wrong += std::max<std::uint64_t>(on_the_way, CompareResult(data, shape));
  }
  EVERSTEP_ASSIGN(const double mean, group_.company.Mean(static_cast<double>(wrong)));
  return static_cast<std::uint64_t>(std::llround(mean * group_.ranks()));
}

Result<TableHalf> Bench::Half(const Shape& shape, bool in_place) {
  const bool to_all = collective_ == Collective::all_to_all;
  const CollectiveRun run{
      .collective = collective_, .type = type_, .operation = operation_, .shape = shape, .in_place = in_place && !to_all};
  EVERSTEP_TRY(group_.company.Barrier());
  if (options_.warmups > 0) EVERSTEP_TRY(backend_.Timed(run, options_.warmups));
  std::uint32_t runs = options_.iterations.value_or(0);
  if (!options_.iterations) {
    EVERSTEP_ASSIGN(const double once, backend_.Timed(run, 1));
    EVERSTEP_ASSIGN(const double slowest, group_.company.Largest(once));
    runs = static_cast<std::uint32_t>(std::clamp(kTimedAtLeast / std::max(slowest, 1e-9), double{kRunsMin}, double{kRunsMax}));
  }
  EVERSTEP_TRY(group_.company.Barrier());
  EVERSTEP_ASSIGN(const double own, backend_.Timed(run, runs));
  EVERSTEP_ASSIGN(const double seconds, group_.company.Mean(own / runs));
  const Bandwidth bandwidth = BandwidthOf(collective_, group_.ranks(), shape.bytes, std::max(seconds, 1e-9));
  TableHalf half{.microseconds = seconds * 1e6,
                 .algorithm_gigabytes = bandwidth.algorithm_bytes_per_second / 1e9,
                 .bus_gigabytes = bandwidth.bus_bytes_per_second / 1e9,
                 .wrong = {}};
  if (options_.checks > 0 && !(in_place && to_all)) {
    EVERSTEP_ASSIGN(half.wrong, Checked(run));
  }
  return half;
}

// What all ranks have to say, a few lines of each, by round.
Result<std::vector<std::string>> Collected(ProbeGroup& group, std::vector<std::string> lines) {
  std::sort(lines.begin(), lines.end());
  const std::size_t found = lines.size();
  if (found > kWrongLinesMax) lines.resize(kWrongLinesMax);
  if (found > kWrongLinesMax)
    lines.push_back(Cat(Ordered(kAtTheEnd), "and ", found - kWrongLinesMax, " more on ", group.company.Who(group.rank())));
  EVERSTEP_ASSIGN(const std::vector<std::string> texts, group.company.exchange(Join(lines, "\n")));
  std::vector<std::string> all;
  for (const std::string& text : texts)
    for (const std::string& line : Split(text, '\n'))
      if (line.size() > kOrderDigits) all.push_back(line);
  std::stable_sort(all.begin(), all.end());
  for (std::string& line : all) line.erase(0, kOrderDigits);
  return all;
}

// Who held the others up, read from what every rank waited for every other.
Result<std::string> WaitsOfAll(ProbeGroup& group, double total) {
  constexpr std::size_t kNamed = 3;
  std::vector<std::string> own;
  for (const double seconds : group.backend->TakeWaits()) own.push_back(Number(seconds));
  EVERSTEP_ASSIGN(const std::vector<std::string> texts, group.company.exchange(Join(own, " ")));
  std::vector<std::vector<double>> waits;
  for (const std::string& text : texts) {
    waits.emplace_back();
    for (const std::string& word : Split(text, ' ')) waits.back().push_back(std::strtod(word.c_str(), nullptr));
  }
  return WaitsText(ReadWaits(waits), total, kNamed);
}

std::vector<std::uint64_t> Sizes(const ProbeOptions& options) {
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t size = options.bytes_min; size <= options.bytes_max;
       size = options.step_factor > 1 ? size * options.step_factor : size + options.step_bytes)
    sizes.push_back(size);
  return sizes;
}

// Each size of one type and operation.
Status RunSizes(ProbeGroup& group, const ProbeOptions& options, DataType type, ReduceOperation operation, ProbeTable& table,
                const RowDone& row) {
  const auto collective = static_cast<Collective>(options.test);
  if (const std::uint32_t most = ExactData::RanksMost(type, operation); options.checks > 0 && group.ranks() > most)
    return Fail(
        ErrorCode::kInvalid,
        Cat(Name(operation), " of ", NcclName(type), " is checked among ", most, " ranks at most, here are ", group.ranks()),
        "-c 0 does not check");
  for (const std::uint64_t size : Sizes(options)) {
    const Shape shape = ShapeOf(collective, group.ranks(), size, SizeOf(type));
    EVERSTEP_TRY(group.backend->Prepare(
        {.collective = collective, .type = type, .operation = operation, .shape = shape, .in_place = false}));
    Bench bench(group, options, type, operation);
    TableRow one{.type = type, .operation = operation, .bytes = shape.bytes, .count = shape.count};
    EVERSTEP_ASSIGN(one.out_of_place, bench.Half(shape, false));
    EVERSTEP_ASSIGN(one.in_place, bench.Half(shape, true));
    EVERSTEP_ASSIGN(const std::vector<std::string> wrong, Collected(group, bench.wrong()));
    table.rows.push_back(one);
    row(one, wrong);
  }
  return {};
}

}  // namespace

Status RunCollectiveBench(ProbeGroup& group, const ProbeOptions& options, Clock& clock, ProbeTable& table, const RowDone& row) {
  EVERSTEP_TRY(group.backend->Reserve(options.bytes_max));
  const Time start = clock.Now();
  for (const DataType type : options.types)
    for (const ReduceOperation operation : options.operations)
      EVERSTEP_TRY(RunSizes(group, options, type, operation, table, row));
  EVERSTEP_ASSIGN(table.waits, WaitsOfAll(group, Seconds(clock.Now() - start)));
  return {};
}

}  // namespace everstep
