#include "collectives/probe/options.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace everstep {
namespace {

std::string Refused(const std::string& line) {
  const Result<ProbeOptions> options = ParseProbeOptions(Split(line, ' '));
  return options ? "" : options.error().Str();
}

TEST(Options, AllTypesAreThoseThatTheBackEndHasAndAllOperationsThoseThatHaveAMeaning) {
  const auto parsed = [](const std::string& line) { return *ParseProbeOptions(Split(line, ' ')); };
  EXPECT_EQ(parsed("allreduce -d all").types.size(), 10u);
  EXPECT_EQ(parsed("allreduce -d all").types.front(), DataType::i8);
  EXPECT_EQ(parsed("allreduce -d all --backend mpi").types.size(), 8u);
  EXPECT_EQ(parsed("allreduce -o all").operations.size(), 5u);
  EXPECT_EQ(parsed("reducescatter -o min").operations, std::vector{ReduceOperation::min});
  EXPECT_EQ(parsed("alltoall -o all").operations, std::vector{ReduceOperation::sum}) << "a single pass";
}

TEST(Options, PeersAreForCollectivesByOurOwnBackEnd) {
  const Result<ProbeOptions> options = ParseProbeOptions(Split("allgather --compare mpi,gloo", ' '));
  ASSERT_TRUE(options.has_value()) << options.error().Str();
  EXPECT_EQ(options->compare, (std::vector<ProbePeer>{ProbePeer::mpi, ProbePeer::gloo}));
  for (const std::string wrong : {"allgather --compare mpi,mpi", "allgather --compare ucc", "pairs --compare gloo",
                                  "allgather --backend mpi --compare gloo"}) {
    const Result<ProbeOptions> refused = ParseProbeOptions(Split(wrong, ' '));
    ASSERT_FALSE(refused.has_value()) << wrong;
    EXPECT_NE(refused.error().Str().find("--compare "), std::string::npos) << wrong;
  }
}

TEST(Options, SeveralInterfacesAreRailsAndNoneIsNamedTwice) {
  const Result<ProbeOptions> options = ParseProbeOptions(Split("pairs --interface eth0,eth1 --rails 2", ' '));
  ASSERT_TRUE(options.has_value()) << options.error().Str();
  EXPECT_EQ(options->interfaces, (std::vector<std::string>{"eth0", "eth1"}));
  EXPECT_EQ(options->rails, 2u);
  for (const std::string wrong : {"eth0,eth0", "eth0,,eth1", ","}) {
    const Result<ProbeOptions> refused = ParseProbeOptions({"pairs", "--interface", wrong});
    ASSERT_FALSE(refused.has_value()) << wrong;
    EXPECT_EQ(refused.error().Str(), Cat("--interface is \"", wrong, "\"; legal: an interface, or several: eth0,eth1"));
  }
  EXPECT_EQ(ParseProbeOptions(Split("pairs --rails 0", ' ')).error().Str(), "--rails is \"0\"; legal: 1 to 64");
}

TEST(Options, AreThoseThatPeopleTypeForNcclTests) {
  const Result<ProbeOptions> options =
      ParseProbeOptions(Split("allreduce -b 1K -e 64M -f 4 -c 1 -g 1 -w 2 -n 7 -d bfloat16 -T 30 --provider tcp", ' '));
  ASSERT_TRUE(options.has_value()) << options.error().Str();
  EXPECT_EQ(options->bytes_min, 1024u);
  EXPECT_EQ(options->bytes_max, 64u << 20);
  EXPECT_EQ(options->step_factor, 4u);
  EXPECT_EQ(options->iterations, 7u);
  EXPECT_EQ(options->types, std::vector{DataType::bf16});
  EXPECT_EQ(options->timeout, 30s);
  EXPECT_EQ(options->provider, "tcp");
}

TEST(Options, ErrorsNameTheArgumentWhatWasFoundAndWhatIsLegal) {
  struct Row {
    std::string line;
    std::string error;
  };
  for (const Row& row :
       {Row{"allredcue",
            "\"allredcue\" is no test; allreduce, reducescatter, allgather, alltoall, pairs and loopback are; see --help"},
        Row{"allreduce -q 1", "unknown argument \"-q\"; see --help"}, Row{"allreduce 8", "unknown argument \"8\"; see --help"},
        Row{"allreduce --m 1", "\"--m\" is the beginning of several; --minbytes, --maxbytes, --memory_report"},
        Row{"allreduce -b", "-b has no value; legal: a size as 8, 4K, 32M, 1G"},
        Row{"allreduce -b 1X", "-b is \"1X\"; legal: a size as 8, 4K, 32M, 1G"},
        Row{"allreduce -b 0", "-b is \"0\"; legal: a size as 8, 4K, 32M, 1G"},
        Row{"allreduce -b 8M -e 1M", "-b 8388608 is above -e 1048576; the smallest size comes first"},
        Row{"allreduce -b 2 -e 1K", "-b 2 is below one element of float; at least 4 bytes"},
        Row{"allreduce -d float32",
            "-d is \"float32\"; legal: float, double, half, bfloat16, int8, uint8, int32, uint32, int64, uint64 or all"},
        Row{"allreduce -d all -b 4", "-b 4 is below one element of int64; at least 8 bytes"},
        Row{"allreduce -o mulsum",
            "-o is \"mulsum\"; legal: sum, prod, max, min, avg or all; of allgather and alltoall any, for they add nothing up"},
        Row{"allreduce -o avg --compare gloo",
            "--compare has no meaning with this -d and -o; sums are compared, of float, double, half, bfloat16, int32 or "
            "int64"},
        Row{"allreduce -g 8", "-g is \"8\"; legal: 1: a rank is a process, start more of them"},
        Row{"allreduce -f 0", "-f is \"0\"; legal: 1 to 1024"},
        Row{"alltoall --algorithm star", "alltoall cannot go by star; ring and direct work for all"},
        Row{"allreduce --algorithm tree",
            "--algorithm is \"tree\"; legal: ring, recursive_doubling, halving_doubling, direct or star"}})
    EXPECT_EQ(Refused(row.line), row.error);
  EXPECT_EQ(ParseProbeOptions({}).error().message, "no test was named");
}

// Every option of nccl-tests' src/common.cu, with a value that people give it: its meaning, or an error that says why it has
// none and what to do.
TEST(Options, EveryOptionOfNcclTestsHasItsMeaningOrAnErrorThatSaysWhy) {
  struct Row {
    std::string name;
    std::string long_name;
    std::string taken;    // empty: none is
    std::string refused;  // empty: none of those that nccl-tests takes
    std::string why{};    // in the error
  };
  for (const Row& row : {
           Row{"-t", "--nthreads", "1", "4", "a rank is a process, start more of them"},
           Row{"-g", "--ngpus", "1", "8", "a rank is a process, start more of them"},
           Row{"-b", "--minbytes", "8", ""},
           Row{"-e", "--maxbytes", "128M", ""},
           Row{"-i", "--stepbytes", "1M", ""},
           Row{"-f", "--stepfactor", "2", ""},
           Row{"-n", "--iters", "100", ""},
           Row{"-m", "--agg_iters", "1", "4", "not grouped"},
           Row{"-w", "--warmup_iters", "20", ""},
           Row{"-N", "--run_cycles", "1", "0", "start it again"},
           Row{"-p", "--parallel_init", "1", ""},
           Row{"-c", "--check", "0", ""},
           Row{"-o", "--op", "avg", "mulsum", "legal: sum"},
           Row{"-d", "--datatype", "uint8", "f8e4m3", "float, double, half, bfloat16, int8"},
           Row{"-r", "--root", "3", ""},
           Row{"-z", "--blocking", "1", ""},
           Row{"-y", "--stream_null", "0", "1", "stream of its own"},
           Row{"-T", "--timeout", "60", ""},
           Row{"-G", "--cudagraph", "0", "1", "CUDA graph"},
           Row{"-C", "--report_cputime", "0", "1", "by the clock"},
           Row{"-S", "--report_timestamps", "0", "1", "-J has when"},
           Row{"-J", "--output_file", "out.json", ""},
           Row{"-a", "--average", "1", "3", "mean of all ranks"},
           Row{"-R", "--local_register", "0", "1", "where the provider needs it"},
           Row{"-x", "--cta_policy", "", "1", "NCCL_CTA_POLICY"},
           Row{"-D", "--device_implementation", "0", "1", "the library's own"},
           Row{"-V", "--device_cta_count", "", "16", "no device implementation"},
           Row{"-M", "--memory_report", "0", "1", "nvidia-smi"},
       }) {
    for (const std::string& given : {row.name + " ", row.name, row.long_name + " ", row.long_name + "="}) {
      EXPECT_EQ(row.taken.empty() ? "" : Refused("allreduce " + given + row.taken), "") << given;
      if (row.refused.empty()) continue;
      const std::string error = Refused("allreduce " + given + row.refused);
      const std::string& name = given.starts_with("--") ? row.long_name : row.name;
      EXPECT_TRUE(error.starts_with(name + " is \"" + row.refused + "\"; legal: ")) << error;
      EXPECT_NE(error.find(row.why), std::string::npos) << error;
    }
  }
}

TEST(Options, AValueMayBePartOfItsFlagsWord) {
  const Result<ProbeOptions> options = ParseProbeOptions(Split("allreduce -b8 --maxbytes=4K -f2 --iter 3 -dint32", ' '));
  ASSERT_TRUE(options.has_value()) << options.error().Str();
  EXPECT_EQ(options->bytes_min, 8u);
  EXPECT_EQ(options->bytes_max, 4096u);
  EXPECT_EQ(options->step_factor, 2u);
  EXPECT_EQ(options->iterations, 3u);
  EXPECT_EQ(options->types, std::vector{DataType::i32});
  EXPECT_EQ(ParseProbeOptions(Split("pairs -e64K", ' '))->bytes_max, 64u << 10) << "its own size counts";
  EXPECT_EQ(ParseProbeOptions(Split("pairs -c0", ' '))->bytes_max, 1u << 20);
  EXPECT_EQ(Refused("allreduce --minbytes="), "--minbytes is \"\"; legal: a size as 8, 4K, 32M, 1G");
  EXPECT_EQ(Refused("allreduce --minbytes"), "--minbytes has no value; legal: a size as 8, 4K, 32M, 1G");
}

TEST(Options, RootIsARankAsInNcclTestsOrWhereSysfsIs) {
  EXPECT_EQ(ParseProbeOptions(Split("allreduce --root 3", ' '))->root, "/");
  EXPECT_EQ(ParseProbeOptions(Split("allreduce --root=all", ' '))->root, "/");
  EXPECT_EQ(ParseProbeOptions(Split("allreduce --root /tmp/tree", ' '))->root, "/tmp/tree");
  EXPECT_EQ(Refused("allreduce -r /tmp/tree"),
            "-r is \"/tmp/tree\"; legal: a rank, or all: without meaning, no test here has a root");
}

TEST(Options, AnOperationSaysNothingWhereNothingIsAddedUp) {
  for (const std::string test : {"allgather", "alltoall", "pairs"}) EXPECT_EQ(Refused(test + " -o max"), "");
  EXPECT_NE(Refused("allgather -o xor"), "");
  EXPECT_NE(Refused("reducescatter -o mulsum"), "");
}

TEST(Options, SizesCountBy1024) {
  EXPECT_EQ(ParseSize("1k"), 1024u);
  EXPECT_EQ(ParseSize("3G"), 3ull << 30);
  for (const char* wrong : {"", "K", "-1", "1.5M", "1MB", "99999999999999999999", "99999999999999G"})
    EXPECT_EQ(ParseSize(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace everstep
