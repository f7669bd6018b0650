#include "agent/checkpoint/recognise.h"

#include "agent/checkpoint/json_whole.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/agent/checkpoint/fixtures.h"

namespace everstep {
namespace {

std::string Say(Completeness completeness) {
  return completeness == Completeness::complete     ? "complete"
         : completeness == Completeness::incomplete ? "incomplete"
                                                    : "unverifiable";
}

class Recogniser : public testing::Test {
 protected:
  // "complete: zip with 4 records, CRCs match", or "no checkpoint"
  std::string Verdict(const std::string& name, const CompleteWhen& when = {}) {
    const Result<Survey> survey = SurveyOf(dir_ / name);
    if (!survey) return survey.error().message;
    if (!MayBeCheckpoint(name, *survey, when)) return "no checkpoint";
    const Result<Recognised> recognised = Recognise(dir_ / name, *survey, when, Depth::contents, {});
    return recognised ? Say(recognised->completeness) + ": " + recognised->why : recognised.error().message;
  }
  void Put(const std::string& name, const std::string& bytes = "x") { Overwrite(dir_ / name, bytes); }
  TempDir dir_;
};

TEST(StepOf, TheNumberThatCountsStepsWins) {
  const std::pair<const char*, std::optional<std::uint64_t>> rows[] = {
      {"step-40.pt", 40},
      {"checkpoint-500", 500},
      {"epoch=3-step=1200.ckpt", 1200},
      {"epoch=3-step=1200-v1.ckpt", 1200},
      {"iter_0000100", 100},
      {"global_step8", 8},
      {"model-7b-step_20.safetensors", 20},
      {"ckpt_12.pth.tar", 12},
      {"40", 40},
      {"last.ckpt", std::nullopt},
      {"step-99999999999999999999999.pt", std::nullopt},
  };
  for (const auto& [name, step] : rows) EXPECT_EQ(StepOf(name), step) << name;
}

TEST_F(Recogniser, FilesAreJudgedByTheirFormat) {
  Put("step-1.pt", TorchFile());
  Put("step-2.pt", TorchFile().substr(0, 900));
  Put("step-3.pt", "\x80\x02}q.");
  Put("step-4.pt", "");
  Put("step-5.pt", "P");
  Put("step-6.safetensors", SmallSafetensors());
  Put("step-7.safetensors", SmallSafetensors().substr(0, 100));
  Put("latest", "step-1.pt");
  Put("log.txt");
  EXPECT_EQ(Verdict("step-1.pt"), "complete: zip with 4 records, CRCs match");
  EXPECT_EQ(Verdict("step-2.pt"), "incomplete: zip without its end: 900 bytes, truncated or still being written");
  EXPECT_EQ(Verdict("step-3.pt"),
            "unverifiable: no zip as torch.save writes it (an old pickle?), so its end cannot be checked: give "
            "checkpoint.complete_when");
  EXPECT_EQ(Verdict("step-4.pt"), "incomplete: empty file");
  EXPECT_EQ(Verdict("step-5.pt"), "incomplete: only 1 byte");
  EXPECT_EQ(Verdict("step-6.safetensors"), "complete: safetensors with 2 tensors, offsets match the size");
  EXPECT_EQ(Verdict("step-7.safetensors"), "incomplete: safetensors that ends at byte 100, within its header");
  EXPECT_EQ(Verdict("latest"), "no checkpoint");
  EXPECT_EQ(Verdict("log.txt"), "no checkpoint");
}

TEST_F(Recogniser, ADirectoryWithoutMarkerOrManifestIsUnverifiableUnlessSomethingInItIsTorn) {
  Put("step-1/model.pt", TorchFile());
  Put("logs/out.txt");
  EXPECT_EQ(Verdict("step-1"), "unverifiable: directory without marker or manifest: give checkpoint.complete_when");
  Put("step-1/optimizer.pt", TorchFile().substr(0, 500));
  EXPECT_EQ(Verdict("step-1"), "incomplete: optimizer.pt: zip without its end: 500 bytes, truncated or still being written");
  EXPECT_EQ(Verdict("logs"), "no checkpoint");
}

TEST_F(Recogniser, AMarkerMakesADirectoryCompleteButNotWithATornFile) {
  Put("step-1/model.pt", TorchFile());
  Put("step-1/COMMITTED", "");
  EXPECT_EQ(Verdict("step-1"), "complete: marker COMMITTED, 1 file verified");
  std::string flipped = TorchFile();
  flipped[flipped.size() / 2] ^= 4;
  Put("step-1/shards/2.pt", flipped);
  EXPECT_TRUE(Verdict("step-1").starts_with("incomplete: shards/2.pt: zip record model/data/0: CRC is ")) << Verdict("step-1");
}

TEST_F(Recogniser, ADistributedCheckpointNeedsItsMetadataAndEveryShardNamedInIt) {
  Put("step-1/__0_0.distcp", "shard");
  EXPECT_EQ(Verdict("step-1"), "incomplete: shards without .metadata, which is written last");
  Put("step-1/.metadata", Metadata({{"__0_0.distcp", 5}, {"__1_0.distcp", 5}, {"__12_0.distcp", 5}}));
  EXPECT_EQ(Verdict("step-1"), "incomplete: __12_0.distcp is missing: .metadata names it");
  Put("step-1/__12_0.distcp", "shard");
  Put("step-1/__1_0.distcp", "");
  EXPECT_EQ(Verdict("step-1"), "incomplete: __1_0.distcp is empty: .metadata names it");
  Put("step-1/__1_0.distcp", "shar");
  EXPECT_EQ(Verdict("step-1"), "incomplete: __1_0.distcp is torn: it has 4 bytes, .metadata needs 5");
  Put("step-1/__1_0.distcp", "shard");
  EXPECT_EQ(Verdict("step-1"),
            "complete: distributed checkpoint with .metadata and its 3 shards, 0 files verified, 0 parts of shards verified");
  Put("step-1/.metadata", "\x80\x02X\x0c" + std::string(3, '\0') + "__0_0.distcp.");
  EXPECT_EQ(Verdict("step-1"), "unverifiable: .metadata does not say which bytes of __0_0.distcp are used");
  Put("step-1/.metadata", Metadata({}));
  EXPECT_EQ(Verdict("step-1"), "incomplete: .metadata names no shard");
  Put("step-1/.metadata", "");
  EXPECT_EQ(Verdict("step-1"), "incomplete: .metadata: no whole pickle: it breaks off at byte 0");
}

TEST_F(Recogniser, ADeepSpeedCheckpointNeedsTheFilesOfAllRanksAndThePointerBesideIt) {
  Put("global_step8/mp_rank_00_model_states.pt", TorchFile());
  Put("global_step8/zero_pp_rank_0_mp_rank_00_optim_states.pt", TorchFile());
  Put("global_step8/zero_pp_rank_2_mp_rank_00_optim_states.pt", TorchFile());
  EXPECT_EQ(Verdict("global_step8"), "incomplete: zero_pp_rank_#_mp_rank_#_optim_states.pt of rank 1/0 is missing");
  Put("global_step8/zero_pp_rank_1_mp_rank_00_optim_states.pt", TorchFile());
  EXPECT_EQ(Verdict("global_step8"), "unverifiable: latest beside it, which is written last, is not there");
  Put("latest", "global_step4\n");
  EXPECT_EQ(Verdict("global_step8"), "unverifiable: latest beside it, which is written last, says global_step4");
  Put("latest", "global_step12\n");
  EXPECT_EQ(Verdict("global_step8"), "complete: DeepSpeed checkpoint with the files of all ranks, 4 files verified")
      << "what was saved before a later one was whole";
}

TEST_F(Recogniser, AMegatronCheckpointNeedsADirectoryForEachRankAndThePointerBesideIt) {
  for (const char* rank : {"mp_rank_00_000", "mp_rank_01_001"})
    Put(std::string("iter_0000010/") + rank + "/model_optim_rng.pt", TorchFile());
  EXPECT_EQ(Verdict("iter_0000010"),
            "unverifiable: latest_checkpointed_iteration.txt beside it, which is written last, is not there");
  Put("latest_checkpointed_iteration.txt", "10");
  EXPECT_EQ(Verdict("iter_0000010"), "incomplete: the directory of rank 0/1 is missing");
  Put("iter_0000010/mp_rank_00_001/model_optim_rng.pt", TorchFile());
  Put("iter_0000010/mp_rank_01_000/other.pt", TorchFile());
  EXPECT_EQ(Verdict("iter_0000010"), "incomplete: only 3 of 4 ranks have mp_rank_#_#/model_optim_rng.pt");
  std::filesystem::remove(dir_ / "iter_0000010/mp_rank_01_000/other.pt");
  Put("iter_0000010/mp_rank_01_000/model_optim_rng.pt", TorchFile());
  EXPECT_EQ(Verdict("iter_0000010"), "complete: Megatron checkpoint with the files of 4 ranks, 4 files verified");
  Put("iter_0000007/notes.txt");
  EXPECT_NE(Verdict("iter_0000020").substr(0, 8), "complete");
}

TEST(WholeJson, WhatIsTornIsSeenAndWhatPythonWritesIsNot) {
  const std::pair<std::string_view, bool> rows[] = {
      {"{}", true},
      {" [1, 2]\n", true},
      {R"({"a": NaN, "b": [Infinity, {"c": "}\"]"}]})", true},
      {"", false},
      {"{", false},
      {"}", false},
      {"[}", false},
      {R"({"a": "b)", false},
      {R"({"a": "\")", false},
      {R"({"a": [1)", false},
      {"{} {}", false},
      {"12", false},
      {"x{}", false},
  };
  for (const auto& [text, whole] : rows) EXPECT_EQ(WholeJson(text), whole) << text;
}

TEST_F(Recogniser, ASetOfSafetensorsNeedsAllThatItsIndexNamesAndAStepInItsName) {
  const std::string index = R"({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})";
  for (const std::string name : {"step-5", "final"}) {
    Put(name + "/model.safetensors.index.json", index);
    Put(name + "/model-1.safetensors", SmallSafetensors());
  }
  EXPECT_EQ(Verdict("step-5"), "incomplete: model-2.safetensors is missing: model.safetensors.index.json names it");
  Put("step-5/model-2.safetensors", SmallSafetensors());
  Put("final/model-2.safetensors", SmallSafetensors());
  EXPECT_EQ(Verdict("step-5"), "complete: 2 safetensors files, all that model.safetensors.index.json names, 2 files verified");
  EXPECT_EQ(Verdict("final"), "unverifiable: directory without marker or manifest: give checkpoint.complete_when")
      << "an exported model is no checkpoint";
  Put("step-5/config.json", "{");
  EXPECT_EQ(Verdict("step-5"), "incomplete: config.json: torn: no JSON");
}

TEST_F(Recogniser, ATrainersCheckpointNeedsItsStateItsWeightsAndEveryShardInTheIndex) {
  Put("checkpoint-5/training_args.bin", TorchFile());
  Put("checkpoint-5/model.safetensors", SmallSafetensors());
  EXPECT_EQ(Verdict("checkpoint-5"), "incomplete: a Trainer's files without trainer_state.json, which is written last");
  Put("checkpoint-5/trainer_state.json", R"({"global_step": 5)");
  EXPECT_EQ(Verdict("checkpoint-5"), "incomplete: trainer_state.json is torn: no JSON");
  Put("checkpoint-5/trainer_state.json", R"({"global_step": 5, "log_history": [{"eval_loss": NaN}]})");
  EXPECT_EQ(Verdict("checkpoint-5"), "complete: Trainer checkpoint with trainer_state.json, 2 files verified");
  Put("checkpoint-5/model.safetensors.index.json", R"({"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}})");
  EXPECT_EQ(Verdict("checkpoint-5"), "incomplete: model-2.safetensors is missing: model.safetensors.index.json names it");
  Put("checkpoint-5/model.safetensors.index.json", "{");
  EXPECT_EQ(Verdict("checkpoint-5"), "incomplete: model.safetensors.index.json is torn: no JSON with a weight_map");
  Put("checkpoint-6/trainer_state.json", "{}");
  EXPECT_EQ(Verdict("checkpoint-6"), "incomplete: trainer_state.json without weights");
  Put("final/training_args.bin", TorchFile());
  Put("final/model.safetensors", SmallSafetensors());
  EXPECT_EQ(Verdict("final"), "unverifiable: directory without marker or manifest: give checkpoint.complete_when")
      << "an exported model is no torn checkpoint";
}

TEST_F(Recogniser, AnUnfinishedMarkerBesideItHoldsACheckpointBack) {
  Put("step-1.ckpt", TorchFile());
  Put("step-1.ckpt-unfinished", "");
  EXPECT_EQ(Verdict("step-1.ckpt"), "incomplete: step-1.ckpt-unfinished stands beside it");
}

TEST_F(Recogniser, AGlobIsTheUsersWordButATornFormatRefutesIt) {
  const CompleteWhen glob{.kind = CompleteWhenKind::glob, .pattern = "step-*"};
  Put("step-1.pt", "\x80\x02}q.");
  Put("step-2.pt", TorchFile());
  Put("step-3.pt", TorchFile().substr(0, 500));
  Put("step-4/anything");
  Put("other.pt", TorchFile());
  EXPECT_EQ(Verdict("step-1.pt", glob), "complete: matches step-*");
  EXPECT_EQ(Verdict("step-2.pt", glob), "complete: matches step-*, zip with 4 records, CRCs match");
  EXPECT_EQ(Verdict("step-3.pt", glob), "incomplete: zip without its end: 500 bytes, truncated or still being written");
  EXPECT_EQ(Verdict("step-4", glob), "complete: matches step-*, 0 files verified");
  EXPECT_EQ(Verdict("other.pt", glob), "no checkpoint");
}

TEST_F(Recogniser, AMarkerOfTheUsersChoiceDecidesAboutDirectoriesOnly) {
  const CompleteWhen marker{.kind = CompleteWhenKind::marker, .pattern = "OK"};
  Put("step-1/model.pt", TorchFile());
  Put("step-2.pt", TorchFile());
  EXPECT_EQ(Verdict("step-1", marker), "incomplete: no marker OK in it");
  Put("step-1/OK", "");
  EXPECT_EQ(Verdict("step-1", marker), "complete: marker OK, 1 file verified");
  EXPECT_EQ(Verdict("step-2.pt", marker), "no checkpoint");
}

TEST_F(Recogniser, LinksAndOddNamesInADirectoryAreNamed) {
  Put("step-1/model.pt", TorchFile());
  std::filesystem::create_symlink("model.pt", dir_ / "step-1/link.pt");
  EXPECT_EQ(Verdict("step-1"), "link.pt is a symbolic link");
  Put("step-2/a\xff.pt");
  EXPECT_EQ(Verdict("step-2"), "the name a?.pt is not printable UTF-8");
}

TEST_F(Recogniser, LeftoversAreNoSourcesAndNoPartOfOne) {
  for (const char* name : {"step-1.pt", "step-2.pt.tmp", "step-3.pt.partial", "step-4.pt~", ".step-5.pt", "step-6/x"})
    Put(name);
  Put("step-6/.metadata.tmp");
  std::filesystem::create_symlink("step-1.pt", dir_ / "latest.pt");
  EXPECT_EQ(SourcesIn(dir_.path()), (std::vector<std::string>{"step-1.pt", "step-6"}));
  EXPECT_EQ(SurveyOf(dir_ / "step-6")->files.size(), 1u);
}

}  // namespace
}  // namespace everstep
