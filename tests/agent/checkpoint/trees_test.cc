// Checkpoints as the libraries leave them (tests/testdata/checkpoints, recorded by record.py there): whole they are complete,
// and torn in any one file they are not.
#include <gtest/gtest.h>

#include <filesystem>

#include "agent/checkpoint/inspect.h"
#include "agent/checkpoint/recognise.h"
#include "agent/checkpoint/survey.h"
#include "tests/agent/checkpoint/fixtures.h"

namespace everstep {
namespace {

namespace fs = std::filesystem;

struct Tree {
  std::string name;    // of the tree
  std::string source;  // the checkpoint in it
  std::string why;     // how it is known to be whole
  // Files whose absence nobody can see: there is no list of what belongs to the checkpoint.
  std::vector<std::string> unlisted{};
};

const std::vector<std::string> kTrainersOwn = {"optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin",
                                               "config.json"};

const std::vector<Tree> kTrees = {
    {"hf", "checkpoint-20", "Trainer checkpoint with trainer_state.json, 5 files verified", kTrainersOwn},
    {"hf_sharded",
     "checkpoint-20",
     "Trainer checkpoint with trainer_state.json, 6 files verified",
     {"optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "config.json", "model.safetensors.index.json"}},
    {"hf_deepspeed",
     "checkpoint-20",
     "Trainer checkpoint with trainer_state.json, DeepSpeed checkpoint with the files of all ranks, 7 files verified",
     {"optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "config.json", "model.safetensors"}},
    {"lightning", "epoch=1-step=20.ckpt", "zip with 4 records, CRCs match"},
    {"lightning_fsdp", "epoch=1-step=20.ckpt",
     "distributed checkpoint with .metadata and its 2 shards, 1 file verified, 4 parts of shards verified"},
    {"dcp", "step-20", "distributed checkpoint with .metadata and its 2 shards, 0 files verified, 4 parts of shards verified"},
    {"megatron", "iter_0000020", "Megatron checkpoint with the files of 4 ranks, 4 files verified"},
    {"megatron_dist",
     "iter_0000020",
     "distributed checkpoint with .metadata and its 1 shard, named by latest_checkpointed_iteration.txt, 1 file verified, "
     "2 parts of shards verified",
     {"common.pt", "latest_checkpointed_iteration.txt"}},
    {"deepspeed", "global_step20", "DeepSpeed checkpoint with the files of all ranks, 3 files verified"},
    {"set", "step-20", "2 safetensors files, all that model.safetensors.index.json names, 2 files verified", {"config.json"}},
};

class Trees : public testing::TestWithParam<Tree> {
 protected:
  Trees() {
    fs::copy(fs::path(EVERSTEP_SOURCE_DIR "/tests/testdata/checkpoints") / GetParam().name, root_, fs::copy_options::recursive);
  }

  Recognised Verdict() const {
    const auto found = Inspect(root_ / GetParam().source, {}, Depth::contents);
    return found ? Recognised{found->completeness, found->why} : Recognised{Completeness::incomplete, found.error().message};
  }
  std::vector<fs::path> Files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(root_))
      if (entry.is_regular_file()) files.push_back(entry.path());
    return files;
  }
  void ExpectTorn(const fs::path& file, const std::string& how) {
    EXPECT_NE(Verdict().completeness, Completeness::complete)
        << GetParam().name << ": " << fs::relative(file, root_) << ' ' << how;
  }

  TempDir temp_;
  const fs::path root_ = fs::path(temp_.path()) / "tree";
};

TEST_P(Trees, WholeItIsComplete) {
  const Recognised verdict = Verdict();
  EXPECT_EQ(verdict.completeness, Completeness::complete);
  EXPECT_EQ(verdict.why, GetParam().why);
  const auto all = InspectAll(root_, {}, Depth::contents);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 1u) << "it is the only one there";
  EXPECT_EQ(all->front().step, 20u);
}

TEST_P(Trees, CutShortInAnyFileItIsNot) {
  for (const fs::path& file : Files()) {
    const std::string whole = ReadBack(file);
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, whole.size() / 2, whole.size() - 1}) {
      if (size == whole.size()) continue;
      Overwrite(file, whole.substr(0, size));
      ExpectTorn(file, "cut to " + std::to_string(size) + " bytes");
    }
    Overwrite(file, whole);
  }
  EXPECT_EQ(Verdict().completeness, Completeness::complete);
}

TEST_P(Trees, WithoutAnyOneFileItIsNot) {
  const std::vector<std::string>& unlisted = GetParam().unlisted;
  for (const fs::path& file : Files()) {
    if (std::find(unlisted.begin(), unlisted.end(), file.filename().string()) != unlisted.end()) continue;
    const std::string whole = ReadBack(file);
    fs::remove(file);
    ExpectTorn(file, "missing");
    Overwrite(file, whole);
  }
}

// Where the bytes of some file's content can be flipped so that it must be seen; empty: nothing in it has a checksum.
std::vector<std::size_t> FlipsIn(const fs::path& file, const std::string& bytes) {
  const std::string name = file.filename().string();
  if (bytes.starts_with("PK")) {
    // In the pickle of the first record, and in the last data that is stored.
    const std::size_t pickle = bytes.find("\x80\x02", 30);
    const std::size_t last = bytes.rfind("PK\x03\x04");
    return {pickle, pickle + 1, bytes.find_first_not_of('Z', bytes.find("ZZ", last)), last};
  }
  if (name.ends_with(".safetensors")) return {0, 7, 8, bytes.find("data_offsets") + 16, bytes.find("shape") + 9};
  if (name.ends_with(".json")) return {0, bytes.size() - 1};
  if (name == ".metadata") return {bytes.find("__0_0"), bytes.find("relative_path"), bytes.size() - 1};
  return {};
}

TEST_P(Trees, FlippedWhereAFormatCanTellItIsNot) {
  for (const fs::path& file : Files()) {
    const std::string whole = ReadBack(file);
    for (const std::size_t at : FlipsIn(file, whole)) {
      ASSERT_LT(at, whole.size()) << file;
      std::string flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ 1);
      Overwrite(file, flipped);
      ExpectTorn(file, "flipped at byte " + std::to_string(at));
    }
    Overwrite(file, whole);
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, Trees, testing::ValuesIn(kTrees), [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace everstep
