#include "collectives/probe/options.h"

#include <cstdlib>
#include <functional>
#include <limits>
#include <set>

#include "base/contains.h"
#include "base/text.h"

namespace everstep {
namespace {

constexpr std::string_view kHelp =
    R"(everstep-probe TEST [FLAGS]: bandwidth and correctness of the network between the ranks that are started with it

  TEST                allreduce, reducescatter, allgather, alltoall, pairs, loopback
  -b, --minbytes N    smallest size, as 8, 4K, 32M, 1G            (32M)
  -e, --maxbytes N    largest size; pairs, loopback: the only one (32M, 1M)
  -i, --stepbytes N   from size to size, added                    (1M)
  -f, --stepfactor N  from size to size, multiplied; 1: not
  -n, --iters N       timed runs a size                           (20, and 100 ms)
  -w, --warmup_iters N                                            (5)
  -c, --check N       runs whose every hop is checked; 0: none    (1)
  -d, --datatype T    float, double, half, bfloat16, int8, uint8, int32, uint32, int64, uint64, all  (float)
  -o, --op OP         sum, prod, max, min, avg, all; of tests that add nothing up it says nothing    (sum)
  -T, --timeout S     seconds without progress until the test ends (10)
  -J, --output_file F also as JSON, on rank 0; -: JSON in place of the table
  --backend B         ofi (libfabric), nccl (GPU memory), mpi     (ofi)
  --compare P,P       afterwards through gloo, mpi, nccl, beside each other
  --provider P        efa, verbs, tcp, shm or a whole name: this one or an error
  --interface I,J     by which to send, a rail each: efa and verbs by all, tcp by that by which the ranks have met
  --rails N           NICs at most
  --algorithm A       ring, recursive_doubling, halving_doubling, direct, star
  --register N        of loopback: most memory that is registered  (1G)
  --root DIR          below it is sysfs, for counters of devices  (/)
  --chunk N           largest message                             (4M)
  --split N           of several rails: smallest piece of one     (256K)
  --level L           of pairs: quick (4 rounds) or full          (full)
  --floor GB/S        of pairs: least bandwidth of each, one way
  --learned RUN,…     of pairs: what earlier runs here measured: PROVIDER TEST BYTES HOSTS SAMPLES MEDIAN MAD
  --quiet 0|1         of pairs: one line where nothing is bad     (0)
  --seed N            of the order of pairs                       (1)
  -t -g -p -m -N -z -y -G -C -S -a -R -D -M -r: nccl-tests' others, where their value changes nothing; else an error says why

Who it is comes from RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, or from mpirun or srun. Exit 0: all well; 1: wrong data, a host that failed; 2: it could not be started; 3: because of another rank.)";

struct Flag {
  std::vector<std::string> names{};
  std::string legal{};
  // false: the value is not legal.
  std::function<bool(ProbeOptions&, const std::string&)> take{};
};

template <class T>
auto Number(T ProbeOptions::*member, std::uint64_t least, std::uint64_t most) {
  return [=](ProbeOptions& options, const std::string& value) {
    const auto number = ParseUnsigned(value);
    if (!number || *number < least || *number > most) return false;
    options.*member = static_cast<T>(*number);
    return true;
  };
}
auto Size(std::uint64_t ProbeOptions::*member, std::uint64_t least = 1) {
  return [=](ProbeOptions& options, const std::string& value) {
    const auto size = ParseSize(value);
    if (!size || *size < least) return false;
    options.*member = *size;
    return true;
  };
}
auto Text(std::string ProbeOptions::*member) {
  return [=](ProbeOptions& options, const std::string& value) {
    options.*member = value;
    return !value.empty();
  };
}
// Flags of nccl-tests that have one meaning here.
auto Only(std::string legal) {
  return [legal = std::move(legal)](ProbeOptions&, const std::string& value) { return value == legal; };
}
// Those that change nothing here.
auto AnyOf(std::vector<std::string> legal) {
  return [legal = std::move(legal)](ProbeOptions&, const std::string& value) { return Contains(legal, value); };
}
bool Never(ProbeOptions&, const std::string&) { return false; }

// "all" in nccl-tests' order.
bool TakeType(ProbeOptions& options, const std::string& value) {
  const auto type = DataTypeNamed(value);
  if (!type && value != "all") return false;
  options.types =
      type ? std::vector{*type} : std::vector{DataType::i8,  DataType::u8,  DataType::i32, DataType::u32, DataType::i64,
                                              DataType::u64, DataType::f16, DataType::f32, DataType::f64, DataType::bf16};
  options.all_types = !type;
  return true;
}

// Of tests that add nothing up, an operation says nothing, as in nccl-tests. There mulsum is an operation that the caller
// makes, and part of "all", too.
bool TakeOperation(ProbeOptions& options, const std::string& value) {
  const auto operation = EnumNamed<ReduceOperation>(value);
  if (options.test != ProbeTest::allreduce && options.test != ProbeTest::reducescatter)
    return operation || value == "mulsum" || value == "all";
  if (!operation && value != "all") return false;
  options.operations = operation ? std::vector{*operation}
                                 : std::vector{ReduceOperation::sum, ReduceOperation::prod, ReduceOperation::max,
                                               ReduceOperation::min, ReduceOperation::avg};
  return true;
}

// No test here has a root: it says nothing, as in nccl-tests.
bool IsRootRank(ProbeOptions&, const std::string& value) { return value == "all" || ParseUnsigned(value).has_value(); }
// A name that both have: a rank is theirs, anything else is where sysfs is.
bool TakeRoot(ProbeOptions& options, const std::string& value) {
  if (IsRootRank(options, value)) return true;
  options.root = value;
  return !value.empty();
}

bool TakeFloor(ProbeOptions& options, const std::string& value) {
  char* end = nullptr;
  const double floor = std::strtod(value.c_str(), &end);
  if (value.empty() || *end != '\0' || !(floor > 0) || floor > 1e6) return false;
  options.floor = floor * 1e9;
  return true;
}

bool TakeLearned(ProbeOptions& options, const std::string& value) {
  constexpr std::size_t kMost = 1024;
  options.learned.clear();
  for (const std::string& text : Split(value, ',')) {
    const auto run = MeasuredIn(text);
    if (!run || options.learned.size() >= kMost) return false;
    options.learned.push_back(*run);
  }
  return true;
}

bool TakeTamper(ProbeOptions& options, const std::string& value) {
  const std::vector<std::string> parts = Split(value, ':');
  const auto rank = parts.size() == 2 ? ParseUnsigned(parts[0]) : std::nullopt;
  const auto round = parts.size() == 2 ? ParseUnsigned(parts[1]) : std::nullopt;
  if (!rank || !round || *rank > 65535 || *round > 65535) return false;
  options.tamper = {.rank = static_cast<std::uint32_t>(*rank), .round = static_cast<std::uint32_t>(*round)};
  return true;
}

bool TakePeers(ProbeOptions& options, const std::string& value) {
  for (const std::string& name : Split(value, ',')) {
    const auto peer = EnumNamed<ProbePeer>(name);
    if (!peer || Contains(options.compare, *peer)) return false;
    options.compare.push_back(*peer);
  }
  return !options.compare.empty();
}

std::vector<Flag> FlagsOfNcclTests() {
  return {
      {{"-b", "--minbytes"}, "a size as 8, 4K, 32M, 1G", Size(&ProbeOptions::bytes_min)},
      {{"-e", "--maxbytes"}, "a size as 8, 4K, 32M, 1G", Size(&ProbeOptions::bytes_max)},
      {{"-i", "--stepbytes"}, "a size as 8, 4K, 32M, 1G", Size(&ProbeOptions::step_bytes)},
      {{"-f", "--stepfactor"}, "1 to 1024", Number(&ProbeOptions::step_factor, 1, 1024)},
      {{"-n", "--iters"},
       "1 to 1000000",
       [](ProbeOptions& options, const std::string& value) {
         const auto number = ParseUnsigned(value);
         if (!number || *number < 1 || *number > 1'000'000) return false;
         options.iterations = static_cast<std::uint32_t>(*number);
         return true;
       }},
      {{"-w", "--warmup_iters"}, "0 to 10000", Number(&ProbeOptions::warmups, 0, 10'000)},
      {{"-c", "--check"}, "0 to 1000", Number(&ProbeOptions::checks, 0, 1000)},
      {{"-d", "--datatype"}, "float, double, half, bfloat16, int8, uint8, int32, uint32, int64, uint64 or all", TakeType},
      {{"-o", "--op"},
       "sum, prod, max, min, avg or all; of allgather and alltoall any, for they add nothing up",
       TakeOperation},
      {{"-r"}, "a rank, or all: without meaning, no test here has a root", IsRootRank},
      {{"-T", "--timeout"},
       "1 to 3600 seconds",
       [](ProbeOptions& options, const std::string& value) {
         const auto number = ParseUnsigned(value);
         if (!number || *number < 1 || *number > 3600) return false;
         options.timeout = std::chrono::seconds(*number);
         return true;
       }},
      {{"-J", "--output_file"}, "a file", Text(&ProbeOptions::json_file)},
  };
}

// The rest of nccl-tests': what means something on a GPU only, and what goes another way here. Values that change nothing are
// taken, so that lines people have go on working; others would measure something else than was asked for.
std::vector<Flag> FlagsWithoutMeaning() {
  return {
      {{"-t", "--nthreads"}, "1: a rank is a process, start more of them", Only("1")},
      {{"-g", "--ngpus"}, "1: a rank is a process, start more of them", Only("1")},
      {{"-p", "--parallel_init"}, "0 or 1: ranks are processes and begin side by side", AnyOf({"0", "1"})},
      {{"-m", "--agg_iters"}, "1: runs are not grouped", Only("1")},
      {{"-N", "--run_cycles"}, "1: start it again for another cycle", Only("1")},
      {{"-z", "--blocking"}, "0 or 1: each run is waited for", AnyOf({"0", "1"})},
      {{"-y", "--stream_null"}, "0: --backend nccl has a stream of its own, others have none", Only("0")},
      {{"-G", "--cudagraph"}, "0: nothing is captured as a CUDA graph", Only("0")},
      {{"-C", "--report_cputime"}, "0: time is what runs take by the clock", Only("0")},
      {{"-S", "--report_timestamps"}, "0: -J has when it began and ended", Only("0")},
      {{"-a", "--average"}, "1: the mean of all ranks", Only("1")},
      {{"-R", "--local_register"}, "0: by --backend ofi memory is registered where the provider needs it", Only("0")},
      {{"-x", "--cta_policy"}, "none: it is NCCL's; set NCCL_CTA_POLICY with --backend nccl", Never},
      {{"-D", "--device_implementation"}, "0: collectives are the library's own", Only("0")},
      {{"-V", "--device_cta_count"}, "none: there is no device implementation", Never},
      {{"-M", "--memory_report"}, "0: nvidia-smi has what memory is in use", Only("0")},
      {{"-I"}, "none: a row is the mean of its runs; -n 1 has a single one", Never},
  };
}

std::vector<Flag> OwnFlags() {
  const std::string algorithms = "ring, recursive_doubling, halving_doubling, direct or star";
  return {
      {{"--backend"},
       "ofi, nccl or mpi",
       [](ProbeOptions& options, const std::string& value) {
         const auto backend = EnumNamed<ProbeBackend>(value);
         if (backend) options.backend = *backend;
         return backend.has_value();
       }},
      {{"--compare"}, "gloo, mpi, nccl, or several: gloo,mpi", TakePeers},
      {{"--provider"}, "a provider's name", Text(&ProbeOptions::provider)},
      {{"--interface"},
       "an interface, or several: eth0,eth1",
       [](ProbeOptions& options, const std::string& value) {
         options.interfaces = Split(value, ',');
         const std::set<std::string> different(options.interfaces.begin(), options.interfaces.end());
         return different.size() == options.interfaces.size() && !different.contains("");
       }},
      {{"--rails"}, "1 to 64", Number(&ProbeOptions::rails, 1, 64)},
      {{"--floor"}, "GB/s, more than 0", TakeFloor},
      {{"--learned"}, "runs as PROVIDER TEST BYTES HOSTS SAMPLES MEDIAN MAD, with commas between", TakeLearned},
      {{"--quiet"},
       "0 or 1",
       [](ProbeOptions& options, const std::string& value) {
         options.quiet = value == "1";
         return value == "0" || value == "1";
       }},
      {{"--algorithm"},
       algorithms,
       [](ProbeOptions& options, const std::string& value) {
         options.algorithm = EnumNamed<Algorithm>(value);
         return options.algorithm.has_value();
       }},
      {{"--chunk"}, "a size of at least 64", Size(&ProbeOptions::chunk_bytes, 64)},
      {{"--split"}, "a size of at least 64", Size(&ProbeOptions::split_bytes, 64)},
      {{"--seed"}, "a whole number", Number(&ProbeOptions::seed, 0, std::numeric_limits<std::uint64_t>::max())},
      {{"--level"},
       "quick or full",
       [](ProbeOptions& options, const std::string& value) {
         const auto level = EnumNamed<PairLevel>(value);
         if (level) options.level = *level;
         return level.has_value();
       }},
      {{"--register"}, "a size as 8, 4K, 32M, 1G; 0: none", Size(&ProbeOptions::register_bytes, 0)},
      {{"--root"}, "a directory; or a rank, which says nothing", TakeRoot},
      {{"--device"}, "an RDMA device", Text(&ProbeOptions::device)},
      {{"--tamper"}, "RANK:ROUND", TakeTamper},
  };
}

Status CheckTogether(const ProbeOptions& options) {
  if (options.bytes_min > options.bytes_max)
    return Fail(ErrorCode::kInvalid, Cat("-b ", options.bytes_min, " is above -e ", options.bytes_max),
                "the smallest size comes first");
  for (const DataType type : options.types)
    if (options.bytes_min < SizeOf(type))
      return Fail(ErrorCode::kInvalid, Cat("-b ", options.bytes_min, " is below one element of ", NcclName(type)),
                  Cat("at least ", SizeOf(type), " bytes"));
  if (options.backend != ProbeBackend::ofi)
    for (const auto& [flag, given] :
         {std::pair("--provider", !options.provider.empty()), std::pair("--interface", !options.interfaces.empty()),
          std::pair("--rails", options.rails > 0), std::pair("--algorithm", options.algorithm.has_value())})
      if (given)
        return Fail(ErrorCode::kInvalid, Cat(flag, " has no meaning with --backend ", Name(options.backend)),
                    "it chooses its own way: see its documentation for variables that steer it");
  if (!options.compare.empty() && (options.test >= ProbeTest::pairs || options.backend != ProbeBackend::ofi))
    return Fail(ErrorCode::kInvalid,
                Cat("--compare has no meaning with ",
                    options.test >= ProbeTest::pairs ? Name(options.test) : Cat("--backend ", Name(options.backend))),
                "a collective by --backend ofi is compared with others");
  if (!options.compare.empty() &&
      (options.types.size() > 1 || options.operations != std::vector{ReduceOperation::sum} || options.types[0] >= DataType::i8))
    return Fail(ErrorCode::kInvalid, "--compare has no meaning with this -d and -o",
                "sums are compared, of float, double, half, bfloat16, int32 or int64");
  if (options.backend == ProbeBackend::nccl && options.test >= ProbeTest::pairs)
    return Fail(ErrorCode::kInvalid, Cat(Name(options.test), " does not go by nccl"), "by ofi and mpi it does");
  if (options.algorithm && options.test <= ProbeTest::alltoall &&
      !Has(static_cast<Collective>(options.test), *options.algorithm))
    return Fail(ErrorCode::kInvalid, Cat(Name(options.test), " cannot go by ", Name(*options.algorithm)),
                "ring and direct work for all");
  return {};
}

}  // namespace

std::optional<std::uint64_t> ParseSize(const std::string& text) {
  if (text.empty()) return std::nullopt;
  int shift = 0;
  switch (text.back()) {
    case 'k':
    case 'K': shift = 10; break;
    case 'm':
    case 'M': shift = 20; break;
    case 'g':
    case 'G': shift = 30; break;
    default: break;
  }
  const auto number = ParseUnsigned(std::string_view(text).substr(0, text.size() - (shift > 0 ? 1 : 0)));
  if (!number || *number > (std::numeric_limits<std::uint64_t>::max() >> 8 >> shift)) return std::nullopt;
  return *number << shift;
}

namespace {

// As getopt_long has it: a whole name, or the beginning of one long name only.
Result<const Flag*> FlagNamed(const std::vector<Flag>& flags, const std::string& name) {
  std::set<const Flag*> begun;
  std::vector<std::string> candidates;
  for (const Flag& flag : flags)
    for (const std::string& known : flag.names) {
      if (known == name) return &flag;
      if (!name.starts_with("--") || !known.starts_with(name)) continue;
      begun.insert(&flag);
      candidates.push_back(known);
    }
  if (begun.size() == 1) return *begun.begin();
  if (begun.empty()) return Fail(ErrorCode::kInvalid, Cat("unknown argument \"", name, "\""), "see --help");
  return Fail(ErrorCode::kInvalid, Cat("\"", name, "\" is the beginning of several"), Join(candidates));
}

// "-b8", "--minbytes=8": the name and what is behind it; nullopt: the value is the next word.
std::pair<std::string, std::optional<std::string>> NameAndValue(const std::string& word) {
  if (word.starts_with("--")) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) return {word, std::nullopt};
    return {word.substr(0, equals), word.substr(equals + 1)};
  }
  if (word.starts_with('-') && word.size() > 2) return {word.substr(0, 2), word.substr(2)};
  return {word, std::nullopt};
}

}  // namespace

Result<ProbeOptions> ParseProbeOptions(const std::vector<std::string>& arguments) {
  ProbeOptions options;
  std::vector<Flag> flags = FlagsOfNcclTests();
  for (auto& more : {FlagsWithoutMeaning(), OwnFlags()}) flags.insert(flags.end(), more.begin(), more.end());
  for (const std::string& word : arguments)
    if (word == "-h" || word == "--help") return Fail(ErrorCode::kNotFound, std::string(kHelp));
  const auto test = arguments.empty() ? std::nullopt : EnumNamed<ProbeTest>(arguments[0]);
  if (!test)
    return Fail(ErrorCode::kInvalid, arguments.empty() ? "no test was named" : Cat("\"", arguments[0], "\" is no test"),
                "allreduce, reducescatter, allgather, alltoall, pairs and loopback are; see --help");
  options.test = *test;
  bool sized = false;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    auto [name, value] = NameAndValue(arguments[i]);
    EVERSTEP_ASSIGN(const Flag* flag, FlagNamed(flags, name));
    if (!value && i + 1 == arguments.size())
      return Fail(ErrorCode::kInvalid, Cat(name, " has no value"), Cat("legal: ", flag->legal));
    if (!value) value = arguments[++i];
    if (!flag->take(options, *value))
      return Fail(ErrorCode::kInvalid, Cat(name, " is \"", *value, "\""), Cat("legal: ", flag->legal));
    sized = sized || flag->names.back() == "--maxbytes";
  }
  // Pairs have one size; by itself one that is over in a third of a second.
  if (options.test >= ProbeTest::pairs && !sized) options.bytes_max = 1u << 20;
  if (options.test >= ProbeTest::pairs) options.bytes_min = options.bytes_max;
  if (options.all_types && options.backend == ProbeBackend::mpi)  // it has no type for these
    std::erase_if(options.types, [](DataType type) { return type == DataType::f16 || type == DataType::bf16; });
  EVERSTEP_TRY(CheckTogether(options));
  return options;
}

}  // namespace everstep
